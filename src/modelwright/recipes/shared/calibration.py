"""Decision values to probabilities, fitted on rows that the model has not seen.

Legend: N rows, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.core.answers.base import TargetCodec


def softmax(values: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis [N, K]."""
    values = np.exp(values - values.max(axis=-1, keepdims=True))
    return values / values.sum(axis=-1, keepdims=True)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Return the logistic function of values of any shape, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * values))


def scores_of_margins(raw: Sequence[np.ndarray], target: TargetCodec) -> np.ndarray:
    """Return the scores [N, K] of boosters' raw answers, one [N] or [N, K] for each booster: the value itself, or probabilities."""
    if target.kind == "value":
        return raw[0].reshape(-1, 1)
    if target.kind == "label_sets":
        return np.stack([sigmoid(r) for r in raw], axis=1)
    if target.outputs == 2:
        p = sigmoid(raw[0])
        return np.stack([1 - p, p], axis=1)
    return softmax(raw[0].reshape(-1, target.outputs))


def fit_temperature(values: np.ndarray, truth: np.ndarray) -> float:
    """Return the factor on decision values [N, K] whose softmax fits the truth [N] best (arXiv 1706.04599)."""
    from scipy.optimize import minimize_scalar

    def loss(log_factor: float) -> float:
        scaled = values * np.exp(log_factor)
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        picked = scaled[np.arange(len(truth)), truth]
        return float((np.log(np.exp(scaled).sum(axis=1)) - picked).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4, 6), method="bounded").x))


def fit_sigmoid(values: np.ndarray, truth: np.ndarray, rounds: int = 50) -> tuple[float, float]:
    """Return (a, b) so that sigmoid(a v + b) fits the truth [N] in {0, 1}: Platt scaling (Platt 1999) by Newton steps.

    The targets are drawn in a little, as Platt does, so that few rows do not give certainty.
    """
    ones = float(truth.sum())
    zeros = len(truth) - ones
    goal = np.where(truth > 0.5, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    design = np.stack([values, np.ones_like(values)], axis=1).astype(np.float64)
    weights = np.array([1.0, np.log((ones + 1) / (zeros + 1))])

    def loss(w: np.ndarray) -> float:
        z = design @ w
        return float((np.logaddexp(0, z) - goal * z).sum() + 0.5e-6 * (w @ w))

    now = loss(weights)
    for _ in range(rounds):
        p = sigmoid(design @ weights)
        slope = design.T @ (p - goal) + 1e-6 * weights
        curve = (design * (p * (1 - p))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > 1e-4 and loss(weights - size * step) > now:
            size /= 2
        weights = weights - size * step
        if abs(now - loss(weights)) < 1e-9 * max(1.0, now):
            break
        now = loss(weights)
    # a falling curve would turn the ranking round: unseen rows that few cannot justify that
    return max(float(weights[0]), 1e-3), float(weights[1])
