"""One row through several linear models: each text searched once, the rest of a row one gather of weights a model.

Legend: M models, K outputs, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.schema import Table
from modelwright.features.shared.ngrams import NgramCodec
from modelwright.features.shared.union import NgramUnion
from modelwright.recipes.shared.columns import ColumnCodecs, beside_text, part_scale


class LinearGroup:
    """Decision values of a single row under several linear models, without a sparse matrix.

    A model comes as its `columns` and its `weights` [D + 1, K], the last row of which is the bias.
    """

    def __init__(self, columns: Sequence[ColumnCodecs], weights: Sequence[np.ndarray]) -> None:
        self.columns, self.weights = list(columns), list(weights)
        self._bias = [w[-1] for w in weights]
        self._unions: list[tuple[str, NgramUnion, list[tuple[int, int, int, int]]]] = []
        names = [n for n in columns[0].codecs if all(n in c.codecs for c in columns)]
        shared = {n for n in names if self._unite(n)}
        self._rest = [
            [
                (name, codec, first, part_scale(codec, column, beside))
                for name, column, codec, first, _ in own.places()
                if name not in shared
            ]
            for own in columns
            for beside in [beside_text(c for c, _ in own.codecs.values())]
        ]

    def _unite(self, name: str) -> bool:
        """Put the n-grams of a column together, with the weights of all models that have the same codec side by side."""
        codecs: list[Any] = []
        owners: list[list[int]] = []
        for i, columns in enumerate(self.columns):
            codec = columns.codecs[name][1]
            if type(codec) is not NgramCodec or codec.figures is not None:
                return False
            at = next((k for k, c in enumerate(codecs) if c is codec), None)
            if at is None:
                codecs.append(codec)
                owners.append([i])
            else:
                owners[at].append(i)
        width = max(sum(self.weights[i].shape[1] for i in own) for own in owners)
        if not NgramUnion.fits(codecs, width):
            return False
        projections, takes = [], []
        for k, own in enumerate(owners):
            parts, start = [], 0
            for i in own:
                first, end = next((f, e) for n, _, _, f, e in self.columns[i].places() if n == name)
                parts.append(self.weights[i][first:end])
                takes.append((i, k, start, start + parts[-1].shape[1]))
                start += parts[-1].shape[1]
            whole = np.concatenate(parts, axis=1)
            projections.append(np.pad(whole, ((0, 0), (0, width - whole.shape[1]))))
        self._unions.append((name, NgramUnion(codecs, projections), takes))
        return True

    def decide(self, table: Table) -> list[np.ndarray]:
        """Return the decision values [K] of the table's one row under each model, float32."""
        out = [b.copy() for b in self._bias]
        for name, union, takes in self._unions:
            found = union.project(table.column(name))
            for i, k, start, end in takes:
                out[i] += found[k, start:end]
        known: dict[Any, tuple[np.ndarray, np.ndarray]] = {}
        for i, (weights, rest) in enumerate(zip(self.weights, self._rest, strict=True)):
            if not rest:
                continue
            places, data = [], []
            for name, codec, first, scale in rest:
                key = name, id(codec)
                if key not in known:
                    at, values = one(codec, table.column(name))
                    known[key] = at, values if scale == 1 else values * np.float32(scale)
                at, values = known[key]
                places.append(at + first)
                data.append(values)
            out[i] += np.concatenate(data) @ weights[np.concatenate(places)]
        return out


def one(codec: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the features [E] and their values [E] of a single cell under a codec of the sparse view."""
    if hasattr(codec, "one"):
        found: tuple[np.ndarray, np.ndarray] = codec.one(values)
        return found
    matrix = codec.encode(values).tocsr()
    return matrix.indices, matrix.data
