"""What a field of a request should have been, in both languages, for what pydantic says of one that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.core.words import Words

_KINDS = {
    "string": Words("a text", "文本"),
    "int": Words("a whole number", "整数"),
    "float": Words("a number", "数值"),
    "bool": Words("true or false", " true 或 false"),
    "list": Words("a list", "列表"),
    "dict": Words("an object", "对象"),
    "model": Words("an object", "对象"),
}
_BOUNDS = {
    "greater_than_equal": ("ge", Words("at least {}", "不小于 {}")),
    "greater_than": ("gt", Words("more than {}", "大于 {}")),
    "less_than_equal": ("le", Words("at most {}", "不大于 {}")),
    "less_than": ("lt", Words("less than {}", "小于 {}")),
    "too_short": ("min_length", Words("at least {} entries", "至少有 {} 项")),
    "too_long": ("max_length", Words("at most {} entries", "至多有 {} 项")),
    "string_too_short": ("min_length", Words("at least {} characters", "至少有 {} 个字符")),
    "string_too_long": ("max_length", Words("at most {} characters", "至多有 {} 个字符")),
}


def misfit(error: Mapping[str, Any]) -> Words:
    """Return what was expected, from one of pydantic's `ValidationError.errors()`; nothing of the request is in it."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "missing":
        return Words("it is missing", "缺少该字段")
    if kind == "extra_forbidden":
        return Words("there is no such field", "没有这个字段")
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        bound = context.get(name)
        return Words(f"expected {words.en.format(bound)}", f"应{words.zh.format(bound)}")
    if kind == "literal_error":
        allowed = str(context.get("expected", ""))
        return Words(f"expected {allowed}", f"应为 {allowed.replace(' or ', ' 或 ')}")
    found = _KINDS.get(kind.split("_")[0])
    if found is not None:
        return Words(f"expected {found.en}", f"应为{found.zh}")
    return Words("it does not fit", "不符合要求")
