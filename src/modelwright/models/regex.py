"""Regular expressions as grammars: literals, classes, groups, alternatives, repetition; the whole answer must match.

What needs more than an automaton (references back, looking around) is refused by name.
"""

from __future__ import annotations

from typing import Any

from modelwright.core.errors import OptionError
from modelwright.models.grammar import Alt, Automaton, Chars, Repeat, Seq, compile_grammar, inverted

_DIGIT = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 13), (32, 32))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE, "D": inverted(_DIGIT), "W": inverted(_WORD), "S": inverted(_SPACE)}
_ESCAPES = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "0": 0}
_LONGEST = 1000  # of a repetition


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
            if self.more and self.more in "?+":  # lazy or possessive: the same language
                self.at += 1
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
            return Chars(inverted(((10, 10),)))
        if c == "\\":
            return self.escape()
        if c in "^$":
            inside = (c == "^" and self.at > 1) or (c == "$" and self.at < len(self.pattern))
            if inside and not (c == "$" and self.more == ")") and not (c == "^" and self.pattern[self.at - 2] in "(|"):
                raise self.refuse(
                    f"`{c}` stands inside; the whole answer matches anyway", f"`{c}` 不能位于中间；整个回答本就需要匹配"
                )
            return Seq(())
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
            return Chars(_CLASSES[c])
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
                ranges += _CLASSES[self.take()]
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


def parse_regex(pattern: str) -> Any:
    """Return the expression of a regular expression. Raises OptionError that names the place."""
    parser = _Parser(pattern)
    out = parser.alternatives()
    if parser.more:
        raise parser.refuse("a `)` too many", "多余的 `)`")
    return out


def compile_regex(pattern: str) -> Automaton:
    """Return the automaton of a regular expression that the whole text matches. Raises OptionError for what is not known."""
    return compile_grammar(parse_regex(pattern))
