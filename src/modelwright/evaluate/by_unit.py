"""Metrics by unit: judged rows as one row a unit (user, series, picture), so that intervals draw units and not rows.

Rows of one user rise and fall together; drawn one by one they would tell more than they do, and the interval would be too narrow
(Field & Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x). Legend: N rows, U units, S statistics.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from modelwright.core.answers.base import Answers, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Table


def first_id(table: Table) -> np.ndarray:
    """Return a number for the user, learner or the like of each row [N], -1 where the cell is empty: the first identifier among the inputs names them."""
    column = table.schema.who
    assert column is not None
    codes = table.column(column.name).dictionary_encode().indices
    return np.asarray(codes.fill_null(-1), np.int64)


def by_units(metric: Metric, *judged: Judged) -> tuple[Metric, tuple[Judged, ...]] | None:
    """Return a metric over units, and each of `judged` with one row a unit; None where the rows are the units already.

    The truth of a unit's row is what the metric must know of it: what `by_unit` gives, the sums of its `parts`, or its rows.
    """
    if metric.by_unit is None and all(metric.unit not in j.units for j in judged):
        return None
    if metric.by_unit is not None:
        made = replace(metric, function=_of_list(metric), by_unit=None, unit_of=None, unit="row", parts=None)
        return made, tuple(_judged_rows(as_objects(list(metric.by_unit(j)))) for j in judged)
    if metric.parts is not None:
        parts = metric.parts
        made = replace(metric, parts=lambda j: j.truth, unit_of=None, unit="row")
        return made, tuple(_judged_rows(_sums(parts(j), j.unit(metric.unit))) for j in judged)
    made = replace(metric, function=_of_rows(metric), unit_of=None, unit="row")
    return made, tuple(_judged_rows(as_objects([(j, rows) for rows in _members(j.unit(metric.unit))])) for j in judged)


def _of_list(metric: Metric) -> Any:
    return lambda judged, *label: metric.function(list(judged.truth), *label)


def _of_rows(metric: Metric) -> Any:
    def value(units: Judged, *label: int | None) -> float:
        if len(units.truth) == 0:
            return float("nan")
        whole = units.truth[0][0]
        drawn = [rows for _, rows in units.truth]
        some = whole.take(np.concatenate(drawn))
        # a unit that was drawn twice counts as two
        numbers = np.repeat(np.arange(len(drawn)), [len(rows) for rows in drawn])
        return metric(replace(some, units={**some.units, metric.unit: numbers}), *label)

    return value


def _members(units: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(units, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(units[order])) + 1)


def _sums(parts: np.ndarray, units: np.ndarray) -> np.ndarray:
    out = np.zeros((int(units.max(initial=-1)) + 1, parts.shape[1]))
    np.add.at(out, units, parts)
    return out


def _judged_rows(truth: np.ndarray) -> Judged:
    count = len(truth)
    return Judged(
        ObjectsCodec("units"), truth, np.zeros((count, 1)), Answers([], None), np.zeros(count), np.arange(count)
    )
