"""JSON Schema as a grammar: answers that fit it, written compactly, properties in the order of the schema.

All keywords of a schema hold together (`schema_shapes.py`), in the forms of drafts 2020-12 and 4. An object with properties
has no others. What is not known is refused by name, never passed over (`schema_keywords.py`).
"""

from __future__ import annotations

import json
from typing import Any

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words
from modelwright.models.grammar import Alt, Automaton, Chars, Repeat, Rule, Seq, compile_grammar, inverted, text
from modelwright.models.number_grammar import ANY_NUMBER, ANY_WHOLE, NEVER, integers, numbers
from modelwright.models.regex import parse_found, parse_regex
from modelwright.models.schema_keywords import refuse
from modelwright.models.schema_shapes import Conjunction, Shape, Shapes, key_of

_MOST_RULES = 4_000
_HEX = Chars(((48, 57), (65, 70), (97, 102)))
_PLAIN = inverted(((0, 31), (34, 34), (92, 92)))
# halves of surrogate pairs are no characters by themselves, and two would count as one
_CODE = Alt((
    Seq((Chars(((48, 57), (65, 67), (69, 70), (97, 99), (101, 102))), Repeat(_HEX, 3, 3))),
    Seq((Chars(((68, 68), (100, 100))), Chars(((48, 55),)), Repeat(_HEX, 2, 2))),
))  # fmt: skip
_ESCAPED = Seq((text("\\"), Alt((Chars(tuple((ord(c), ord(c)) for c in '"\\/bfnrt')), Seq((text("u"), _CODE))))))
_CHARACTER = Alt((Chars(_PLAIN), _ESCAPED))
_ANYTHING = Chars(inverted(()))
_COMMA, _COLON = Seq((text(","), Repeat(text(" "), 0, 1))), Seq((text(":"), Repeat(text(" "), 0, 1)))
_DATE = r"[1-9]\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
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
    "value": Alt(
        (Rule("string"), Rule("object"), Rule("array"), ANY_NUMBER, text("true"), text("false"), text("null"))
    ),
}


def compile_json_object() -> Automaton:
    """Return the automaton of any JSON object."""
    return compile_grammar(Rule("object"), _VALUES)


def compile_schema(schema: Any) -> Automaton:
    """Return the automaton of JSON texts that fit a schema. Raises OptionError for keywords that are not known, and where nothing fits."""
    builder = _Builder(schema)
    start = builder.expression(((schema, "#"),))
    ends = _ending(builder.rules)
    if not _possible(start, builder.rules, ends):
        raise refuse("#", "has no value that fits", "没有任何值能满足")
    rules = {n: _pruned(e, builder.rules, ends) for n, e in builder.rules.items() if n in ends}
    return compile_grammar(_pruned(start, builder.rules, ends), rules)


