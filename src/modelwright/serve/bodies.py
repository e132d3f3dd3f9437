"""Bodies of requests as JSON, read and refused in one way; what came is never quoted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from modelwright.core.words import Words
from modelwright.serve.limits import Refused


def json_of(body: bytes, code: str = "json") -> Any:
    """Return what a body holds. Raises Refused 400 under this code for what is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, code, Words("The body is no JSON.", "请求体不是 JSON。")) from None


def fields_of(body: bytes, known: Iterable[str]) -> dict[str, Any]:
    """Return the fields of an object. Raises Refused 400 for no JSON, 422 for no object and for fields that are not known."""
    data, names = json_of(body), list(known)
    if not isinstance(data, dict) or not set(data) <= set(names):
        shown = ", ".join(names)
        raise Refused(
            422, "fields", Words(f"Expected an object with fields of: {shown}.", f"应为对象，可用字段：{shown}。")
        )
    return data
