"""JSON that every reader takes: numbers that JSON does not know (NaN, infinities) are written as null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def dumps(data: Any, **options: Any) -> str:
    """Return data as JSON text, letters of any language as they are; what is no JSON value by its `str`.

    `options` are those of `json.dumps`.
    """
    options = {"ensure_ascii": False, "default": str, **options}
    try:
        return json.dumps(data, allow_nan=False, **options)
    except ValueError:  # rare, so that the common case costs nothing
        return json.dumps(finite(data), allow_nan=False, **options)


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def finite(data: Any) -> Any:
    """Return data with None for every number that is not finite."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {finite(k) if isinstance(k, float) else k: finite(v) for k, v in data.items()}
    return [finite(v) for v in data] if isinstance(data, (list, tuple)) else data
