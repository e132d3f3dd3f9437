"""JSON Schema as a grammar: answers that fit it, written compactly, properties in the order of the schema.

Known are type, enum, const, properties, required, additionalProperties, items, prefixItems, minItems, maxItems, anyOf,
oneOf, allOf of one, $ref inside the schema, minLength, maxLength, pattern, format, and bounds of integers. An object with
properties has no others. What else would bind the answer is refused by name, never passed over.
"""

from __future__ import annotations

import json
from typing import Any

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words
from modelwright.models.grammar import Alt, Automaton, Chars, Repeat, Rule, Seq, compile_grammar, inverted, text
from modelwright.models.regex import parse_regex

_SAID = frozenset(
    [
        "title",
        "description",
        "default",
        "examples",
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "definitions",
        "deprecated",
        "readOnly",
        "writeOnly",
        "strict",
    ]
)
_KNOWN = frozenset(
    [
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    ]
)
_LARGE = 10**15
_HEX = Chars(((48, 57), (65, 70), (97, 102)))
_DIGIT = Chars(((48, 57),))
_PLAIN = inverted(((0, 31), (34, 34), (92, 92)))
_ESCAPED = Seq(
    (text("\\"), Alt((Chars(tuple((ord(c), ord(c)) for c in '"\\/bfnrt')), Seq((text("u"), Repeat(_HEX, 4, 4))))))
)
_CHARACTER = Alt((Chars(_PLAIN), _ESCAPED))
_COMMA, _COLON = Seq((text(","), Repeat(text(" "), 0, 1))), Seq((text(":"), Repeat(text(" "), 0, 1)))
_WHOLE = Seq((Repeat(text("-"), 0, 1), Alt((text("0"), Seq((Chars(((49, 57),)), Repeat(_DIGIT, 0, 17)))))))
_FRACTION = Repeat(Seq((text("."), Repeat(_DIGIT, 1, 16))), 0, 1)
_POWER = Repeat(
    Seq((Chars(((69, 69), (101, 101))), Repeat(Chars(((43, 43), (45, 45))), 0, 1), Repeat(_DIGIT, 1, 3))), 0, 1
)
_NUMBER = Seq((_WHOLE, _FRACTION, _POWER))
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_FORMATS = {
    "date": _DATE, "time": _TIME, "date-time": f"{_DATE}T{_TIME}",
    "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "email": r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}",
    "ipv4": r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}",
    "uri": r"https?://[A-Za-z0-9./?&=%_~:#+-]{1,2000}",
}  # fmt: skip
# any JSON value, by rules that call themselves
_VALUES: dict[str, Any] = {
    "string": Seq((text('"'), Repeat(_CHARACTER, 0, None), text('"'))),
    "member": Seq((Rule("string"), _COLON, Rule("value"))),
    "object": Seq(
        (text("{"), Repeat(Seq((Rule("member"), Repeat(Seq((_COMMA, Rule("member"))), 0, None))), 0, 1), text("}"))
    ),
    "array": Seq(
        (text("["), Repeat(Seq((Rule("value"), Repeat(Seq((_COMMA, Rule("value"))), 0, None))), 0, 1), text("]"))
    ),
    "value": Alt((Rule("string"), Rule("object"), Rule("array"), _NUMBER, text("true"), text("false"), text("null"))),
}


def compile_json_object() -> Automaton:
    """Return the automaton of any JSON object."""
    return compile_grammar(Rule("object"), _VALUES)


def compile_schema(schema: Any) -> Automaton:
    """Return the automaton of JSON texts that fit a schema. Raises OptionError for keywords that are not known."""
    builder = _Builder(schema)
    start = builder.expression(schema, "#")
    return compile_grammar(start, builder.rules)


