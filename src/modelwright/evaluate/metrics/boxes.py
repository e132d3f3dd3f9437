"""Average precision of boxes in pictures, over truth and answers as lists of boxes.

A box is {"box": [left, top, right, bottom], "label": text}, an answered one has a "score" too. Answers of a picture are matched to its
boxes of the same label from the highest score on, each to the free one that it overlaps most (Everingham et al. 2010,
doi 10.1007/s11263-009-0275-4); precision is interpolated at every recall. Legend: P pictures, K labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words


@dataclass(frozen=True)
class Matched:
    """What average precision must know of one label in one picture: scores of answers, which of them are right, and how many boxes
    there are."""

    scores: tuple[float, ...]
    right: tuple[bool, ...]
    boxes: int


Picture = Mapping[str, Matched]  # by label


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the intersection of two boxes over their union, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def matched(truth: Sequence[Mapping[str, Any]], answer: Sequence[Mapping[str, Any]], least: float = 0.5) -> Picture:
    """Match the answered boxes of one picture to its true ones, which must overlap by `least`."""
    out = {}
    for label in sorted({str(b["label"]) for b in (*truth, *answer)}):
        free = [b["box"] for b in truth if b["label"] == label]
        boxes, scores, right = len(free), [], []
        for said in sorted((b for b in answer if b["label"] == label), key=lambda b: -float(b["score"])):
            best = max(range(len(free)), key=lambda i: overlap(said["box"], free[i]), default=-1)
            hit = best >= 0 and overlap(said["box"], free[best]) >= least
            if hit:
                free.pop(best)
            scores.append(float(said["score"]))
            right.append(hit)
        out[label] = Matched(tuple(scores), tuple(right), boxes)
    return out


def average_precision(pictures: Sequence[Picture], label: str) -> float:
    """Return the average precision of one label over pictures; NaN where none of them has a box of it."""
    found = [p[label] for p in pictures if label in p]
    boxes = sum(m.boxes for m in found)
    if not boxes:
        return float("nan")
    scores = np.array([s for m in found for s in m.scores])
    right = np.array([r for m in found for r in m.right], bool)
    if not len(scores):
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    last = np.r_[np.diff(scores[order]) != 0, True]  # answers of one score are taken in together
    precision = (hits / np.arange(1, len(hits) + 1))[last]
    recall = hits[last] / boxes
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best))


def box_metrics() -> tuple[Metric, ...]:
    """Return the metrics of boxes: AP50, the mean over labels of their average precision at an overlap of one half."""

    def pictures(judged: Judged) -> list[tuple[tuple[str, ...], Picture]]:
        labels = tuple(judged.target.labels)
        return [(labels, matched(t or (), s or ())) for t, s in zip(judged.truth, judged.scores[:, 0], strict=True)]

    def value(units: Sequence[tuple[tuple[str, ...], Picture]], label: int | None = None) -> float:
        if not units:
            return float("nan")
        seen = [picture for _, picture in units]
        if label is not None:
            return average_precision(seen, units[0][0][label])
        labels = sorted({name for picture in seen for name, m in picture.items() if m.boxes})
        return float(np.mean([average_precision(seen, name) for name in labels])) if labels else float("nan")

    return (Metric("ap50", Words("AP50", "AP50"), True, value, per_label=True, unit="picture", by_unit=pictures),)
