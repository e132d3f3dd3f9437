"""Languages of bytes as automata with a stack: what constrained answers are held to.

Expressions are small trees; `compile_grammar` makes an automaton over UTF-8 bytes whose states are found as they are
needed. Rules may call themselves, so nested JSON needs no bound on depth beyond `_DEEP`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError

_DEEP = 64  # calls of rules inside one another
_MOST_NODES = 200_000
LAST = 0x10FFFF


@dataclass(frozen=True)
class Chars:
    """One character out of ranges of code points, both ends inside."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Seq:
    """Parts one after the other; empty for nothing."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Alt:
    """One of several."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Repeat:
    """A part at least `low` times, at most `high` times (None: any)."""

    part: Any
    low: int
    high: int | None


@dataclass(frozen=True)
class Rule:
    """A call of a named rule."""

    name: str


def text(literal: str) -> Seq:
    """Return the expression of a literal text."""
    return Seq(tuple(Chars(((ord(c), ord(c)),)) for c in literal))


def inverted(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return all code points outside ranges; surrogates are no characters."""
    out, at = [], 0
    for low, high in sorted([*ranges, (0xD800, 0xDFFF)]):
        if low > at:
            out.append((at, low - 1))
        at = max(at, high + 1)
    if at <= LAST:
        out.append((at, LAST))
    return tuple(out)


def utf8(low: int, high: int) -> list[tuple[tuple[int, int], ...]]:
    """Return the sequences of byte ranges that code the characters from `low` to `high`."""
    out: list[tuple[tuple[int, int], ...]] = []
    for first, last in ((0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, LAST)):
        a, b = max(low, first), min(high, last)
        if a <= b:
            out += _same_length(chr(a).encode("utf-8", "surrogatepass"), chr(b).encode("utf-8", "surrogatepass"))
    return out


def _same_length(a: bytes, b: bytes) -> list[tuple[tuple[int, int], ...]]:
    if len(a) == 1:
        return [((a[0], b[0]),)]
    if a[0] == b[0]:
        return [((a[0], a[0]), *rest) for rest in _same_length(a[1:], b[1:])]
    low, high = b"\x80" * (len(a) - 1), b"\xbf" * (len(a) - 1)
    out: list[tuple[tuple[int, int], ...]] = []
    begin, end = a[0], b[0]
    if a[1:] != low:
        out += [((a[0], a[0]), *rest) for rest in _same_length(a[1:], high)]
        begin += 1
    tail: list[tuple[tuple[int, int], ...]] = []
    if b[1:] != high:
        tail = [((b[0], b[0]), *rest) for rest in _same_length(low, b[1:])]
        end -= 1
    if begin <= end:
        out.append(((begin, end), *(((0x80, 0xBF),) * (len(a) - 1))))
    return out + tail


class Automaton:
    """States are numbers, 0 the first; `row(state)` [256] names the next by byte, -1 for none."""

    def __init__(self) -> None:
        self.edges: list[list[tuple[int, int, int]]] = []
        self.free: list[list[int]] = []
        self.calls: list[list[tuple[str, int]]] = []
        self.rules: dict[str, tuple[int, int]] = {}
        self.ends: set[int] = set()
        self.table = np.full((16, 256), -1, np.int32)
        self.accepting: list[bool] = []
        self._known: list[bool] = []
        self._states: list[frozenset[Any]] = []
        self._numbers: dict[frozenset[Any], int] = {}

    def node(self) -> int:
        """Return a new node. Raises OptionError where there are too many."""
        if len(self.edges) >= _MOST_NODES:
            raise OptionError("The schema or expression is too large.", "模式或表达式过大。")
        self.edges.append([])
        self.free.append([])
        self.calls.append([])
        return len(self.edges) - 1

    def add(self, e: Any, begin: int, end: int) -> None:
        """Add an expression between two nodes."""
        if isinstance(e, Chars):
            for low, high in e.ranges:
                for sequence in utf8(low, high):
                    at = begin
                    for i, (a, b) in enumerate(sequence):
                        goal = end if i == len(sequence) - 1 else self.node()
                        self.edges[at].append((a, b, goal))
                        at = goal
        elif isinstance(e, Seq):
            at = begin
            for i, part in enumerate(e.parts):
                goal = end if i == len(e.parts) - 1 else self.node()
                self.add(part, at, goal)
                at = goal
            if not e.parts:
                self.free[begin].append(end)
        elif isinstance(e, Alt):
            for part in e.parts:
                first = self.node()
                self.free[begin].append(first)
                self.add(part, first, end)
        elif isinstance(e, Repeat):
            self._repeat(e, begin, end)
        else:
            self.calls[begin].append((e.name, end))

    def _repeat(self, e: Repeat, begin: int, end: int) -> None:
        at = begin
        for _ in range(e.low):
            goal = self.node()
            self.add(e.part, at, goal)
            at = goal
        if e.high is None:
            loop = self.node()
            self.free[at].append(loop)
            self.free[loop].append(end)
            back = self.node()
            self.add(e.part, loop, back)
            self.free[back].append(loop)
            return
        for _ in range(e.high - e.low):
            self.free[at].append(end)
            goal = self.node()
            self.add(e.part, at, goal)
            at = goal
        self.free[at].append(end)

    def _closed(self, found: list[tuple[int, Any]]) -> int:
        seen = set(found)
        while found:
            node, stack = found.pop()
            more = [(n, stack) for n in self.free[node]]
            depth = stack[2] if stack else 0
            if depth < _DEEP:
                more += [(self.rules[name][0], (back, stack, depth + 1)) for name, back in self.calls[node]]
            if node in self.ends and stack is not None:
                more.append((stack[0], stack[1]))
            for m in more:
                if m not in seen:
                    seen.add(m)
                    found.append(m)
        # nodes that only pass on say nothing
        kept = frozenset(c for c in seen if self.edges[c[0]] or c == (self.last, None))
        number = self._numbers.get(kept)
        if number is None:
            number = self._numbers[kept] = len(self._states)
            self._states.append(kept)
            self._known.append(False)
            self.accepting.append((self.last, None) in kept)
            if number >= len(self.table):
                self.table = np.concatenate([self.table, np.full_like(self.table, -1)])
        return number

    def begin(self, first: int, last: int) -> None:
        """Make state 0 out of the first node."""
        self.last = last
        self._closed([(first, None)])

    def know(self, state: int) -> None:
        """Find where a state's bytes lead."""
        if self._known[state]:
            return
        self._known[state] = True
        moves = [
            (low, high, (goal, stack)) for node, stack in self._states[state] for low, high, goal in self.edges[node]
        ]
        marks = sorted({m for low, high, _ in moves for m in (low, high + 1)})
        groups: dict[frozenset[Any], int] = {}
        for low, after in pairwise(marks):
            goals = frozenset(goal for a, b, goal in moves if a <= low <= b)
            if goals:
                if goals not in groups:
                    groups[goals] = self._closed(list(goals))
                self.table[state, low:after] = groups[goals]

    def next(self, state: int, data: bytes) -> int:
        """Return the state after bytes, -1 where they do not fit."""
        for b in data:
            if state < 0:
                return -1
            self.know(state)
            state = int(self.table[state, b])
        return state

    def accepts(self, data: bytes) -> bool:
        """Return whether the language holds these bytes."""
        state = self.next(0, data)
        return state >= 0 and self.accepting[state]


def compile_grammar(start: Any, rules: Mapping[str, Any] | None = None) -> Automaton:
    """Return the automaton of an expression that may call rules."""
    out = Automaton()
    for name in rules or {}:
        out.rules[name] = (out.node(), out.node())
        out.ends.add(out.rules[name][1])
    for name, e in (rules or {}).items():
        out.add(e, *out.rules[name])
    first, last = out.node(), out.node()
    out.add(start, first, last)
    out.begin(first, last)
    return out
