"""Whether a text says the named values it was made from: which are missing, and which were added.

A slot whose values answers mostly repeat word for word is checked by looking for the value. Any other slot with few kinds of
value (`family friendly: no`) is checked by a linear classifier of word n-grams, which tells from a text which value it
speaks of, if any: as the reranker of TGen does (Dusek & Jurcicek 2016, arXiv 1606.05491). A slot that neither can tell on
training rows is left unchecked. Legend: N rows, K values of a slot and none, D hashed n-grams.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from modelwright.features.base import Stored
from modelwright.features.shared.source import Slots, says
from modelwright.features.shared.tokens import tokenize

_REPEATED = 0.7  # of the values of a slot must be repeated for it to be looked for
_KINDS = 12  # values that a classifier tells apart at most; others are rare
_LEAST = 20  # rows with a slot below which no classifier is made
_TRUST = 0.85  # of the training rows a classifier must get right
_ROWS = 12_000
_WIDTH = 1 << 13


class SlotCheck(Stored):
    """`worded` maps slots that are looked for to their known values; `told` maps others to the values told apart.

    `weights` [K, D + 1] by slot: of n-grams, and the bias; class 0 is that nothing is said of it.
    """

    def __init__(
        self, worded: Mapping[str, Sequence[str]], told: Mapping[str, Sequence[str]], weights: Mapping[str, np.ndarray]
    ) -> None:
        self.worded = {k: list(v) for k, v in worded.items()}
        self.told = {k: list(v) for k, v in told.items()}
        self.weights = dict(weights)

    @classmethod
    def fit(cls, rows: Sequence[Slots], answers: Sequence[str]) -> SlotCheck:
        """Find out, on training rows, how each slot can be checked."""
        if len(rows) > _ROWS:
            some = np.random.default_rng(0).permutation(len(rows))[:_ROWS]
            rows, answers = [rows[i] for i in some], [answers[i] for i in some]
        kinds: dict[str, Counter[str]] = {}
        said: Counter[str] = Counter()
        for slots, answer in zip(rows, answers, strict=True):
            for name, value in slots:
                kinds.setdefault(name, Counter())[value] += 1
                said[name] += says(answer, value)
        worded = {n: [v for v, _ in k.most_common(500)] for n, k in kinds.items() if said[n] >= _REPEATED * k.total()}
        told: dict[str, list[str]] = {}
        weights: dict[str, np.ndarray] = {}
        others = [n for n, k in kinds.items() if n not in worded and k.total() >= _LEAST and len(k) <= 4 * _KINDS]
        grams = _grams(list(answers)) if others else None
        for name in others:
            values = [v for v, c in kinds[name].most_common(_KINDS) if c >= _LEAST // 2]
            found = _classifier(grams, _classes(rows, name, values)) if values else None
            if found is not None:
                told[name], weights[name] = values, found
        return cls(worded, told, weights)

    def check(self, rows: Sequence[Slots], texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return for each row how many `slots` were checked, and the `missing` and `added` ones by name."""
        out = [self._look(slots, text) for slots, text in zip(rows, texts, strict=True)]
        if not self.told or not texts:
            return out
        grams = _grams(list(texts))
        for name, values in self.told.items():
            scores = np.asarray(grams @ self.weights[name][:, :-1].T) + self.weights[name][:, -1]
            heard = scores.argmax(axis=1)
            for one, wanted, found in zip(out, _classes(rows, name, values), heard, strict=True):
                if wanted < 0:
                    continue
                one["slots"] += int(wanted > 0)
                if wanted != found:
                    one["missing" if wanted else "added"].append(name)
        return out

    def _look(self, slots: Slots, text: str) -> dict[str, Any]:
        missing = [n for n, v in slots if n in self.worded and v and not says(text, v)]
        held = " ".join(v for _, v in slots).lower()
        added = [
            n
            for n, values in self.worded.items()
            if any(len(v) > 2 and not v[0].isdigit() and v.lower() not in held and says(text, v) for v in values)
        ]
        return {"slots": sum(n in self.worded and bool(v) for n, v in slots), "missing": missing, "added": added}

    def state(self) -> dict[str, Any]:
        """Return JSON values from which, with `arrays`, `restore` makes the same."""
        return {"worded": self.worded, "told": self.told}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights [F] by number of the slot."""
        return {f"slot.{i}": self.weights[n] for i, n in enumerate(self.told)}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        weights = {n: np.asarray(arrays[f"slot.{i}"], np.float32) for i, n in enumerate(state["told"])}
        return cls(state["worded"], state["told"], weights)


def _classes(rows: Sequence[Slots], name: str, values: Sequence[str]) -> np.ndarray:
    """Return 0 where a row lacks the slot, i + 1 for the i-th value, -1 for others [N]."""
    place = {v: i + 1 for i, v in enumerate(values)}
    return np.array([next((place.get(v, -1) for n, v in slots if n == name), 0) for slots in rows], np.int64)


def _grams(texts: list[str]) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(
        analyzer="word", tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 3), n_features=_WIDTH,
        binary=True, norm="l2", alternate_sign=False, dtype=np.float32,
    )  # fmt: skip
    return made.transform(texts)


def _classifier(grams: Any, classes: np.ndarray) -> np.ndarray | None:
    """Return weights [K, D + 1] of a logistic regression; None where it does not tell the values on held-out rows."""
    from sklearn.linear_model import LogisticRegression

    known = np.flatnonzero(classes >= 0)
    x, y = grams[known], classes[known]
    count = int(classes.max()) + 1
    if len(np.unique(y)) < 2:
        return None
    half = np.random.default_rng(0).permutation(len(y)) < 0.8 * len(y)
    if len(np.unique(y[half])) < 2 or half.all():
        return None
    made = LogisticRegression(C=30.0, max_iter=200, tol=1e-3)
    if float((made.fit(x[half], y[half]).predict(x[~half]) == y[~half]).mean()) < _TRUST:
        return None
    made.fit(x, y)
    coefficients, bias = made.coef_, made.intercept_
    if len(made.classes_) == 2:  # one row of weights speaks for the second
        coefficients, bias = np.vstack([0 * coefficients, coefficients]), np.r_[0.0, bias]
    out = np.zeros((count, x.shape[1] + 1), np.float32)
    out[:, -1] = -1e9
    out[made.classes_, :-1], out[made.classes_, -1] = coefficients, bias
    return out
