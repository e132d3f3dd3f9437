"""Overlap of boxes in numpy, and the suppression of boxes that lie over better ones. Boxes are left, top, right, bottom.

Legend: N, M boxes, D boxes that stay.
"""

from __future__ import annotations

import numpy as np

MOST = 100  # boxes of a picture that are answered
CONSIDERED = 400  # boxes of a picture that suppression looks at


def overlaps_np(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return intersection over union of boxes [M, 4] and [N, 4]: [M, N]."""
    wide = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    high = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    both = np.clip(wide, 0, None) * np.clip(high, 0, None)
    sizes = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    out: np.ndarray = both / np.maximum(sizes[0][:, None] + sizes[1][None] - both, 1e-9)
    return out


def suppress(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, least: float, inside: float = 2.0
) -> np.ndarray:
    """Return the indices [D] that stay, the best first: a box goes that overlaps a better one of its label by more than `least`,
    or of which a better one covers more than a share `inside` (where cut pieces of one thing meet)."""
    order = np.argsort(-scores, kind="stable")[:CONSIDERED]
    boxes, labels = boxes[order].astype(np.float64), labels[order]
    sizes = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-9)
    same = labels[:, None] == labels[None]
    over = overlaps_np(boxes, boxes)
    covered = over * (sizes[:, None] + sizes[None]) / (1 + over) / sizes[None]  # of the second by the first
    gone = same & ((over > least) | (covered > inside))
    stays = np.ones(len(order), bool)
    for i in range(len(order)):
        if stays[i]:
            stays[i + 1 :] &= ~gone[i, i + 1 :]
    out: np.ndarray = order[stays][:MOST]
    return out
