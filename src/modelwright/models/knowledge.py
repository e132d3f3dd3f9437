"""Searching passages that are apart by tenant: by words, by vectors, or by both; and how well a passage supports a question.

A passage is found by its text and by its titles: the headings it stands under, or the questions that its stored answer
answers. Whose a passage is, is looked at before anything is ranked: what a tenant may not read has no rank at all.
Legend: N passages, E titles, Q questions, D width of vectors, F features, K results.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from modelwright.data.documents import SHARED
from modelwright.data.passages import Passage, sentences
from modelwright.models.retrieval import BM25, Hits, best, terms, unit

By = Literal["words", "vectors", "both"]
Embed = Callable[[Sequence[str]], np.ndarray]
# how much of the question title, text and both say; how near the passage is, its title, its text; how far ahead of the next
# and, since several sources may say the same, of the tenth
FEATURES = ("title", "text", "both", "cosine", "lead", "numbers", "title_cosine", "text_cosine", "crowd")
_HEADING = 0.4  # weight of a heading, of that of a stored question
_CROWD = 10  # rank from which on passages are taken to say something else
_NEAR = 0.5  # how near stored entries are that say the same, where 0 is as near as any two are and 1 is equal
_FEW, _STEP = 200, 0.05  # entries up to which that holds; of twice as many, twice as many are near by chance
_BLOCK = 64  # entries that are compared with all others at a time
_FORM = 0.5  # from this share of words on they follow one form instead, and differ in a word that counts


@dataclass(frozen=True)
class Asked:
    """A question with whose it is; `hidden` titles and passages `without` are passed over (when a model is judged)."""

    text: str
    tenant: str | None = None
    hidden: str | None = None
    without: Sequence[int] = field(default_factory=tuple)


@dataclass(frozen=True)
class Found:
    """The passages that answer a question best, and what says how well the first one supports it [F]."""

    ids: list[int]
    scores: list[float]
    features: np.ndarray


class Knowledge:
    """Passages with their indexes. `title` is the weight of stored questions against texts, 0 to 1; `balance` that of vectors
    against words. Headings weigh less than questions: many passages stand under the same."""

    def __init__(
        self, passages: Sequence[Passage], by: By = "words", title: float = 0.5, embed: Embed | None = None,
        vectors: tuple[np.ndarray, np.ndarray] | None = None, balance: float = 0.7,
    ) -> None:  # fmt: skip
        self.passages, self.by, self.title, self.embed, self.balance = list(passages), by, title, embed, balance
        pairs = [(i, t) for i, p in enumerate(self.passages) for t in (p.asked or ((p.heading,) if p.heading else ()))]
        self.owners = np.array([i for i, _ in pairs], np.int64)
        self.titles = [t for _, t in pairs]
        self.weights = np.array([title if p.asked else _HEADING * title for p in self.passages], np.float32)
        self.tenants = np.array([p.tenant for p in self.passages], object)
        texts = [p.text for p in self.passages]
        # whole passages are searched by words, their titles once more by themselves: a title says what it is all about
        self.words = BM25.fit([f"{' '.join(p.asked) or p.heading}\n{p.text}" for p in self.passages])
        self.plain = BM25.fit(texts)
        self.title_words = BM25.fit(self.titles) if self.titles else None
        self.vectors = vectors
        if by != "words" and vectors is None:
            assert embed is not None
            made = embed([*texts, *self.titles])
            self.vectors = unit(made[: len(texts)]), unit(made[len(texts) :])
        self._rarity = _Rarity(self.words, self.tenants)

    @property
    def tenanted(self) -> bool:
        """Whether any passage belongs to a tenant."""
        return bool((self.tenants != SHARED).any())

    def allowed(self, tenant: str | None) -> np.ndarray:
        """Return which passages a tenant may read [N]: its own and those of everybody; without one only the latter."""
        return np.asarray((self.tenants == SHARED) | ((self.tenants == tenant) if tenant else False), bool)

    def find(self, asked: Sequence[Asked], k: int = 5) -> list[Found]:
        """Return the best passages of each question."""
        if not asked:
            return []
        open_to = np.stack([self.allowed(a.tenant) for a in asked])
        for row, a in enumerate(asked):
            open_to[row, list(a.without)] = False
        words = self._by_words(asked) if self.by != "vectors" else None
        vectors, near = self._by_vectors(asked) if self.by != "words" else (None, None)
        for scores in (words, vectors):
            if scores is not None:
                scores[~open_to] = -np.inf
        whole = self._fused(words, vectors)
        hits = best(whole, max(k, _CROWD))  # how far the first is ahead says how sure it is, however many are asked for
        # what shares no word is not found by words; a vector is near or far, never nothing
        least = 0.0 if vectors is None else -np.inf
        hits = Hits(np.where(hits.scores > least, hits.ids, -1), hits.scores)
        out = []
        for row, a in enumerate(asked):
            kept = [(int(i), float(s)) for i, s in zip(hits.ids[row], hits.scores[row], strict=True) if i >= 0]
            cosines = (0.0, 0.0, 0.0)
            if kept and vectors is not None and near is not None:
                at = row, kept[0][0]
                cosines = float(vectors[at]), float(near[0][at]), float(near[1][at])
            features = self._features(a, kept, cosines)
            out.append(Found([i for i, _ in kept[:k]], [s for _, s in kept[:k]], features))
        return out

    def _fused(self, words: np.ndarray | None, vectors: np.ndarray | None) -> np.ndarray:
        """Return scores of both searches added [Q, N], those of words as shares of the question's best.

        Adding scores keeps how far apart passages are, which ranks forget (Bruch, Gai & Ingber 2023, arXiv 2210.11934).
        """
        if words is None or vectors is None:
            found = vectors if words is None else words
            assert found is not None
            return found
        top = np.maximum(words.max(axis=1, keepdims=True), 1e-9)
        return np.asarray((1 - self.balance) * words / top + self.balance * vectors, np.float32)

    def _by_words(self, asked: Sequence[Asked]) -> np.ndarray:
        texts = [a.text for a in asked]
        whole = self.words.scores(texts)
        for row, a in enumerate(asked):
            if a.hidden is not None:  # without its title a passage is found by its text alone
                bare = [i for i, p in enumerate(self.passages) if a.hidden in (p.asked or (p.heading,))]
                whole[row, bare] = self.plain.scores([a.text])[0, bare]
        if self.title_words is None:
            return whole
        title = self._highest(self.title_words.scores(texts), asked, 0.0)
        return np.asarray((1 - self.weights) * whole + self.weights * title, np.float32)

    def _by_vectors(self, asked: Sequence[Asked]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Return scores [Q, N], and of what: the cosines of passages' best titles and of their texts; 0 without a title."""
        assert self.embed is not None
        assert self.vectors is not None
        questions = unit(self.embed([a.text for a in asked]))
        text = questions @ self.vectors[0].T
        if not self.titles:
            return text.copy(), (np.zeros_like(text), text)
        title = self._highest(questions @ self.vectors[1].T, asked, -1.0)
        title = np.where(title <= -1.0, 0, title)
        return np.asarray((1 - self.weights) * text + self.weights * title, np.float32), (title, text)

    def _highest(self, scores: np.ndarray, asked: Sequence[Asked], least: float) -> np.ndarray:
        """Return of each passage the score of its best title [Q, N] from those of titles [Q, E]; hidden ones count not."""
        for row, a in enumerate(asked):
            if a.hidden is not None:
                scores[row, [i for i, t in enumerate(self.titles) if t == a.hidden]] = least
        out = np.full((len(scores), len(self.passages)), least, np.float32)
        for row in range(len(scores)):
            np.maximum.at(out[row], self.owners, scores[row])
        return out

    def mass(self, asked: Asked) -> dict[str, float]:
        """Return the terms of a question with how much each says: rare ones much, those most that are in no passage the tenant may
        read. What others' passages hold counts for nothing: a name of theirs would seem known, and confidence would tell of it."""
        return {t: self._rarity.of(t, asked.tenant) for t in terms(asked.text)}

    def _features(self, asked: Asked, kept: list[tuple[int, float]], cosines: tuple[float, float, float]) -> np.ndarray:
        """Return how much of what a question says its first passage says too [F]; zeros where nothing was found."""
        if not kept:
            return np.zeros(len(FEATURES))
        p, mass = self.passages[kept[0][0]], self.mass(asked)
        whole = sum(mass.values()) or 1.0
        titles = [set(terms(t)) for t in (p.asked or (p.heading,)) if t != asked.hidden]
        text = set(terms(p.text))

        def share(held: set[str]) -> float:
            return sum(v for t, v in mass.items() if t in held) / whole

        title = max(titles, key=share, default=set())
        both = set(mass) & title
        alike = sum(mass[t] for t in both) / (sum(self._rarity.of(t, asked.tenant) for t in title | set(mass)) or 1.0)
        lead = (kept[0][1] - kept[1][1]) / (abs(kept[0][1]) + 1e-9) if len(kept) > 1 else 1.0
        size = min(8, len(mass)) / 8.0
        near = [max(0.0, c) for c in cosines[1:]]
        crowd = self._ahead(kept)
        return np.array([alike, share(text), share(text | title), cosines[0], min(1.0, lead), size, *near, crowd])

    def _ahead(self, kept: list[tuple[int, float]]) -> float:
        """Return how far the first passage is ahead of the tenth; of the last where vectors find fewer, of none by words."""
        few = 0.0 if self.by == "words" or len(kept) < 2 else kept[-1][1]
        far = kept[_CROWD - 1][1] if len(kept) >= _CROWD else few
        return min(1.0, (kept[0][1] - far) / (abs(kept[0][1]) + 1e-9))

    def alike(self, rows: Sequence[int]) -> list[set[int]]:
        """Return, for each of `rows`, the stored entries that say the same in other words; none without vectors.

        How near two are is the mean of the cosines of their questions and of their answers, between 0 for the mean of all
        pairs and 1, so that it means much the same on a narrow subject and with another encoder.
        """
        stored = np.array([bool(p.asked) for p in self.passages])
        n = int(stored.sum())
        if self.vectors is None or n < 2:
            return [set() for _ in rows]
        texts, titles = self.vectors[0], np.zeros_like(self.vectors[0])
        # of several wordings the mean counts: their best would grow with their number
        np.add.at(titles, self.owners, self.vectors[1])
        titles /= np.maximum(np.bincount(self.owners, minlength=len(titles)), 1)[:, None]
        both = np.concatenate([texts, titles], axis=1) / math.sqrt(2)
        total = both[stored].sum(axis=0)
        usual = float(total @ total - np.square(both[stored]).sum()) / (n * (n - 1))
        least = usual + (_NEAR + _STEP * max(0.0, math.log2(n / _FEW))) * (1.0 - usual)
        out = []
        for start in range(0, len(rows), _BLOCK):
            some = list(rows[start : start + _BLOCK])
            for i, near in zip(some, both[some] @ both.T, strict=True):
                found = np.flatnonzero((near >= least) & stored).tolist()
                out.append({j for j in found if j != i and self._shared(i, j) < _FORM})
        return out

    def _shared(self, i: int, j: int) -> float:
        """Return how far two entries share their words, questions and answers counted alike: cosines by rarity."""

        def cosine(a: set[str], b: set[str]) -> float:
            mass = [sum(self._rarity.of(t) ** 2 for t in s) for s in (a & b, a, b)]
            return mass[0] / (math.sqrt(mass[1] * mass[2]) or 1.0)

        p, q = self.passages[i], self.passages[j]
        asked = [{t for title in x.asked for t in terms(title)} for x in (p, q)]
        return (cosine(asked[0], asked[1]) + cosine(set(terms(p.text)), set(terms(q.text)))) / 2


