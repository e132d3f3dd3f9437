"""Rows as vectors in which like rows are near, without a model: n-grams of words, numbers and categories.

Legend: N rows, D dimensions.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from modelwright.core.schema import Table

_DIMENSIONS = 128
_WORD = r"(?u)\w+"
_TEXTS = ("text", "category", "id", "molecule", "sequence", "boolean", "labels")


def vectors_of(table: Table, dimensions: int = _DIMENSIONS, seed: int = 0) -> np.ndarray:
    """Return the vectors [N, D] float32 of a typed table's input columns, of unit length; pictures, sound and series are passed over.

    Words are hashed n-grams weighted by how rare they are, brought to `dimensions` by a truncated singular value decomposition
    (latent semantic analysis, Deerwester and others 1990).
    """
    if not len(table):
        return np.zeros((0, 1), np.float32)
    parts = [_column(table, c.name, c.modality, dimensions, seed) for c in table.schema.inputs if c.name in table]
    found = [p for p in parts if p is not None]
    if not found:
        return np.zeros((len(table), 1), np.float32)
    return unit(np.concatenate(found, axis=1))


def unit(vectors: Any) -> np.ndarray:
    """Return vectors [N, D] with length 1, those of length 0 as they are."""
    dense = np.asarray(vectors, np.float32)
    length = np.linalg.norm(dense, axis=1, keepdims=True)
    return np.asarray(dense / np.where(length == 0, 1.0, length), np.float32)


def _column(table: Table, name: str, modality: str, dimensions: int, seed: int) -> np.ndarray | None:
    cells = table.column(name).to_pylist()
    if modality in ("number", "timestamp"):
        numbers = np.array([_number(c) for c in cells], float)
        known = np.isfinite(numbers)
        if not known.any() or numbers[known].std() == 0:
            return None
        scaled = np.where(known, (numbers - numbers[known].mean()) / numbers[known].std(), 0.0)
        return np.clip(scaled, -3, 3)[:, None] / 3
    if modality not in _TEXTS:
        return None
    return _texts([_text(c) for c in cells], dimensions, seed)


def _number(cell: Any) -> float:
    if isinstance(cell, dt.datetime):
        return cell.replace(tzinfo=dt.UTC).timestamp()
    return float("nan") if cell is None else float(cell)


def _text(cell: Any) -> str:
    return "" if cell is None else " ".join(map(str, cell)) if isinstance(cell, list) else str(cell)


def _texts(texts: list[str], dimensions: int, seed: int) -> np.ndarray | None:
    from scipy.sparse import hstack
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    words = HashingVectorizer(n_features=1 << 18, ngram_range=(1, 2), alternate_sign=False, token_pattern=_WORD)
    letters = HashingVectorizer(n_features=1 << 18, analyzer="char_wb", ngram_range=(2, 4), alternate_sign=False)
    counts = hstack([words.transform(texts), letters.transform(texts)]).tocsr()
    used = np.unique(counts.indices)
    if len(used) < 2 or len(texts) < 3:
        return None if not len(used) else unit(counts[:, used].toarray())
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts[:, used])
    size = min(dimensions, len(used) - 1, len(texts) - 1)
    return unit(TruncatedSVD(size, random_state=seed).fit_transform(weighted))