class _Builder:
    def __init__(self, root: Any) -> None:
        self.shapes = Shapes(root)
        self.rules: dict[str, Any] = dict(_VALUES)

    def expression(self, conjunction: Conjunction) -> Any:
        """Return the expression of values that fit all of these schemas; a rule where it may call itself."""
        key = key_of(conjunction)
        if '"$ref"' not in key:
            return self.written(conjunction)
        if key not in self.rules:
            if len(self.rules) >= _MOST_RULES:
                raise refuse(conjunction[0][1], "is too large", "过大")
            self.rules[key] = NEVER  # known from now on, so that it may call itself
            self.rules[key] = self.written(conjunction)
        return Rule(key)

    def written(self, conjunction: Conjunction) -> Any:
        made = [self.shape(s) for s in self.shapes.of(conjunction)]
        return made[0] if len(made) == 1 else Alt(tuple(made))

    def shape(self, s: Shape) -> Any:
        if s.kind == "const":
            return text(_dumped(s.value))
        if s.kind == "object":
            return self.object(s)
        if s.kind == "array":
            return self.array(s)
        if s.kind == "string":
            return self.string(s)
        if s.kind == "number":
            return numbers(s.low, s.low_out, s.high, s.high_out)
        if s.kind == "integer":
            free = s.low == -float("inf") and s.high == float("inf")
            return ANY_WHOLE if free else integers(s.low, s.low_out, s.high, s.high_out)
        if s.kind == "boolean":
            return Alt((text("true"), text("false")))
        return text("null") if s.kind == "null" else Rule("value")

    def object(self, s: Shape) -> Any:
        if not s.members:
            return self.free_object(s)
        if s.least > len(s.required):
            raise refuse(
                s.where,
                "asks for more members (minProperties) than it requires by name",
                "的 minProperties 大于 required 的个数",
            )
        names = [n for n in s.members if n in s.required or s.most is None or s.most >= len(s.members)]
        if s.most is not None and len(names) > s.most:
            return NEVER
        members = [Seq((text(_dumped(n)), _COLON, self.expression(s.members[n]))) for n in names]
        must = [n in s.required for n in names]
        # after a first member, then before one; rules keep what follows from being written out for every way there
        after: Any = Seq(())
        before: Any = Seq(())
        for i in range(len(members) - 1, -1, -1):
            name = f"{len(self.rules)}|after"
            self.rules[name] = after
            first = Seq((members[i], Rule(name)))
            before = first if must[i] else Alt((first, before))
            after = Seq((Repeat(Seq((_COMMA, members[i])), 1 if must[i] else 0, 1), Rule(name)))
            label = f"{len(self.rules)}|before"
            self.rules[label], before = before, Rule(label)
        return Seq((text("{"), before, text("}")))

    def free_object(self, s: Shape) -> Any:
        """Return the expression of an object none of whose members is named."""
        if s.least > 1 or (s.most is not None and s.most > 0 and s.least):
            raise refuse(
                s.where, "counts members (minProperties) that have no names", "用 minProperties 限定了未命名的成员"
            )
        if s.most is not None:
            return text("{}")
        if not s.rest and not s.least:
            return Rule("object")
        value = self.expression(s.rest) if s.rest else Rule("value")
        member = Seq((Rule("string"), _COLON, value))
        some = Seq((member, Repeat(Seq((_COMMA, member)), 0, None)))
        return Seq((text("{"), some if s.least else Repeat(some, 0, 1), text("}")))

    def array(self, s: Shape) -> Any:
        if s.most == 0:
            return text("[]")
        first = [self.expression(c) for c in s.first][: s.most]
        item = (self.expression(s.rest) if s.rest else Rule("value")) if s.open else NEVER
        if first:
            least = max(0, s.least - len(first))
            most = None if s.most is None else s.most - len(first)
            rest = Repeat(Seq((_COMMA, item)), least, most) if s.open else Seq(())
            # from the last one, so that a position nothing fits ends what may be left out
            tail: Any = rest
            for i in range(len(first) - 1, -1, -1):
                tail = Seq((_COMMA, first[i], tail)) if i else Seq((first[i], tail))
                if s.least <= i and not _possible(first[i], self.rules):
                    tail = Seq(())
            return Seq((text("["), tail, text("]")))
        some = Seq((item, Repeat(Seq((_COMMA, item)), max(0, s.least - 1), None if s.most is None else s.most - 1)))
        return Seq((text("["), some if s.least else Repeat(some, 0, 1), text("]")))

    def string(self, s: Shape) -> Any:
        if s.pattern is None and s.format is None:
            return Seq((text('"'), Repeat(_CHARACTER, s.least, s.most), text('"')))
        if s.pattern is not None and s.format is not None:
            raise refuse(s.where, "has a pattern and a format; keep one", "同时有 pattern 与 format；请保留其一")
        if s.least or s.most is not None:
            raise refuse(
                s.where,
                "bounds the length beside a pattern or format; say it in the pattern",
                "同时限定了长度与模式/格式；请写入模式中",
            )
        if s.format is not None:
            if s.format not in _FORMATS:
                raise unknown(Words("string format", "字符串格式"), s.format, list(_FORMATS), OptionError)
            return Seq((text('"'), _escaped(parse_regex(_FORMATS[s.format])), text('"')))
        return Seq((text('"'), _escaped(parse_found(s.pattern or "", _ANYTHING)), text('"')))


def _possible(e: Any, rules: dict[str, Any], known: frozenset[str] | None = None) -> bool:
    """Return whether anything at all fits an expression."""
    ends = _ending(rules) if known is None else known
    if isinstance(e, Chars):
        return bool(e.ranges)
    if isinstance(e, Seq):
        return all(_possible(p, rules, ends) for p in e.parts)
    if isinstance(e, Alt):
        return any(_possible(p, rules, ends) for p in e.parts)
    if isinstance(e, Repeat):
        return e.low == 0 or _possible(e.part, rules, ends)
    return not isinstance(e, Rule) or e.name in ends


def _ending(rules: dict[str, Any]) -> frozenset[str]:
    """Return the rules that something fits: those that need not call themselves for ever."""
    found: frozenset[str] = frozenset()
    while True:
        more = frozenset(n for n, e in rules.items() if n in found or _possible(e, rules, found))
        if more == found:
            return found
        found = more


def _pruned(e: Any, rules: dict[str, Any], ends: frozenset[str]) -> Any:
    """Return an expression without the ways that lead to no end, so that nobody who follows it gets stuck."""
    if isinstance(e, Seq):
        return Seq(tuple(_pruned(p, rules, ends) for p in e.parts))
    if isinstance(e, Alt):
        return Alt(tuple(_pruned(p, rules, ends) for p in e.parts if _possible(p, rules, ends)))
    if isinstance(e, Repeat):
        return Repeat(_pruned(e.part, rules, ends), e.low, e.high) if _possible(e.part, rules, ends) else Seq(())
    return e


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