class _Rarity:
    """How rare terms are (inverse document frequency) among the passages that a tenant may read: its own and those of everybody."""

    def __init__(self, words: BM25, tenants: np.ndarray) -> None:
        self._index = {term: i for i, term in enumerate(words.vocabulary)}
        owners = [None if t == SHARED else t for t in tenants]
        self._sizes = Counter(owners)
        self._counts: dict[str | None, Counter[int]] = defaultdict(Counter)  # passages that hold a term, by owner
        known = list(self._sizes)
        places = {owner: i for i, owner in enumerate(known)}
        of = np.array([places[owner] for owner in owners], np.int64)[words.weights.indices]
        term = np.repeat(np.arange(len(words.vocabulary)), np.diff(words.weights.indptr))
        pairs, counts = np.unique(of * max(1, len(words.vocabulary)) + term, return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            owner, at = divmod(pair, max(1, len(words.vocabulary)))
            self._counts[known[owner]][at] = count

    def of(self, term: str, tenant: str | None = None) -> float:
        at, read = self._index.get(term, -1), {None, tenant or None}
        size = sum(self._sizes[owner] for owner in read)
        count = sum(self._counts[owner][at] for owner in read if owner in self._counts)
        return math.log1p((size - count + 0.5) / (count + 0.5))


def window(passage: Passage, mass: dict[str, float], longest: int = 320) -> tuple[int, int]:
    """Return the stretch of a passage (start, end) that says most of what is asked: a sentence with its neighbours.

    A stored answer is taken whole, as is a passage without sentences.
    """
    spans = sentences(passage.text)
    if passage.asked or len(spans) < 2:
        return 0, len(passage.text)
    held = [set(terms(passage.text[s:e])) for s, e in spans]
    value, chosen = -1.0, (0, len(passage.text))
    for first in range(len(spans)):
        said: set[str] = set()
        for last in range(first, min(first + 3, len(spans))):
            if last > first and spans[last][1] - spans[first][0] > longest:
                break
            said |= held[last]
            worth = sum(v for t, v in mass.items() if t in said) - 0.15 * (last - first)
            if worth > value + 1e-9:
                value, chosen = worth, (spans[first][0], spans[last][1])
    return chosen
