"""Columns as one bounded vector a row, of length 1 at most: then a row can pull a linear model only so far.

Made from the tensors that networks read, whose codecs have a private form. Legend: N rows, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.schema import Column, Schema, Table
from modelwright.features.base import Codec, Ragged

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

READS = frozenset(("number", "timestamp", "category", "boolean", "text", "image"))
_KNOTS = 17  # of the piecewise linear functions of a number
_SIDE = 14  # of the small picture
_TEXT = 2.0  # how much longer than another column's the vector of a text may be


def readable(schema: Schema) -> Schema:
    """Return the schema with only the inputs that have a bounded form."""
    kept = tuple(c for c in schema.columns if c.role != "input" or c.modality in READS)
    return Schema(kept)


def bounded(table: Table, codecs: Mapping[str, tuple[Column, Codec]]) -> csr_matrix:
    """Return CSR float64 [N, D], every row of length 1 at most; the last feature is the constant."""
    from scipy.sparse import csr_matrix, diags, hstack

    blocks, longest = [], 1.0
    for name, (column, codec) in codecs.items():
        found, length = _block(column.modality, codec, codec.encode(table.column(name)))
        blocks.append(found)
        longest += length**2
    blocks.append(csr_matrix(np.ones((len(table), 1))))
    whole = csr_matrix(hstack(blocks, format="csr", dtype=np.float64)) / np.sqrt(longest)
    # held to 1 whatever a codec may have given: the noise is measured by it
    lengths = np.sqrt(np.asarray(whole.multiply(whole).sum(axis=1)).ravel())
    return csr_matrix(diags(1 / np.maximum(lengths, 1.0)) @ whole)


def _block(modality: str, codec: Any, arrays: Mapping[str, Any]) -> tuple[csr_matrix, float]:
    """Return a column's features and the most that their length can be."""
    from scipy.sparse import csr_matrix, hstack

    if modality in ("number", "timestamp"):
        parts = []
        for f in range(arrays["x"].shape[1]):
            x, missing = arrays["x"][:, f].astype(np.float64), arrays["missing"][:, f].astype(np.float64)
            hats = _hats(x, codec.edges[f]) * (1 - missing)[:, None]
            parts.append(np.concatenate([(x / 4 * (1 - missing))[:, None], missing[:, None], hats], axis=1))
        return csr_matrix(np.concatenate(parts, axis=1)), float(np.sqrt(2 * len(parts)))
    if modality in ("category", "boolean"):
        ids, count = arrays["ids"], len(arrays["ids"])
        return csr_matrix((np.ones(count), ids, np.arange(count + 1)), shape=(count, codec.size)), 1.0
    if modality == "text":
        own = [_bag(arrays["ids"], codec.size), _bag(arrays["bigrams"], _pairs())]
        return csr_matrix(hstack(own, format="csr")) * (_TEXT / np.sqrt(2)), _TEXT
    small = _shrunk(arrays["pixels"]) * (1 - arrays["missing"])[:, None]
    return csr_matrix(small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-9)), 1.0


def _pairs() -> int:
    from modelwright.features.shared.tokens import BIGRAMS

    return BIGRAMS


def _hats(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return shares [N, 17] of the two knots that x lies between; they sum to 1, so their length is 1 at most."""
    knots = np.asarray(edges, np.float64)[np.linspace(0, len(edges) - 1, _KNOTS).round().astype(int)]
    knots = np.maximum.accumulate(knots)
    at = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, _KNOTS - 2)
    gap = knots[at + 1] - knots[at]
    share = np.clip((x - knots[at]) / np.where(gap > 0, gap, 1.0), 0, 1)
    out = np.zeros((len(x), _KNOTS))
    rows = np.arange(len(x))
    out[rows, at] = 1 - share
    out[rows, at + 1] = share
    return out


def _bag(ids: Ragged, size: int) -> csr_matrix:
    """Return which ids a row holds, length 1."""
    from scipy.sparse import csr_matrix, diags

    found = csr_matrix((np.ones(len(ids.values)), ids.values, ids.offsets), shape=(len(ids), size))
    found.sum_duplicates()
    found.data = np.ones_like(found.data)
    counts = np.maximum(np.diff(found.indptr), 1)
    return csr_matrix(diags(1 / np.sqrt(counts)) @ found)


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """Return pictures [N, S, S, C] as small grey ones [N, D] on the scale 0..1."""
    grey = np.asarray(pixels, np.float32).mean(axis=3) / 255
    side = grey.shape[1]
    step = max(1, side // _SIDE)
    kept = side // step * step
    blocks = grey[:, :kept, :kept].reshape(len(grey), kept // step, step, kept // step, step)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(grey), -1), np.float64)
