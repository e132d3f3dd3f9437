"""How many answers are right, estimated without labels from how sure they are.

Unseen rows tell how often an answer was right that was as sure as this one, label by label. Taken over the answers that came, this
gives the accuracy to expect (the average of calibrated confidences; see Garg et al. 2022, arXiv 2201.04234, for what such estimates
can and cannot do). It holds where rows of one confidence are right as often as before: where the mix of rows has changed, and not
what they mean. Of rows unlike any in training nothing is known, and each of them widens the interval; where there are many, no
number is told. Legend: K labels, Q bins of confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.core.words import Words

_DRAWS = 1000
MOST_OUTSIDE = 0.1  # share of rows unlike any in training from which no number is told
_WIDEST = 0.1  # half width of an interval from which no number is told
_LEAST = 50  # answers
_WHOLE = 20.0  # rows that the accuracy of all labels of a confidence counts for beside those of one label


@dataclass(frozen=True)
class Performance:
    """The accuracy to expect with a 95 % interval, and the accuracy on unseen rows at training; `known` False says: do not use it."""

    accuracy: float
    low: float
    high: float
    before: float
    known: bool
    why: Words | None  # why it is not known


def expected_accuracy(right: np.ndarray, asked: np.ndarray, came: np.ndarray, outside: float, seed: int = 0) -> Performance | None:  # fmt: skip
    """Return the accuracy to expect of answers `came` [K, Q] from unseen rows `asked` and `right` [K, Q].

    `outside` is the share of rows unlike those of training, beyond what unseen rows had. None without unseen rows or answers.
    """
    rows, base = int(came.sum()), int(asked.sum())
    if rows == 0 or base == 0:
        return None
    # rows of one label and confidence are few: they are joined by what all labels of that confidence tell
    plain = (right.sum(axis=0) + 0.5) / (asked.sum(axis=0) + 1)
    weight = _WHOLE * np.minimum(1.0, asked.sum(axis=0) / base * asked.shape[1])
    a = right + weight * plain + 0.25
    b = asked - right + weight * (1 - plain) + 0.25
    share = came / rows
    accuracy = float(np.sum(share * a / (a + b)))
    rng = np.random.default_rng(seed)
    rates = rng.beta(a[None], b[None], (_DRAWS, *a.shape))
    mean = (share * rates).sum(axis=(1, 2))
    # the rows that came are a sample too: whether each is right is a throw of its own
    thrown = mean + rng.standard_normal(_DRAWS) * np.sqrt(np.maximum(mean * (1 - mean), 0) / rows)
    low, high = np.quantile(thrown, [0.025, 0.975])
    strange = float(np.clip(outside, 0, 1))
    low, high = float(max(0.0, low - strange * accuracy)), float(min(1.0, high + strange * (1 - accuracy)))
    why = None
    if rows < _LEAST:
        why = Words(f"only {rows} answers so far", f"目前只有 {rows} 条预测")
    elif strange > MOST_OUTSIDE:
        why = Words(
            f"{strange:.0%} of the rows are unlike any in the training data", f"{strange:.0%} 的数据与训练数据完全不同"
        )
    elif (high - low) / 2 > _WIDEST:
        why = Words("too few unseen rows to judge by", "可供判断的未见过的数据太少")
    return Performance(accuracy, low, high, float(right.sum() / base), why is None, why)
