"""What a model's answers rest on: how much a metric loses when one column is shuffled.

All columns are measured on a few rows first, then on more in rounds, so that what is shown never follows the order of columns.
Source: Breiman, Random Forests, 2001; Fisher et al., arXiv 1801.01489; intervals by the delete-a-group jackknife (Kott 2001).
Legend: N rows, K outputs, M columns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.facts.details import ColumnDrop
from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words

_FIRST, _FEWEST = 40, 12  # rows that every column is measured on at first, and where even that takes too long
_TOGETHER = 4096  # rows answered in one call, so that the cost of a call counts once for several columns
_PARTS = 10  # of the jackknife


@dataclass(frozen=True)
class Importance:
    """How much the metric loses without one column (above 0: the column helps), with a 95 % interval, on `rows` rows.

    The interval is NaN where there are too few rows to tell one.
    """

    column: str
    drop: float
    low: float
    high: float
    rows: int = 0

    def to_json(self) -> ColumnDrop:
        """Return the importance as JSON values."""
        return {"column": self.column, "drop": self.drop, "low": self.low, "high": self.high, "rows": self.rows}


def permutation(
    scores: Callable[[Table], np.ndarray],
    table: Table,
    target: TargetCodec,
    metric: Metric,
    *,
    thresholds: Sequence[float] | None = None,
    seconds: float = 5.0,
    repeats: int = 5,
    rows: int = 2000,
    seed: int = 0,
) -> list[Importance]:
    """Return the importance of the input columns, the strongest first; those that there was no time for are absent.

    `scores` answers a table with scores [N, K]; `table` holds the target column. At most `rows` rows are drawn. A first
    round measures every column on as many rows as two fifths of the time allow, 40 at least; each further round takes
    twice the rows where all columns fit once more, or shuffles the same rows anew, at most `repeats` times. The interval
    comes from the rounds and from how much the drop varies with the rows; it says what this model uses, not what
    causes the answer.
    """
    until = time.monotonic() + seconds
    column = table.schema.target
    names = [c.name for c in table.schema.inputs]
    if column is None or not len(table) or not names:
        return []
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))[:rows]
    scores(table.take(order[:2]))  # the first call sets things up and says nothing of the others
    started = time.monotonic()
    scores(table.take(np.sort(order[:_FIRST])))
    each = (time.monotonic() - started) / min(_FIRST, len(order))
    round_ = max(1e-7, each * (len(names) + 1))  # seconds of a round, by row
    left = until - time.monotonic()
    n = min(len(order), max(_FIRST if _FIRST * round_ <= left else _FEWEST, int(0.4 * left / round_)))
    found: dict[str, list[float]] = {}
    spread: dict[str, float] = {}
    sizes: dict[str, int] = {}
    again = 0
    while True:
        started = time.monotonic()
        some = table.take(np.sort(order[:n]))
        whole = _judged(scores(some), some, target, thresholds)
        for part in _chunks(
            [names[i] for i in rng.permutation(len(names))], max(1, min(_TOGETHER, int(left / max(each, 1e-7))) // n)
        ):
            if found and time.monotonic() >= until:
                break
            for name, less in _without(scores, some, part, rng, target, thresholds):
                if sizes.get(name) != n:
                    found[name], sizes[name] = [], n
                    spread[name] = _jackknife(metric, whole, less)
                found[name].append(_lost(metric, whole, less))
        took, left = time.monotonic() - started, until - time.monotonic()
        more = min(len(order), 2 * n)
        if more > n and took * more / n <= left:
            n, again = more, 0
        elif took <= left and again < repeats - 1:
            again += 1
        else:
            break
    out = [_sum_up(name, np.array(d), spread[name], sizes[name]) for name, d in found.items()]
    return sorted((i for i in out if np.isfinite(i.drop)), key=lambda i: -i.drop)


def _chunks(names: list[str], size: int) -> list[list[str]]:
    return [names[i : i + size] for i in range(0, len(names), size)]


def _without(
    scores: Callable[[Table], np.ndarray], table: Table, names: list[str], rng: np.random.Generator, target: TargetCodec,
    thresholds: Sequence[float] | None,
) -> list[tuple[str, Judged]]:  # fmt: skip
    """Return the rows judged once for each of several columns, with that column shuffled."""
    shuffled = [_shuffle(table, name, rng) for name in names]
    data = pa.concat_tables([t.data for t in shuffled])
    every = replace(table, data=data, rows=np.tile(table.rows, len(names)))
    parts = np.split(scores(every), len(names))
    return [(n, _judged(s, table, target, thresholds)) for n, s in zip(names, parts, strict=True)]


def _judged(found: np.ndarray, table: Table, target: TargetCodec, thresholds: Sequence[float] | None) -> Judged:
    column = table.schema.target
    return judge(target, table.column(column.name if column else ""), found, table.rows, thresholds)


def _lost(metric: Metric, whole: Judged, less: Judged) -> float:
    return (1.0 if metric.higher else -1.0) * (metric(whole) - metric(less))


def _jackknife(metric: Metric, whole: Judged, less: Judged) -> float:
    """Return the standard error of the drop from what it is without one part of the rows after the other; NaN for too few."""
    n = len(whole.rows)
    parts = min(_PARTS, n // 4)
    if parts < 4:
        return float("nan")
    part_of = np.random.default_rng(0).permutation(np.arange(n) % parts)
    rest = [np.flatnonzero(part_of != i) for i in range(parts)]
    drops = np.array([_lost(metric, whole.take(r), less.take(r)) for r in rest])
    drops = drops[np.isfinite(drops)]
    if len(drops) < 4:
        return float("nan")
    return float(np.sqrt((len(drops) - 1) * drops.var()))


def _shuffle(table: Table, name: str, rng: np.random.Generator) -> Table:
    values = table.column(name).take(pa.array(rng.permutation(len(table))))
    at = table.data.column_names.index(name)
    data = table.data.set_column(at, table.data.schema.field(at), values)
    return table.with_data(data)


def _sum_up(name: str, drops: np.ndarray, spread: float, rows: int) -> Importance:
    mean = float(drops.mean())
    rounds = float(drops.std(ddof=1) / np.sqrt(len(drops))) if len(drops) > 1 else 0.0
    half = 2.26 * float(
        np.hypot(rounds, spread)
    )  # Student's t with as many degrees as the jackknife has parts, less one
    return Importance(name, mean, mean - half, mean + half, rows)


def surest(found: Sequence[Importance]) -> Importance | None:
    """Return the column that most rests on, where that can be said: its interval is above zero and above the next one's drop."""
    first = max(found, key=lambda i: i.drop, default=None)
    if first is None or not first.low > 0:
        return None
    rest = [i.drop for i in found if i is not first]
    return first if first.low > max(rest, default=0.0) else None


def conclusion(found: Sequence[Importance], schema: Schema) -> Words:
    """Return what the importances say: the column that most rests on, where that is sure; and columns that were not measured."""
    top = surest(found)
    measured = {i.column for i in found}
    missed = [c.name for c in schema.inputs if c.name not in measured]
    out = Words("", "")
    if top is not None and not missed:
        out = Words(f"Most rests on `{top.column}`.", f"模型最依赖 `{top.column}`。")
    elif top is not None:
        out = Words(
            f"Of the columns measured, most rests on `{top.column}`.", f"在已测的列中，模型最依赖 `{top.column}`。"
        )
    elif any(i.low > 0 for i in found):
        out = Words("No single column stands out for certain.", "没有哪一列确定最重要。")
    elif found:
        out = Words(
            "No column's share is certain: every interval holds zero.", "任何一列的作用都不确定：所有区间都包含零。"
        )
    if missed:
        names = ", ".join(f"`{n}`" for n in missed[:8]) + (" ..." if len(missed) > 8 else "")
        out = Words(f"{out.en} Not measured for lack of time: {names}.".strip(), f"{out.zh}因时间不足未测：{names}。")
    return out
