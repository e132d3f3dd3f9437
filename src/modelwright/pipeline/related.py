"""Tables beside the rows: read from sources of their own, matched by a column, and what of them goes into a bundle."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.config import RunConfig
from modelwright.core.errors import ColumnError, DataError
from modelwright.core.events import EventStream
from modelwright.core.reading import Reading
from modelwright.core.related import Relation
from modelwright.core.schema import MEDIA, Column, Related, Schema, Table
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.image import decode
from modelwright.data.sources import folder_of, read_table, source_name

_SIDE = 160  # pixels of a picture that a bundle keeps to be shown
_MATCH = 0.5  # of the rows' values that a column must hold to be taken for the key


def read_related(
    task: Task, rows: Table, config: RunConfig, events: EventStream
) -> dict[str, tuple[Related, pa.Table]]:
    """Return the tables that the user named for the task's relations, by name, each with its lines as they were read.

    Raises DataError, ColumnError or OptionError for what cannot be read or matched.
    """
    out: dict[str, tuple[Related, pa.Table]] = {}
    for relation in task.related:
        source = getattr(config, relation.name)
        column = relation.column(rows.schema)
        if source is None or column is None:
            continue
        reading = Reading(memory=Reading.of(config).memory, seed=config.seed)
        raw, detected = read_table(source, reading, events)
        plain = [re.sub(r":(token|float|token_seq|float_seq)$", "", n) for n in raw.column_names]
        raw = raw.rename_columns(plain) if len(set(plain)) == len(plain) else raw
        name, values = source_name(source), rows.column(column.name)
        key = _key(raw, relation, column, values, name)
        raw = _distinct(raw, key, relation, name, events)
        asked = {n: m for n, m in config.column.items() if n in raw.column_names and n not in rows.schema}
        schema = infer_schema(raw, overrides={**asked, key: "id"}, folder=folder_of(source), detected=detected)
        schema = schema.with_column(key, role="ignored", reason=Words("names the line", "行的名称"))
        table, bad = coerce(raw, schema, source=name, folder=folder_of(source))
        for cell in bad[:3]:
            events.warn(
                f"{name} row {cell.row}, column `{cell.column}`: {cell.words.en}; it counts as missing.",
                f"{name} 第 {cell.row} 行，列 `{cell.column}`：{cell.words.zh}；按缺失处理。",
            )
        out[relation.name] = Related(table, key), raw
        _tell(out[relation.name][0], relation, values, name, events)
    return out


def _key(raw: pa.Table, relation: Relation, column: Column, values: pa.Array, name: str) -> str:
    """Return the column that says what a line is about: by its name, else by what it holds."""
    if column.name in raw.column_names:
        return column.name
    for found in raw.column_names:
        if re.sub(r"[\s_\-.]+", "", found).lower() in relation.usual:
            return str(found)
    wanted = values.cast(pa.string()).unique()
    shares = {n: _share(raw.column(n), wanted) for n in raw.column_names}
    best = max(shares, key=lambda n: shares[n])
    if shares[best] >= _MATCH:
        return str(best)
    raise ColumnError(
        f"{name} needs a column `{column.name}` that says which of the {relation.title.en} a line is about; it has "
        f"{', '.join(raw.column_names[:12])}.",
        f"{name} 需要一列 `{column.name}`，说明每行属于哪个{relation.title.zh}；现有的列：{'、'.join(raw.column_names[:12])}。",
    )


def _share(values: pa.ChunkedArray, wanted: pa.Array) -> float:
    """Return how much of what is wanted a column holds, 0 where a value of its own stands twice."""
    try:
        found = values.combine_chunks().cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return 0.0
    if len(found.unique()) < len(found):
        return 0.0
    return float(pc.mean(pc.is_in(wanted, found).cast(pa.float64())).as_py() or 0.0)


def _distinct(raw: pa.Table, key: str, relation: Relation, name: str, events: EventStream) -> pa.Table:
    """Return the first line of each thing, and say which others are left out."""
    values = raw.column(key).combine_chunks().cast(pa.string())
    codes = values.dictionary_encode()
    at = np.asarray(codes.indices.fill_null(-1))
    _, first = np.unique(at, return_index=True)
    kept = np.sort(first[at[first] >= 0])
    empty, twice = int((at < 0).sum()), len(at) - int((at < 0).sum()) - len(kept)
    if len(kept) == 0:
        raise DataError(f"{name} has no line with a value in `{key}`.", f"{name} 的 `{key}` 列没有任何取值。")
    if twice:
        again = np.setdiff1d(np.flatnonzero(at >= 0), kept)
        shown = ", ".join(f"`{codes.dictionary[int(at[i])]}` (row {i + 1})" for i in again[:3].tolist())
        events.warn(
            f"{name}: {twice:,} lines are about {relation.title.en} that had a line before, such as {shown}; the first line counts.",
            f"{name}：{twice:,} 行重复描述同一{relation.title.zh}，例如 {shown}；以首次出现的一行为准。",
        )
    if empty:
        events.warn(
            f"{name}: {empty:,} lines have no `{key}` and are left out.", f"{name}：{empty:,} 行缺少 `{key}`，已略去。"
        )
    return raw.take(pa.array(kept)) if len(kept) < raw.num_rows else raw


def _tell(related: Related, relation: Relation, values: pa.Array, name: str, events: EventStream) -> None:
    wanted = values.cast(pa.string()).unique().drop_null()
    known = int((related.places(wanted) >= 0).sum())
    if known == 0:
        ours, theirs = ", ".join(wanted[:3].to_pylist()), ", ".join(related.keys[:3].to_pylist())
        raise DataError(
            f"None of the {len(wanted):,} {relation.title.en} of the events has a line in {name}: the events name {ours}, `{related.key}` holds {theirs}.",
            f"事件中的 {len(wanted):,} 个{relation.title.zh}在 {name} 中均无对应行：事件中如 {ours}，`{related.key}` 中如 {theirs}。",
        )
    columns = ", ".join(c.name for c in related.inputs[:8]) or "-"
    events.note(
        f"{relation.name:<9} {len(related):,} lines of {name}, {known:,} of {len(wanted):,} in the events: {columns}",
        f"{relation.name:<9} {name} 共 {len(related):,} 行，事件中的 {len(wanted):,} 个里有 {known:,} 个：{columns}",
    )


def kept_related(task: Task, related: Mapping[str, Related], named: Sequence[str] = ()) -> dict[str, Related]:
    """Return what of the related tables goes into the bundle: of those that are kept the key, what models read, and identifiers
    (titles often are) but those that the user left out (`named`); pictures small, other media not."""
    out = {}
    for relation in task.related:
        if not relation.kept or relation.name not in related:
            continue
        found = related[relation.name]
        columns = [
            c
            for c in found.table.schema
            if c.name not in named
            and (c.name == found.key or c.role == "input" or (c.modality == "id" and c.role == "ignored"))
            and c.modality not in ("audio", "video", "series")
        ]
        data = found.table.data.select([c.name for c in columns])
        for i, column in enumerate(columns):
            if column.modality == "image":
                small = pa.array([_small(c) for c in found.table.column(column.name).to_pylist()], MEDIA)
                data = data.set_column(i, column.name, small)
        table = replace(found.table, data=data, schema=Schema(tuple(columns)))
        out[relation.name] = Related(table, found.key)
    return out


def _small(cell: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a picture as a small JPEG; None for one that cannot be read."""
    from PIL import Image

    if cell is None:
        return None
    try:
        pixels = decode(cell)
    except Unreadable:
        return None
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=80)
    return {"path": None, "bytes": data.getvalue(), "digest": None, "how": None}


def without(related: Related, names: Sequence[str]) -> Related:
    """Return a related table without some columns."""
    columns = tuple(c for c in related.table.schema if c.name not in names)
    data = related.table.data.select([c.name for c in columns])
    return Related(replace(related.table, data=data, schema=Schema(columns)), related.key)
