"""Beam search over frames for words of a lexicon: their sounds as a tree, a language model of words at each end, its best word ahead inside.

Token passing over a tree of pronunciations with language-model look-ahead: Young, Russell & Thornton 1989; Ortmanns, Ney & Eiden 1996. The path of a
word is that of CTC: each unit for some frames, blanks between units where they are likely.
Legend: T frames, V units with the blank 0, N nodes of the tree, K tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.models.word_ngrams import BEGIN, END, WordNgrams

_TOKENS = 250  # kept in a frame
_WIDTH = 30.0  # log probability behind the best one, from which on a token is given up
_SURE = -0.01  # log probability of the blank from which on nothing else is tried in a frame
_NEVER = -1e30
_HELD = 200_000  # words after contexts whose probability is held; a service may hear any number of them


class Tree:
    """Nodes are beginnings of pronunciations: `unit` [N], `parent` [N], children of n at `children[first[n]:first[n + 1]]`, and the words that end there."""

    def __init__(self, lexicon: Mapping[str, Sequence[Sequence[int]]]) -> None:
        unit, parent, below = [0], [-1], [{}]  # type: ignore[var-annotated]
        ends: dict[int, list[str]] = {}
        for word in sorted(lexicon):
            for way in dict.fromkeys(tuple(w) for w in lexicon[word]):
                node = 0
                for u in way:
                    child = below[node].get(u)
                    if child is None:
                        child = below[node][u] = len(unit)
                        unit.append(u)
                        parent.append(node)
                        below.append({})
                    node = child
                if node:
                    ends.setdefault(node, []).append(word)
        self.unit, self.parent = np.array(unit), np.array(parent)
        self.first = np.cumsum([0, *(len(b) for b in below)])
        self.children = np.array([c for b in below for c in b.values()], np.int64)
        self.ends = ends
        self.closes = np.zeros(len(unit), bool)
        self.closes[list(ends)] = True

    def ahead(self, alone: Callable[[str], float]) -> np.ndarray:
        """Return the log probability of the likeliest word at or below each node [N], whatever came before; `alone` tells that of a word."""
        out = np.full(len(self.unit), _NEVER)
        for node, words in self.ends.items():
            out[node] = max(map(alone, words))
        for node in range(len(out) - 1, 0, -1):  # a child stands behind its parent
            out[self.parent[node]] = max(out[self.parent[node]], out[node])
        return out

    def way(self, node: int) -> list[int]:
        """Return the units from the root to a node."""
        out: list[int] = []
        while node:
            out.append(int(self.unit[node]))
            node = int(self.parent[node])
        return out[::-1]


@dataclass
class _Tokens:
    """K ways to read the frames up to now: node of the tree, context of the language model, whether the last frame was a blank, the unit before,
    log probability, and the last word that has ended (-1: none)."""

    node: np.ndarray
    context: np.ndarray
    blank: np.ndarray
    last: np.ndarray
    score: np.ndarray
    link: np.ndarray

    def take(self, index: np.ndarray) -> _Tokens:
        return _Tokens(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @staticmethod
    def joined(parts: Sequence[_Tokens]) -> _Tokens:
        return _Tokens(*(np.concatenate([getattr(p, name) for p in parts]) for name in _Tokens.__dataclass_fields__))


class LexiconSearch:
    """Reads frames as words of a lexicon. `weight` is that of the language model's log probability, `bonus` what each word adds; each word of a phrase
    that is hoped for adds `boost` times `weight` (or 1), once the phrase is complete. `floor` is added to each probability: a frame that is sure of what is wrong then costs a word no more than some others do."""

    def __init__(
        self, tree: Tree, lm: WordNgrams | None, weight: float, bonus: float, hot: Sequence[Sequence[str]] = (), boost: float = 0.0,
        floor: float = 0.0,
    ) -> None:  # fmt: skip
        self.tree, self.lm, self.weight, self.bonus = tree, lm if weight else None, weight, bonus
        self.floor = floor
        self.hot, self.boost = {tuple(h) for h in hot}, boost
        self.longest = max((len(h) for h in self.hot), default=0)
        self.fresh = {w for h in self.hot for w in h if lm is not None and (w,) not in lm.grams}
        self.even = -math.log(len(lm.words) + 1) if lm is not None else 0.0
        self.ahead = tree.ahead(lambda word: self._lm((), word))
        self._forget()

    def _forget(self) -> None:
        self.contexts: list[tuple[str, ...]] = [(BEGIN,)]
        self.numbers: dict[tuple[str, ...], int] = {(BEGIN,): 0}
        self.told: dict[tuple[int, str], tuple[float, int]] = {}

    def words(self, logs: np.ndarray) -> list[tuple[str, list[int]]]:
        """Return the words of log probabilities [T, V], each with its units."""
        if len(self.told) > _HELD:
            self._forget()
        links: list[tuple[int, str, int]] = []  # the one before, the word, its node
        if self.floor and len(logs):
            logs = np.log((np.exp(logs) + self.floor) / (1 + self.floor * logs.shape[1]))
        none = np.zeros(1, np.int64)
        tokens = _Tokens(none, none, np.ones(1, bool), none, np.zeros(1), none - 1)
        for row in logs:
            if row[0] > _SURE:
                tokens.score = tokens.score + row[0]
                tokens.blank = np.ones(len(tokens.node), bool)
                tokens = self._best_by_state(tokens)
                continue
            tokens = self._best_by_state(self._moved(_Tokens.joined([tokens, self._ended(tokens, links)]), row))
        done = _Tokens.joined([self._ended(tokens, links), tokens.take(np.flatnonzero(tokens.node == 0))])
        if not len(done.score):
            done = tokens
        elif self.lm is not None:
            done.score = done.score + np.array([self._word_score(int(c), END)[0] for c in done.context])
        at = int(done.link[done.score.argmax()])
        out: list[tuple[str, list[int]]] = []
        while at >= 0:
            at, word, node = links[at]
            out.append((word, self.tree.way(node)))
        return out[::-1]

    def _word_score(self, context: int, word: str) -> tuple[float, int]:
        """Return what the language model and the hot phrases say of a word after a context, and the context that it leaves."""
        found = self.told.get((context, word))
        if found is None:
            before = self.contexts[context]
            score = self._lm(before, word)
            keep = max(self.longest - 1, self.lm.order - 1 if self.lm is not None else 0)
            after = (*before, word)[-keep:] if keep else ()
            for size in range(min(self.longest, len(before) + 1), 0, -1):
                if (*before, word)[-size:] in self.hot:
                    score += self.boost * size * max(1.0, self.weight)
                    break
            number = self.numbers.setdefault(after, len(self.contexts))
            if number == len(self.contexts):
                self.contexts.append(after)
            found = self.told[(context, word)] = score, number
        return found

    def _lm(self, before: tuple[str, ...], word: str) -> float:
        """Return what the language model says; a word that is hoped for and that it does not know is as likely as any."""
        if self.lm is None:
            return 0.0
        return self.weight * (self.even if word in self.fresh else self.lm.score(before, word))

    def _ended(self, tokens: _Tokens, links: list[tuple[int, str, int]]) -> _Tokens:
        """Return the tokens whose words end, back at the root."""
        index, context, score, link = [], [], [], []
        for i in np.flatnonzero(self.tree.closes[tokens.node]).tolist():
            node, came = int(tokens.node[i]), int(tokens.context[i])
            for word in self.tree.ends[node]:
                told, after = self._word_score(came, word)
                index.append(i)
                context.append(after)
                score.append(told + self.bonus - self.ahead[node])
                link.append(len(links))
                links.append((int(tokens.link[i]), word, node))
        at = np.array(index, np.int64)
        return _Tokens(
            np.zeros(len(at), np.int64), np.array(context, np.int64), tokens.blank[at], tokens.last[at],
            tokens.score[at] + np.array(score, np.float64), np.array(link, np.int64),
        )  # fmt: skip

    def _moved(self, tokens: _Tokens, row: np.ndarray) -> _Tokens:
        """Return where tokens may stand after a frame [V]: in the same unit, in a blank, or in a child's unit."""
        tree = self.tree
        quiet = _Tokens(
            tokens.node, tokens.context, np.ones(len(tokens.node), bool), tokens.last, tokens.score + row[0], tokens.link
        )  # fmt: skip
        within = tokens.take(np.flatnonzero((tokens.node > 0) & ~tokens.blank))
        within.score = within.score + row[tree.unit[within.node]]
        count = tree.first[tokens.node + 1] - tree.first[tokens.node]
        of = np.repeat(np.arange(len(count)), count)
        place = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + tree.first[tokens.node][of]
        child = tree.children[place]
        unit = tree.unit[child]
        score = tokens.score[of] + row[unit] + self.ahead[child] - self.ahead[tokens.node[of]] * (tokens.node[of] > 0)
        good = np.flatnonzero(tokens.blank[of] | (unit != tokens.last[of]))
        score, of, child, unit = score[good], of[good], child[good], unit[good]
        deeper = _Tokens(child, tokens.context[of], np.zeros(len(of), bool), unit, score, tokens.link[of])
        return _Tokens.joined([quiet, within, deeper])

    def _best_by_state(self, tokens: _Tokens) -> _Tokens:
        """Return the best token of each state, those far behind given up."""
        index = np.flatnonzero(tokens.score > tokens.score.max() - _WIDTH)
        if len(index) > 4 * _TOKENS:
            index = index[np.argpartition(-tokens.score[index], 4 * _TOKENS)[: 4 * _TOKENS]]
        index = index[np.argsort(-tokens.score[index], kind="stable")]
        state = (tokens.context[index] * len(self.tree.unit) + tokens.node[index]) * 2 + tokens.blank[index]
        index = index[np.sort(np.unique(state, return_index=True)[1])[:_TOKENS]]
        return tokens.take(index)
