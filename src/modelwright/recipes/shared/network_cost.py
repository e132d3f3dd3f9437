"""What a fit of a network is expected to cost, from a few steps on few rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from modelwright.core.device import free_memory, settle
from modelwright.core.recipe import Estimate, FitContext
from modelwright.core.schema import Column, Table
from modelwright.features.base import Codec, Ragged
from modelwright.recipes.shared.network_loss import step_loss, truth_of
from modelwright.recipes.shared.network_options import NetworkOptions
from modelwright.recipes.shared.rows import known_rows

FitCodecs = Callable[[Table, FitContext, NetworkOptions], dict[str, tuple[Column, Codec]]]
_PROBE_STEPS = 4
_TINY, _READ, _LOOK = 2, (8, 64), 256  # rows of a probe's first step, of its first readings, and of the last one
_WATCHED = 1.1  # times the steps, with the looks at held-out rows
_FEW_STEPS = 60  # steps below which a network has learnt nothing worth having
_STOPS = 0.55  # share of the epochs asked for that a fit goes through where its patience may end it
_FIXED = 4.0  # times that a row in a small step may seem dearer than one more row in a large step
_GROWS = 0.75  # power of the rows with which a step grows, where only one small step was measured
_COLUMNS = 200  # columns that a probe looks at
_PRIVATE_STEP = 1.8  # times what a plain step takes


def cost_of(recipe: str, fit_codecs: FitCodecs, train: Table, options: NetworkOptions, ctx: FitContext) -> Estimate:
    """Return the expected cost of a fit; what a step takes is measured once for the same recipe and options."""
    key = ("network-estimate", recipe, options.model_dump_json(exclude={"epochs", "patience"}))
    if key not in ctx.cache:
        ctx.cache[key] = _probe(fit_codecs, train, options, ctx)
    step, encode_row, size = ctx.cache[key]
    step *= _PRIVATE_STEP * options.views if ctx.private else 1
    each = max(1, len(train) / options.batch)
    steps = _epochs(options) * each
    reading = encode_row * len(train) + 0.3
    return Estimate(step * steps * _WATCHED + reading, size, reading + step * min(steps, max(_FEW_STEPS, each / 2)))


def _epochs(options: NetworkOptions) -> float:
    """Return the epochs that a fit is expected to go through: patience ends most before the last one."""
    return options.epochs if options.patience >= options.epochs else max(1.0, _STOPS * options.epochs)


def _probe(fit_codecs: FitCodecs, train: Table, options: NetworkOptions, ctx: FitContext) -> tuple[float, float, int]:
    """Return seconds per step, seconds to encode a row, and bytes of memory, from a few steps on few rows.

    In processor time where the processor does the work, else on the clock; within `ctx.probe` seconds as far as one
    step on a few rows allows.
    """
    import torch

    from modelwright.models.network import ColumnNetwork
    from modelwright.models.rowwise import read_singly
    from modelwright.train.batches import collate, encode, lengths
    from modelwright.train.optim import make_optimizers
    from modelwright.train.precision import in_bf16

    clock = time.process_time if ctx.device == "cpu" else time.perf_counter
    bf16 = in_bf16(options.precision, ctx.device)
    torch.set_num_threads(1)  # threads that wait for one another on a busy machine would be measured as work
    train, times_wider = _narrower(train)
    order = np.random.default_rng(0).permutation(len(train))
    whole = max(options.batch, _LOOK)
    read: list[tuple[int, float]] = []
    levels = sorted({min(n, whole) for n in (*_READ, whole)})
    for count, more in zip(levels, [*levels[1:], 0], strict=True):
        some, _ = known_rows(train.take(np.sort(order[:count])), ctx.target)
        start = clock()
        codecs = fit_codecs(some, replace(ctx, private=None), options)
        arrays = encode(some, codecs)
        spent = clock() - start
        read.append((len(some), spent))
        if spent * more / count > ctx.probe / 2:
            break
    # what reading takes for no rows at all is not to be multiplied
    (first, begun), (last, ended) = read[0], read[-1]
    encode_row = (
        max(ended / max(1, last) / 5, (ended - begun) / max(1, last - first)) if last > first else ended / max(1, last)
    )
    network = ColumnNetwork(codecs, ctx.target.outputs, options.model_copy(update={"vectors": None})).to(ctx.device)
    if ctx.private is not None:
        read_singly(network)
    optimizers = make_optimizers(network, options.lr, options.weight_decay, options.optimizer)
    name = train.schema.target
    truth = truth_of(some.column(name.name if name else ""), ctx)
    sizes = lengths(arrays, len(some))
    # rows of about the mean length: in training, batches hold rows of like length
    index = np.resize(np.argsort(np.abs(sizes - sizes.mean()), kind="stable")[: options.batch], options.batch)

    def step(rows: np.ndarray) -> tuple[float, float]:
        """Return the seconds of the gradients, which grow with the rows, and those of the optimisers, which do not."""
        begin = clock()
        with torch.autocast(torch.device(ctx.device).type, torch.bfloat16, enabled=bf16):
            outputs = network(collate(arrays, rows, ctx.device))
            loss = step_loss(options, ctx, None, network)(outputs, truth[rows].to(ctx.device))
        loss.backward()
        settle(ctx.device)
        middle = clock()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        settle(ctx.device)
        return middle - begin, clock() - middle

    # the first step sets things up and says nothing of the others; where a step of all rows would take long, some say
    # enough: what a step takes for no rows at all is little then
    spent = sum(step(index[:_TINY]))
    points: list[tuple[int, float]] = []  # rows of a step, and the seconds of its gradients
    moves: list[float] = []
    for count in (_TINY, 4 * _TINY, *[len(index)] * _PROBE_STEPS):
        if points and spent + step_seconds(points, count) + moves[-1] > ctx.probe:
            break
        gradients, moved = step(index[:count])
        points.append((min(count, len(index)), gradients))
        moves.append(moved)
        spent += gradients + moved
    weights = sum(p.numel() for p in network.parameters()) * 4
    sizes_row = sum((a.values if isinstance(a, Ragged) else a).nbytes for a in arrays.values()) / len(some)
    held = min(sizes_row * len(train), free_memory() / 4)  # larger columns of media are kept on disk
    each = (step_seconds(points, len(index)) + min(moves)) * times_wider
    return (
        each,
        encode_row * times_wider,
        int(6 * weights * times_wider + held * times_wider + 400 * len(train) + (200 << 20)),
    )


def step_seconds(points: list[tuple[int, float]], rows: int) -> float:
    """Return what the gradients of so many rows take, from steps measured as (rows, seconds): the quickest of that size where
    there is one, else what two smaller ones come to, since a part of each does not grow with its rows."""
    whole = [seconds for count, seconds in points if count >= rows]
    if whole:
        return min(whole)
    (few, quick), (more, slow) = points[0], points[-1]
    if more == few:
        return float(slow * (rows / more) ** _GROWS)
    by_row = max((slow - quick) / (more - few), slow / more / _FIXED)
    return slow + by_row * (rows - more)


def _narrower(train: Table) -> tuple[Table, float]:
    """Return a table with some of very many columns, of every modality its part, and how many times as wide the whole is."""
    inputs = train.schema.inputs
    if len(inputs) <= _COLUMNS:
        return train, 1.0
    by_kind: dict[str, list[str]] = {}
    for column in inputs:
        by_kind.setdefault(column.modality, []).append(column.name)
    part = _COLUMNS / len(inputs)
    kept = {n for names in by_kind.values() for n in names[: max(1, round(part * len(names)))]}
    out = {c.name: {"role": "ignored"} for c in inputs if c.name not in kept}
    return train.with_schema(train.schema.with_columns(out)), len(inputs) / len(kept)
