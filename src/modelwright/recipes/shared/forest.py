"""Trees as plain arrays: grown by scikit-learn, answered by numpy.

Legend: N rows, D features, T trees, M nodes, L leaves, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

_TOGETHER = 1 << 17  # pairs of a row and a tree that are answered at a time
ARRAYS = {"feature": np.int32, "threshold": np.float32, "right": np.int32, "missing": np.uint8, "roots": np.int64}


class Forest:
    """Trees as flat arrays: `feature` [M] (-1 for a leaf), `threshold` [M], `right` [M] (for a leaf: its number),
    `missing` [M] (1 where a missing value goes left), `roots` [T], `leaves` [L, K]. The left child is the next node."""

    def __init__(self, arrays: dict[str, np.ndarray], leaves: np.ndarray) -> None:
        self.arrays, self.leaves = arrays, leaves

    def answer(self, matrix: np.ndarray) -> np.ndarray:
        """Return the mean over the trees [N, K] for features [N, D] float32, NaN where missing."""
        trees = len(self.arrays["roots"])
        step = max(1, _TOGETHER // trees)
        parts = [self._some(matrix[i : i + step]) for i in range(0, len(matrix), step)]
        return np.concatenate(parts) if parts else np.empty((0, self.leaves.shape[1]))

    def _some(self, matrix: np.ndarray) -> np.ndarray:
        feature, threshold, right, missing, roots = (self.arrays[k] for k in ARRAYS)
        n, trees = len(matrix), len(roots)
        flat = np.ascontiguousarray(matrix, np.float32).ravel()
        gaps = bool(np.isnan(flat).any())
        # tree by tree, so that the nodes of one are at hand for all rows
        node = np.repeat(roots, n)
        row = np.tile(np.arange(n) * matrix.shape[1], trees)
        on = np.flatnonzero(feature[node] >= 0)
        while len(on):
            at = node[on]
            x = flat[row[on] + feature[at]]
            left = x <= threshold[at]
            if gaps:
                left |= np.isnan(x) & (missing[at] > 0)
            node[on] = at = np.where(left, at + 1, right[at])
            on = on[feature[at] >= 0]
        total = np.zeros((n, self.leaves.shape[1]))
        for found in right[node].reshape(trees, n):
            total += self.leaves[found]
        return total / trees


class Forests:
    """Several forests as one, for a single row: all their trees are walked together."""

    def __init__(self, forests: Sequence[Forest], widths: Sequence[int]) -> None:
        firsts = np.cumsum([0, *widths[:-1]])
        nodes = np.cumsum([0, *(len(f.arrays["feature"]) for f in forests[:-1])])
        held = np.cumsum([0, *(len(f.leaves) for f in forests[:-1])])
        parts: dict[str, list[np.ndarray]] = {k: [] for k in ARRAYS}
        for forest, first, node, leaf in zip(forests, firsts, nodes, held, strict=True):
            own = forest.arrays
            inner = own["feature"] >= 0
            parts["feature"].append(np.where(inner, own["feature"] + first, -1).astype(np.int32))
            parts["right"].append((own["right"] + np.where(inner, node, leaf)).astype(np.int32))
            parts["roots"].append(own["roots"] + node)
            parts["threshold"].append(own["threshold"])
            parts["missing"].append(own["missing"])
        whole = {k: np.concatenate(v) for k, v in parts.items()}
        self.forest = Forest(whole, np.concatenate([f.leaves for f in forests]))
        self.trees = np.cumsum([0, *(len(f.arrays["roots"]) for f in forests)])

    def answer(self, row: np.ndarray) -> np.ndarray:
        """Return the answers [M, 1, K] of the M forests to their features [sum of D], laid side by side."""
        leaves = self.forest.leaves[self._walk(row)]
        return np.stack([leaves[a:b].mean(axis=0, dtype=np.float64) for a, b in pairwise(self.trees)])[:, None]

    def _walk(self, row: np.ndarray) -> np.ndarray:
        """Return the leaf in which a row ends in each tree [T], with as few looks at the trees' arrays as can be."""
        feature, threshold, right, missing, at = (self.forest.arrays[k] for k in ARRAYS)
        gaps = np.isnan(row)
        gaps = gaps if gaps.any() else None
        out, on = np.empty(len(at), np.int64), np.arange(len(at))
        while len(at):
            asked = feature[at]
            inner = asked >= 0
            if not inner.all():
                done = ~inner
                out[on[done]] = right[at[done]]
                at, on, asked = at[inner], on[inner], asked[inner]
            left = row[asked] <= threshold[at]
            if gaps is not None:
                left |= gaps[asked] & (missing[at] > 0)
            at = np.where(left, at + 1, right[at])
        return out


def check_forest(forest: Forest, width: int, outputs: int) -> None:
    """Raise ValueError where a walk through the arrays could leave them or never end."""
    feature, _, right, _, roots = (forest.arrays[k] for k in ARRAYS)
    nodes, inner = len(feature), feature >= 0
    place = np.arange(nodes)
    fine = all(len(forest.arrays[k]) == nodes for k in ("threshold", "right", "missing"))
    fine = fine and len(roots) > 0 and forest.leaves.shape[1:] == (outputs,) and not (len(inner) and inner[-1])
    fine = fine and bool(((roots >= 0) & (roots < nodes)).all()) and int(feature.max(initial=-1)) < width
    fine = fine and bool(((right > place) & (right < nodes))[inner].all())
    if not (fine and bool(((right >= 0) & (right < len(forest.leaves)))[~inner].all())):
        raise ValueError("trees that do not hold together")


def flattened(grown: list[Any], values: list[np.ndarray]) -> Forest:
    """Return scikit-learn's trees as one Forest; `values` holds what each tree's nodes answer [M_t, K]."""
    parts: dict[str, list[np.ndarray]] = {k: [] for k in ARRAYS}
    leaves, nodes, held = [], 0, 0
    for tree, value in zip(grown, values, strict=True):
        feature = np.where(tree.children_left < 0, -1, tree.feature).astype(np.int32)
        leaf = feature < 0
        # trees are grown depth first, so that a left child stands right behind its parent
        assert (tree.children_left[~leaf] == np.flatnonzero(~leaf) + 1).all()
        # x <= threshold must come out the same in float32: the nearest one that is not above
        threshold = tree.threshold.astype(np.float32)
        threshold = np.where(threshold > tree.threshold, np.nextafter(threshold, np.float32(-np.inf)), threshold)
        parts["feature"].append(feature)
        parts["threshold"].append(np.where(leaf, 0, threshold).astype(np.float32))
        right = np.where(leaf, held + np.cumsum(leaf) - 1, tree.children_right + nodes)
        parts["right"].append(right.astype(np.int32))
        parts["missing"].append(tree.missing_go_to_left.astype(np.uint8))
        parts["roots"].append(np.array([nodes], np.int64))
        leaves.append(value[leaf].astype(np.float32))
        nodes, held = nodes + len(feature), held + int(leaf.sum())
    return Forest({k: np.concatenate(v) for k, v in parts.items()}, np.concatenate(leaves))
