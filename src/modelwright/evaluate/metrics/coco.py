"""Boxes matched by pycocotools, and its averages over any choice of pictures.

Which answered box belongs to which true one is COCOeval's word (Lin et al., arXiv 1405.0312); it is asked once for all pictures.
What it then sums up over pictures is summed here, so that an interval can draw pictures anew: 101 points of recall, ten overlaps from
.50 to .95, 100 boxes a picture. Legend: P pictures, D answered boxes of a label in a picture, T overlaps, K labels.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra

OVERLAPS = np.linspace(0.5, 0.95, 10)
SIZES = ("all", "small", "medium", "large")  # of the area in pixels: below 32 squared, below 96 squared, and above
MOST = 100  # boxes of a label in a picture that count
_POINTS = np.linspace(0.0, 1.0, 101)
_EDGES = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))


@dataclass(frozen=True)
class Matched:
    """One label in one picture: `scores` [D] from the highest on, `sure` [D], and by size which are right and which count for nothing.

    `hit` and `skip` [S, T, D] with S sizes; `boxes` [S] are the true ones.
    """

    scores: np.ndarray
    sure: np.ndarray
    hit: np.ndarray
    skip: np.ndarray
    boxes: np.ndarray


Picture = Mapping[str, Matched]  # by label


def matched(truths: Sequence[Any], answers: Sequence[Any], labels: Sequence[str]) -> list[Picture]:
    """Return for each picture what is known of each label that it has, or that was answered.

    `truths` and `answers` are lists of {"box", "label"}, the answered ones with "score" and "sure". Raises MissingExtra without pycocotools.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as e:
        raise MissingExtra("detection", "Measuring boxes", "评测检测框") from e
    if not truths or not labels:
        return [{} for _ in truths]
    numbers = {label: k for k, label in enumerate(labels, 1)}
    images = [{"id": i} for i in range(1, len(truths) + 1)]
    kinds = [{"id": k, "name": label} for label, k in numbers.items()]
    sure: list[bool] = [False]  # by the id of a box: ids begin at 1, since one of 0 would be taken for no match
    true, said = COCO(), COCO()
    true.dataset = {"images": images, "categories": kinds, "annotations": _true(truths, numbers)}
    said.dataset = {"images": images, "categories": kinds, "annotations": _detections(answers, numbers, sure)}
    with contextlib.redirect_stdout(io.StringIO()):  # it talks about its progress
        true.createIndex()
        said.createIndex()
        found = COCOeval(true, said, "bbox")
        found.params.iouThrs, found.params.maxDets = OVERLAPS, [MOST]
        found.params.areaRng, found.params.areaRngLbl = [list(e) for e in _EDGES], list(SIZES)
        found.evaluate()
    by_picture: list[dict[str, Matched]] = [{} for _ in truths]
    count = len(truths)
    for k, label in enumerate(labels):
        for p in range(count):
            parts = [found.evalImgs[(k * len(SIZES) + a) * count + p] for a in range(len(SIZES))]
            if parts[0] is not None:
                by_picture[p][label] = _matched(parts, sure)
    return list(by_picture)


