"""What the weights of a linear model say about one answer, told by column and, in texts, by word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.schema import Table
from modelwright.features.shared.hashing import lay_out, word_ngrams
from modelwright.features.shared.ngrams import NgramCodec
from modelwright.recipes.shared.columns import ColumnCodecs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Contribution:
    """How much one value, or the characters `start` to `end` of one text, moved the decision value."""

    column: str
    start: int | None
    end: int | None
    value: Any
    weight: float


def average_parts(columns: ColumnCodecs, matrix: csr_matrix, weights: np.ndarray) -> np.ndarray:
    """Return what each column adds to the decision values of an average row [columns, K] float32; texts add nothing.

    A word speaks for itself, but that a customer is 40 years old means something only beside the usual age.
    """
    count = matrix.shape[0]
    # a product copies nothing; the matrix's own mean makes another one of 64 bits first
    mean = np.asarray(matrix.T @ np.full(count, 1 / max(1, count), np.float32), np.float64)
    rows = [
        np.zeros(weights.shape[1]) if isinstance(codec, NgramCodec) else mean[first:end] @ weights[first:end]
        for _, _, codec, first, end in columns.places()
    ]
    return np.stack(rows).astype(np.float32)


def explain(
    columns: ColumnCodecs, features: csr_matrix, weights: np.ndarray, centre: np.ndarray, table: Table, row: int
) -> list[Contribution]:
    """Return the contributions to one row, the strongest first.

    `features` CSR [1, D], `weights` [D + 1], `centre` [columns] what each column adds in an average row.
    """
    parts = features.data * weights[features.indices]
    out: list[Contribution] = []
    for usual, (name, _, codec, first, end) in zip(centre, columns.places(), strict=True):
        own = (features.indices >= first) & (features.indices < end)
        value = table.column(name)[row].as_py()
        if isinstance(codec, NgramCodec) and value is not None:
            out += _of_text(name, codec, value, features.indices[own] - first, parts[own])
        else:
            out.append(Contribution(name, None, None, value, float(parts[own].sum() - usual)))
    return sorted(out, key=lambda c: -abs(c.weight))


def _of_text(name: str, codec: NgramCodec, text: str, features: np.ndarray, parts: np.ndarray) -> list[Contribution]:
    """Spread each n-gram's part over its characters, then sum the characters of each word."""
    if not text.strip():
        return []
    by_feature = dict(zip(features.tolist(), parts.tolist(), strict=True))
    ids, starts, ends = codec.spans(text)
    times: dict[int, int] = {}
    for i in ids.tolist():
        times[i] = times.get(i, 0) + 1
    edges = np.zeros(len(text) + 1)
    for i, start, end in zip(ids.tolist(), starts.tolist(), ends.tolist(), strict=True):
        share = by_feature.get(i, 0.0) / times[i] / (end - start)
        edges[start] += share
        edges[end] -= share
    weights = np.cumsum(edges)[:-1]
    _, first, last = next(iter(word_ngrams(lay_out([text]), bigrams=False)))
    # characters between words (marks, spaces) go with the word before them
    first = first - 1  # the layout begins with a space
    starts = np.unique(np.append(0, first)) if len(text) else first
    sums = np.add.reduceat(weights, starts) if len(starts) else weights
    shown = dict(zip(first.tolist(), (last - 1).tolist(), strict=True))
    stops = np.append(starts[1:], len(text)).tolist()
    return [
        Contribution(name, start, shown.get(start, stop), text[start : shown.get(start, stop)], float(weight))
        for start, stop, weight in zip(starts.tolist(), stops, sums.tolist(), strict=True)
        if weight
    ]
