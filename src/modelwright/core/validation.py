"""What a check of types and limits finds, in words of both languages: one place for options, settings and requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from modelwright.core.words import Words

_KINDS = {  # what was expected, by the beginning of the error's type
    "string": Words("text", "文本"),
    "int": Words("a whole number", "整数"),
    "float": Words("a number", "数字"),
    "decimal": Words("a number", "数字"),
    "bool": Words("true or false", "true 或 false"),
    "list": Words("a list", "列表"),
    "tuple": Words("a list", "列表"),
    "dict": Words("names with values", "名称与取值的映射"),
    "model": Words("names with values", "名称与取值的映射"),
    "mapping": Words("names with values", "名称与取值的映射"),
    "json": Words("JSON", "JSON"),
    "url": Words("a URL", "URL"),
    "date": Words("a date", "日期"),
}
_WHOLE = 1e15  # below which every whole number is a float of its own
_LIMITS = {
    "greater_than": ("gt", Words("more than {n}", "大于 {n} 的数值")),
    "greater_than_equal": ("ge", Words("at least {n}", "不小于 {n} 的数值")),
    "less_than": ("lt", Words("less than {n}", "小于 {n} 的数值")),
    "less_than_equal": ("le", Words("at most {n}", "不大于 {n} 的数值")),
}
_LENGTHS = {
    "string_too_short": ("min_length", Words("at least {n} characters", "至少 {n} 个字符")),
    "string_too_long": ("max_length", Words("at most {n} characters", "至多 {n} 个字符")),
    "too_short": ("min_length", Words("at least {n} entries", "至少 {n} 项")),
    "too_long": ("max_length", Words("at most {n} entries", "至多 {n} 项")),
}


def first_words(error: ValidationError) -> tuple[str, Words]:
    """Return where the first finding stands (`name` or `name.part`) and what it says."""
    first = error.errors(include_url=False)[0]
    return ".".join(str(part) for part in first["loc"]), words_of(first)


def words_of(found: Mapping[str, Any]) -> Words:
    """Return what one finding of a ValidationError (an item of its `errors()`) says: what was expected and what came."""
    kind = str(found["type"])
    if kind == "missing":
        return Words("it is missing.", "缺少该项。")
    if kind == "extra_forbidden":
        return Words("there is no such name here.", "没有这个名称。")
    came = shown(found.get("input"))
    expected = expected_of(found)
    if expected is None:
        return Words(f"{found['msg']}; received {came}.", f"{found['msg']}；收到的是 {came}。")
    return Words(f"expected {expected.en}, received {came}.", f"应为{gap(expected.zh)}，收到的是 {came}。")


def expected_of(found: Mapping[str, Any]) -> Words | None:
    """Return what a finding says was expected, without what came; None where there are no words for it."""
    kind, context = str(found["type"]), found.get("ctx") or {}
    if kind in ("literal_error", "enum"):
        text = str(context.get("expected", ""))
        names = [part.strip("'") for part in text.replace(" or ", ", ").split(", ")]
        return Words(_joined(names, " or ", ", "), _joined(names, " 或 ", "、"))
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return words.fill(n=f"{context[key]:g}" if isinstance(context[key], (int, float)) else context[key])
    if kind == "finite_number":
        return Words("a finite number", "有限的数字")
    for ending, (key, words) in _LENGTHS.items():
        if kind.endswith(ending):
            return words.fill(n=context[key])
    return _KINDS.get(kind.split("_")[0])


def gap(text: str) -> str:
    """Return a Chinese text with a blank before it where it begins with Latin letters or digits."""
    return f" {text}" if text[:1].isascii() else text


def _joined(names: list[str], last: str, between: str) -> str:
    return names[0] if len(names) == 1 else between.join(names[:-1]) + last + names[-1]


def shown(value: Any) -> str:
    """Return a value as it is shown in a message, cut where it is long."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        value = int(value)  # as people write it: a column of numbers holds 7 as 7.0
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"`{text[:80]}{'...' if len(text) > 80 else ''}`"