def _true(truths: Sequence[Any], numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for image, boxes in enumerate(truths, 1):
        for b in boxes or ():
            crowd = int(bool(b.get("crowd")))
            out.append(_entry(b, image, numbers, len(out) + 1) | {"iscrowd": crowd, "ignore": crowd})
    return out


def _detections(answers: Sequence[Any], numbers: Mapping[str, int], sure: list[bool]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for image, boxes in enumerate(answers, 1):
        for b in boxes or ():
            if b["label"] in numbers:
                out.append(_entry(b, image, numbers, len(out) + 1) | {"iscrowd": 0, "score": float(b["score"])})
                sure.append(bool(b.get("sure", True)))
    return out


def _entry(b: Mapping[str, Any], image: int, numbers: Mapping[str, int], number: int) -> dict[str, Any]:
    left, top, right, bottom = (float(v) for v in b["box"])
    size = (right - left) * (bottom - top)
    return {
        "id": number, "image_id": image, "category_id": numbers[b["label"]], "area": size,
        "bbox": [left, top, right - left, bottom - top],
    }  # fmt: skip


def _matched(parts: list[Any], sure: list[bool]) -> Matched:
    ids = np.array(parts[0]["dtIds"], np.int64)
    return Matched(
        np.array(parts[0]["dtScores"], np.float64),
        np.array([sure[i] for i in ids], bool),
        np.stack([np.asarray(p["dtMatches"]).reshape(len(OVERLAPS), -1) > 0 for p in parts]),
        np.stack([np.asarray(p["dtIgnore"]).reshape(len(OVERLAPS), -1).astype(bool) for p in parts]),
        np.array([int((np.asarray(p["gtIgnore"]) == 0).sum()) for p in parts]),
    )


def boxes_of(pictures: Sequence[Picture], label: str, size: int = 0) -> int:
    """Return how many true boxes of a label there are."""
    return sum(int(p[label].boxes[size]) for p in pictures if label in p)


def curve(
    pictures: Sequence[Picture], label: str, size: int = 0, overlap: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return recall, precision and score [D] as boxes are taken in from the highest score on; empty where there are none."""
    found = [p[label] for p in pictures if label in p]
    total = sum(int(m.boxes[size]) for m in found)
    if not found or not total:
        return (np.zeros(0),) * 3
    scores = np.concatenate([m.scores for m in found])
    hit = np.concatenate([m.hit[size, overlap] for m in found])
    skip = np.concatenate([m.skip[size, overlap] for m in found])
    order = np.argsort(-scores, kind="mergesort")
    hit, skip, scores = hit[order], skip[order], scores[order]
    right, wrong = np.cumsum(hit & ~skip), np.cumsum(~hit & ~skip)
    return right / total, right / np.maximum(right + wrong, np.spacing(1)), scores


def average_precision(pictures: Sequence[Picture], label: str, size: int = 0, overlap: int = 0) -> float:
    """Return the average precision of a label over 101 points of recall; NaN where no picture has a box of it."""
    if not boxes_of(pictures, label, size):
        return float("nan")
    recall, precision, _ = curve(pictures, label, size, overlap)
    if not len(recall):
        return 0.0
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _POINTS, side="left")
    return float(np.mean(np.append(best, 0.0)[np.minimum(at, len(best))]))


def mean_precision(
    pictures: Sequence[Picture],
    labels: Sequence[str],
    size: int = 0,
    overlaps: Sequence[int] = tuple(range(len(OVERLAPS))),
) -> float:
    """Return the mean of `average_precision` over overlaps and over the labels that have boxes; NaN where none has."""
    known = [n for n in labels if boxes_of(pictures, n, size)]
    if not known:
        return float("nan")
    return float(np.mean([average_precision(pictures, n, size, t) for n in known for t in overlaps]))


def average_recall(pictures: Sequence[Picture], labels: Sequence[str], size: int = 0) -> float:
    """Return the mean share of boxes that are found at all, over overlaps and labels."""
    out = []
    for label in labels:
        total = boxes_of(pictures, label, size)
        if total:
            found = [p[label] for p in pictures if label in p]
            out.append(
                np.mean(
                    [
                        sum(int((m.hit[size, t] & ~m.skip[size, t]).sum()) for m in found) / total
                        for t in range(len(OVERLAPS))
                    ]
                )
            )
    return float(np.mean(out)) if out else float("nan")


def sure_counts(pictures: Sequence[Picture], labels: Sequence[str]) -> tuple[int, int, int]:
    """Return how many of the boxes that were answered as sure are right at an overlap of one half, how many are wrong, and how many boxes there are."""
    right = wrong = total = 0
    for p in pictures:
        for label in labels:
            if label in p:
                m = p[label]
                right += int((m.hit[0, 0] & ~m.skip[0, 0] & m.sure).sum())
                wrong += int((~m.hit[0, 0] & ~m.skip[0, 0] & m.sure).sum())
                total += int(m.boxes[0])
    return right, wrong, total
