"""A crew of processes for tests: `train_with(size, ...)` leads a training of the tests' network, this file run as a program follows."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from torch import nn

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.budget import Deadline
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext
from modelwright.core.task import get_task
from modelwright.train.batches import RowFeed
from modelwright.train.crew import Follower, Leader, Over, store_at
from modelwright.train.loop import train

ROWS = 97


class Net(nn.Module):
    """Two layers beside a sparse table, and a layer that no row needs."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 4, sparse=True)
        self.hidden, self.head, self.idle = nn.Linear(10, 16), nn.Linear(16, 3), nn.Linear(4, 4)

    def forward(self, tensors):
        seen = torch.cat([tensors["0.x"], self.table(tensors["0.id"])], 1)
        return self.head(torch.tanh(self.hidden(seen)))


class Blocks(nn.Module):
    """Three blocks one after the other, and a vector that has no part where rows are of one kind."""

    def __init__(self):
        super().__init__()
        parts = [nn.Sequential(nn.Linear(6, 13), nn.Tanh(), nn.Linear(13, 6)) for _ in range(3)]
        self.blocks, self.head, self.rare = nn.ModuleList(parts), nn.Linear(6, 3), nn.Parameter(torch.zeros(6))
        self.register_buffer("scale", torch.full((6,), 1.5))  # whole in every process

    def forward(self, tensors):
        x, odd = tensors["0.x"], tensors["0.id"] % 11 == 10
        if bool(odd.any()) or len(x) > 12:  # of a part of a batch in some processes only
            x = x + odd[:, None] * self.rare
        for block in self.blocks:
            x = x + block(x)
        return self.head(x * self.scale)


def options(**changes):
    plain = {"batch": 20, "lr": 0.01, "weight_decay": 0.01, "optimizer": "adamw", "ema": 0.9, "clip": 1.0}
    return SimpleNamespace(**{**plain, "patience": 50, "precision": "float32", **changes})


def parts(kind=Net):
    rng = np.random.default_rng(0)
    x, ids = rng.normal(size=(ROWS, 6)).astype(np.float32), rng.integers(0, 11, ROWS)
    truth = torch.from_numpy((x[:, 0] > 0).astype(np.int64) + (ids > 5))
    torch.manual_seed(1)
    return kind(), {"0.x": x, "0.id": ids}, truth


def loss(outputs, truth):
    return nn.functional.cross_entropy(outputs, truth)


@contextlib.contextmanager
def in_float32():
    """Let Muon multiply in float32 also where the processor is quick at bf16, whose rounding hides what the processes add."""
    with mock.patch("modelwright.train.muon.bf16_helps", return_value=False):
        yield


def fit(crew, told, folder=None, seconds=600.0, heard=None):
    """Train the network and return it with what the loop says; `told` are epochs, accumulate and options, and whether Muon is `exact`."""
    if told.get("exact"):
        with in_float32():
            return fit(crew, {k: v for k, v in told.items() if k != "exact"}, folder, seconds, heard)
    told = dict(told)
    network, arrays, truth = parts(Blocks if told.pop("blocks", False) else Net)
    epochs, accumulate, early = told.pop("epochs"), told.pop("accumulate", 1), told.pop("early", None)
    more = {k: told.pop(k) for k in ("shard", "recompute", "compiles") if k in told}
    task = get_task("classification")
    deadline = Deadline.after(seconds)
    ctx = FitContext(
        loss=task.loss, target=ClassesCodec(["a", "b", "c"], [1, 1, 1]), deadline=deadline, events=EventStream(),
        metric=task.metrics[0], folder=folder, crew=crew, accumulate=accumulate, **more,
    )  # fmt: skip
    if heard is not None:
        ctx.events.listen(heard)
    looks = [0]

    def looked(net):
        looks[0] += 1
        if early is not None and looks[0] == early:
            deadline.stop()
        with torch.no_grad():
            value = float(loss(net({k: torch.from_numpy(v) for k, v in arrays.items()}), truth))
        return value, -value

    feed = RowFeed(arrays, truth, options().batch)
    return network, train(network, feed, loss, looked, options(**told), ctx, epochs=epochs)


def train_with(size, told, folder=None, heard=None):
    """Train with `size` processes and return network and outcome, of the leading one."""
    if size == 1:
        return fit(None, told, folder)
    store = store_at("127.0.0.1", 0, leads=True)
    leader = Leader(store, size, (0, size), lambda: None)
    leader.job = 1
    others = [
        subprocess.Popen(
            [sys.executable, __file__, str(store.port), str(r), str(size), json.dumps(told)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
        )
        for r in range(1, size)
    ]
    try:
        found = fit(leader, told, folder, heard=heard)
    finally:
        leader.store.set("1/end", "1")
        leader.leave()
        ended = [other.wait(60) for other in others]  # asserted below: what the leading one raises comes first
    assert ended == [0] * len(others)
    return found


if __name__ == "__main__":
    port, rank, size, told = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
    torch.set_num_threads(1)
    told.pop("early", None)
    me = Follower(store_at("127.0.0.1", port, leads=False), rank, size, (rank, size))
    me.job = 1
    with contextlib.suppress(Over):
        fit(me, told)
    me.leave()
