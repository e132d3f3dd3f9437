"""Beam search over CTC's frames with a language model of words, several ways to write a unit, and words that are hoped for.

Prefix search: Graves et al. 2006; Hannun et al. 2014, arXiv 1408.2873. Legend: T frames, V units with the blank 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from modelwright.models.word_ngrams import BEGIN, END, WordNgrams

_NEVER = -1e30
_SURE = -0.01  # log probability of the blank from which on nothing else is tried in a frame
_LEAST = -7.0  # log probability below which a unit is not tried, beside the likeliest ones


class Step(NamedTuple):
    """What a unit writes: `text`, after the end of the word before where `opens`, and a whole word where `closes`."""

    text: str
    opens: bool
    closes: bool


@dataclass(frozen=True)
class Search:
    """How wide and by what is searched. `weight` is that of the language model's log probability, `bonus` what each word adds.

    `words` are the only ones that may be written, where given; `hot` are phrases, each of which adds `boost` a word.
    """

    beams: int = 16
    tries: int = 12  # units of a frame that are tried
    weight: float = 0.0
    bonus: float = 0.0
    lm: WordNgrams | None = None
    words: frozenset[str] | None = None
    hot: tuple[tuple[str, ...], ...] = ()
    boost: float = 3.0


@dataclass
class _Node:
    """A way to write a prefix of units: its words up to now, the one that is open, and what the language model says."""

    unit: int
    parent: _Node | None
    word: str = ""  # still open
    last: str | None = None  # the word that this step has ended
    context: tuple[str, ...] = (BEGIN,)
    told: float = 0.0  # by the language model and bonuses
    hoped: float = 0.0  # for a hot phrase that may still come
    tail: tuple[str, ...] = ()
    after: dict[int, list[_Node]] = field(default_factory=dict)


def search(logs: np.ndarray, steps: Sequence[Sequence[Step]], how: Search) -> tuple[list[int], list[str]]:
    """Return the units and the words of the likeliest text of log probabilities [T, V]; `steps` are the ways to write unit i + 1."""
    finder = _Finder(steps, how)
    root = _Node(0, None)
    beams: dict[int, tuple[_Node, float, float]] = {id(root): (root, 0.0, _NEVER)}
    for row in logs:
        blank = float(row[0])
        if blank > _SURE:
            beams = {k: (n, _add(b, u) + blank, _NEVER) for k, (n, b, u) in beams.items()}
            continue
        beams = _frame(beams, row, finder, how)
    return finder.best(beams)


def _frame(
    beams: dict[int, tuple[_Node, float, float]], row: np.ndarray, finder: _Finder, how: Search
) -> dict[int, tuple[_Node, float, float]]:
    order = np.argpartition(-row, min(how.tries, len(row) - 1))[: how.tries]
    tried = [int(i) for i in order if i and row[i] > max(_LEAST, float(row.max()) - 12)] or [int(row[1:].argmax()) + 1]
    blank = float(row[0])
    now: dict[int, list[float]] = {}
    nodes: dict[int, _Node] = {}

    def put(node: _Node, ended: float, open_: float) -> None:
        key = id(node)
        nodes[key] = node
        held = now.setdefault(key, [_NEVER, _NEVER])
        held[0], held[1] = _add(held[0], ended), _add(held[1], open_)

    for node, ended, open_ in beams.values():
        total = _add(ended, open_)
        put(node, total + blank, open_ + float(row[node.unit]) if node.unit else _NEVER)
        for unit in tried:
            came = ended if unit == node.unit else total  # the same unit again needs a blank between
            if came <= _NEVER / 2:
                continue
            for longer in finder.longer(node, unit):
                put(longer, _NEVER, came + float(row[unit]))
    ranked = sorted(now, key=lambda k: -(_add(*now[k]) + nodes[k].told + nodes[k].hoped))[: how.beams]
    return {k: (nodes[k], now[k][0], now[k][1]) for k in ranked}


class _Finder:
    """Makes longer prefixes, with what the language model and the hot words say of them."""

    def __init__(self, steps: Sequence[Sequence[Step]], how: Search) -> None:
        self.steps, self.how = steps, how
        self.starts = {w[:i] for w in how.words for i in range(len(w) + 1)} if how.words is not None else None
        self.hot = set(how.hot)
        self.begun = {h[:i]: i for h in how.hot for i in range(1, len(h))}
        self.heads: dict[
            str, float
        ] = {}  # beginnings of a word that opens a hot phrase, and the part of it that is there
        for phrase in how.hot:
            for i in range(1, len(phrase[0])):
                part = i / len(phrase[0])
                self.heads[phrase[0][:i]] = max(part, self.heads.get(phrase[0][:i], 0.0))
        self.longest = max((len(h) for h in how.hot), default=0)

    def longer(self, node: _Node, unit: int) -> list[_Node]:
        """Return the ways in which a prefix goes on with a unit; made once."""
        found = node.after.get(unit)
        if found is None:
            found = node.after[unit] = [n for s in self.steps[unit - 1] if (n := self._step(node, unit, s)) is not None]
        return found

    def _step(self, node: _Node, unit: int, step: Step) -> _Node | None:
        made = _Node(unit, node, node.word, None, node.context, node.told, 0.0, node.tail)
        if step.opens and made.word and not self._end(made):
            return None
        made.word += step.text
        if self.starts is not None and made.word not in self.starts:
            return None
        if step.closes and not self._end(made):
            return None
        if self.hot:
            made.hoped = self._hoped(made)
        return made

    def _end(self, node: _Node) -> bool:
        """End the open word of a node; return whether such a word may be written."""
        how, word = self.how, node.word
        if how.words is not None and word not in how.words:
            return False
        node.told += how.bonus
        if how.lm is not None and how.weight:
            node.told += how.weight * how.lm.score(node.context, word)
            node.context = how.lm.after(node.context, word)
        # a word may end and a whole one follow in one step: both are kept
        node.last = word if node.last is None else f"{node.last}\n{word}"
        node.word = ""
        if self.hot:
            node.tail = (*node.tail, word)[-self.longest :]
            for size in range(self.longest, 0, -1):
                if node.tail[-size:] in self.hot:
                    node.told += how.boost * size
                    break
        return True

    def _hoped(self, node: _Node) -> float:
        words = max((n for tail, n in self.begun.items() if node.tail[-n:] == tail), default=0)
        part = self.heads.get(node.word, 0.0) if node.word else 0.0
        return 0.8 * self.how.boost * (words + part)

    def best(self, beams: dict[int, tuple[_Node, float, float]]) -> tuple[list[int], list[str]]:
        """Return units and words of the best beam, once its last word has ended."""
        best: tuple[float, _Node | None] = (-math.inf, None)
        for node, ended, open_ in beams.values():
            last = _Node(0, node, node.word, None, node.context, node.told, 0.0, node.tail)
            if last.word and not self._end(last):
                continue
            if self.how.lm is not None and self.how.weight:
                last.told += self.how.weight * self.how.lm.score(last.context, END)
            value = _add(ended, open_) + last.told
            if value > best[0]:
                best = (value, last)
        units: list[int] = []
        words: list[str] = []
        node_: _Node | None = best[1]
        while node_ is not None:
            if node_.unit:
                units.append(node_.unit)
            if node_.last is not None:
                words += node_.last.split("\n")[::-1]
            node_ = node_.parent
        return units[::-1], words[::-1]


def _add(a: float, b: float) -> float:
    """Return the log of the sum of two probabilities given as logs."""
    if a < b:
        a, b = b, a
    return a if b <= _NEVER / 2 else a + math.log1p(math.exp(b - a))


def hot_words(phrases: Iterable[str], words_of: object) -> tuple[tuple[str, ...], ...]:
    """Return phrases as words, without empty ones and twins."""
    found = [tuple(words_of(p)) for p in phrases]  # type: ignore[operator]
    return tuple(dict.fromkeys(f for f in found if f))
