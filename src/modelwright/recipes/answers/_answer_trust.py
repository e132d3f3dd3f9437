"""How far an answer from passages is to be trusted, and from where on it is given.

How sure an answer is comes from a logistic regression on how well the first passage supports the question. Its weights were
fitted on what people asked, so that they hold for any documents: Banking77 (training rows; stored questions of every intent,
alone, by threes, and from several sources, each with an answer of its own), ATEC (training pairs that mean the same; by words
only) and 24 papers of COVID-QA, every fourth intent, pair or paper left out of what was searched. Questions made by exchanging
words teach otherwise: they share their words with the passage and lie far from it in meaning. Where people labelled enough
questions of their own, the weights are fitted on those instead.

From where on an answer is given depends on the documents, and is found on them: stored questions are asked with their own
answer left out, and at most a given share of them may be answered. Where several sources answer the same questions, what says
the same is left out too: another source's answer is none that should be refused. What is near enough for that, and in how many,
was chosen on Banking77; that it rises with the number of entries, on questions to COVID-QA's papers. Legend: N questions, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.models.knowledge import FEATURES, Asked, Knowledge
from modelwright.models.rightness import answerable, plain, rank, same

_LEAST = 12  # questions of a kind from which anything is learnt
_MOST = 200  # stored questions that are asked with their answer left out
_AGAIN = 0.9  # share of its words from which a stored question is the same as another
_LONG = (
    80  # letters of an answer from which one like it says the same; short ones of one form differ in a word that counts
)
_SEVERAL = 0.4  # share of stored questions with one that says the same, from which on there are several sources
_STEADY = 50  # questions that weigh as much as the point found on the other collections
_EASY = 0.5  # weight of made questions, of that of stored ones: scrambled words are refused more easily than people's
# weights by feature, shift, and the value from which answers are given where the documents do not say: between those that let
# one in ten unsupported questions through on Banking77 and on papers
_WORDS: tuple[dict[str, float], float, float] = ({"title": 2.2, "text": 2.7, "lead": 2.9, "crowd": 1.5}, -3.2, 0.25)
_VECTORS: tuple[dict[str, float], float, float] = (
    {"both": 2.8, "title_cosine": 1.5, "text_cosine": 3.6, "lead": 3.6, "crowd": 1.3}, -5.0, 0.1,
)  # fmt: skip
_TENTH = 0.1


class Trust:
    """How sure an answer is, from features [F], and from where on it is given."""

    def __init__(self, weights: np.ndarray, shift: float, threshold: float) -> None:
        self.weights, self.shift, self.threshold = np.asarray(weights, np.float64), float(shift), float(threshold)

    @classmethod
    def known(cls, by_words: bool, wrong: float = _TENTH) -> Trust:
        """Return what other collections taught."""
        weights, shift, point = _WORDS if by_words else _VECTORS
        moved = point + np.log((1 - wrong) / wrong) - np.log((1 - _TENTH) / _TENTH)
        return cls(np.array([weights.get(f, 0.0) for f in FEATURES]), shift, _squashed(moved))

    @classmethod
    def fit(cls, features: np.ndarray, right: np.ndarray) -> Trust:
        """Learn from what people asked: features [N, F], whether the first passage answers [N]; the threshold stays open."""
        from sklearn.linear_model import LogisticRegression

        mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
        found = LogisticRegression(C=1.0, max_iter=500).fit((features - mean) / spread, right)
        # what supports an answer can only speak for it: a slope of the wrong sign is chance
        weights = np.maximum(found.coef_[0], 0) / spread
        return cls(weights, _shift(features @ weights, right), 0.5)

    def value(self, features: np.ndarray) -> np.ndarray:
        """Return the log odds that the first passage answers [N]."""
        return np.asarray(np.clip(features @ self.weights + self.shift, -40, 40))

    def sure(self, features: np.ndarray) -> np.ndarray:
        """Return the probability that the first passage answers [N]; 0 where nothing was found."""
        return np.where(features.any(axis=1), 1 / (1 + np.exp(-self.value(features))), 0.0)

    def refuse(self, unsupported: np.ndarray, wrong: float, weight: float = 1.0) -> None:
        """Move the threshold so that at most `wrong` of unsupported questions [N, F] are answered.

        `weight` below 1 keeps as much of the threshold that stood.
        """
        value = np.where(unsupported.any(axis=1), self.value(unsupported), -40.0)
        edge = float(np.quantile(value, 1 - wrong, method="higher")) + 1e-6
        stood = float(np.log(self.threshold / (1 - self.threshold)))
        self.threshold = _squashed(weight * edge + (1 - weight) * stood)


def _squashed(value: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(value, -30, 30))))


def _shift(values: np.ndarray, right: np.ndarray) -> float:
    """Return the intercept under which the mean probability is the share that is right, by bisection."""
    low, high = -60.0 - values.max(), 60.0 - values.min()
    for _ in range(60):
        middle = (low + high) / 2
        mean = (1 / (1 + np.exp(-np.clip(values + middle, -40, 40)))).mean()
        low, high = (middle, high) if mean < right.mean() else (low, middle)
    return float((low + high) / 2)


def learnt(
    knowledge: Knowledge, asked: Sequence[Asked], told: Sequence[dict[str, Any] | None], wrong: float = _TENTH
) -> Trust:
    """Return how far first passages are to be trusted, given questions and what is right for them where it is known."""
    people = [i for i, t in enumerate(told) if t is not None and not t.get("made")]
    features, right, none = _judged(knowledge, [asked[i] for i in people], [told[i] or {} for i in people])
    by_words = knowledge.by == "words"
    own = min(right.sum(), (~right).sum()) >= _LEAST
    trust = Trust.fit(features, right) if own else Trust.known(by_words, wrong)
    unsupported, easy = features[none], 1.0
    if len(unsupported) < _LEAST:
        unsupported = left_out(knowledge)
    if len(unsupported) < _LEAST:
        made = [i for i, t in enumerate(told) if t is not None and t.get("made") and not answerable(t)]
        unsupported, easy = _judged(knowledge, [asked[i] for i in made], [told[i] or {} for i in made])[0], _EASY
    if len(unsupported) >= _LEAST:
        n = len(unsupported)
        trust.refuse(unsupported, wrong, 1.0 if own else easy * n / (n + _STEADY))
    return trust


def left_out(knowledge: Knowledge) -> np.ndarray:
    """Return the features [N, F] of stored questions that are asked with their own answer left out.

    Those that another passage answers too, or that another stored question asks in nearly the same words, do not count.
    Where many stored questions have one that says the same, these are left out too, and those that say the same as these;
    where few have, such pairs are taken to be close and yet different, and should be told apart.
    """
    passages = knowledge.passages
    stored = [i for i, p in enumerate(passages) if p.asked]
    if not stored:
        return np.zeros((0, len(FEATURES)))
    by_text: dict[str, list[int]] = {}
    for i in stored:
        by_text.setdefault(plain(passages[i].text), []).append(i)
    some = [stored[i] for i in np.unique(np.linspace(0, len(stored) - 1, min(_MOST, len(stored))).astype(int))]
    without = [set(by_text[plain(passages[i].text)]) for i in some]
    alike = knowledge.alike(some)
    if np.mean([bool(a) for a in alike]) >= _SEVERAL:
        further = sorted(set().union(*alike))
        by_entry = dict(zip(further, knowledge.alike(further), strict=True))
        without = [w.union(a, *(by_entry[j] for j in a)) for w, a in zip(without, alike, strict=True)]
    asked = [
        Asked(passages[i].asked[0], passages[i].tenant, None, tuple(w)) for i, w in zip(some, without, strict=True)
    ]
    kept = []
    for i, f in zip(some, knowledge.find(asked, 1), strict=True):
        text = passages[i].text
        if not f.ids and knowledge.by != "words":
            continue  # vectors find something wherever anything is left
        if f.ids and (f.features[0] >= _AGAIN or (len(text) >= _LONG and same(text, passages[f.ids[0]].text))):
            continue
        kept.append(f.features)
    return np.stack(kept) if kept else np.zeros((0, len(FEATURES)))


def _judged(
    knowledge: Knowledge, asked: Sequence[Asked], told: Sequence[dict[str, Any]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features [N, F], whether the first passage is right [N], and whether nothing answers [N]."""
    right, none = np.zeros(len(asked), bool), np.zeros(len(asked), bool)
    found = knowledge.find(asked, 1)
    for row, (truth, f) in enumerate(zip(told, found, strict=True)):
        first = [(i, knowledge.passages[i]) for i in f.ids]
        hits = [{"id": i, "document": p.document, "heading": p.heading, "text": p.text} for i, p in first]
        right[row], none[row] = rank(truth, {"hits": hits}) == 1, not answerable(truth)
    return np.stack([f.features for f in found]) if found else np.zeros((0, len(FEATURES))), right, none
