"""What an answer takes, warm: one row by itself and a row among many, on the path by which the service answers.

Measuring costs about 20 ms beside a first call to warm up; models that are slower than that are asked as seldom as can be.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.kinds.base import kind_of
from modelwright.recipes.shared.together import Together

_SECONDS = 0.008  # for one row, and for a batch
_SLOW = 0.1  # a model that takes so long once it is warm is slow, and asked as seldom as can be
VERY_SLOW = 2.0  # no warming up takes so long
_MOST, _LEAST = 256, 16  # rows of a batch; fewer than these tell nothing that one row does not


@dataclass(frozen=True)
class AnswerTime:
    """Milliseconds for an answer to one row by itself, and for a row in a batch."""

    one: float
    batch: float


def answer_time(
    models: Sequence[Model], table: Table, target: TargetCodec, *, known: float | None = None
) -> AnswerTime:
    """Measure a candidate: what all its models together take for rows of `table`, from their values to the answer.

    `known` is what a row of a batch took when the models were judged, in milliseconds. It stands where measuring once
    more would take too long or cost money.
    """

    together = Together(models)

    def answer(part: Table) -> None:
        found = together.scores(part)
        target.decode(sum(found[1:], found[0]) / len(found) if len(found) > 1 else found[0])

    inputs = Schema(tuple(table.schema.inputs))
    rows = as_sent(table.take(np.zeros(1, np.int64)), inputs)
    first = table.take(np.zeros(1, np.int64))

    def one() -> None:
        answer(first if rows is None else coerce_rows(rows, inputs)[0])

    def many(count: int) -> None:
        part = table.part(0, count)
        answer(part if rows is None else coerce(part.data, inputs, need_target=False)[0])

    return measure(one, many, len(table), known=known, once=any(m.remote for m in models))


def as_sent(table: Table, inputs: Schema) -> list[dict[str, Any]] | None:
    """Return rows as a client would send them; None where cells are files, which are taken as they stand."""
    if any(kind_of(c.modality) is not None for c in inputs):
        return None
    rows: list[dict[str, Any]] = table.data.select(inputs.names).to_pylist()
    return [{k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in row.items()} for row in rows]


def measure(
    one: Callable[[], None], many: Callable[[int], None], rows: int, *, known: float | None = None, once: bool = False
) -> AnswerTime:
    """Time `one` (an answer to one row) and `many` (answers to so many rows, `rows` at most); `once` asks only once."""
    single = _timed(one)
    if not once and _SLOW <= single < VERY_SLOW:  # reading what an answer needs for the first time may take as long
        single = min(single, _timed(one))
    if not once and single < VERY_SLOW and (known is None or single < _SLOW):
        times: list[float] = []
        while len(times) < 3 or (sum(times) < _SECONDS and len(times) < 20):
            times.append(_timed(one))
            if sum(times) > 3 * _SECONDS:
                break
        single = float(np.median(times))
    if once or rows < 2 or (known is None and single > _SLOW):
        return AnswerTime(1000 * single, 1000 * single if known is None else known)
    if known is None:
        some = min(_LEAST, rows)
        known = 1000 * min(_timed(lambda: many(some)) / some, single)
    count = min(_MOST, rows, int(1000 * _SECONDS / max(known, 1e-4)))
    if count < min(_LEAST, rows):
        return AnswerTime(1000 * single, known)
    # rows that share work, such as one user's list, are quicker when all of them are judged than a few are by themselves
    return AnswerTime(1000 * single, min(known, 1000 * min(_timed(lambda: many(count)) for _ in range(2)) / count))


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
