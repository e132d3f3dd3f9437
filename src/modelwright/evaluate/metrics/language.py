"""Metrics of language models from likelihoods, and their pictures. Legend: N rows, S statistics.

Bits per byte do not depend on how a text is cut into tokens, so all models of a run are compared by them.
"""

from __future__ import annotations

import math

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.task import Plot
from modelwright.core.words import Words

_KEYS = ("bits", "bytes", "tokens", "hits", "pairs", "won")


def statistics(judged: Judged) -> np.ndarray:
    """Return bits, bytes, tokens, hits, pairs and pairs won of each row [N, 6]; zeros for answers that are no likelihoods."""
    rows = [s if isinstance(s, dict) else {} for s in judged.scores[:, 0]]
    return np.array([[float(r.get(k, 0.0)) for k in _KEYS] for r in rows]).reshape(len(rows), len(_KEYS))


def _per(top: int, below: int, total: np.ndarray) -> float:
    return float(total[top] / total[below]) if total[below] > 0 else math.nan


def _perplexity(total: np.ndarray) -> float:
    bits = _per(0, 2, total)
    return float(2 ** min(bits, 1000.0)) if math.isfinite(bits) else math.nan


METRICS = (
    Metric("bits_per_byte", Words("bits per byte", "每字节比特数"), False, lambda t: _per(0, 1, t), high=math.inf, parts=statistics),
    Metric("perplexity", Words("perplexity per token", "每词元困惑度"), False, _perplexity, low=1.0, high=math.inf, parts=statistics),
    Metric("token_accuracy", Words("share of tokens foreseen", "词元预测正确率"), True, lambda t: _per(3, 2, t), parts=statistics),
    Metric("preference_accuracy", Words("share of pairs ranked rightly", "偏好排序正确率"), True, lambda t: _per(5, 4, t), parts=statistics),
)  # fmt: skip


def plots(judged: Judged) -> list[Plot]:
    """Return how the bits per byte of held-out texts are spread. Raises MissingExtra without matplotlib."""
    from modelwright.evaluate.plots import canvas as c

    stats = statistics(judged)
    known = stats[:, 1] > 0
    if known.sum() < 3:
        return []
    values = stats[known, 0] / stats[known, 1]
    mean = float(stats[:, 0].sum() / stats[:, 1].sum())
    title = Words("Bits per byte of held-out texts", "留出文本的每字节比特数")
    fig = c.figure(520, 260)
    ax = c.axes(fig, 56, 30, 20, 48)
    ends = np.quantile(values, [0.005, 0.995])
    ax.hist(np.clip(values, *ends), bins=min(30, max(5, len(values) // 4)), color=c.ACCENT)
    ax.axvline(mean, color=c.INK, linewidth=1.2, dashes=(4, 3))
    c.name_axes(ax, Words("bits per byte", "每字节比特数"), Words("texts", "文本数"))
    low, high = (float(q) for q in np.quantile(values, [0.1, 0.9]))
    says = Words(
        f"All together {mean:.3f} bits per byte (dashed); four texts in five lie between {low:.2f} and {high:.2f}.",
        f"总体为每字节 {mean:.3f} 比特（虚线）；五分之四的文本在 {low:.2f} 到 {high:.2f} 之间。",
    )
    return [Plot("bits", title, says, c.svg(fig, "bits", title))]
