"""What the training loop costs beside a bare PyTorch loop over the same network, batches and optimisers.

    python benchmarks/loop.py [ROUNDS]

The two take turns over one epoch of made-up texts. Both collate their batches; the bare loop then goes forward and
back, clips and steps, and nothing else. Printed are the medians over the rounds of wall time and of processor time,
which a busy machine disturbs less: the bar, at most 3 % more a step, is judged on the latter. Ends with 1 where it is
not met. Needs no data.
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

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.budget import Deadline
from modelwright.core.device import cores
from modelwright.core.events import EventStream, Step
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.features.shared.tokens import TokenCodec
from modelwright.models.network import ColumnNetwork
from modelwright.train.batches import Arrays, RowFeed, collate, encode, lengths, order
from modelwright.train.loop import train
from modelwright.train.optim import make_optimizers
from modelwright.train.precision import bf16_helps

BAR = 1.03
ROWS, CLASSES, EPOCHS = 5120, 20, 20


def texts() -> tuple[Table, Tensor]:
    """Return made-up texts of 5 to 30 words and their classes."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, CLASSES, ROWS)
    lines = [" ".join(f"w{k}" for k in rng.zipf(1.3, rng.integers(5, 30)) % 5000) for _ in range(ROWS)]
    schema = Schema((Column("text", "text"),))
    return Table.of(pa.table({"text": lines}), schema), torch.from_numpy(truth)


def bare(network: nn.Module, arrays: Arrays, truth: Tensor, plan: list[np.ndarray], loss: Any, options: Any) -> None:
    """Train for a plain epoch."""
    optimizers = make_optimizers(network, options.lr, options.weight_decay, options.optimizer)
    dense = [p for m in network.modules() if not isinstance(m, nn.Embedding) for p in m.parameters(recurse=False)]
    bf16 = bf16_helps("cpu")
    network.train()
    for index in plan:
        tensors, expected = collate(arrays, index), truth[torch.from_numpy(index)]
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss(network(tensors), expected)
        value.backward()
        torch.nn.utils.clip_grad_norm_(dense, options.clip, foreach=True)
        for optimizer in optimizers:
            optimizer.step()


def ours(network: nn.Module, arrays: Arrays, truth: Tensor, loss: Any, options: Any, target: ClassesCodec) -> None:
    """Train for an epoch of the product's loop: schedule, average, events, collating ahead."""
    task = get_task("classification")
    ctx = FitContext(
        loss=task.loss, target=target, deadline=Deadline.after(3600), events=EventStream(), metric=task.metrics[0],
        threads=cores(),
    )  # fmt: skip
    # the first of many epochs: what a fit does but once is not the price of a step
    last = ROWS // options.batch
    ctx.events.listen(lambda e: ctx.deadline.stop() if isinstance(e, Step) and e.done >= last else None)
    train(network, RowFeed(arrays, truth, options.batch), loss, lambda _: (0.0, 0.0), options, ctx, epochs=EPOCHS)


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
    runs = [
        lambda: bare(fresh(), arrays, truth, plan, loss, options),
        lambda: ours(fresh(), arrays, truth, loss, options, target),
    ]
    bare(fresh(), arrays, truth, plan[:10], loss, options)
    wall, processor = [], []
    for number in range(rounds):
        times = np.zeros((2, 2))
        for which in (0, 1) if number % 2 else (1, 0):
            start = time.perf_counter(), time.process_time()
            runs[which]()
            times[which] = time.perf_counter() - start[0], time.process_time() - start[1]
        wall.append(times[1, 0] / times[0, 0])
        processor.append(times[1, 1] / times[0, 1])
        ms = 1000 * times / len(plan)
        print(
            f"ms a step, bare and loop: wall {ms[0, 0]:.2f} {ms[1, 0]:.2f}, processor {ms[0, 1]:.2f} {ms[1, 1]:.2f}",
            flush=True,
        )
    middle = statistics.median(processor)
    print(f"loop / bare: wall {statistics.median(wall):.3f}, processor {middle:.3f} (medians of {rounds}), bar {BAR}")
    sys.exit(0 if middle <= BAR else 1)


if __name__ == "__main__":
    main()
