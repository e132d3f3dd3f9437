"""What a score means in plain words: how many rows are right, or how far predictions are off; before any metric."""

from __future__ import annotations

import math

import numpy as np

from modelwright.core.task import Judged
from modelwright.core.words import Words


def share(part: int, whole: int) -> str:
    """Return a share in percent as people say it: `88`, `99.6`; 0 and 100 only where it is none or all."""
    percent = 100 * part / whole
    if part not in (0, whole) and not 1 <= percent < 99:
        return f"{min(99.9, max(0.1, percent)):.1f}"
    return f"{percent:.0f}"


def rounded(value: float) -> str:
    """Return a quantity with three figures that count, thousands apart: `32,600`, `4.08`, `0.0123`."""
    if not math.isfinite(value):
        return "–"
    if value and abs(value) >= 1000:
        digits = math.floor(math.log10(abs(value))) - 2
        return f"{round(value / 10**digits) * 10**digits:,.0f}"
    return f"{value:.3g}"


def plainly(judged: Judged) -> Words | None:
    """Return in one clause what the model does on rows it had not seen; None for answers that are made."""
    kind, n = judged.target.kind, len(judged.truth)
    if kind == "objects" or not n:
        return None
    if kind == "value":
        off = np.abs(judged.scores[:, 0] - judged.truth)
        half, most = float(np.median(off)), float(np.quantile(off, 0.9))
        return Words(
            f"typically off by {rounded(half)} on {n:,} unseen rows, by at most {rounded(most)} in nine of ten",
            f"在 {n:,} 行未见过的数据上，误差通常约为 {rounded(half)}，九成不超过 {rounded(most)}",
        )
    if kind == "label_sets":
        right = int((judged.chosen == judged.truth).all(axis=1).sum())
        return Words(
            f"every label right on {right:,} of {n:,} unseen rows ({share(right, n)} %)",
            f"{n:,} 行未见过的数据中，{right:,} 行的标签全部正确（{share(right, n)}%）",
        )
    right = int((judged.chosen == judged.truth).sum())
    words = Words(
        f"right on {right:,} of {n:,} unseen rows ({share(right, n)} %)",
        f"{n:,} 行未见过的数据中预测正确 {right:,} 行（{share(right, n)}%）",
    )
    if judged.target.ordered:
        near = int((np.abs(judged.chosen - judged.truth) <= 1).sum())
        words = Words(
            f"{words.en}, at most one step off on {share(near, n)} %",
            f"{words.zh}，相差不超过一级的占 {share(near, n)}%",
        )
    return words


def guessing(judged: Judged) -> Words | None:
    """Return what always giving the same answer would reach on the same rows; None for answers that are made or sets."""
    n = len(judged.truth)
    if not n:
        return None
    if judged.target.kind == "value":
        off = float(np.median(np.abs(judged.truth - np.median(judged.truth))))
        return Words(
            f"Always answering the median would typically be off by {rounded(off)}.",
            f"若一律回答中位数，误差通常约为 {rounded(off)}。",
        )
    if judged.target.kind != "classes":
        return None
    most = int(np.bincount(judged.truth.astype(int)).max())
    return Words(
        f"Always answering the most common label would be right on {share(most, n)} %.",
        f"若一律回答最常见的标签，正确率为 {share(most, n)}%。",
    )
