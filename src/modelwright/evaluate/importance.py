"""What a model's answers rest on: how much a metric loses when one column is shuffled.

Source: Breiman, Random Forests, 2001; Fisher et al., arXiv 1801.01489. Legend: N rows, K outputs, M columns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Table
from modelwright.core.target import TargetCodec
from modelwright.core.task import Metric, judge


@dataclass(frozen=True)
class Importance:
    """How much the metric loses without one column (above 0: the column helps), with a 95 % interval."""

    column: str
    drop: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return the importance as JSON values."""
        return asdict(self)


def permutation(
    scores: Callable[[Table], np.ndarray],
    table: Table,
    target: TargetCodec,
    metric: Metric,
    *,
    seconds: float = 5.0,
    repeats: int = 5,
    rows: int = 2000,
    seed: int = 0,
) -> list[Importance]:
    """Return the importance of every input column that there was time for, the strongest first.

    `scores` answers a table with scores [N, K]; `table` holds the target column. At most `rows` rows are drawn. The
    first answer tells the cost of one: rows are cut, down to 200, until all columns fit once; then rounds are repeated
    while time is left, each shuffling anew. The interval comes from the rounds and from how much the drop varies
    from one part of the rows to another; it says what this model uses, not what causes the answer.
    """
    until = time.monotonic() + seconds
    column = table.schema.target
    if column is None or not len(table):
        return []
    rng = np.random.default_rng(seed)
    if len(table) > rows:
        table = table.take(np.sort(rng.permutation(len(table))[:rows]))
    started = time.monotonic()
    base = scores(table)
    cost = max(1e-4, time.monotonic() - started)
    names = [c.name for c in table.schema.inputs]
    affordable = int(len(table) * max(0.0, until - time.monotonic()) * 0.9 / (cost * max(1, len(names))))
    if affordable < len(table):
        kept = np.sort(rng.permutation(len(table))[: max(min(200, len(table)), affordable)])
        table, base = table.take(kept), base[kept]
    truth = table.column(column.name)
    sign = 1.0 if metric.higher else -1.0

    def value(found: np.ndarray, part: np.ndarray) -> float:
        return sign * metric(judge(target, truth.take(pa.array(part)), found[part], table.rows[part]))

    everything = np.arange(len(table))
    groups = np.array_split(rng.permutation(len(table)), int(np.clip(len(table) // 40, 1, 8)))
    whole = value(base, everything)
    of_groups = np.array([value(base, group) for group in groups])
    drops: dict[str, list[float]] = {}
    spread: dict[str, float] = {}
    for _ in range(repeats):
        for name in names:
            if time.monotonic() >= until and drops:
                break
            shuffled = scores(_shuffle(table, name, rng))
            drops.setdefault(name, []).append(whole - value(shuffled, everything))
            if name not in spread:
                spread[name] = _error(of_groups - [value(shuffled, group) for group in groups])
    out = [_sum_up(name, np.array(d), spread[name]) for name, d in drops.items()]
    return sorted((i for i in out if np.isfinite(i.drop)), key=lambda i: -i.drop)


def _error(drops: np.ndarray) -> float:
    """Return the standard error of the mean of the drops of equal parts; zero where there are too few."""
    drops = drops[np.isfinite(drops)]
    return float(drops.std(ddof=1) / np.sqrt(len(drops))) if len(drops) > 1 else 0.0


def _shuffle(table: Table, name: str, rng: np.random.Generator) -> Table:
    values = table.column(name).take(pa.array(rng.permutation(len(table))))
    at = table.data.column_names.index(name)
    data = table.data.set_column(at, table.data.schema.field(at), values)
    return Table(data, table.schema, table.rows, table.source)


def _sum_up(name: str, drops: np.ndarray, spread: float) -> Importance:
    mean = float(drops.mean())
    half = 1.96 * float(np.hypot(_error(drops), spread))
    return Importance(name, mean, mean - half, mean + half)
