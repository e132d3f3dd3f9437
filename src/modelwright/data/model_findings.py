"""What the data doctor can only say once a model is there: labels that look wrong, and whether more rows would help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.check import Finding


def label_noise(table: Table, truth: np.ndarray, scores: np.ndarray) -> list[Finding]:
    """Find rows whose label an out-of-sample model contradicts with confidence.

    `truth` [N] class numbers, `scores` [N, K] out-of-sample probabilities. Source: confident learning, Northcutt et
    al., arXiv 1911.00068: a row counts where another class passes its own mean confidence and its own label does not.
    """
    k = scores.shape[1]
    known = truth >= 0
    if known.sum() < 50 or k < 2:
        return []
    own = np.array([scores[truth == c, c].mean() if (truth == c).any() else np.inf for c in range(k)])
    passes = scores >= own
    passes[np.arange(len(truth)), np.maximum(truth, 0)] = False
    best = np.where(passes, scores, -1).argmax(1)
    gap = scores[np.arange(len(truth)), best] - scores[np.arange(len(truth)), np.maximum(truth, 0)]
    suspects = np.flatnonzero(known & passes.any(1) & (gap > 0.5))
    if len(suspects) == 0:
        return []
    suspects = suspects[np.argsort(-gap[suspects])]
    target = table.schema.target
    share = 100 * len(suspects) / len(truth)
    shown = ", ".join(str(int(r)) for r in table.rows[suspects[:8]])
    return [
        Finding(
            "label-noise", "warning" if share > 1 else "info", target.name if target else None,
            Words(f"{len(suspects)} labels ({share:.1f} %) look wrong to a model that had not seen them; first rows {shown}.", f"{len(suspects)} 个标签（{share:.1f}%）很可能有误（由未见过这些行的模型判断），首先是第 {shown} 行。"),
            Words("Look at these rows; correcting labels often helps more than another model.", "请检查这些行；修正标签往往比换模型更有效。"),
            rows=tuple(int(r) for r in table.rows[suspects[:20]]),
        )
    ]  # fmt: skip


def enough_data(sizes: Sequence[int], scores: Sequence[float], higher: bool) -> Finding:
    """Read a learning curve: whether twice the rows would help, by a straight line in the logarithm of the size."""
    x, y = np.log2(np.asarray(sizes, float)), np.asarray(scores, float)
    slope = float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else 0.0
    gain = slope if higher else -slope
    last = abs(y[-1]) or 1.0
    curve = ", ".join(f"{n:,}: {s:.3g}" for n, s in zip(sizes, scores))
    if gain > 0.01 * last:
        words = Words(
            f"More rows would help: each doubling moved the score by about {abs(slope):.3g} ({curve}).",
            f"更多数据会有帮助：每翻一倍，得分约变化 {abs(slope):.3g}（{curve}）。",
        )
        advice = Words(f"Aim for {2 * sizes[-1]:,} rows.", f"建议收集到约 {2 * sizes[-1]:,} 行。")
    else:
        words = Words(f"The score hardly grows with more rows ({curve}).", f"增加数据对得分影响不大（{curve}）。")
        advice = Words("Better columns or labels will help more than further rows.", "改进列或标签比增加行数更有用。")
    return Finding("learning-curve", "info", None, words, advice)
