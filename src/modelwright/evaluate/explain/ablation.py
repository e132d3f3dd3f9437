"""What each column adds: the same rows answered once more with that column missing everywhere.

Shuffling a column (`importance.py`) shows what a model uses; leaving it out shows what would be lost without it, since
another column may tell the same. Networks meet missing columns in training (`column_dropout`), so their answers without
one mean something. Legend: N rows, K outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.judged import Metric, judge
from modelwright.core.schema import Schema, Table
from modelwright.evaluate.explain.importance import Importance
from modelwright.evaluate.intervals import paired

_PLAIN = frozenset(("number", "category", "boolean", "timestamp"))
_FEWEST, _MOST = 2, 6  # columns
_ROWS = 30  # fewer say nothing
_PROBE = 32


def worth_it(schema: Schema) -> bool:
    """Whether columns are few and of kinds that differ, so that what each adds can be told: 2 to 6, not all plain."""
    kinds = [c.modality for c in schema.inputs]
    return _FEWEST <= len(kinds) <= _MOST and not _PLAIN.issuperset(kinds)


def without_columns(
    scores: Callable[[Table], np.ndarray],
    table: Table,
    target: TargetCodec,
    metric: Metric,
    *,
    thresholds: Sequence[float] | None = None,
    seconds: float = 1.5,
    seed: int = 0,
) -> list[Importance]:
    """Return for every input column what the metric loses without it, the most first, within about `seconds`.

    `scores` answers a table with scores [N, K]; `table` holds the target column. As many rows are drawn as there is
    time for; [] where that is fewer than 30. The interval compares both answers on the same resampled rows.
    """
    until = time.monotonic() + seconds
    column = table.schema.target
    if column is None or len(table) < _ROWS:
        return []
    shuffled = np.random.default_rng(seed).permutation(len(table))
    scores(table.take(shuffled[:2]))  # the first call sets things up and says nothing of the others
    started = time.monotonic()
    scores(table.take(shuffled[:_PROBE]))
    each = max(1e-6, (time.monotonic() - started) / min(_PROBE, len(table)))
    names = [c.name for c in table.schema.inputs]
    affordable = int(0.7 * (until - time.monotonic()) / (each * (len(names) + 1)))
    if affordable < _ROWS:
        return []
    table = table.take(np.sort(shuffled[:affordable]))
    truth = table.column(column.name)
    whole = judge(target, truth, scores(table), table.rows, thresholds)
    out = []
    for i, name in enumerate(names):
        less = judge(target, truth, scores(without(table, name)), table.rows, thresholds)
        left = max(0.05, (until - time.monotonic()) / (len(names) - i))
        found = paired(metric, whole, less, resamples=400, seed=seed, seconds=min(0.25, left))
        out.append(Importance(name, found.difference, found.low, found.high, len(whole.rows)))
    return sorted((a for a in out if np.isfinite(a.drop)), key=lambda a: -a.drop)


def without(table: Table, name: str) -> Table:
    """Return the same rows with one column missing everywhere."""
    at = table.data.column_names.index(name)
    field = table.data.schema.field(at)
    data = table.data.set_column(at, field.with_nullable(True), pa.nulls(len(table), field.type))
    return table.with_data(data)
