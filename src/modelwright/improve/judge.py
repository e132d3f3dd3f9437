"""Challenger and champion judged on the same rows: the untouched test rows of old, and fresh feedback; over all, and by slice.

Slices: exact sign test on rows where one is right and the other wrong, with Holm's correction over all slices (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.schema import Column, Schema
from modelwright.core.words import Words
from modelwright.data.coerce import coerce
from modelwright.data.series import gathered, layouts_of
from modelwright.evaluate.intervals import paired
from modelwright.release.bundle import Predictor

TOLERANCE = 0.005  # of the metric on old test rows that may be lost where fresh feedback is answered better
_FAIR = 0.02  # by which the gap between groups may grow
_SLICE = 30  # rows that a slice holds at least
_SLICES = 60
_LEVEL = 0.05


@dataclass(frozen=True)
class Slice:
    """Rows that share a value: how many, and the share that each model answers right (or less its error, for numbers)."""

    column: str
    value: str
    rows: int
    champion: float
    challenger: float
    p: float  # after Holm's correction; two-sided


@dataclass(frozen=True)
class Beside:
    """Both models on the same rows; `difference` with its 95 % interval is signed so that more is better for the challenger."""

    rows: int
    metric: str
    title: Words
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    p: float
    slices: list[Slice] = field(default_factory=list)
    gaps: dict[str, tuple[float, float]] = field(default_factory=dict)  # of sensitive columns: champion, challenger

    @property
    def worse_slices(self) -> list[Slice]:
        """Slices on which the challenger is clearly worse."""
        return [s for s in self.slices if s.p < _LEVEL and s.challenger < s.champion]

    @property
    def unfair(self) -> list[str]:
        """Sensitive columns whose groups are further apart than before."""
        return [name for name, (before, after) in self.gaps.items() if after > before + _FAIR]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values: the slices that differ clearly, at most 20."""
        told = [s for s in self.slices if s.p < _LEVEL][:20]
        plain = {k: v for k, v in self.__dict__.items() if k not in ("slices", "title", "gaps")}
        numbers = {
            k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in plain.items()
        }  # JSON knows no NaN
        gaps = {k: list(v) for k, v in self.gaps.items()}
        return {**numbers, "title": list(self.title), "slices": [s.__dict__ for s in told], "gaps": gaps}


def judged_on(predictor: Predictor, raw: pa.Table, target: str, modality: str | None = None) -> Judged:
    """Return what a predictor answers on rows as they were read, beside the truth in their column `target`."""
    column = predictor.schema.target or Column(target, modality or "category", "target")
    schema = Schema((*predictor.schema.inputs, column))
    table, _ = coerce(gathered(raw, layouts_of(schema)), schema, source="rows to judge on")
    table = predictor.shield.apply(table)
    truth = table.column(column.name)
    judged = judge(predictor.target, truth, predictor.judge(table), table.rows, predictor.thresholds)
    return judged.in_units(table, predictor.task.metrics)


def beside(
    champion: Predictor, challenger: Predictor, raw: pa.Table, target: str, metric: Metric, *,
    sensitive: Sequence[str] = (), seconds: float = 5.0,
) -> Beside | None:  # fmt: skip
    """Judge both on N rows; None where none of them can be judged."""
    a, b = (judged_on(p, raw, target) for p in (challenger, champion))
    both = np.intersect1d(a.rows, b.rows)
    if len(both) == 0:
        return None
    a, b = (j.take(np.flatnonzero(np.isin(j.rows, both))) for j in (a, b))
    test = paired(metric, a, b, resamples=1000, seconds=seconds)
    rows = raw.take(both - 1)
    right = rightness(a), rightness(b)
    slices: list[Slice] = []
    gaps: dict[str, tuple[float, float]] = {}
    if right[0] is not None and right[1] is not None:
        columns = [c.name for c in challenger.schema.inputs if c.modality in ("category", "boolean")]
        slices = _slices(rows, dict.fromkeys([target, *sensitive, *columns]), right[0], right[1])
        gaps = {n: _gap(rows, n, right[0], right[1]) for n in sensitive if n in rows.column_names}
    return Beside(
        len(both), metric.name, metric.title, metric(b), metric(a), test.difference, test.low, test.high, test.p,
        slices, gaps,
    )  # fmt: skip


