"""What is kept of a row and of an answer: no personal data that the bundle replaces, and nothing that JSON cannot hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from modelwright.core.schema import Schema, Table
from modelwright.release.bundle import Predictor

_LONGEST = 2000  # characters of a value that is no column of the model
_MADE = ("text", "documents")  # answers that may quote a person


def kept_rows(
    predictor: Predictor, rows: Sequence[Mapping[str, Any]], table: Table, without: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return what is kept of N rows as they were sent, `table` being the same rows as the model read them.

    Columns in which the bundle replaces personal data stand as the model read them. Further columns are kept, so that new
    ones are noticed, but where the bundle replaces anything: nobody has looked for personal data in them. `without` names
    columns of which nothing is kept.
    """
    shield = predictor.shield
    names = frozenset(c.name for c in predictor.schema.inputs)
    hidden = {*shield.columns, *shield.months} & set(table.data.column_names)
    read = {name: table.column(name).to_pylist() for name in hidden}
    out = []
    for i, row in enumerate(rows):
        kept = {
            k: v for k, v in row.items() if k not in without and k not in hidden and (k in names or _may_be_kept(v))
        }
        if shield:
            kept = {k: v for k, v in kept.items() if k in names}
        out.append(kept | {n: _json(read[n][i]) for n in sorted(hidden) if n in row and n not in without})
    return out


def kept_answer(predictor: Predictor, value: Any) -> Any:
    """Return an answer with personal data replaced as the bundle replaces it in what it reads; labels and numbers pass."""
    columns = predictor.shield.columns
    if not columns or predictor.target.told_as not in _MADE or value is None:
        return value
    name = max(columns, key=lambda n: len(columns[n]))  # what is looked for in most kinds
    texts = [value] if isinstance(value, str) else [v for v in value if isinstance(v, str)]
    schema = Schema(tuple(c for c in predictor.schema.inputs if c.name == name))
    read = (
        predictor.shield.apply(Table.of(pa.table({name: pa.array(texts, pa.string())}), schema))
        .column(name)
        .to_pylist()
    )
    return read[0] if isinstance(value, str) else read


def _may_be_kept(value: Any) -> bool:
    """Whether a value that is no column of the model is small and simple enough to be kept."""
    return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST)


def _json(value: Any) -> Any:
    return value.isoformat(sep=" ") if hasattr(value, "isoformat") else value
