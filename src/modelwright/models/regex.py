"""Regular expressions as grammars: literals, classes, groups, alternatives, repetition.

Dialects differ in what a class holds (`\\d` of Python holds every script's digits, JavaScript's only ten), so a class is read
as what all of them agree on. What needs more than an automaton (references back, looking around) is refused by name.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from modelwright.core.errors import OptionError
from modelwright.models.grammar import LAST, Alt, Automaton, Chars, Repeat, Seq, compile_grammar, inverted

Ranges = tuple[tuple[int, int], ...]

# what every dialect counts to a class
_LEAST: dict[str, Ranges] = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
_SPACES: Ranges = ((9, 13), (28, 32), (133, 133), (160, 160), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
                   (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF))  # fmt: skip
_LINES: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_CLASSES = frozenset("dwsDWS")
_ESCAPES = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "0": 0}
_LONGEST = 1000  # of a repetition


@cache
def _most(letter: str) -> Ranges:
    """Return what any dialect counts to a class: for `w` and `d` the letters and digits of every script."""
    if letter == "s":
        return _SPACES
    held = (lambda c: c.isdecimal()) if letter == "d" else (lambda c: c.isalnum() or c == "_")
    ranges: list[tuple[int, int]] = []
    for code in range(LAST + 1):
        if held(chr(code)):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1] = (ranges[-1][0], code)
            else:
                ranges.append((code, code))
    return tuple(ranges)


def _class(letter: str, negated: bool = False) -> Ranges:
    """Return the ranges of a class such as `d` or `D`; `negated` where it stands in a set that is turned round."""
    if letter.islower():
        return _most(letter) if negated else _LEAST[letter]
    return inverted(_LEAST[letter.lower()] if negated else _most(letter.lower()))


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def refuse(self, en: str, zh: str) -> OptionError:
        return OptionError(
            f"Regular expression `{self.pattern[:80]}`, at {self.at + 1}: {en}.",
            f"正则表达式 `{self.pattern[:80]}` 第 {self.at + 1} 位：{zh}。",
        )

    @property
    def more(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        c = self.more
        if not c:
            raise self.refuse("it ends too early", "表达式不完整")
        self.at += 1
        return c

    def alternatives(self) -> Any:
        parts = [self.sequence()]
        while self.more == "|":
            self.at += 1
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else Alt(tuple(parts))

    def sequence(self) -> Any:
        parts = []
        while self.more and self.more not in "|)":
            parts.append(self.repeated())
        return Seq(tuple(parts))

    def repeated(self) -> Any:
        part = self.atom()
        while self.more and self.more in "*+?{":
            c = self.take()
            if c == "{":
                low, high = self.bounds()
            else:
                low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[c]
            if self.more == "?":  # lazy: the same language
                self.at += 1
            elif self.more == "+":
                raise self.refuse("possessive repetition is not known", "不支持占有型重复")
            part = Repeat(part, low, high)
        return part

    def bounds(self) -> tuple[int, int | None]:
        end = self.pattern.find("}", self.at)
        low, comma, high = self.pattern[self.at : end].partition(",")
        if end < 0 or not low.strip().isdigit() or (high.strip() and not high.strip().isdigit()):
            raise self.refuse("expected {n}, {n,} or {n,m}", "应为 {n}、{n,} 或 {n,m}")
        least = int(low)
        most = least if not comma else int(high) if high.strip() else None
        if max(least, most or 0) > _LONGEST or (most is not None and most < least):
            raise self.refuse(f"a repetition is 0 to {_LONGEST}, in order", f"重复次数应为 0 到 {_LONGEST} 且有序")
        self.at = end + 1
        return least, most

    def atom(self) -> Any:
        c = self.take()
        if c == "(":
            return self.group()
        if c == "[":
            return Chars(self.set())
        if c == ".":
            return Chars(inverted(_LINES))
        if c == "\\":
            return self.escape()
        if c in "^$":
            raise self.refuse(
                f"`{c}` stands inside; it may begin or end the whole, or one of its alternatives",
                f"`{c}` 不能位于中间；只能位于整个表达式或某个选择分支的首尾",
            )
        if c in "*+?{":
            raise self.refuse(f"`{c}` repeats nothing", f"`{c}` 前没有可重复的内容")
        return Chars(((ord(c), ord(c)),))

    def group(self) -> Any:
        if self.more == "?":
            if self.pattern[self.at : self.at + 2] == "?:":
                self.at += 2
            elif self.pattern[self.at : self.at + 3] == "?P<" or (
                self.pattern[self.at : self.at + 2] == "?<"
                and self.pattern[self.at + 2 : self.at + 3] not in ("=", "!")
            ):
                self.at = self.pattern.find(">", self.at) + 1 or len(self.pattern)
            else:
                raise self.refuse("looking around and flags are not known", "不支持环视与标志")
        out = self.alternatives()
        if self.take() != ")":
            raise self.refuse("expected `)`", "应为 `)`")
        return out

    def escape(self) -> Any:
        c = self.take()
        if c in _CLASSES:
            return Chars(_class(c))
        if c in "bBAZzG" or (c.isdigit() and c != "0"):
            raise self.refuse(f"`\\{c}` is not known", f"不支持 `\\{c}`")
        code = self.code(c)
        return Chars(((code, code),))

    def code(self, c: str) -> int:
        if c in _ESCAPES:
            return _ESCAPES[c]
        if c in "xu":
            size = 2 if c == "x" else 4
            digits = self.pattern[self.at : self.at + size]
            try:
                code = int(digits, 16)
            except ValueError:
                raise self.refuse(f"expected {size} hexadecimal digits", f"应为 {size} 位十六进制数") from None
            self.at += size
            return code
        if c.isalpha():
            raise self.refuse(f"`\\{c}` is not known", f"不支持 `\\{c}`")
        return ord(c)

    def set(self) -> tuple[tuple[int, int], ...]:
        negated = self.more == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self.more != "]":
            first = False
            c = self.take()
            if c == "\\" and self.more in _CLASSES and self.more:
                ranges += _class(self.take(), negated)
                continue
            low = high = self.code(self.take()) if c == "\\" else ord(c)
            if self.more == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                c = self.take()
                high = self.code(self.take()) if c == "\\" else ord(c)
                if high < low:
                    raise self.refuse("a range that goes backwards", "区间顺序颠倒")
            ranges.append((low, high))
        self.at += 1
        return inverted(ranges) if negated else tuple(ranges)


def _branches(pattern: str) -> list[str]:
    """Return the alternatives of a pattern on its highest level; a group around the whole is looked into."""
    out, depth, begin, at, closed = [], 0, 0, 0, -1
    while at < len(pattern):
        c = pattern[at]
        if c == "\\":
            at += 1
        elif c == "[":
            at += 2 if pattern[at + 1 : at + 2] in ("]",) else 3 if pattern[at + 1 : at + 3] == "^]" else 1
            while at < len(pattern) and pattern[at] != "]":
                at += 2 if pattern[at] == "\\" else 1
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
            closed = at if depth == 0 and closed < 0 else closed
        elif c == "|" and depth == 0:
            out.append(pattern[begin:at])
            begin = at + 1
        at += 1
    out.append(pattern[begin:])
    if len(out) == 1 and closed == len(pattern) - 1 and pattern.startswith("("):
        if pattern.startswith("(?:"):
            return _branches(pattern[3:-1])
        if not pattern.startswith("(?"):
            return _branches(pattern[1:-1])
    return out


def _anchored(branch: str) -> tuple[bool, str, bool]:
    """Return whether `^` begins it, what stands between, whether `$` ends it."""
    start = branch.startswith("^")
    bare = branch[:-1]
    end = branch.endswith("$") and len(branch) > start and (len(bare) - len(bare.rstrip("\\"))) % 2 == 0
    return start, branch[start : len(branch) - end], end


def _parsed(pattern: str) -> Any:
    parser = _Parser(pattern)
    out = parser.alternatives()
    if parser.more:
        raise parser.refuse("a `)` too many", "多余的 `)`")
    return out


def parse_regex(pattern: str) -> Any:
    """Return the expression of texts that match as a whole. Raises OptionError that names the place."""
    return Alt(tuple(_parsed(_anchored(b)[1]) for b in _branches(pattern)))


def parse_found(pattern: str, character: Any = None) -> Any:
    """Return the expression of texts in which the pattern is found somewhere, `^` and `$` standing for their ends.

    Raises OptionError that names the place.
    """
    anything = Repeat(Chars(inverted(())) if character is None else character, 0, None)
    parts = []
    for branch in _branches(pattern):
        start, inner, end = _anchored(branch)
        parts.append(Seq((*(() if start else (anything,)), _parsed(inner), *(() if end else (anything,)))))
    return Alt(tuple(parts))


def compile_regex(pattern: str) -> Automaton:
    """Return the automaton of a regular expression that the whole text matches. Raises OptionError for what is not known."""
    return compile_grammar(parse_regex(pattern))
