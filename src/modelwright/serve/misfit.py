"""What a field of a request should have been, in both languages; other than for options, nothing of what came is quoted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.core.validation import expected_of, gap
from modelwright.core.words import Words


def misfit(error: Mapping[str, Any]) -> Words:
    """Return what was expected, from one of pydantic's `ValidationError.errors()`; nothing of the request is in it."""
    kind = str(error["type"])
    if kind == "missing":
        return Words("it is missing", "缺少该字段")
    if kind == "extra_forbidden":
        return Words("there is no such field", "没有这个字段")
    expected = expected_of(error)
    if expected is None:
        return Words("it does not fit", "不符合要求")
    return Words(f"expected {expected.en}", f"应为{gap(expected.zh)}")
