"""How much a part of a row moved its answer: the answer asked again with the part hidden, within the time there is.

Legend: N rows, K outputs, M variants of the row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.facts.details import AttributionFact
from modelwright.core.schema import Table

_BATCH = 64
_GRACE = 0.03  # seconds that a call may take whatever the time left: quick models tell of their columns at once
_SHARE = 0.5  # of the time left that a call may plan to take: the clock is looked at between calls
_TINY = 1e-30


@dataclass(frozen=True)
class Attribution:
    """How much a column's value, or the characters `start` to `end` of a text, moved the answer.

    In the log odds of the answered label where it is hidden or in the model's own units (relative weights matter, not
    their size); in the target's unit for values. Of a picture, a sound or a series `heat` says where in it: rows of
    numbers from -1 (against the answer) to 1 (for it), from the upper left, and `how` it was found.
    """

    column: str
    start: int | None
    end: int | None
    text: str
    weight: float
    heat: list[list[float]] | None = None
    how: str | None = None

    def to_json(self) -> AttributionFact:
        """Return the attribution as JSON values; `heat` and `how` only where there is a heat map."""
        out: AttributionFact = {
            "column": self.column, "start": self.start, "end": self.end, "text": self.text, "weight": self.weight,
        }  # fmt: skip
        if self.heat is not None:
            out["heat"] = self.heat
        if self.how is not None:
            out["how"] = self.how
        return out


class Pace:
    """How long a row takes, learnt from every call; tells how many rows the time until `until` has room for.

    Calls of few rows look dearer by the row than they are, so that calls begin small and grow.
    """

    def __init__(self, until: float) -> None:
        self.until, self.each = until, 0.0

    def left(self) -> float:
        """Return the seconds left."""
        return self.until - time.monotonic()

    def room(self, most: int = _BATCH) -> int:
        """Return how many rows the next call may take, at least one."""
        return most if self.each <= 0 else int(np.clip(max(_SHARE * self.left(), _GRACE) / self.each, 1, most))

    def timed(self, call: Callable[[Table], np.ndarray], rows: Table) -> np.ndarray:
        """Return the scores [N, K] of rows, and learn how long they took."""
        began = time.monotonic()
        out = call(rows)
        self.each = (time.monotonic() - began) / max(1, len(rows))
        return out


def answers(
    scores: Callable[[Table], np.ndarray], table: Table, variants: Sequence[tuple[str, Any]], target: TargetCodec,
    chosen: int, pace: Pace,
) -> np.ndarray:  # fmt: skip
    """Return the height of the answer for each variant (column, new value) [M]; NaN where time ran out.

    The clock is looked at between calls, of as many variants as the time left has room for.
    """
    out = np.full(len(variants), np.nan)
    at = 0
    while at < len(variants) and (at == 0 or pace.left() > 0):
        some = variants[at : at + pace.room()]
        out[at : at + len(some)] = height(pace.timed(scores, _variants(table, some)), target, chosen)
        at += len(some)
    return out


def _variants(table: Table, variants: Sequence[tuple[str, Any]]) -> Table:
    columns = {}
    for name in table.data.column_names:
        column = table.column(name)
        values = column.take(pa.array(np.zeros(len(variants), np.int64))).to_pylist()
        if any(v[0] == name for v in variants):
            values = [v[1] if v[0] == name else old for v, old in zip(variants, values)]
        columns[name] = pa.array(values, column.type)
    return Table(pa.table(columns), table.schema, np.arange(1, len(variants) + 1), table.source)


def height(scores: np.ndarray, target: TargetCodec, chosen: int) -> np.ndarray:
    """Return how strongly each row [M] answers `chosen`: log odds, or the value itself."""
    p = scores[:, chosen]
    if target.kind == "value":
        return p
    # the others' sum keeps its digits where p is nearly one
    against = np.delete(scores, chosen, axis=1).sum(1) if target.kind == "classes" else 1 - p
    return np.log(np.maximum(p, _TINY)) - np.log(np.maximum(against, _TINY))
