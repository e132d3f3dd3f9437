"""What `modelwright cost` tells of two processes on paper, beside two processes.

    python benchmarks/cost.py          # python benchmarks/cost.py --tiny

Measured are one process with the whole batch and with half of it (while its like runs on the other core, as it will), and how long a mean
of its gradient takes; told from these is the step of two processes, which is then measured. Rounds alternate, and the fastest of each counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from devices import STEPS

from modelwright.train.scaling import Machines, Measured, on_paper

HERE = Path(__file__).parent


def run(what: str, size: int, batch: int, out: str, tiny: bool, copies: int = 1) -> dict[str, float]:
    """Return what one training gives: `copies` of it run side by side."""
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MODELWRIGHT_THREADS": "1"}
    running = []
    for copy in range(copies):
        for rank in range(size):
            own = [
                sys.executable,
                str(HERE / "devices.py"),
                "--what",
                what,
                "--size",
                str(size),
                "--port",
                str(port),
                "--out",
                f"{out}{copy}",
            ]
            running.append(
                subprocess.Popen([*own, "--batch", str(batch), "--rank", str(rank), *["--tiny"] * tiny], env=env)
            )
    assert [p.wait() for p in running] == [0] * len(running)
    told = [json.loads(Path(f"{out}{copy}.json").read_text()) for copy in range(copies)]
    return {**told[0], "step": sum(t["seconds"] / t["steps"] for t in told) / copies}


def main() -> None:
    """Tell and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for what in STEPS:
            whole, half, two = [], [], []
            for _ in range(1 if told.tiny else told.rounds):
                whole.append(run(what, 1, 64, f"{folder}/a", told.tiny))
                half.append(run(what, 1, 32, f"{folder}/b", told.tiny, copies=2))
                two.append(run(what, 2, 64, f"{folder}/c", told.tiny))
            full, less, both = (min(r["step"] for r in rs) for rs in (whole, half, two))
            reduce = min(r["reduced"] for r in two)
            size = whole[0]["parameters"]
            measured = Measured.of_two(int(size), 64, full, 32, less)
            on = Machines(
                inside=size * 4 / max(1e-9, reduce), turn=0.0, gradient=4, overlap=0.0, jitter=0.0, fails=float("inf")
            )
            paper = on_paper(measured, 2, on).seconds
            print(f"{what}: one process {1000 * full:.1f} ms, half a batch {1000 * less:.1f}, mean of gradients {1000 * reduce:.1f}; "
                  f"two processes on paper {1000 * paper:.1f}, measured {1000 * both:.1f} ({paper / both - 1:+.0%})")  # fmt: skip
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
