"""Further tables beside the rows: one line for each thing that the rows name, such as the items and users of events.

A task says which it reads (`Relation`); each comes from a source of its own, named by the option of the relation's name, and stands
in `Table.related` through every selection. Those that are `kept` go into the bundle, where whoever answers finds them.

Legend: N rows of a table, M lines of a related one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import MEDIA, Column, Related, Schema, Table, arrow_type
from modelwright.core.words import Words


@dataclass(frozen=True)
class Relation:
    """A table that a task reads beside its rows.

    `name` is that of the option which names its source; `title` says what its lines are. `column` finds the column of the rows
    whose values the lines are about, `usual` are names (small letters, without marks) that its key goes by elsewhere.
    `kept` says whether the bundle holds it: never what is known of people.
    """

    name: str
    title: Words
    column: Callable[[Schema], Column | None]
    usual: frozenset[str]
    kept: bool


def save_related(related: Related, folder: Path) -> None:
    """Write a table into an existing folder: JSON, and the bytes of media as safetensors."""
    columns: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for i, column in enumerate(related.table.schema):
        values = related.table.column(column.name)
        if values.type == MEDIA:
            cells = [c["bytes"] if c is not None else None for c in values.to_pylist()]
            arrays[f"{i}.bytes"] = np.frombuffer(b"".join(c or b"" for c in cells), np.uint8)
            arrays[f"{i}.ends"] = np.cumsum([len(c or b"") for c in cells], dtype=np.int64)
        elif pa.types.is_timestamp(values.type):
            columns[column.name] = values.cast(pa.int64()).to_pylist()
        else:
            columns[column.name] = values.to_pylist()
    write_state(
        folder, {"key": related.key, "schema": related.table.schema.to_json(), "columns": columns}, "table.json"
    )
    if arrays:
        write_arrays(folder / "media.safetensors", arrays)


def load_related(folder: Path) -> Related:
    """Read what `save_related` wrote. Raises BundleError for damaged files."""
    with Loading(folder, Words("table", "表")):
        state = read_state(folder, "table.json")
        schema = Schema.from_json(state["schema"])
        place = folder / "media.safetensors"
        arrays = read_arrays(place) if place.is_file() else {}
        columns = {c.name: _restored(i, c, state["columns"], arrays) for i, c in enumerate(schema)}
        if state["key"] not in columns or len({len(c) for c in columns.values()}) != 1:
            raise ValueError("columns")
        return Related(Table.of(pa.table(columns), schema, folder.name), state["key"])


def save_tables(related: Mapping[str, Related], folder: Path) -> None:
    """Write tables into folders of their names; none for no table."""
    for name, found in related.items():
        (folder / name).mkdir(parents=True)
        save_related(found, folder / name)


def load_tables(folder: Path, names: Sequence[str]) -> dict[str, Related]:
    """Read what `save_tables` wrote. Raises BundleError for damaged files."""
    return {name: load_related(folder / name) for name in names}


def joined(table: Table, relations: Sequence[Relation], related: Mapping[str, Related]) -> Table:
    """Return rows with the columns of related tables behind their own; a column that the rows have already stays as it is."""
    data, columns = table.data, list(table.schema)
    for relation in relations:
        key, found = relation.column(table.schema), related.get(relation.name)
        if key is None or found is None:
            continue
        lines = found.lines(table.column(key.name))
        for column in found.inputs:
            if column.name not in data.column_names:
                data = data.append_column(column.name, lines.column(column.name))
                columns.append(column)
    return replace(table, data=data, schema=Schema(tuple(columns)))


def with_lines(table: Table, relations: Sequence[Relation], related: Mapping[str, Related]) -> Table:
    """Return rows whose missing cells are those of the lines that are known of what they name."""
    data = table.data
    for relation in relations:
        key, found = relation.column(table.schema), related.get(relation.name)
        if key is None or found is None or key.name not in data.column_names:
            continue
        places = found.places(table.column(key.name))
        for column in found.inputs:
            at = data.schema.get_field_index(column.name)
            if at < 0 or not data.column(at).null_count:
                continue
            own, lines = table.column(column.name), found.table.column(column.name)
            if own.type != lines.type:
                continue
            missing = np.asarray(own.is_null()) & (places >= 0)
            take = np.where(missing, len(own) + places, np.arange(len(own)))
            data = data.set_column(at, column.name, pa.concat_arrays([own, lines]).take(pa.array(take)))
    return table if data is table.data else replace(table, data=data)


def _restored(i: int, column: Column, columns: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> pa.Array:
    kind = arrow_type(column.modality)
    if kind != MEDIA:
        return pa.array(columns[column.name], kind)
    ends, data = arrays[f"{i}.ends"].tolist(), arrays[f"{i}.bytes"].tobytes()
    begins = [0, *ends[:-1]]
    if any(b > e for b, e in zip(begins, ends)) or (ends and ends[-1] != len(data)):
        raise ValueError("media")
    cells = [
        None if b == e else {"path": None, "bytes": data[b:e], "digest": None, "how": None}
        for b, e in zip(begins, ends)
    ]
    return pa.array(cells, MEDIA)
