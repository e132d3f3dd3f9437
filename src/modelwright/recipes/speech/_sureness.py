"""How sure a word is, as the share of such words that are right: learnt on validation rows (Platt 1999).

Legend: L units of a word, W words, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_FEW = 4  # wrong words, or right ones, below which nothing is learnt
_RIDGE = 1.0
_STEPS = 30


def looks(sure: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Return what tells whether a word is right [4]: logits of its units' mean and least probability, speech, and 1."""
    clipped = np.clip(sure, 1e-4, 1 - 1e-4)
    logit = np.log(clipped / (1 - clipped))
    heard = float(np.clip(speech.mean() if len(speech) else 0.0, 0.0, 1.0))
    return np.array([logit.mean(), logit.min(), heard, 1.0])


@dataclass(frozen=True)
class Sureness:
    """Weights [4] over `looks`; none where nothing could be learnt: then the units' mean probability is told as it is."""

    weights: tuple[float, ...] = ()

    def of(self, sure: np.ndarray, speech: np.ndarray) -> float:
        """Return how sure a word is, in 0..1, by its units' probabilities [L] and those of speech at its frames [T]."""
        if not self.weights:
            return round(float(np.exp(np.log(np.clip(sure, 1e-4, 1)).mean())), 4)
        return round(float(1 / (1 + np.exp(-np.dot(self.weights, looks(sure, speech))))), 4)

    @classmethod
    def fit(cls, rows: Sequence[np.ndarray], right: Sequence[bool]) -> Sureness:
        """Learn from words whose rightness is known, by their `looks` [F]: ridge logistic regression, Newton's steps."""
        y = np.array(right, np.float64)
        if min(y.sum(), (1 - y).sum()) < _FEW:
            return cls()
        x = np.array(rows)
        w = np.zeros(x.shape[1])
        for _ in range(_STEPS):
            p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
            slope = x.T @ (p - y) + _RIDGE * w
            bend = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(len(w))
            w = w - np.linalg.solve(bend, slope)
        return cls(tuple(float(v) for v in w))

    def to_json(self) -> list[float]:
        """Return it as JSON values."""
        return list(self.weights)

    @classmethod
    def from_json(cls, data: Any) -> Sureness:
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        if not isinstance(data, list) or len(data) not in (0, 4) or not np.isfinite(np.asarray(data, np.float64)).all():
            raise ValueError("weights of the confidence")
        return cls(tuple(float(v) for v in data))
