"""How many cases can be left to the model, and how many of those it gets right: the rest goes to people.

Rows are sorted by confidence (selective classification, El-Yaniv & Wiener 2010). Legend: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from modelwright.core.facts.scores import CoverageFact
from modelwright.core.judged import Judged
from modelwright.core.task import Plot
from modelwright.core.words import Words
from modelwright.evaluate.plots import canvas as c
from modelwright.evaluate.report.plain import share

SHARES = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3)
LEAST = 30  # rows below which a curve shows chance only
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Covered:
    """The surest `rows` (a `share` of all), from which confidence on, and how many of them are right (Wilson interval)."""

    share: float
    rows: int
    confidence: float
    right: float
    low: float
    high: float

    def to_json(self) -> CoverageFact:
        """Return the figures as JSON values."""
        return {
            "share": self.share, "rows": self.rows, "confidence": self.confidence,
            "right": self.right, "low": self.low, "high": self.high,
        }  # fmt: skip


def wilson(right: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the 95 % interval of shares (Wilson 1927): `right` [...] of `n` [...]."""
    p, z = right / n, _Z
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return np.maximum(0.0, middle - half), np.minimum(1.0, middle + half)


def _sorted(judged: Judged) -> tuple[np.ndarray, np.ndarray] | None:
    """Return confidence [N], falling, and whether each row is right [N]; None where answers are no single labels."""
    if judged.target.kind != "classes" or len(judged.truth) < LEAST or judged.answers.confidence is None:
        return None
    sure = np.asarray(judged.answers.confidence, float)
    order = np.argsort(-sure, kind="stable")
    return sure[order], (judged.chosen == judged.truth)[order]


def coverage(judged: Judged) -> list[Covered]:
    """Return what is right among the surest share of the rows, for some shares; empty where that tells nothing."""
    found = _sorted(judged)
    if found is None:
        return []
    sure, right = found
    out = []
    for part in SHARES:
        n = max(1, round(part * len(sure)))
        if n < LEAST // 3:
            continue
        low, high = wilson(np.array([right[:n].sum()]), np.array([n]))
        out.append(Covered(part, n, float(sure[n - 1]), float(right[:n].mean()), float(low[0]), float(high[0])))
    return out


def told(covered: list[Covered]) -> Words:
    """Return in one sentence what leaving the surest cases to the model would mean: the most where it is clearly better."""
    whole = covered[0]
    some = next((x for x in covered[1:] if x.right >= min(0.97, whole.right + 0.05)), covered[min(2, len(covered) - 1)])
    part, right = round(100 * some.share), share(round(some.right * some.rows), some.rows)
    all_ = share(round(whole.right * whole.rows), whole.rows)
    return Words(
        f"If the model handles the {part} % of cases it is surest of (confidence {some.confidence:.2f} and above) and people "
        f"the rest, {right} % of what it handles is right; if it handles everything, {all_} % is.",
        f"如果把模型最有把握的 {part}% 交给它处理（置信度不低于 {some.confidence:.2f}），其余交给人，它处理的部分有 {right}% 正确；"
        f"若全部交给它，则有 {all_}% 正确。",
    )


def curve(judged: Judged) -> Plot | None:
    """Draw the share that is right among the surest cases against how many cases that is; None where it tells nothing."""
    found = _sorted(judged)
    covered = coverage(judged)
    if found is None or not covered:
        return None
    right = found[1]
    n = np.arange(1, len(right) + 1)
    hits = np.cumsum(right)
    first = max(LEAST // 3, len(right) // 20) - 1
    spots = np.unique(np.linspace(first, len(right) - 1, min(200, len(right) - first)).round().astype(int))
    low, high = wilson(hits[spots], n[spots])
    x, y = 100 * n[spots] / len(right), 100 * hits[spots] / n[spots]
    title = Words("Automate some, keep the rest for people", "部分自动处理，其余交给人")
    fig = c.figure(520, 320)
    ax = c.axes(fig, 52, 34, 24, 48)
    ax.fill_between(x, 100 * low, 100 * high, color=c.ACCENT, alpha=0.14, linewidth=0)
    ax.plot(x, y, color=c.ACCENT, linewidth=1.8)
    for some in covered:
        if 100 * some.share >= x[0]:
            spot = (100 * some.rows / len(right), 100 * some.right)
            ax.plot(*spot, "o", color=c.ACCENT, markersize=5)
            ax.annotate(f"{share(round(some.right * some.rows), some.rows)} %", spot, (0, 9), textcoords="offset points", ha="center", fontsize=c.SIZE, color=c.INK)  # fmt: skip
    ax.set_xlim(0, 105)
    bottom = float(min(100 * low.min(), y.min()))
    ax.set_ylim(max(0.0, bottom - 3), 104)
    c.name_axes(
        ax, Words("share of cases left to the model, %", "交给模型处理的比例（%）"), Words("right, %", "正确率（%）")
    )
    return Plot("coverage", title, told(covered), c.svg(fig, "coverage", title))
