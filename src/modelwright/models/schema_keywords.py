"""The keywords of JSON Schema that are known here, in drafts 2020-12 and 4; whatever else would bind an answer is refused by name."""

from __future__ import annotations

import json
import math
from typing import Any

from modelwright.core.errors import OptionError, unknown
from modelwright.core.plain_json import is_number
from modelwright.core.words import Words, chinese

# what describes, and binds no answer
ANNOTATIONS = frozenset(
    ["title", "description", "default", "examples", "$schema", "$id", "id", "$comment", "$defs", "definitions", "deprecated",
     "readOnly", "writeOnly", "strict", "contentEncoding", "contentMediaType", "contentSchema"]
)  # fmt: skip
# which kinds of values each keyword binds
BINDS: dict[str, str] = {
    "properties": "object", "required": "object", "additionalProperties": "object", "minProperties": "object",
    "maxProperties": "object", "items": "array", "prefixItems": "array", "additionalItems": "array", "minItems": "array",
    "maxItems": "array", "uniqueItems": "array", "minLength": "string", "maxLength": "string", "pattern": "string",
    "format": "string", "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
    "multipleOf": "number",
}  # fmt: skip
KNOWN = frozenset(["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", *BINDS])
KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_OLD = ("draft-03", "draft-04", "draft-06", "draft-07", "2019-09")  # where a list of `items` is a tuple


def refuse(where: str, en: str, zh: str) -> OptionError:
    """Return the refusal of a schema at a place in it."""
    return OptionError(f"The JSON schema at {where} {en}.", chinese(f"JSON 模式在 {where} 处", zh, "。"))


def check_keywords(s: Any, where: str, dialect: str = "") -> None:
    """Refuse, by name, what is no schema, unknown keywords and keywords with values of the wrong kind. Raises OptionError.

    `dialect` is the `$schema` of the whole; empty where it does not say, and then both drafts' forms are read.
    """
    if not isinstance(s, (dict, bool)):
        raise refuse(where, "is no schema", "不是有效的模式")
    if isinstance(s, bool):
        return
    for key, value in s.items():
        if key not in ANNOTATIONS | KNOWN:
            raise unknown(
                Words(f"schema keyword at {where}", f"{where} 处的模式关键字"), str(key), sorted(KNOWN), OptionError
            )
        if not _well_formed(key, value):
            shown = json.dumps(value, ensure_ascii=False)[:60]
            raise refuse(where, f"has the value {shown} for `{key}`, which cannot be", f"的 `{key}` 不能是 {shown}")
    if where != "#" and any(isinstance(s.get(k), str) for k in ("$id", "id")):
        raise refuse(where, "names itself by `$id`; only the whole may", "内层使用了 `$id`；仅最外层可以使用")
    old = any(d in dialect for d in _OLD)
    if (old and "prefixItems" in s) or (dialect and not old and isinstance(s.get("items"), list)):
        raise refuse(
            where, "lists items in a form of another draft than its `$schema`", "的数组写法与 `$schema` 声明的版本不符"
        )


def _well_formed(key: str, value: Any) -> bool:
    if key in ("anyOf", "oneOf", "allOf"):
        return isinstance(value, list) and bool(value)
    if key == "prefixItems":
        return isinstance(value, list)
    if key == "enum":
        return isinstance(value, list) and bool(value)
    if key == "properties":
        return isinstance(value, dict)
    if key == "required":
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if key == "type":
        kinds = value if isinstance(value, list) else [value]
        return bool(kinds) and all(k in KINDS for k in kinds)
    if key in _COUNTS:
        return whole(value) and value >= 0
    if key in ("minimum", "maximum"):
        return is_number(value)
    if key in ("exclusiveMinimum", "exclusiveMaximum"):
        return is_number(value) or isinstance(value, bool)
    if key == "multipleOf":
        return is_number(value) and value > 0
    if key == "uniqueItems":
        return isinstance(value, bool)
    if key in ("pattern", "format", "$ref"):
        return isinstance(value, str)
    return True


def whole(value: Any) -> bool:
    """Return whether a JSON value is a number without a fraction."""
    return is_number(value) and float(value).is_integer()


def same(a: Any, b: Any) -> bool:
    """Return whether two JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    return type(a) is type(b) and a == b if not (is_number(a) and is_number(b)) else a == b


def bounds(s: dict[str, Any]) -> tuple[float, bool, float, bool]:
    """Return (low, whether low itself is out, high, whether high itself is out), as draft 4 or later ones write them."""
    low, high = s.get("minimum", -math.inf), s.get("maximum", math.inf)
    low_out = high_out = False
    under, over = s.get("exclusiveMinimum"), s.get("exclusiveMaximum")
    if isinstance(under, bool):
        low_out = under and "minimum" in s
    elif under is not None and under >= low:
        low, low_out = under, True
    if isinstance(over, bool):
        high_out = over and "maximum" in s
    elif over is not None and over <= high:
        high, high_out = over, True
    return low, low_out, high, high_out
