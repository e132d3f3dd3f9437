"""Rows that come after those a forecast was trained on: official test rows, and new values of known series.

Legend: T values of a series, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.schema import Table
from modelwright.core.task import Formed
from modelwright.core.words import Words
from modelwright.data._gaps import PART
from modelwright.data.frequency import Frequency
from modelwright.data.panel import SIGN, Series, Told, series_of, told_of
from modelwright.data.windows import HISTORY, SERIES, START, TEST, to_table, values_of


def told_in(table: Table) -> tuple[Told, Mapping[str, Any]]:
    """Return how the rows of a table were read, and what its target column says of the forecast."""
    target = table.schema.target
    assert target is not None
    return told_of(target.options["told"]), target.options


def latest(table: Table) -> dict[str, Series]:
    """Return each series of a table of windows as far as it is known: its longest history with what came behind it."""
    told, _ = told_in(table)
    assert told.frequency is not None
    firsts = places_of(table, told.frequency)
    came = values_of(table.column(told.target))
    moving = {n: values_of(table.column(n)) for n in told.moving}
    fixed = {n: table.column(n).to_pylist() for n in told.fixed}
    out: dict[str, Series] = {}
    for i, (name, history) in enumerate(zip(table.column(SERIES).to_pylist(), values_of(table.column(HISTORY)))):
        known = np.flatnonzero(np.isfinite(came[i]))
        values = np.concatenate([history, came[i][: known[-1] + 1]]) if len(known) else history
        if name in out and len(out[name].values) >= len(values):
            continue
        parts = tuple(name.split(SIGN)) if len(told.keys) > 1 else (name,)
        numbers = {n: c[i] for n, c in moving.items()}
        rows = np.zeros(len(values), np.int64)
        out[name] = Series(parts, int(firsts[i]), values, rows, numbers, {n: c[i] for n, c in fixed.items()})
    return out


def places_of(table: Table, frequency: Frequency) -> np.ndarray:
    """Return the period of the first value of each row [N]."""
    column = table.column(START)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return frequency.places(np.asarray(column.cast(pa.float64(), safe=False).fill_null(0), np.float64))


def joined(before: Series, more: Series, *, follows: bool) -> Series:
    """Return a series with further values behind it: at their times, or directly behind where times say nothing (`follows`).

    Periods between both without a value are NaN; values of periods that were known are those of `more`.
    """
    end = before.first + len(before.values)
    first = end if follows else more.first
    length = max(end, first + len(more.values)) - before.first
    values, rows = np.full(length, np.nan), np.zeros(length, np.int64)
    values[: len(before.values)] = before.values
    at = first - before.first
    skip = max(0, -at)
    values[at + skip : at + len(more.values)] = more.values[skip:]
    rows[at + skip : at + len(more.values)] = more.rows[skip:]
    numbers = {}
    for name, old in before.numbers.items():
        new = more.numbers.get(name, np.empty(0))
        whole = np.full(max(len(old), at + len(new)), np.nan)
        whole[: len(old)] = old
        part = new[skip:]
        known = np.isfinite(part)
        whole[at + skip : at + len(new)][known] = part[known]
        numbers[name] = whole
    return Series(before.parts, before.first, values, rows, numbers, {**before.fixed, **more.fixed})


def counts_anew(before: Series, more: Series, frequency: Frequency) -> bool:
    """Return whether counted steps begin anew in later rows, so that they follow directly: they do not hold what was known."""
    if frequency.unit != "step" or more.first >= before.first + len(before.values):
        return False
    at = more.first - before.first
    both = min(len(more.values), len(before.values) - at) if at >= 0 else 0
    return both <= 0 or not np.allclose(more.values[:both], before.values[at : at + both], rtol=1e-6, equal_nan=True)


def official_rows(test: Table, trained: Table) -> Formed:
    """Return official test rows as rows to judge: what comes after the training rows, a horizon each, behind all that was known then.

    Raises DataError where no series of the training rows goes on.
    """
    told, about = told_in(trained)
    assert told.frequency is not None
    before = latest(trained)
    more, _, findings = series_of(test, told)
    gap = int(about.get("gap") or 0)
    horizon = int(about["horizon"]) - gap
    series: list[Series] = []
    cuts: list[tuple[int, int, int, int]] = []
    unknown: list[str] = []
    anew = 0
    for new in more:
        old = before.get(new.name)
        if old is None:
            unknown.append(new.name)
            continue
        follows = counts_anew(old, new, told.frequency)
        anew += follows
        whole = joined(old, new, follows=follows)
        end, last = len(old.values), len(whole.values)
        if last <= end:
            continue
        for begin in range(end, last, horizon):
            if begin - gap >= 1 and np.isfinite(whole.values[begin : begin + horizon]).any():
                cuts.append((len(series), begin - gap, begin, TEST))
        series.append(whole)
    if not cuts:
        raise DataError(
            f"No series of {test.source} goes on after the training rows end: their names differ, or their times are earlier.",
            f"{test.source} 中没有任何序列延续训练数据：序列名称不同，或时间更早。",
        )
    rows = to_table(series, cuts, told, horizon, about, test.source)
    said = []
    if unknown:
        shown = ", ".join(f"`{n}`" for n in unknown[:5])
        said.append(
            Words(
                f"{len(unknown):,} series of the test rows have no training rows and are left out: {shown}.",
                f"测试数据中有 {len(unknown):,} 条序列没有训练数据，已排除：{shown}。",
            )
        )
    if anew:
        said.append(
            Words(
                "The steps of the test rows are counted anew: they are taken to follow the training rows directly.",
                "测试数据的步数重新计起：视为紧接训练数据之后。",
            )
        )
    words = Words(" ".join(w.en for w in said), "".join(w.zh for w in said)) if said else None
    return Formed(rows, words, tuple(f for f in findings if f.code == PART))