def rightness(judged: Judged) -> np.ndarray | None:
    """Return for each row [N] whether it is answered right (1 or 0), or less its absolute error for numbers; None for made answers."""
    kind = judged.target.kind
    if kind == "classes":
        return np.asarray(judged.chosen == judged.truth, float)
    if kind == "label_sets":
        return np.asarray((judged.chosen == judged.truth).all(axis=1), float)
    if kind in ("value", "ordered"):
        return -np.abs(np.asarray(judged.chosen, float) - np.asarray(judged.truth, float))
    return None


def _slices(rows: pa.Table, columns: Sequence[str] | dict[str, None], a: np.ndarray, b: np.ndarray) -> list[Slice]:
    found = []
    for name in columns:
        if name not in rows.column_names:
            continue
        cells = np.array([str(v) for v in rows.column(name).to_pylist()])
        values, counts = np.unique(cells, return_counts=True)
        for value in values[counts >= _SLICE][:_SLICES]:
            at = cells == value
            found.append((name, str(value), int(at.sum()), float(b[at].mean()), float(a[at].mean()), _p(a[at] - b[at])))
    order = sorted(range(len(found)), key=lambda i: found[i][5])
    corrected, highest = [0.0] * len(found), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(found) - place) * found[i][5]))
        corrected[i] = highest
    made = [Slice(*one[:5], p) for one, p in zip(found, corrected, strict=True)]
    return sorted(made, key=lambda s: s.p)


def _p(differences: np.ndarray) -> float:
    """Return how likely so many rows are answered better (or worse) by one, were both alike: an exact sign test."""
    from scipy.stats import binomtest

    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def _gap(rows: pa.Table, name: str, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return how far the groups of a column are apart: champion, challenger."""
    cells = np.array([str(v) for v in rows.column(name).to_pylist()])
    values, counts = np.unique(cells, return_counts=True)
    means = [[float(x[cells == v].mean()) for v in values[counts >= _SLICE]] for x in (b, a)]
    before, after = (max(m) - min(m) if len(m) > 1 else 0.0 for m in means)
    return before, after


@dataclass(frozen=True)
class Decision:
    """Whether the challenger should answer: `better`, `worse`, or `open` where that is not clear; and why."""

    verdict: str
    reasons: list[Words]


def decide(old: Beside | None, fresh: Beside | None, gate_met: bool | None) -> Decision:
    """Weigh both comparisons: better on one of them beyond chance, and no loss on old rows, in slices, groups or the gate."""
    against: list[Words] = []
    if gate_met is False:
        against.append(Words("the gate is not met", "未达门槛"))
    for beside_, en, zh in ((old, "old test rows", "旧测试集"), (fresh, "fresh feedback", "新反馈")):
        if beside_ is None:
            continue
        if beside_.high < 0:
            against.append(Words(f"it is worse on {en} ({_span(beside_)})", f"在{zh}上更差（{_span(beside_)}）"))
        if beside_.worse_slices:
            names = [f"{s.column} = {s.value}" for s in beside_.worse_slices[:4]]
            against.append(
                Words(f"it is worse on {en} where {', '.join(names)}", f"在{zh}的这些部分更差：{'、'.join(names)}")
            )
        if beside_.unfair:
            names = beside_.unfair
            against.append(
                Words(f"groups of {', '.join(names)} are further apart than before", f"{'、'.join(names)} 各组差距扩大")
            )
    if against:
        return Decision("worse", against)
    for_ = [
        Words(f"it is better on {en} ({_span(b)})", f"在{zh}上更好（{_span(b)}）")
        for b, en, zh in ((old, "old test rows", "旧测试集"), (fresh, "fresh feedback", "新反馈"))
        if b is not None and b.low > 0
    ]
    if not for_:
        return Decision("open", [Words("no clear difference yet", "尚无明显差别")])
    if old is not None and old.difference < -TOLERANCE:
        lost = Words(
            f"on old test rows it may lose more than {TOLERANCE:g} ({_span(old)})",
            f"在旧测试集上的损失可能超过 {TOLERANCE:g}（{_span(old)}）",
        )
        return Decision("open", [*for_, lost])
    return Decision("better", for_)


def _span(b: Beside) -> str:
    return f"{b.metric} {b.difference:+.3f}, 95 %: {b.low:+.3f} .. {b.high:+.3f}, n = {b.rows:,}"
