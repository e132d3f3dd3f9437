"""The model of one row as a client sends it, from the columns of a schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from modelwright.core.schema import MEDIA, Schema, arrow_type

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
