"""How many rows of plain columns a linear model reads: what its penalty needs, what its weights need, what the time and the memory hold."""

from __future__ import annotations

import sys

from modelwright.core.budget import Deadline
from modelwright.core.schema import Schema
from modelwright.recipes.shared.rows import rows_in_memory

TABLE = frozenset(("number", "category", "boolean", "timestamp"))  # what plain columns hold
ENOUGH = 50_000  # rows of plain columns on which the penalty is chosen
_VALUES = 10_000_000  # values that further rows may store with them: many categories have a weight each, which a few rows do not settle
_PER_CELL, _ENCODING = 1e-6, 0.2  # seconds to encode a cell of them, and the share of a fit's time that this may take
_AT_MOST = 0.3  # share of the run's whole time that encoding the rows on which the penalty is chosen may take
FEWEST = 2000  # rows below which none are left out
_OF_WHOLE = 0.5  # share of the run's whole time that a fit on texts may take
PER_VALUE = 20  # bytes for a stored value: the matrix, and the solver's own form of it


def rows_to_begin(schema: Schema) -> int:
    """Return how many rows the penalty is chosen on: beyond them a few hundred weights do not change, while time and memory grow."""
    if not all(c.modality in TABLE for c in schema.inputs):
        return sys.maxsize
    return min(ENOUGH, rows_in_memory(PER_VALUE * stored(schema)))


def most_rows(schema: Schema, outputs: int, deadline: Deadline, load: float = 1.0) -> int:
    """Return how many rows of plain columns a fit reads in all, on a machine on which work takes `load` times as long.

    It is more than a fit begins with where they store few values, and less where the run's whole time would go into encoding these: a fit
    on some rows that is brought to its end beats one on all of them that is not.
    """
    cells = _PER_CELL * load * max(1, len(schema.inputs))
    encoded = int(_ENCODING * min(deadline.remaining(), 1e9) / cells)
    some = int(_AT_MOST * min(deadline.whole.remaining(), 1e9) / cells)
    values = _VALUES // max(stored(schema), outputs)
    return max(min(ENOUGH, max(FEWEST, some)), min(values, encoded))


def in_time(rows: int, seconds: float, deadline: Deadline) -> int:
    """Return how many of `rows` a fit reads that would take so many seconds on all of them, as most of them go by their number."""
    return min(rows, max(FEWEST, int(rows * _OF_WHOLE * min(deadline.whole.remaining(), 1e9) / max(seconds, 1e-9))))


def stored(schema: Schema) -> int:
    """Return about how many values a row of plain columns stores: numbers lie in quantile bins."""
    return sum(15 if c.modality == "number" else 1 for c in schema.inputs)
