"""The rows that boosted trees learn from: held ones, those that are read once more, and the shares of several processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.recipes.shared.affordable import affordable, trees_of, width_of
from modelwright.recipes.shared.columns import ColumnCodecs
from modelwright.recipes.shared.crosses import Crosses
from modelwright.recipes.shared.rows import fewer, fewer_in_memory, rows_in_memory
from modelwright.recipes.shared.rows_not_held import FurtherRows, further_rows

T = TypeVar("T")


def held_rows(
    train: Table, truth: np.ndarray, options: dict[str, Any], ctx: FitContext, rounds: float = 1.0
) -> tuple[Table, np.ndarray, int]:  # fmt: skip
    """Return the rows to hold, their truth, and how many rows this process can learn from in all, for time and memory.

    `truth` [N] or [N, K] is that of `train`; what is returned has as many entries as the rows held.
    """
    per_row, beyond, peers = bytes_of_row(width_of(train.schema), ctx), ctx.rest.count if ctx.rest else 0, ctx.peers
    if peers is None:
        most = affordable(train, truth, len(train) + beyond, options, ctx, rounds)
        return *fewer_in_memory(train, truth, most, per_row, ctx), most
    own = len(train) // peers.size + beyond

    def decided() -> tuple[int, int]:
        return affordable(train, truth, own, options, ctx, rounds), rows_in_memory(per_row)

    # all bin the same rows, so that what each takes for a bin is the same, however much time and memory it has itself
    most, room = peers.agree("rows", decided)
    return *fewer(train, truth, min(most * peers.size, room), ctx.seed), most


def read_by_all(held: int, beyond: FurtherRows | None, ctx: FitContext) -> int:
    """Return how many rows were read once more, by all processes together where several fit; says so there."""
    own = 0 if beyond is None else len(beyond)
    if ctx.peers is None:
        return own
    read = ctx.peers.gather("read", own)
    ctx.events.note(
        f"{ctx.name} learns from {held + sum(read):,} rows in {len(read)} workers: {held:,} are held, the others were read by the workers themselves ({', '.join(f'{n:,}' for n in read)}).",
        f"{ctx.name} 由 {len(read)} 个工作进程从 {held + sum(read):,} 行学习：保留 {held:,} 行，其余由各工作进程自行读取（{'、'.join(f'{n:,}' for n in read)}）。",
    )
    return sum(read)


def beyond(columns: ColumnCodecs, crosses: Crosses | None, held: int, most: int, ctx: FitContext) -> FurtherRows | None:
    """Return rows that are read once more, `most` together with those that are held, where memory and time allow; says so."""
    width = columns.width + (0 if crosses is None else crosses.width)
    held = held // (ctx.peers.size if ctx.peers else 1)
    room = min(most - held, rows_in_memory(_bytes_of_further(width, trees_of(ctx))))
    found = further_rows(columns, held, room, ctx)
    if found is None:
        if ctx.extent and ctx.extent.get("further") and ctx.peers is None:
            raise ModelwrightError("no time to read the rows again that it learnt from", "没有时间再次读取它所学习的行")
        return None
    if crosses is not None:
        found = replace(found, widen=lambda rows: np.concatenate([rows, crosses.encode(rows)], axis=1))
    if ctx.peers is not None:
        return found
    ctx.events.note(
        f"{ctx.name} learns from {held + len(found):,} rows: {held:,} are held, {len(found):,} were read once more{'' if found.whole else ', not all'}.",
        f"{ctx.name} 从 {held + len(found):,} 行学习：其中 {held:,} 行在内存中，{len(found):,} 行为再次读取{'' if found.whole else '（未读完）'}。",
    )
    return found


def bytes_of_row(width: float, ctx: FitContext) -> float:
    """Return the bytes that a row of a fit takes: its features, their bins, and for each tree of a round scores and slopes."""
    return 9 * width + 16 * trees_of(ctx) + 24


def _bytes_of_further(width: float, trees: int) -> float:
    """Return the bytes that boosting takes for a row whose values it does not hold: bins, kept by column and by row; score and slopes of each
    tree; label, truth, and its place in bags and leaves. 85 were measured for 12 features and one tree, without the truth."""
    return 2 * width + 16 * trees + 56


def agreed(ctx: FitContext, what: str, find: Callable[[], T]) -> T:
    """Return what is found here, or by the first of several processes."""
    return find() if ctx.peers is None else ctx.peers.agree(what, find)
