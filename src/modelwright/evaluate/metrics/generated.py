"""How like real pictures those are that were made: of sets, not of pairs. Legend: N rows, D features.

A score's figures are the features of the row's real picture and of one that was made for it. KID and FID compare the sets as a
whole; precision and recall tell what is unlike anything real from what is never made; all by features trained here, so that their values
compare models of one run and are none of the literature's, which take a network trained on ImageNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words

_NEAR = 3  # neighbours that span the ground of a set
Row = dict[str, Any]


def rows_of(judged: Judged) -> list[Row]:
    """Return the figures of each row; empty where a picture was not judged."""
    return [(s or {}).get("figures", {}) if isinstance(s, dict) or s is None else {} for s in judged.scores[:, 0]]


def _sets(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    known = [r for r in rows if "made" in r]
    return np.array([r["real"] for r in known], np.float64), np.array([r["made"] for r in known], np.float64)


def kid(rows: Sequence[Row]) -> float:
    """Return the squared maximum mean discrepancy under a cubic kernel, without bias (Binkowski et al. 2018, arXiv 1801.01401)."""
    real, made = _sets(rows)
    if len(real) < 2:
        return float("nan") if rows and "made" not in rows[0] and rows[0] else 0.0
    width, n = real.shape[1], len(real)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        out: np.ndarray = (a @ b.T / width + 1) ** 3
        return out

    xx, yy, xy = kernel(real, real), kernel(made, made), kernel(real, made)
    within = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (n * (n - 1))
    return round(float(within - 2 * xy.mean()), 9)


def fid(rows: Sequence[Row]) -> float:
    """Return the Frechet distance of two Gaussians (Heusel et al. 2017, arXiv 1706.08500); with few rows it reads too high."""
    real, made = _sets(rows)
    if len(real) < 3:
        return 0.0
    a, b = np.cov(real.T), np.cov(made.T)
    values = np.linalg.eigvals(a @ b)
    root = float(np.sqrt(np.maximum(values.real, 0)).sum())
    return max(0.0, float(((real.mean(0) - made.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * root))


def _covered(ground: np.ndarray, points: np.ndarray) -> float:
    """Return the share of points that lie within the reach of some point of a set: as far as its third neighbour (Kynkaanniemi et al.
    2019, arXiv 1904.06991)."""
    if len(ground) <= _NEAR or not len(points):
        return 1.0
    from scipy.spatial.distance import cdist

    own = cdist(ground, ground)
    reach = np.partition(own, _NEAR, axis=1)[:, _NEAR]
    return float((cdist(points, ground) <= reach[None]).any(1).mean())


def precision(rows: Sequence[Row]) -> float:
    """Return the share of made pictures that lie among the real ones."""
    real, made = _sets(rows)
    return _covered(real, made)


def recall(rows: Sequence[Row]) -> float:
    """Return the share of real pictures that lie among the made ones."""
    real, made = _sets(rows)
    return _covered(made, real)


def agreement(rows: Sequence[Row]) -> float:
    """Return how often a classifier trained on the real pictures sees the label that was asked for; NaN where none was."""
    known = [float(r["agrees"]) for r in rows if r.get("agrees") is not None]
    return float(np.mean(known)) if known else float("nan")


def copied(rows: Sequence[Row]) -> float:
    """Return the chance that a made picture lies nearer to its nearest training picture than a training picture does to another one.

    A half is what pictures that are new have; well above it, training pictures are given again (after Meehan et al. 2020, arXiv
    2004.05675). The distances were taken when the model was trained, since a bundle holds no picture.
    """
    known = [(r["near"], r["near_real"]) for r in rows if r.get("near") is not None]
    if not known:
        return float("nan")
    made, real = np.array(known).T
    below = (made[:, None] < real[None]).mean() + 0.5 * (made[:, None] == real[None]).mean()
    return float(below)


KID = Metric("kid", Words("KID, own features", "KID（自有特征）"), False, kid, high=np.inf, by_unit=rows_of)
FID = Metric("fid", Words("FID, own features", "FID（自有特征）"), False, fid, high=np.inf, by_unit=rows_of)
PRECISION = Metric(
    "precision",
    Words("precision: made pictures among real ones", "精确率：生成图落在真实图之中"),
    True,
    precision,
    by_unit=rows_of,
)
RECALL = Metric(
    "recall",
    Words("recall: real pictures among made ones", "召回率：真实图落在生成图之中"),
    True,
    recall,
    by_unit=rows_of,
)
AGREEMENT = Metric(
    "agreement", Words("agreement with the label asked for", "与所要求标签的一致率"), True, agreement, by_unit=rows_of
)
COPIED = Metric(
    "copied",
    Words("nearer to training pictures than these are to each other", "比训练图片彼此更接近训练图片的概率"),
    False,
    copied,
    ideal=0.5,
    by_unit=rows_of,
)
GENERATED = (KID, FID, PRECISION, RECALL, AGREEMENT, COPIED)
