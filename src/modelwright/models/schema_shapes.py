"""What a JSON schema asks for, all its keywords together: the shapes of values that fit, each of one kind.

Keywords side by side all hold: `$ref`, `allOf`, `anyOf` and `oneOf` beside others narrow what those leave. A shape may be
narrower than the schema, never wider, so that whatever is written after it fits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.plain_json import is_number
from modelwright.models.grammar import compile_grammar
from modelwright.models.regex import parse_found
from modelwright.models.schema_keywords import BINDS, KINDS, bounds, check_keywords, refuse, same, whole

_MOST = 256  # shapes of one schema
_DEEP = 40  # schemas inside one another while values are compared
_VALUES = 1000  # multiples that are written out

Part = tuple[dict[str, Any], str]  # a schema without combining keywords, and where it stands
Conjunction = tuple[tuple[Any, str], ...]  # schemas that all hold, and where they stand


@dataclass
class Shape:
    """Values of one kind; which fields count depends on it. `kind` `const` is one value, `any` whatever there is."""

    kind: str
    where: str
    value: Any = None
    low: float = -math.inf
    high: float = math.inf
    low_out: bool = False
    high_out: bool = False
    least: int = 0  # characters, items or members
    most: int | None = None
    pattern: str | None = None
    format: str | None = None
    first: list[Conjunction] = field(default_factory=list)  # items by position
    rest: Conjunction = ()  # further items, or members that are not named
    open: bool = True  # whether there may be further items
    members: dict[str, Conjunction] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    parts: list[Part] = field(default_factory=list)


class Shapes:
    """Finds shapes of conjunctions of schemas inside one root."""

    def __init__(self, root: Any) -> None:
        self.root = root
        said = root.get("$schema") if isinstance(root, dict) else None
        self.dialect = said if isinstance(said, str) else ""

    def of(self, conjunction: Conjunction, *, wide: bool = False) -> list[Shape]:
        """Return the shapes of values that fit all of these schemas; empty where none does. Raises OptionError.

        `wide`: of all that fits, also of kinds that the schemas say nothing about.
        """
        out: list[Shape] = []
        for parts in self._alternatives(conjunction, frozenset()):
            out += self._merged(parts, wide=wide)
            if len(out) > _MOST:
                raise refuse(conjunction[0][1], "has too many alternatives", "的可选组合过多")
        return out

    def target(self, path: str, where: str) -> Any:
        """Return the schema that a `$ref` names. Raises OptionError where it is outside or not there."""
        if not (path == "#" or path.startswith("#/")):
            raise refuse(where, f"refers to `{path}`, outside the schema", f"引用了模式之外的 `{path}`")
        goal = self.root
        for part in path[2:].split("/") if path != "#" else []:
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(goal, list) and part.isdigit() and int(part) < len(goal):
                goal = goal[int(part)]
            elif isinstance(goal, dict) and part in goal:
                goal = goal[part]
            else:
                raise refuse(where, f"refers to `{path}`, which is not there", f"引用的 `{path}` 不存在")
        return goal

    def _alternatives(self, conjunction: Conjunction, seen: frozenset[str]) -> list[list[Part]]:
        """Return the conjunction as alternatives, each some schemas without combining keywords."""
        found: list[list[Part]] = [[]]
        for s, where in conjunction:
            check_keywords(s, where, self.dialect)
            if s is False:
                return []
            if s is True or not s:
                continue
            plain: list[list[Part]] = [[({k: v for k, v in s.items() if k not in _COMBINE}, where)]]
            if "$ref" in s:
                if s["$ref"] in seen:
                    raise refuse(
                        where,
                        f"refers to `{s['$ref']}`, which refers back to itself",
                        f"引用的 `{s['$ref']}` 又引用了自身",
                    )
                goal = self.target(s["$ref"], where)
                plain = _product(plain, self._alternatives(((goal, s["$ref"]),), seen | {s["$ref"]}), where)
            if "allOf" in s:
                every = tuple((p, f"{where}/allOf/{i}") for i, p in enumerate(s["allOf"]))
                plain = _product(plain, self._alternatives(every, seen), where)
            if "anyOf" in s:
                some = [self._alternatives(((p, f"{where}/anyOf/{i}"),), seen) for i, p in enumerate(s["anyOf"])]
                plain = _product(plain, [a for option in some for a in option], where)
            if "oneOf" in s:
                plain = self._exclusive(s["oneOf"], plain, where, seen)
            found = _product(found, plain, where)
        return found

    def _exclusive(
        self, options: list[Any], beside: list[list[Part]], where: str, seen: frozenset[str]
    ) -> list[list[Part]]:
        """Return the alternatives of `oneOf`, as far as no value of one can fit another. Raises OptionError where it may."""
        made = [
            _product(beside, self._alternatives(((p, f"{where}/oneOf/{i}"),), seen), where)
            for i, p in enumerate(options)
        ]
        out: list[list[Part]] = []
        for i, own in enumerate(made):
            others = [o for j, o in enumerate(options) if j != i]
            other_shapes = [s for j, o in enumerate(made) if j != i for p in o for s in self._merged(p, wide=True)]
            for parts in own:
                shapes = self._merged(parts)
                if shapes and all(s.kind == "const" for s in shapes):
                    kept = [s.value for s in shapes if not any(self.admits(s.value, o, where) for o in others)]
                    out += [[({"enum": kept}, where)]] if kept else []
                    continue
                if not all(self._apart(s, o) for s in shapes for o in other_shapes):
                    raise refuse(
                        where,
                        "has a oneOf of which two may hold at once; write anyOf, or tell them apart by a const",
                        "的 oneOf 中可能有两个同时成立；请改用 anyOf，或用 const 加以区分",
                    )
                out.append(parts)
        return out

    def _apart(self, a: Shape, b: Shape) -> bool:
        """Return whether no value written after shape `a` fits the schemas of the wide shape `b`; False where it cannot be told."""
        if a.kind == "const":
            return not all(self.admits(a.value, s, w) for s, w in b.parts)
        if "any" in (a.kind, b.kind):
            return False
        if b.kind == "const":
            return self._excludes(a, b.value)
        numeric = {"number", "integer"}
        if a.kind != b.kind and not {a.kind, b.kind} <= numeric:
            return True
        if a.kind in numeric:
            below = a.high < b.low or (a.high == b.low and (a.high_out or b.low_out))
            return below or b.high < a.low or (b.high == a.low and (b.high_out or a.low_out))
        if a.kind in ("boolean", "null"):
            return False
        lengths = (a.most is not None and a.most < b.least) or (b.most is not None and b.most < a.least)
        if a.kind != "object":
            return lengths
        named = set(a.members)
        if named and any(r not in named for r in b.required):  # what is written has the named members only
            return True
        for name in set(a.required) & set(b.members):
            mine, theirs = self.of(a.members[name]), self.of(b.members[name], wide=True)
            if all(self._apart(x, y) for x in mine for y in theirs):
                return True
        return False

    def _excludes(self, a: Shape, value: Any) -> bool:
        return not all(self.admits(value, s, w) for s, w in a.parts)

    # -- schemas side by side --------------------------------------------------------------------------------------

    def _merged(self, parts: list[Part], *, wide: bool = False) -> list[Shape]:
        """Return the shapes of values that fit all of some plain schemas."""
        where = parts[0][1] if parts else "#"
        values = [([s["const"]] if "const" in s else s["enum"]) for s, _ in parts if "const" in s or "enum" in s]
        if values:
            fitting = [v for v in values[0] if all(self.admits(v, s, w) for s, w in parts)]
            return [Shape("const", where, value=v, parts=parts) for v in fitting]
        return [s for kind in _kinds(parts, wide) for s in self._of_kind(kind, parts, where)]

    def _of_kind(self, kind: str, parts: list[Part], where: str) -> Iterator[Shape]:
        shape = Shape(kind, where, parts=parts)
        if kind in ("number", "integer"):
            yield from _numbers(shape, parts)
            return
        for s, at in parts:
            if kind == "string":
                _narrow(shape, s.get("minLength", 0), s.get("maxLength"))
                for key in ("pattern", "format"):
                    if key in s:
                        before = getattr(shape, key)
                        if before is not None and before != s[key]:
                            raise refuse(at, f"has two unlike {key}s at once", f"同时有两个不同的 {key}")
                        setattr(shape, key, s[key])
            elif kind == "array":
                _narrow(shape, s.get("minItems", 0), s.get("maxItems"))
                if s.get("uniqueItems"):
                    raise refuse(at, "asks for unlike items (uniqueItems)", "要求元素互不相同（uniqueItems）")
            elif kind == "object":
                _narrow(shape, s.get("minProperties", 0), s.get("maxProperties"))
        if kind == "array":
            _items(shape, parts)
        elif kind == "object":
            _members(shape, parts)
        if shape.most is None or shape.least <= shape.most:
            yield shape

    # -- values ----------------------------------------------------------------------------------------------------

    def admits(self, value: Any, s: Any, where: str, depth: int = 0) -> bool:
        """Return whether a value fits a schema. Raises OptionError for keywords that are not known."""
        check_keywords(s, where, self.dialect)
        if isinstance(s, bool):
            return s
        if depth > _DEEP:
            raise refuse(where, "is nested too deeply", "嵌套过深")

        def fits(v: Any, sub: Any) -> bool:
            return self.admits(v, sub, where, depth + 1)

        if "$ref" in s and not fits(value, self.target(s["$ref"], where)):
            return False
        if "const" in s and not same(value, s["const"]):
            return False
        if "enum" in s and not any(same(value, v) for v in s["enum"]):
            return False
        if not all(fits(value, p) for p in s.get("allOf", [])):
            return False
        if "anyOf" in s and not any(fits(value, p) for p in s["anyOf"]):
            return False
        if "oneOf" in s and sum(fits(value, p) for p in s["oneOf"]) != 1:
            return False
        said = s.get("type")
        if said is not None and not any(_is(value, k) for k in (said if isinstance(said, list) else [said])):
            return False
        if is_number(value):
            low, low_out, high, high_out = bounds(s)
            if value < low or value > high or (low_out and value == low) or (high_out and value == high):
                return False
            return "multipleOf" not in s or float(value / s["multipleOf"]).is_integer()
        if isinstance(value, str):
            return _counts(len(value), s, "Length") and _matches(value, s)
        if isinstance(value, list):
            first, rest = _positions(s)
            each = all(fits(v, first[i] if i < len(first) else rest) for i, v in enumerate(value))
            unlike = not s.get("uniqueItems") or not any(
                same(a, b) for i, a in enumerate(value) for b in value[i + 1 :]
            )
            return each and unlike and _counts(len(value), s, "Items")
        if isinstance(value, dict):
            known, more = s.get("properties", {}), s.get("additionalProperties", True)
            each = all(fits(v, known.get(k, more)) for k, v in value.items())
            return each and all(r in value for r in s.get("required", [])) and _counts(len(value), s, "Properties")
        return True


_COMBINE = frozenset(["$ref", "allOf", "anyOf", "oneOf"])


def _product(a: list[list[Part]], b: list[list[Part]], where: str) -> list[list[Part]]:
    if len(a) * len(b) > _MOST:
        raise refuse(where, "has too many alternatives", "的可选组合过多")
    return [x + y for x in a for y in b]


def _kinds(parts: Iterable[Part], wide: bool) -> list[str]:
    """Return the kinds that all allow: those said; else, unless `wide`, those that keywords are about; else `any`."""
    said = [s["type"] if isinstance(s["type"], list) else [s["type"]] for s, _ in parts if "type" in s]
    if not said:
        about = {BINDS[k] for s, _ in parts for k in s if k in BINDS}
        if about and wide:
            return [k for k in KINDS if k != "integer"]
        return [k for k in KINDS if k in about] or ["any"]
    out = []
    for kind in KINDS:
        allowed = [kind in own or (kind == "integer" and "number" in own) for own in said]
        if all(allowed):
            out.append(kind)
    return [k for k in out if not (k == "integer" and "number" in out)]


def _narrow(shape: Shape, least: float, most: float | None) -> None:
    shape.least = max(shape.least, int(least))
    if most is not None:
        shape.most = int(most) if shape.most is None else min(shape.most, int(most))


def _numbers(shape: Shape, parts: list[Part]) -> Iterator[Shape]:
    steps = []
    for s, at in parts:
        low, low_out, high, high_out = bounds(s)
        if low > shape.low or (low == shape.low and low_out):
            shape.low, shape.low_out = low, low_out
        if high < shape.high or (high == shape.high and high_out):
            shape.high, shape.high_out = high, high_out
        if "multipleOf" in s and not (shape.kind == "integer" and s["multipleOf"] == 1):
            steps.append((s["multipleOf"], at))
    if not steps:
        yield shape
        return
    step, at = steps[0]
    if len(steps) > 1 or not whole(step) or not math.isfinite(shape.high - shape.low):
        raise refuse(at, "asks for multiples (multipleOf) without two bounds", "使用了 multipleOf 但没有上下界")
    first, last = math.ceil(shape.low / step), math.floor(shape.high / step)
    if last - first >= _VALUES:
        raise refuse(at, f"leaves more than {_VALUES} multiples", f"的倍数多于 {_VALUES} 个")
    for i in range(first, last + 1):
        value = i * int(step)
        if not (shape.low_out and value == shape.low) and not (shape.high_out and value == shape.high):
            yield Shape("const", shape.where, value=value, parts=parts)


def _positions(s: dict[str, Any]) -> tuple[list[Any], Any]:
    """Return the schemas of the first items, and that of further ones, as either draft writes them."""
    items = s.get("items", True)
    if isinstance(items, list):
        return items, s.get("additionalItems", True)
    return s.get("prefixItems", []), items


def _items(shape: Shape, parts: list[Part]) -> None:
    spread = [(*_positions(s), s, where) for s, where in parts]
    length = max((len(first) for first, *_ in spread), default=0)
    for i in range(length):
        shape.first.append(
            tuple((first[i] if i < len(first) else rest, f"{w}/prefixItems/{i}") for first, rest, _, w in spread)
        )
    shape.rest = tuple((rest, f"{w}/items") for _, rest, _, w in spread if rest is not True)
    # a tuple of which nothing says how it goes on ends there, unless more items are asked for
    goes_on = any("items" in s and not isinstance(s["items"], list) for *_, s, _ in spread)
    goes_on = goes_on or any("additionalItems" in s for *_, s, _ in spread)
    shape.open = not length or goes_on or shape.least > length


def _members(shape: Shape, parts: list[Part]) -> None:
    required: dict[str, None] = {}
    names: dict[str, None] = {}
    for s, _ in parts:
        names.update(dict.fromkeys(s.get("properties", {})))
        required.update(dict.fromkeys(s.get("required", [])))
    names.update(required)
    for name in names:
        shape.members[name] = tuple(
            (s["properties"][name], f"{w}/properties/{name}")
            if name in s.get("properties", {})
            else (s.get("additionalProperties", True), f"{w}/additionalProperties")
            for s, w in parts
        )
    shape.required = tuple(required)
    more = [(s["additionalProperties"], f"{w}/additionalProperties") for s, w in parts if "additionalProperties" in s]
    shape.rest = tuple(more)


def _is(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        return is_number(value) and (kind == "number" or whole(value))
    types: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, types[kind])


def _counts(size: int, s: dict[str, Any], of: str) -> bool:
    return size >= s.get(f"min{of}", 0) and size <= s.get(f"max{of}", math.inf)


def _matches(value: str, s: dict[str, Any]) -> bool:
    if "pattern" not in s:
        return True
    return compile_grammar(parse_found(s["pattern"])).accepts(value.encode("utf-8", "surrogatepass"))


def key_of(conjunction: Conjunction) -> str:
    """Return one text for equal conjunctions."""
    return json.dumps([s for s, _ in conjunction], sort_keys=True, ensure_ascii=False)
