"""Values of a request that cannot be read, as answers."""

from __future__ import annotations

from typing import Any

from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.serve.limits import Refused


def _without_quote(text: str, received: str) -> str:
    """Return what was expected, without the part of a message that quotes what came."""
    head, mark, tail = text.partition(received)
    return head if mark and "`" in tail else text


def bad_json(value: BadValue) -> dict[str, Any]:
    """Return a value that cannot be read as the answer to its row; the value itself is quoted nowhere."""
    en, zh = _without_quote(value.words.en, ", received"), _without_quote(value.words.zh, "，收到")
    error = {
        "code": "value",
        "row": value.row,
        "column": value.column,
        "message": f"row {value.row}, column `{value.column}`: {en}",
        "message_zh": f"第 {value.row} 行，列 `{value.column}`：{zh}",
    }
    return {"error": error}


def refused_value(value: BadValue) -> Refused:
    """Return the refusal of a row by itself that holds a value which cannot be read."""
    error = bad_json(value)["error"]
    words = Words(error.pop("message"), error.pop("message_zh"))
    return Refused(422, error.pop("code"), words, **error)
