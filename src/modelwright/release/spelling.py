"""How the numbers and dates of a file to be answered are spelt, where that is another way than in the training data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from modelwright.core.reading import Detected
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.data.dates import order_is_open, reordered
from modelwright.data.decimals import respelt, sign_is_open
from modelwright.data.text import column

AHEAD = 65_536  # rows that are read ahead at most, while what came may be read in two ways


def looked_ahead(
    parts: Iterable[pa.Table], is_open: Callable[[pa.Table], bool], settle: Callable[[pa.Table], None]
) -> Iterator[pa.Table]:
    """Yield the parts of a file once the spelling of its numbers and dates can be told; `settle` gets the rows that tell it.

    `is_open` says of a part that it does not tell. Where the first one tells, nothing is read ahead; where no row up to `AHEAD`
    does, `settle` gets all of these.
    """
    rest = iter(parts)
    held: list[pa.Table] = []
    for part in rest:
        held.append(part)
        seen = sum(p.num_rows for p in held)
        if seen >= AHEAD or not is_open(part):
            break
    if held:
        settle(_together(held))
    yield from held
    yield from rest


def _together(held: list[pa.Table]) -> pa.Table:
    """Return tables as one, columns of several types as text."""
    try:
        return pa.concat_tables(held, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        names = dict.fromkeys(n for part in held for n in part.column_names)
        rows = [row for part in held for row in part.to_pylist()]
        return pa.table({n: column([r.get(n) for r in rows]) for n in names})


def is_open(schema: Schema, rows: pa.Table, decimal: str | None) -> bool:
    """Whether numbers or dates in these rows may be read in two ways, and nothing in them tells which; `decimal` is the sign asked for."""
    return sign_is_open(schema, rows, decimal) or order_is_open(schema, rows)


def spelt_as(
    schema: Schema, rows: pa.Table, decimal: str | None, detected: Detected
) -> tuple[Schema, tuple[Words, ...]]:
    """Return a model's schema with the decimal sign and the order of dates of a file, and what is to be said where they differ."""
    schema, numbers = respelt(schema, rows, decimal, detected.delimiter)
    schema, dates = reordered(schema, rows)
    return schema, tuple(w for w in (numbers, dates) if w is not None)
