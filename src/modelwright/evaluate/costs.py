"""What wrong answers cost, in the user's own money, and the answers that cost least.

`--cost fraud:missed=500,false_alarm=5`: a row of label t answered with p costs `missed` of t plus `false_alarm` of p;
`--cost bad:good=5` gives the cost of answering `good` where `bad` is true, whatever else was said of the two.
Legend: N rows, K labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.prices import cost_of, critical_share
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import OptionError, unknown
from modelwright.core.judged import Judged
from modelwright.core.words import Words

KINDS = ("missed", "false_alarm")
_FORM = "LABEL:missed=500,false_alarm=5"
_PAIR = "LABEL:ANSWER=5"
_MOST = 2000  # rows that a line is fitted to
_FEW = 50  # validation rows below which thresholds follow from the prices alone


def split(text: str) -> tuple[str, dict[str, float]]:
    """Read one `--cost`: the label, and its costs by kind or by the answer that it got. Raises OptionError for another form."""
    label, colon, rest = text.rpartition(":")
    costs: dict[str, float] = {}
    for part in rest.split(",") if colon and label.strip() else [""]:
        name, equals, value = (x.strip() for x in part.rpartition("="))
        if not equals or not name or not re.fullmatch(r"\d+(\.\d+)?", value):
            raise OptionError(
                f"Expected --cost {_FORM} or {_PAIR}, received `{text}`.",
                f"应写作 --cost {_FORM} 或 {_PAIR}，收到的是 `{text}`。",
            )
        costs[name] = float(value)
    return label.strip(), costs


def parse_costs(texts: Sequence[str], target: TargetCodec) -> np.ndarray:
    """Return what a true label (rows) answered with another (columns) costs [K, K]; right answers cost nothing.

    Raises OptionError for names of labels that do not occur, and where some answer would never cost anything.
    """
    labels, apart = target.labels, [split(text) for text in texts]
    kinds = {kind: np.zeros(len(labels)) for kind in KINDS}
    for label, costs in apart:
        for name, value in costs.items():
            if name in KINDS:
                kinds[name][_index(label, labels)] = value
    prices = kinds["missed"][:, None] + kinds["false_alarm"][None, :]
    for label, costs in apart:
        for name, value in costs.items():
            if name not in KINDS:
                prices[_index(label, labels), _index(name, labels, of_answer=True)] = value
    np.fill_diagonal(prices, 0.0)
    free = np.flatnonzero(prices.max(axis=0) == 0)
    if len(free):
        label = labels[int(free[0])]
        raise OptionError(
            f"By --cost, answering `{label}` never costs anything, so it would always be answered. "
            f"Say what it costs where it is wrong: --cost {label}:false_alarm=5",
            f"按照 --cost，回答 `{label}` 永远没有代价，因此会一律回答它。请说明它答错时的代价：--cost {label}:false_alarm=5",
        )
    return prices


def _index(label: str, labels: Sequence[str], of_answer: bool = False) -> int:
    if label not in labels:
        known = [*KINDS, *labels] if of_answer else labels
        raise unknown(
            Words("kind of cost or label", "代价类型或标签") if of_answer else Words("label", "标签"),
            label,
            known,
            OptionError,
        )
    return labels.index(label)


def cheapest(judged: Judged) -> list[float]:
    """Return the thresholds with which answers to validation rows cost least: one probability for two labels, else a weight for
    each label [K].

    They are those that follow from the prices of well calibrated probabilities, unless others are cheaper for certain: by
    more than the standard error of the difference.
    """
    target = cast("ClassesCodec", judged.target)
    prices = target.prices
    assert prices is not None
    if target.outputs == 2:
        theory = float(prices[0, 1] / (prices[0, 1] + prices[1, 0]))
        found = [theory]
        if len(judged.rows) >= _FEW:
            grid = np.unique(np.quantile(judged.scores[:, 1], np.linspace(0.01, 0.99, 99)))
            found = [_better([theory], [[float(t)] for t in grid], judged)[0]]
        return found
    weights = [1.0] * target.outputs
    if len(judged.rows) >= _FEW:
        for _ in range(2):
            for k in range(target.outputs):
                others = [[*weights[:k], weights[k] * f, *weights[k + 1 :]] for f in (0.4, 0.6, 0.8, 1.25, 1.67, 2.5)]
                weights = _better(weights, others, judged)
    return weights


def best_order(judged: Judged) -> tuple[float, float]:
    """Return how the predictions of validation rows become the quantities that cost least: (a, b) for a + b times the prediction.

    A shift by the residuals' quantile (split conformal), or the line of a quantile regression (Koenker and Bassett 1978) where
    that is cheaper for certain: errors that grow with the prediction ask for it.
    """
    target = cast("ValueCodec", judged.target)
    assert target.prices is not None
    share, said = critical_share(target.prices), judged.scores[:, 0]
    off = judged.truth - said
    n = len(off)
    if not n:
        return 0.0, 1.0
    shift = float(np.quantile(off, min(1.0, np.ceil((n + 1) * share) / n), method="inverted_cdf"))
    if n < _FEW or not said.std() > 0:
        return shift, 1.0
    some = np.arange(n) if n <= _MOST else np.random.default_rng(0).choice(n, _MOST, replace=False)
    line = _quantile_line(said[some], judged.truth[some], share)
    if line is None:
        return shift, 1.0
    paid = [cost_of(judged.truth, a + b * said, target.prices) for a, b in ((shift, 1.0), line)]
    gain = paid[0] - paid[1]
    return line if gain.mean() > 2 * gain.std() / np.sqrt(n) else (shift, 1.0)


def _quantile_line(x: np.ndarray, y: np.ndarray, share: float) -> tuple[float, float] | None:
    """Return the line a + b x of the least quantile loss; None where none was found."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, eye, hstack

    n, centre, scale = len(x), float(x.mean()), float(x.std())
    z = (x - centre) / scale
    # y = a + b z + above - below, all but a and b at least 0
    costs = np.r_[0.0, 0.0, np.full(n, share), np.full(n, 1 - share)]
    lines = csr_matrix(np.stack([np.ones(n), z], axis=1))
    equal = hstack([lines, eye(n), -eye(n)], format="csr")
    found = linprog(costs, A_eq=equal, b_eq=y, bounds=[(None, None)] * 2 + [(0, None)] * (2 * n), method="highs")
    if not found.success:
        return None
    a, b = float(found.x[0]), float(found.x[1]) / scale
    return a - b * centre, b


def _better(now: list[float], others: Sequence[list[float]], judged: Judged) -> list[float]:
    """Return which of the thresholds costs least, `now` unless one is cheaper by more than a standard error."""
    paid = _paid(now, judged)
    best, least = now, paid
    for other in others:
        own = _paid(other, judged)
        if own.mean() < least.mean():
            best, least = other, own
    gain = paid - least
    return best if gain.mean() > gain.std() / np.sqrt(len(gain)) else now


def _paid(thresholds: Sequence[float], judged: Judged) -> np.ndarray:
    target = judged.target
    answers = target.decode(judged.scores, thresholds)
    paid = target.paid(judged.truth, target.chosen(answers, judged.scores), judged.scores)
    return np.zeros(len(judged.rows)) if paid is None else paid
