"""What the answers to the test rows cost, for the report: in all, by error, and beside answers chosen without prices.

Legend: N rows, K labels.
"""

from __future__ import annotations

import math

import numpy as np

from modelwright.core.answers.prices import cost_of, critical_share
from modelwright.core.facts.scores import CostFacts, OrderFacts
from modelwright.core.judged import Judged
from modelwright.evaluate.metrics.chosen import confusion


def cost_facts(judged: Judged) -> CostFacts | None:
    """Return what the answers cost in all and per 1,000 rows, by error; what the cheapest fixed answer would, and what the
    likeliest answers would. None where errors of labels have no price."""
    prices = judged.target.prices
    if prices is None or not judged.target.one_label or not len(judged.truth):
        return None
    counts = confusion(judged)
    paid = counts * prices
    n, labels = int(counts.sum()), judged.target.labels
    fixed = counts.sum(axis=1) @ prices  # [K]: always answering one label
    best = int(fixed.argmin())
    truth = judged.truth.astype(int)
    per_row = prices[truth, judged.chosen.astype(int)]
    likeliest = prices[truth, judged.scores.argmax(axis=1)]
    order = np.argsort(-paid, axis=None, kind="stable")
    pairs = [(int(i) // len(labels), int(i) % len(labels)) for i in order]
    mean, error = float(per_row.mean()), _error(per_row)
    saved = likeliest - per_row
    return {
        "rows": n,
        "total": float(paid.sum()),
        "per_1000": 1000 * mean,
        "low": 1000 * max(0.0, mean - error),
        "high": 1000 * (mean + error),
        "fixed": {"label": labels[best], "per_1000": 1000 * float(fixed[best]) / n},
        "likeliest": {
            "per_1000": 1000 * float(likeliest.mean()),
            "saved": 1000 * float(saved.mean()),
            "low": 1000 * (float(saved.mean()) - _error(saved)),
            "high": 1000 * (float(saved.mean()) + _error(saved)),
        },
        "errors": [
            {"true": labels[t], "said": labels[p], "count": int(counts[t, p]), "each": float(prices[t, p]), "cost": float(paid[t, p])}
            for t, p in pairs[:12]
            if paid[t, p] > 0
        ],
    }  # fmt: skip


def order_facts(judged: Judged) -> OrderFacts | None:
    """Return what ordering the quantities cost on the average, and what ordering the predictions themselves would have; None where
    quantities have no price."""
    target, truth = judged.target, judged.truth
    quantity = target.quantity(judged.scores) if target.prices is not None and len(truth) else None
    if quantity is None or target.prices is None:
        return None
    own, plain = (_by_row(cost_of(truth, q, target.prices)) for q in (quantity, judged.chosen))
    saved = plain - own
    return {
        "too_much": float(target.prices[0]),
        "too_little": float(target.prices[1]),
        "share": critical_share(target.prices),
        "sufficed": float((quantity >= truth)[np.isfinite(truth)].mean()),
        "mean": float(own.mean()),
        "low": max(0.0, float(own.mean()) - _error(own)),
        "high": float(own.mean()) + _error(own),
        "plain": float(plain.mean()),
        "saved": float(saved.mean()),
        "saved_low": float(saved.mean()) - _error(saved),
        "saved_high": float(saved.mean()) + _error(saved),
    }


def _by_row(paid: np.ndarray) -> np.ndarray:
    """Return what each row cost [N]: of one with several steps the mean of those that are known."""
    return paid if paid.ndim == 1 else np.asarray(np.nanmean(paid, axis=1))


def _error(values: np.ndarray) -> float:
    """Return half the width of the 95 % interval of a mean."""
    return 1.96 * float(values.std()) / math.sqrt(len(values))
