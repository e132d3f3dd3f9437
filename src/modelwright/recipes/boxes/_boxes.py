"""What the recipes that find boxes share: their rows, thresholds of labels, and answers as lists of boxes.

Legend: N rows, D answered boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.overlap import overlaps_np
from modelwright.recipes.shared.rows import known_rows

TASK = "object-detection"
_HALF = 0.5  # overlap from which a box is right
_POINTS = 60  # of a curve that is kept
_USUAL = 0.5  # threshold of a label that no validation picture has


class Found(NamedTuple):
    """Boxes of one picture in its pixels [D, 4], how sure they are [D], and the numbers of their labels [D]."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


class BoxRecipe(Recipe):
    """A recipe that finds boxes in one column of pictures."""

    tasks = frozenset({TASK})

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if picture_column(schema) is None:
            return Words("made for a column of pictures, and there is none", "用于图片列，但没有这类列")
        return None


def picture_column(schema: Schema) -> str | None:
    """Return the column of pictures."""
    return next((c.name for c in schema.inputs if c.modality == "image"), None)


def marked_rows(table: Table, target: TargetCodec) -> tuple[Table, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the rows that were marked, and for each its boxes [M, 4] and label numbers [M], -2 for regions that count for nothing."""
    table, truth = known_rows(table, target)
    numbers = {label: k for k, label in enumerate(target.labels)}
    out = []
    for boxes in truth:
        known = [b for b in boxes if b["label"] in numbers]
        sides = np.array([b["box"] for b in known], np.float64).reshape(-1, 4)
        kinds = np.array([-2 if b.get("crowd") else numbers[b["label"]] for b in known], np.int64)
        out.append((sides, kinds))
    return table, out


def answers(found: Sequence[Found | None], labels: Sequence[str], thresholds: Sequence[float]) -> np.ndarray:
    """Return what is answered [N, 1]: of each picture a list of {box, label, score, sure}, the surest first."""
    out = np.empty((len(found), 1), object)
    for i, f in enumerate(found):
        out[i, 0] = [] if f is None else [
            {
                "box": [round(float(v), 2) for v in box], "label": labels[k], "score": round(float(s), 4),
                "sure": bool(s >= thresholds[k]),
            }
            for box, s, k in zip(f.boxes, f.scores, f.labels.tolist(), strict=True)
        ]  # fmt: skip
    return out


Curve = dict[str, list[float]]  # thresholds from high to low, with precision and recall of a label there


def curves_of(
    found: Sequence[Found | None], truth: Sequence[tuple[np.ndarray, np.ndarray]], labels: int
) -> list[Curve]:
    """Return for every label its precision and recall by threshold on some pictures, at an overlap of one half.

    `truth` holds for each picture boxes [N, 4] in pixels and label numbers [N].
    """
    out = []
    for k in range(labels):
        scores, hits, total = [], [], 0
        for f, (boxes, kinds) in zip(found, truth, strict=True):
            true = boxes[kinds == k]
            total += len(true)
            if f is None or not len(f.boxes):
                continue
            mine = f.labels == k
            s, hit = _hits(f.boxes[mine], f.scores[mine], true)
            scores.append(s)
            hits.append(hit)
        out.append(
            _curve(
                np.concatenate(scores) if scores else np.zeros(0),
                np.concatenate(hits) if hits else np.zeros(0, bool),
                total,
            )
        )
    return out


def _hits(boxes: np.ndarray, scores: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    over = overlaps_np(boxes[order], true) if len(true) else np.zeros((len(order), 0))
    free, hit = np.ones(len(true), bool), np.zeros(len(order), bool)
    for i in range(len(order)):
        if free.any():
            best = int(np.argmax(np.where(free, over[i], -1)))
            if over[i, best] >= _HALF:
                hit[i], free[best] = True, False
    return scores[order], hit


def _curve(scores: np.ndarray, hits: np.ndarray, total: int) -> Curve:
    if not len(scores) or not total:
        return {"threshold": [], "precision": [], "recall": []}
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    precision, recall = right / np.arange(1, len(right) + 1), right / total
    at = np.unique(np.linspace(0, len(order) - 1, min(_POINTS, len(order))).astype(int))
    # a box that is as sure as the threshold is shown: half way to the next one, so that like pictures are answered alike
    s = scores[order]
    edge = (s[at] + np.append(s, s[-1] / 2)[at + 1]) / 2
    return {
        "threshold": edge.round(4).tolist(),
        "precision": precision[at].round(4).tolist(),
        "recall": recall[at].round(4).tolist(),
    }


def thresholds_of(
    curves: Sequence[Mapping[str, Sequence[float]]], asked: Sequence[Mapping[str, float]] | None = None
) -> list[float]:
    """Return the threshold of each label: where F1 is best, among those at which precision and recall are as `asked` of that label.

    Where none is, the one that comes nearest to what was asked.
    """
    out = []
    for k, c in enumerate(curves):
        t, p, r = (np.array(c[n], float) for n in ("threshold", "precision", "recall"))
        if not len(t):
            out.append(_USUAL)
            continue
        f1 = 2 * p * r / np.maximum(p + r, 1e-9)
        want = dict(asked[k]) if asked is not None else {}
        short = np.maximum(0, want.get("precision", 0.0) - p) + np.maximum(0, want.get("recall", 0.0) - r)
        out.append(float(t[np.lexsort((-f1, short.round(6)))[0]]))
    return out
