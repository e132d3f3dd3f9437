"""The model of one row as a client sends it, from the columns of a schema, and the limits that its fields set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from modelwright.core.schema import MEDIA, Schema, Table, arrow_type
from modelwright.core.validation import words_of
from modelwright.core.words import Words

_TYPES: dict[str, Any] = {
    "number": float | str | None,
    "boolean": bool | str | None,
    "category": str | float | bool | None,
    "text": str | None,
    "timestamp": str | float | None,
    "image": str | None,
    "audio": str | None,
    "video": str | None,
    "series": list[float | None] | list[list[float | None]] | None,
    "molecule": str | None,
    "sequence": str | None,
}


def request_model(schema: Schema) -> type[BaseModel]:
    """Return a model of one row: every input column under its own name, none required, others let through."""
    fields: dict[str, Any] = {}
    for i, column in enumerate(schema.inputs):
        extra: dict[str, Any] = {"modality": column.modality}
        if "choices" in column.options:
            extra["choices"] = list(column.options["choices"])
        if arrow_type(column.modality) == MEDIA:  # the file itself, never a path or an address
            extra |= {"format": "data-url", "contentEncoding": "base64", "contentMediaType": f"{column.modality}/*"}
        fields[f"column_{i}"] = (
            _TYPES.get(column.modality, Any),
            Field(default=None, alias=column.name, title=column.name, json_schema_extra=extra),
        )
    return create_model("Row", __config__=ConfigDict(extra="allow", populate_by_name=False), **fields)


def limits_of(row: type[BaseModel]) -> dict[str, TypeAdapter[Any]]:
    """Return what checks a cell, by column, for the fields of a row that have limits; others are as free as their column is."""
    fields = {f.alias or name: f for name, f in row.model_fields.items() if f.metadata}
    return {name: TypeAdapter(_limited(f.annotation, f.metadata)) for name, f in fields.items()}


def _limited(kind: Any, limits: Sequence[Any]) -> Any:
    return Annotated[kind, *limits]


def beyond(limits: Mapping[str, TypeAdapter[Any]], table: Table) -> list[tuple[int, str, Words]]:
    """Return the cells of a typed table that lie outside `limits`: row (from 0), column, and words for it; missing ones never do."""
    out = []
    for column in limits.keys() & set(table.data.column_names):
        cells = table.column(column).to_pylist()
        wrong: dict[Any, Words] = {}
        for cell in {c for c in cells if c is not None}:
            try:
                limits[column].validate_python(cell)
            except ValidationError as e:
                said = words_of(e.errors(include_url=False)[0])
                wrong[cell] = Words(said.en.rstrip("."), said.zh.rstrip("。"))
        out += [(i, column, wrong[c]) for i, c in enumerate(cells) if c in wrong]
    return out
