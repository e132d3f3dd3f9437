"""One row through several linear models: each text searched once, the rest of a row one gather of weights a model.

Legend: M models, K outputs, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.schema import Table
from modelwright.features.shared.ngrams import NgramCodec
from modelwright.features.shared.union import NgramUnion
from modelwright.recipes.shared.columns import beside_text, part_scale

if TYPE_CHECKING:
    from modelwright.recipes.columns.linear import LinearModel


class LinearGroup:
    """Decision values of a single row under several linear models, without a sparse matrix."""

    def __init__(self, models: Sequence[LinearModel]) -> None:
        self.models = list(models)
        self._bias = [m.weights[-1] for m in models]
        self._unions: list[tuple[str, NgramUnion, list[tuple[int, int, int, int]]]] = []
        names = [n for n in models[0].columns.codecs if all(n in m.columns.codecs for m in models)]
        shared = {n for n in names if self._unite(n)}
        self._rest = [
            [
                (name, codec, first, part_scale(codec, column, beside))
                for name, column, codec, first, _ in m.columns.places()
                if name not in shared
            ]
            for m in models
            for beside in [beside_text(c for c, _ in m.columns.codecs.values())]
        ]

    def _unite(self, name: str) -> bool:
        """Put the n-grams of a column together, with the weights of all models that have the same codec side by side."""
        codecs: list[Any] = []
        owners: list[list[int]] = []
        for i, model in enumerate(self.models):
            codec = model.columns.codecs[name][1]
            if type(codec) is not NgramCodec or codec.figures is not None:
                return False
            at = next((k for k, c in enumerate(codecs) if c is codec), None)
            if at is None:
                codecs.append(codec)
                owners.append([i])
            else:
                owners[at].append(i)
        width = max(sum(self.models[i].weights.shape[1] for i in own) for own in owners)
        if not NgramUnion.fits(codecs, width):
            return False
        projections, takes = [], []
        for k, own in enumerate(owners):
            parts, start = [], 0
            for i in own:
                model = self.models[i]
                first, end = next((f, e) for n, _, _, f, e in model.columns.places() if n == name)
                parts.append(model.weights[first:end])
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
        for i, (model, rest) in enumerate(zip(self.models, self._rest, strict=True)):
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
            out[i] += np.concatenate(data) @ model.weights[np.concatenate(places)]
        return out


def one(codec: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the features and their values of a single cell under a codec of the sparse view."""
    if hasattr(codec, "one"):
        found: tuple[np.ndarray, np.ndarray] = codec.one(values)
        return found
    matrix = codec.encode(values).tocsr()
    return matrix.indices, matrix.data
