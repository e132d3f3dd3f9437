"""What `modelwright cost` tells of two processes on paper, beside two processes.

    python benchmarks/cost.py          # python benchmarks/cost.py --tiny

Three things are measured, none of them a step of two processes: one process with half of the batch while its like runs on the other core,
both from the same moment on, as they will; what a step with a single row in each of two processes takes beyond one of a process by itself
(the mean of the gradients, its copies, the word on whether to go on); and how far steps lie apart, since two wait for the slower one. Told
from these is the step of two processes, which is then measured. Rounds alternate, and the median of each counts.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from devices import STEPS

from modelwright.train.scaling import Machines, Measured, on_paper

HERE = Path(__file__).parent


def run(what: str, size: int, batch: int, out: str, tiny: bool, beside: int = 1) -> list[float]:
    """Return the seconds of every step of one training, after the first ones; those of all where `beside` of them run side by side."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MODELWRIGHT_THREADS": "1"}
    own = [
        sys.executable,
        str(HERE / "devices.py"),
        "--what",
        what,
        "--size",
        str(size),
        "--port",
        str(port),
        "--batch",
        str(batch),
    ]
    own += ["--beside", str(beside), *["--tiny"] * tiny]
    running = [
        subprocess.Popen([*own, "--rank", str(rank), "--out", f"{out}{rank}"], env=env) for rank in range(size * beside)
    ]
    assert [p.wait() for p in running] == [0] * len(running)
    told = [json.loads(Path(f"{out}{rank}.json").read_text()) for rank in range(beside)]
    return [t for one in told for t in one["steps_took"][2:]]


def main() -> None:
    """Tell and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    kinds = {
        "whole": (1, 64, 1),
        "half": (1, 32, 2),
        "single": (1, 1, 2),
        "single of two": (2, 2, 1),
        "two": (2, 64, 1),
    }
    with tempfile.TemporaryDirectory() as folder:
        for what in STEPS:
            took: dict[str, list[float]] = {kind: [] for kind in kinds}
            for _ in range(1 if told.tiny else told.rounds):
                for kind, (size, batch, beside) in kinds.items():
                    took[kind] += run(what, size, batch, f"{folder}/{what}", told.tiny, beside)
            typical = {kind: float(np.median(t)) for kind, t in took.items()}
            low, high = np.quantile(took["half"], (0.16, 0.84))
            together = max(0.0, typical["single of two"] - typical["single"])
            measured = Measured.of_two(1, 64, max(typical["whole"], typical["half"]), 32, typical["half"])
            # the mean of one parameter's gradient is all that goes round, and takes as long as was measured
            on = Machines(
                inside=4 / max(1e-9, together), turn=0.0, gradient=4, overlap=0.0, jitter=float(high - low) / 2 / typical["half"],
                fails=float("inf"),
            )  # fmt: skip
            paper = on_paper(measured, 2, on)
            both = typical["two"]
            print(f"{what}: one process {1000 * typical['whole']:.1f} ms, half a batch beside its like {1000 * typical['half']:.1f} "
                  f"(deviation {1000 * (high - low) / 2:.1f}), together {1000 * together:.1f}; two processes on paper {1000 * paper.seconds:.1f} "
                  f"(waiting {1000 * paper.waiting:.1f}), measured {1000 * both:.1f} ({paper.seconds / both - 1:+.0%})")  # fmt: skip
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
