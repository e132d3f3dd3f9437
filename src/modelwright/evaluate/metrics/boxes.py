"""Metrics of boxes in pictures, over truth and answers as lists of boxes.

A box is {"box": [left, top, right, bottom], "label": text}; an answered one has a "score" and says whether it is "sure": above the
threshold of its label, so that it is shown and counted. Averages of precision take all of them, precision, recall and counts the sure ones.
A label without a box in the judged pictures has no average precision, however often it is answered: false boxes of it count in `precision`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.evaluate.metrics import coco

Unit = tuple[tuple[str, ...], coco.Picture]
_LAST: list[Any] = []  # the rows matched last: one look at them serves all metrics
_FIFTY, _SEVENTY_FIVE = 0, 5  # places among the overlaps


def units_of(judged: Judged) -> list[Unit]:
    """Return for each judged picture the labels and what is known of it."""
    if _LAST and _LAST[0] is judged.truth and _LAST[1] is judged.scores:
        found: list[Unit] = _LAST[2]
        return found
    labels = labels_of(judged)
    pictures = coco.matched([t or () for t in judged.truth], [s or () for s in judged.scores[:, 0]], labels)
    out = [(labels, p) for p in pictures]
    _LAST[:] = [judged.truth, judged.scores, out]
    return out


def labels_of(judged: Judged) -> tuple[str, ...]:
    """Return the labels that were learnt, and behind them those that only the judged pictures have."""
    known = tuple(str(n) for n in judged.target.labels)
    more = sorted({str(b["label"]) for t in judged.truth for b in t or ()} - set(known))
    return (*known, *more)


Function = Callable[[Sequence[coco.Picture], Sequence[str]], float]


def _over(function: Function) -> Callable[..., float]:
    """Return a metric's function of units, and of the number of a label."""

    def value(units: Sequence[Unit], label: int | None = None) -> float:
        if not units:
            return float("nan")
        labels, pictures = units[0][0], [p for _, p in units]
        return function(pictures, labels if label is None else (labels[label],))

    return value


def _precision(pictures: Sequence[coco.Picture], labels: Sequence[str]) -> float:
    right, wrong, _ = coco.sure_counts(pictures, labels)
    return right / (right + wrong) if right + wrong else float("nan")


def _recall(pictures: Sequence[coco.Picture], labels: Sequence[str]) -> float:
    right, _, total = coco.sure_counts(pictures, labels)
    return right / total if total else float("nan")


def _f1(pictures: Sequence[coco.Picture], labels: Sequence[str]) -> float:
    right, wrong, total = coco.sure_counts(pictures, labels)
    return 2 * right / (right + wrong + total) if right + wrong + total else float("nan")


def count_errors(pictures: Sequence[coco.Picture], labels: Sequence[str]) -> np.ndarray:
    """Return by how many the number of sure boxes misses the number of true ones, for each picture and label [P, K]."""
    out = np.zeros((len(pictures), len(labels)))
    for i, p in enumerate(pictures):
        for k, label in enumerate(labels):
            if label in p:
                m = p[label]
                out[i, k] = abs(int((m.sure & ~m.skip[0, 0]).sum()) - int(m.boxes[0]))
    return out


def box_metrics() -> tuple[Metric, ...]:
    """Return the metrics of boxes; AP50, the first, ranks."""

    def ap(name: str, title: Words, function: Function, **more: Any) -> Metric:
        return Metric(name, title, True, _over(function), per_label=True, unit="picture", by_unit=units_of, **more)

    def less(name: str, title: Words, function: Function) -> Metric:
        return Metric(
            name, title, False, _over(function), per_label=True, high=float("inf"), unit="picture", by_unit=units_of
        )

    every = ap("ap", Words("AP (50 to 95)", "AP（50 至 95）"), coco.mean_precision)
    return (
        ap("ap50", Words("AP50", "AP50"), lambda p, n: coco.mean_precision(p, n, overlaps=(_FIFTY,)), finer=every),
        every,
        ap(
            "ap75",
            Words("AP75", "AP75"),
            lambda p, n: coco.mean_precision(p, n, overlaps=(_SEVENTY_FIVE,)),
            finer=every,
        ),
        ap("ar", Words("average recall", "平均召回率"), coco.average_recall),
        ap("precision", Words("precision of the boxes shown", "所示框的精确率"), _precision),
        ap("recall", Words("recall of the boxes shown", "所示框的召回率"), _recall),
        ap("f1", Words("F1 of the boxes shown", "所示框的 F1"), _f1),
        less(
            "count_error",
            Words("error of the count, per picture and label", "计数误差（每图每类）"),
            lambda p, n: float(count_errors(p, n).mean()),
        ),
        ap(
            "count_within_1",
            Words("counts right within one", "计数误差不超过 1 的比例"),
            lambda p, n: float((count_errors(p, n) <= 1).mean()),
        ),
    )
