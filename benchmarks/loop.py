"""What the training loop costs beside a bare PyTorch loop over the same network, batches and optimisers.

    python benchmarks/loop.py [ROUNDS]

The two take turns over one epoch of made-up texts, and the median ratio of the rounds is printed, so that a busy
machine slows both alike. The bare loop has its batches collated beforehand; it clips and steps, and nothing else.
Bar: a step takes at most 3 % more. Ends with 1 where that is not met. Needs no data.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from modelwright.core.budget import Deadline
from modelwright.core.device import cores
from modelwright.core.events import EventStream
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.target import ClassesCodec
from modelwright.core.task import get_task
from modelwright.features._tokens import TokenCodec
from modelwright.models.network import ColumnNetwork
from modelwright.train.batches import Arrays, collate, encode, lengths, order
from modelwright.train.loop import train
from modelwright.train.optim import bf16_helps, make_optimizers

BAR = 1.03
ROWS, CLASSES = 6400, 20


def texts() -> tuple[Table, Tensor]:
    """Return made-up texts of 5 to 30 words and their classes."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, CLASSES, ROWS)
    lines = [" ".join(f"w{k}" for k in rng.zipf(1.3, rng.integers(5, 30)) % 5000) for _ in range(ROWS)]
    schema = Schema((Column("text", "text"),))
    return Table.of(pa.table({"text": lines}), schema), torch.from_numpy(truth)


def bare(network: nn.Module, batches: list[Any], truths: list[Tensor], loss: Any, options: Any) -> float:
    """Return the seconds of a plain epoch."""
    optimizers = make_optimizers(network, options.lr, options.weight_decay, options.optimizer)
    dense = [p for m in network.modules() if not isinstance(m, nn.Embedding) for p in m.parameters(recurse=False)]
    bf16 = bf16_helps("cpu")
    network.train()
    start = time.perf_counter()
    for tensors, truth in zip(batches, truths, strict=True):
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss(network(tensors), truth)
        value.backward()
        torch.nn.utils.clip_grad_norm_(dense, options.clip, foreach=True)
        for optimizer in optimizers:
            optimizer.step()
    return time.perf_counter() - start


def ours(network: nn.Module, arrays: Arrays, truth: Tensor, loss: Any, options: Any, target: ClassesCodec) -> float:
    """Return the seconds of an epoch of the product's loop: schedule, average, events and collating included."""
    task = get_task("classification")
    ctx = FitContext(
        task=task, target=target, deadline=Deadline.after(3600), events=EventStream(), metric=task.metrics[0],
        threads=cores(),
    )  # fmt: skip
    start = time.perf_counter()
    train(network, arrays, truth, loss, None, options, ctx, epochs=1)
    return time.perf_counter() - start


def main() -> None:
    """Print the ratio of each round and their median."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.set_num_threads(cores())
    table, truth = texts()
    column = Column("text", "text")
    codecs = {"text": (column, TokenCodec.fit(table.column("text"), column, None, 0))}
    arrays = encode(table, codecs)
    options: Any = type(get_recipe("textcnn")).options(batch=64)
    names = [str(i) for i in range(CLASSES)]
    target = ClassesCodec(names, [1] * CLASSES)
    task = get_task("classification")

    def loss(outputs: Tensor, expected: Tensor) -> Any:
        return task.loss(outputs.float(), expected, smoothing=options.smoothing)

    def fresh() -> ColumnNetwork:
        torch.manual_seed(0)
        return ColumnNetwork(codecs, CLASSES, options)

    plan = order(lengths(arrays, ROWS), options.batch, np.random.default_rng([0, 0]))
    batches, truths = [collate(arrays, b) for b in plan], [truth[torch.from_numpy(b)] for b in plan]
    bare(fresh(), batches[:10], truths[:10], loss, options)
    ratios = []
    for number in range(rounds):
        runs = [
            lambda: bare(fresh(), batches, truths, loss, options),
            lambda: ours(fresh(), arrays, truth, loss, options, target),
        ]
        times = [0.0, 0.0]
        for which in (0, 1) if number % 2 else (1, 0):
            times[which] = runs[which]()
        ratios.append(times[1] / times[0])
        print(f"bare {1000 * times[0] / len(plan):.2f} ms/step, loop {1000 * times[1] / len(plan):.2f} ms/step")
    middle = statistics.median(ratios)
    print(f"loop / bare: {middle:.3f} (median of {rounds}), bar {BAR}")
    sys.exit(0 if middle <= BAR else 1)


if __name__ == "__main__":
    main()
