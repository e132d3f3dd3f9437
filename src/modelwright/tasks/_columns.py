"""What the column-and-head tasks share: any mix of columns in, one head out; request and response models."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, create_model

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import get_recipe, recipe_names
from modelwright.core.schema import MEDIA, MODALITIES, Schema, arrow_type

# Every modality with a codec can be an input; identifiers and label lists have none.
INPUTS = frozenset(m for m in MODALITIES if m not in ("id", "labels", "boxes"))

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


def column_recipes(ordered: bool = False) -> tuple[str, ...]:
    """Return the names of all recipes that work on columns, cheapest first; those for ordered labels, where
    asked for, before all but the constant."""
    made = {n: r for n in recipe_names() if (r := get_recipe(n)).tasks is None}
    special = {n for n, r in made.items() if getattr(r, "ordered", False)}
    names = [n for n in made if ordered or n not in special]
    return tuple(sorted(names, key=lambda n: (made[n].rank > 0, n not in special, made[n].rank)))


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


def response_model(target: TargetCodec) -> type[BaseModel]:
    """Return a model of one answer: the prediction, how sure it is, and the scores when they were asked for."""
    return create_model("Answer", **target.answer_fields())


def sample_columns(rows: int, seed: int) -> tuple[np.random.Generator, dict[str, list[Any]], np.ndarray]:
    """Return a generator, four synthetic columns (number, category, boolean, bilingual text) and a hidden state.

    The hidden state [N] in 0..2 shows in every column, so that any recipe that reads any of them can learn.
    """
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, rows)
    words = (
        ("refund please money back", "the payment failed twice", "我要退款 钱还没到账"),
        ("where is my parcel", "delivery is late again", "快递还没有送到"),
        ("how do I reset the password", "the app crashes on start", "登录不上 密码忘了"),
    )
    filler = ("hello", "thanks", "today", "你好", "谢谢", "urgent")
    columns: dict[str, list[Any]] = {
        "amount": [float(v) for v in np.round(state * 10 + rng.normal(0, 2, rows), 2)],
        "channel": [("mail", "phone", "chat")[s if rng.random() < 0.9 else rng.integers(3)] for s in state],
        "member": [bool(s == 1) if rng.random() < 0.9 else bool(rng.integers(2)) for s in state],
        "message": [f"{rng.choice(filler)} {words[s][rng.integers(3)]} {rng.choice(filler)}" for s in state],
    }
    return rng, columns, state