class _Builder:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.rules: dict[str, Any] = dict(_VALUES)

    def expression(self, s: Any, where: str) -> Any:
        if s is True or s == {}:
            return Rule("value")
        if not isinstance(s, dict):
            raise self.refuse(where, "is no schema", "不是有效的模式")
        for key in s:
            if key not in _SAID | _KNOWN:
                raise unknown(
                    Words(f"schema keyword at {where}", f"{where} 处的模式关键字"),
                    str(key),
                    sorted(_KNOWN),
                    OptionError,
                )
        if "$ref" in s:
            return self.reference(s["$ref"], where)
        if "const" in s:
            return text(_dumped(s["const"]))
        if "enum" in s:
            if not s["enum"]:
                raise self.refuse(where, "has an empty enum", "的 enum 为空")
            return Alt(tuple(text(_dumped(v)) for v in s["enum"]))
        for key in ("anyOf", "oneOf", "allOf"):
            if key in s:
                if key == "allOf" and len(s[key]) != 1:
                    raise self.refuse(where, "combines several schemas by allOf", "使用了多个 allOf 模式")
                return Alt(tuple(self.expression(p, f"{where}/{key}/{i}") for i, p in enumerate(s[key])))
        kinds = s.get("type", "object" if "properties" in s else "array" if "items" in s else None)
        if kinds is None:
            return self.string(s, where) if {"pattern", "format", "minLength", "maxLength"} & set(s) else Rule("value")
        made = [self.of_type(k, s, where) for k in (kinds if isinstance(kinds, list) else [kinds])]
        return made[0] if len(made) == 1 else Alt(tuple(made))

    def of_type(self, kind: str, s: dict[str, Any], where: str) -> Any:
        if kind == "object":
            return self.object(s, where)
        if kind == "array":
            return self.array(s, where)
        if kind == "string":
            return self.string(s, where)
        if kind == "integer":
            return self.integer(s, where)
        if kind == "number":
            return self.number(s, where)
        if kind == "boolean":
            return Alt((text("true"), text("false")))
        if kind == "null":
            return text("null")
        raise self.refuse(where, f"has the unknown type `{kind}`", f"的类型 `{kind}` 未知")

    def refuse(self, where: str, en: str, zh: str) -> OptionError:
        return OptionError(f"The JSON schema at {where} {en}.", f"JSON 模式在 {where} 处{zh}。")

    def reference(self, path: Any, where: str) -> Any:
        if not isinstance(path, str) or not (path == "#" or path.startswith("#/")):
            raise self.refuse(where, f"refers to `{path}`, outside the schema", f"引用了模式之外的 `{path}`")
        if path not in self.rules:
            goal = self.root
            for part in path[2:].split("/") if path != "#" else []:
                part = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(goal, dict) or part not in goal:
                    raise self.refuse(where, f"refers to `{path}`, which is not there", f"引用的 `{path}` 不存在")
                goal = goal[part]
            self.rules[path] = Seq(())  # known from now on, so that it may call itself
            self.rules[path] = self.expression(goal, path)
        return Rule(path)

    def object(self, s: dict[str, Any], where: str) -> Any:
        known = s.get("properties") or {}
        required = s.get("required") or []
        missing = [r for r in required if r not in known]
        if missing:
            raise self.refuse(
                where, f"requires `{missing[0]}`, which has no schema", f"要求 `{missing[0]}`，但未定义其模式"
            )
        if not known:
            more = s.get("additionalProperties", True)
            if more is False:
                return text("{}")
            if more is True or more == {}:
                return Rule("object")
            member = Seq((Rule("string"), _COLON, self.expression(more, f"{where}/additionalProperties")))
            return Seq((text("{"), Repeat(Seq((member, Repeat(Seq((_COMMA, member)), 0, None))), 0, 1), text("}")))
        members = [
            Seq((text(_dumped(k)), _COLON, self.expression(v, f"{where}/properties/{k}"))) for k, v in known.items()
        ]
        must = [k in required for k in known]
        # after a first member, then before one; rules keep what follows from being written out for every way there
        after: Any = Seq(())
        before: Any = Seq(())
        for i in range(len(members) - 1, -1, -1):
            name = f"{where}|after|{i}"
            self.rules[name] = after
            first = Seq((members[i], Rule(name)))
            before = first if must[i] else Alt((first, before))
            after = Seq((Repeat(Seq((_COMMA, members[i])), 1 if must[i] else 0, 1), Rule(name)))
            label = f"{where}|before|{i}"
            self.rules[label], before = before, Rule(label)
        return Seq((text("{"), before, text("}")))

    def array(self, s: dict[str, Any], where: str) -> Any:
        first = [self.expression(p, f"{where}/prefixItems/{i}") for i, p in enumerate(s.get("prefixItems") or [])]
        low, high = int(s.get("minItems", 0)), s.get("maxItems")
        items = s.get("items", True)
        if first:
            fixed = Seq(tuple(x for i, e in enumerate(first) for x in ([_COMMA, e] if i else [e])))
            if items is False or "items" not in s:
                return Seq((text("["), fixed, text("]")))
            item = self.expression(items, f"{where}/items")
            rest = Repeat(
                Seq((_COMMA, item)), max(0, low - len(first)), None if high is None else max(0, int(high) - len(first))
            )
            return Seq((text("["), fixed, rest, text("]")))
        item = self.expression(items, f"{where}/items")
        if high is not None and int(high) < max(1, low):
            return text("[]")
        some = Seq((item, Repeat(Seq((_COMMA, item)), max(0, low - 1), None if high is None else int(high) - 1)))
        return Seq((text("["), some if low else Repeat(some, 0, 1), text("]")))

    def string(self, s: dict[str, Any], where: str) -> Any:
        pattern = s.get("pattern")
        if pattern is None and s.get("format") is not None:
            if s["format"] not in _FORMATS:
                raise unknown(Words("string format", "字符串格式"), str(s["format"]), list(_FORMATS), OptionError)
            pattern = f"^({_FORMATS[s['format']]})$"
        if pattern is not None:
            if "minLength" in s or "maxLength" in s:
                raise self.refuse(
                    where,
                    "bounds the length beside a pattern or format; say it in the pattern",
                    "同时限定了长度与模式/格式；请写入模式中",
                )
            body = _escaped(parse_regex(pattern))
            anything = Repeat(_CHARACTER, 0, None)
            parts = [] if pattern.startswith("^") else [anything]
            parts += [body] if pattern.endswith("$") and not pattern.endswith("\\$") else [body, anything]
            return Seq((text('"'), *parts, text('"')))
        low, high = int(s.get("minLength", 0)), s.get("maxLength")
        return Seq((text('"'), Repeat(_CHARACTER, low, None if high is None else int(high)), text('"')))

    def number(self, s: dict[str, Any], where: str) -> Any:
        if s.get("minimum") == 0 and not {"maximum", "exclusiveMaximum", "exclusiveMinimum"} & set(s):
            return Seq((*_WHOLE.parts[1:], _FRACTION, _POWER))
        if {"minimum", "maximum", "exclusiveMaximum", "exclusiveMinimum"} & set(s):
            raise self.refuse(
                where,
                "bounds a number; bounds are known for integers, and minimum 0",
                "限定了数值范围；仅支持整数范围及 minimum 0",
            )
        return _NUMBER

    def integer(self, s: dict[str, Any], where: str) -> Any:
        if not {"minimum", "maximum", "exclusiveMaximum", "exclusiveMinimum"} & set(s):
            return _WHOLE
        low = max(int(s.get("minimum", -_LARGE)), int(s.get("exclusiveMinimum", -_LARGE - 1)) + 1)
        high = min(int(s.get("maximum", _LARGE)), int(s.get("exclusiveMaximum", _LARGE + 1)) - 1)
        if low > high:
            raise self.refuse(where, "leaves no integer between its bounds", "的整数范围为空")
        parts = []
        if low < 0:
            parts.append(Seq((text("-"), _between(max(1, -high), -low))))
        if high >= 0:
            parts.append(_between(max(0, low), high))
        return Alt(tuple(parts))


