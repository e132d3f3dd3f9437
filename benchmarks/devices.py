"""Several processes that train one network against one process: steps a second, and what their weights differ by.

    python benchmarks/devices.py               # one and two processes, one thread each, in turn
    python benchmarks/devices.py --tiny        # the same in seconds, to see that it runs

Each process has one thread. A small CNN reads pictures of 32 x 32, a Transformer texts of 64 pieces; batches, steps and seeds are equal.
Both sides run in turn, and the fastest of each is compared, since other programs only make a run slower.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STEPS = {"cnn": 60, "transformer": 40}


def made(what: str, tiny: bool, batch: int = 64) -> tuple[Any, Any]:
    """Return a network and its feed."""
    import numpy as np
    import torch
    from torch import nn

    from modelwright.train.batches import RowFeed

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    rows = batch * (8 if tiny else STEPS[what])
    truth = torch.from_numpy(rng.integers(0, 10, rows))
    if what == "cnn":
        x = rng.integers(0, 256, (rows, 3, 32, 32), dtype=np.uint8).astype(np.float32) / 255

        class CNN(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                widths = (3, 32, 64, 96)
                self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths))
                self.head = nn.Linear(widths[-1], 10)

            def forward(self, tensors: Any) -> Any:
                h = tensors["0.x"]
                for conv in self.convs:
                    h = nn.functional.max_pool2d(conv(h).relu(), 2)
                return self.head(h.mean((2, 3)))

        return CNN(), RowFeed({"0.x": x}, truth, batch)
    ids = rng.integers(1, 4000, (rows, 64))

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(4000, 128)
            self.place = nn.Parameter(0.02 * torch.randn(64, 128))
            layer = nn.TransformerEncoderLayer(128, 4, 512, 0.0, batch_first=True, norm_first=True)
            self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
            self.head = nn.Linear(128, 10)

        def forward(self, tensors: Any) -> Any:
            return self.head(self.layers(self.table(tensors["0.x"]) + self.place).mean(1))

    return Transformer(), RowFeed({"0.x": ids}, truth, batch)


def one(what: str, tiny: bool, rank: int, size: int, port: int, out: str, batch: int, beside: int = 1) -> None:
    """Train as one process of `size`, and let the one that leads write what came of it.

    `beside` processes that have nothing to do with one another begin together, so that each has its like beside it all along.
    """
    import torch
    from safetensors.torch import save_file

    from modelwright.core.answers.classes import ClassesCodec
    from modelwright.core.budget import Deadline
    from modelwright.core.events import EventStream
    from modelwright.core.recipe import FitContext
    from modelwright.core.task import get_task
    from modelwright.train.crew import Follower, Leader, store_at
    from modelwright.train.loop import train

    torch.set_num_threads(1)
    network, feed = made(what, tiny, batch)
    crew: Any = None
    if size > 1:
        store = store_at("127.0.0.1", port, leads=rank == 0)
        crew = Leader(store, size, (0, size), lambda: None) if rank == 0 else Follower(store, rank, size, (rank, size))
        crew.job = 1
        crew.accelerator("cpu")  # the processes meet before the clock runs
    elif beside > 1:
        _meet(port, rank, beside)
    options = SimpleNamespace(
        lr=1e-3, weight_decay=0.01, optimizer="adamw", ema=0.0, clip=1.0, patience=9, precision="float32"
    )
    task = get_task("classification")
    ctx = FitContext(
        loss=task.loss, target=ClassesCodec([str(i) for i in range(10)], [1] * 10), deadline=Deadline(), events=EventStream(),
        metric=task.metrics[0], crew=crew,
    )  # fmt: skip
    at: list[float] = []

    def loss(raw: Any, expected: Any) -> Any:
        at.append(time.perf_counter())
        return torch.nn.functional.cross_entropy(raw, expected)

    start, worked = time.perf_counter(), time.process_time()
    done = train(network, feed, loss, None, options, ctx, epochs=1)
    took, worked = time.perf_counter() - start, time.process_time() - worked
    if rank == 0 or beside > 1:
        save_file(network.state_dict(), f"{out}.safetensors")
        Path(f"{out}.json").write_text(
            json.dumps(
                {
                    "steps": done.steps,
                    "seconds": took,
                    "cpu": worked,
                    "steps_took": [b - a for a, b in itertools.pairwise(at)],
                    "parameters": sum(p.numel() for p in network.parameters()),
                }
            )
        )
    if crew is not None:
        crew.leave()


def _meet(port: int, rank: int, count: int) -> None:
    """Wait until so many processes are here."""
    from modelwright.train.crew import store_at

    store = store_at("127.0.0.1", port, leads=rank == 0)
    store.set(f"here/{rank}", "1")
    store.wait([f"here/{r}" for r in range(count)])
    store.set(f"seen/{rank}", "1")
    if rank == 0:  # the store is in this process
        store.wait([f"seen/{r}" for r in range(count)])


def measured(what: str, tiny: bool, size: int, out: str) -> tuple[float, float]:
    """Return steps a second of one training with `size` processes, by the clock and by the processor time of the one that leads."""
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    own = [sys.executable, __file__, "--what", what, "--size", str(size), "--port", str(port), "--out", out]
    own += ["--tiny"] * tiny
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MODELWRIGHT_THREADS": "1"}
    running = [subprocess.Popen([*own, "--rank", str(r)], env=env) for r in range(size)]
    assert [p.wait() for p in running] == [0] * size
    told = json.loads(Path(f"{out}.json").read_text())
    return told["steps"] / told["seconds"], told["steps"] / told["cpu"]


def main() -> None:
    """Run all, or one process where told to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    for name in ("what", "out"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--beside", type=int, default=1)
    for name in ("rank", "size", "port"):
        parser.add_argument(f"--{name}", type=int)
    told = parser.parse_args()
    if told.what:
        one(told.what, told.tiny, told.rank, told.size, told.port, told.out, told.batch, told.beside)
        return
    from safetensors.torch import load_file

    with tempfile.TemporaryDirectory() as folder:
        for what in STEPS:
            speeds: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
            for _ in range(1 if told.tiny else told.rounds):
                for size in speeds:
                    speeds[size].append(measured(what, told.tiny, size, f"{folder}/{what}-{size}"))
            a, b = (load_file(f"{folder}/{what}-{size}.safetensors") for size in speeds)
            far = max(float((a[k] - b[k]).abs().max()) for k in a)
            print(f"{what}: weights differ by {far:.1e} in the end")
            for at, clock in enumerate(("clock", "processor time")):
                one_, two = (max(v[at] for v in vs) for vs in speeds.values())
                print(f"  by {clock:15} {one_:7.2f} and {two:7.2f} steps/s, ratio {two / one_:.2f}")
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