def _between(low: int, high: int) -> Any:
    """Return the expression of whole numbers from `low` to `high`, neither below 0, without leading zeros."""
    parts = []
    for size in range(len(str(low)), len(str(high)) + 1):
        a, b = max(low, 10 ** (size - 1) if size > 1 else 0), min(high, 10**size - 1)
        if a <= b:
            parts.append(_digits(str(a), str(b)))
    return Alt(tuple(parts))


def _digits(a: str, b: str) -> Any:
    if not a:
        return Seq(())
    first, last = int(a[0]), int(b[0])
    if first == last:
        return Seq((text(a[0]), _digits(a[1:], b[1:])))
    rest = len(a) - 1
    parts = [Seq((text(a[0]), _digits(a[1:], "9" * rest))), Seq((text(b[0]), _digits("0" * rest, b[1:])))]
    if last - first > 1:
        parts.append(Seq((Chars(((49 + first, 47 + last),)), Repeat(_DIGIT, rest, rest))))
    return Alt(tuple(parts))


def _escaped(e: Any) -> Any:
    """Return an expression of plain texts as one of how JSON writes them."""
    if isinstance(e, Chars):
        parts: list[Any] = []
        safe = []
        for low, high in e.ranges:
            safe += [(max(low, a), min(high, b)) for a, b in _PLAIN if max(low, a) <= min(high, b)]
            for code, written in ((34, '\\"'), (92, "\\\\"), (10, "\\n"), (9, "\\t"), (13, "\\r")):
                if low <= code <= high:
                    parts.append(text(written))
        if safe:
            parts.append(Chars(tuple(safe)))
        return Alt(tuple(parts))
    if isinstance(e, (Seq, Alt)):
        return type(e)(tuple(_escaped(p) for p in e.parts))
    return Repeat(_escaped(e.part), e.low, e.high) if isinstance(e, Repeat) else e


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
