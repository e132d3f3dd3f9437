"""Table columns for networks: numbers with quantile edges, categories and truth values as ids, timestamps as numbers.

Legend: N rows, F features, Q quantile edges.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.features._categories import distinct_of
from modelwright.features.base import Codec, finite
from modelwright.features.shared.once import once
from modelwright.privacy.statistics import RANGE_LOOKS, quantiles, within

_EDGES = 48
_DAY = 86_400_000_000
_HASHED, _HASHED_WIDTH = 1024, 8  # buckets of hashed categories, and the width of their vectors


class NumbersTensor(Codec):
    """F numbers a row; encodes to {"x": float32 [N, F] scaled, "missing": float32 [N, F]}.

    Scaling maps the inner 98 % to about -1..1 and cuts beyond 4. `edges` [F, Q] are quantiles on that scale, for the
    piecewise-linear embedding (Gorishniy et al., arXiv 2203.05556).
    """

    view = "tensor"

    def __init__(self, center: np.ndarray, scale: np.ndarray, edges: np.ndarray) -> None:
        self.center, self.scale, self.edges = center, scale, edges

    @classmethod
    @abstractmethod
    def features(cls, values: pa.Array) -> np.ndarray:
        """Return raw features [N, F] float64, NaN where missing."""

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        x = cls.features(values)
        centers, scales, edges = [], [], []
        for f in range(x.shape[1]):
            some = x[np.isfinite(x[:, f]), f]
            middle, scale, own = _measured(some if len(some) else np.zeros(1))
            edges.append(own)
            centers.append(middle)
            scales.append(scale)
        return cls(np.array(centers), np.array(scales), np.array(edges, np.float32))

    @classmethod
    def known_bounds(cls, column: Column) -> list[tuple[float, float] | None]:
        """Return for each feature the bounds that are the same for all data or that the user gave; None where unknown."""
        given = column.options.get("bounds")
        return [(float(given[0]), float(given[1])) if given else None]

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return RANGE_LOOKS * sum(b is None for b in cls.known_bounds(column))

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """Noisy quantiles of features without known bounds; where rows are too few for that, values as they are."""
        x = cls.features(values)
        found = []
        for f, known in enumerate(cls.known_bounds(column)):
            spread = within(*known) if known else quantiles(x[:, f], spending, column.name)
            found.append(_measured(within(-4, 4) if spread is None else spread))
        return cls(np.array([m for m, _, _ in found]), np.array([s for _, s, _ in found]),
                   np.array([e for _, _, e in found], np.float32))  # fmt: skip

    def encode(self, values: pa.Array) -> dict[str, np.ndarray]:
        x = once(("features", type(self)), values, lambda: self.features(values))
        missing = ~np.isfinite(x)
        scaled = np.clip((np.where(missing, self.center, x) - self.center) / self.scale, -4, 4)
        return {"x": scaled.astype(np.float32), "missing": missing.astype(np.float32)}

    def state(self) -> dict[str, Any]:
        return {"center": self.center.tolist(), "scale": self.scale.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"edges": self.edges}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(finite(state["center"]), finite(state["scale"]), arrays["edges"])


def _measured(some: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return centre, scale and edges [Q] on that scale, of values or of their quantile function."""
    low, middle, high = np.percentile(some, [1, 50, 99])
    scale = max((high - low) / 2, 1e-6 * max(1.0, abs(middle)), float(some.std()) * 0.5) or 1.0
    scaled = np.clip((some - middle) / scale, -4, 4)
    unique = np.unique(np.quantile(scaled, np.linspace(0, 1, _EDGES)))
    if len(unique) < 2:
        unique = np.array([unique[0] - 0.5, unique[0] + 0.5])
    # fewer different values than edges: the last edge is repeated, and its bin stays empty
    return float(middle), float(scale), np.r_[unique, np.full(_EDGES - len(unique), unique[-1])]


class NumberTensor(NumbersTensor):
    """One number: F = 1."""

    @classmethod
    def features(cls, values: pa.Array) -> np.ndarray:
        return np.asarray(values.fill_null(float("nan")), np.float64)[:, None]


class TimestampTensor(NumbersTensor):
    """A moment as six numbers: day since 1970, and sine and cosine of hour and of day of year, and weekday."""

    @classmethod
    def features(cls, values: pa.Array) -> np.ndarray:
        missing = np.asarray(values.is_null())
        micros = np.asarray(values.cast(pa.int64()).fill_null(0), np.float64)
        days = micros / _DAY
        year, day = 2 * np.pi * days / 365.2425, 2 * np.pi * (days % 1)
        weekday = (np.floor(days) + 3) % 7
        out = np.stack([days, np.sin(day), np.cos(day), np.sin(year), np.cos(year), weekday], axis=1)
        out[missing] = np.nan
        return out

    @classmethod
    def known_bounds(cls, column: Column) -> list[tuple[float, float] | None]:
        return [None, (-1, 1), (-1, 1), (-1, 1), (-1, 1), (0, 6)]


class CategoryTensor(Codec):
    """A category as an id: 0 missing, 1 rare or unknown, then values seen at least twice; {"ids": int64 [N]}.

    With `buckets` nothing is learnt: every value falls into one of that many by its hash.
    """

    view = "tensor"

    def __init__(self, values: list[str], buckets: int = 0) -> None:
        self.values, self.buckets = values, buckets
        self._index = {v: i + 2 for i, v in enumerate(values)}
        if buckets:
            self.vector = _HASHED_WIDTH  # of the embedding: the number of values is not known

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        counts: Counter[str] = Counter(v for v in values.to_pylist() if v is not None)
        return cls(sorted(v for v, n in counts.most_common(20_000) if n >= 2))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        return cls([], _HASHED)

    @property
    def size(self) -> int:
        """Number of ids, missing and unknown included."""
        return len(self.values) + self.buckets + 2

    def encode(self, values: pa.Array) -> dict[str, np.ndarray]:
        distinct, place = distinct_of(values)
        if self.buckets:
            known = [2 + zlib.crc32(v.encode("utf-8", "replace")) % self.buckets for v in distinct]
        else:
            known = [self._index.get(v, 1) for v in distinct]
        return {"ids": np.array([*known, 0], np.int64)[place]}

    def state(self) -> dict[str, Any]:
        return {"values": self.values} | ({"buckets": self.buckets} if self.buckets else {})

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(list(state["values"]), int(state.get("buckets", 0)))


class BooleanTensor(Codec):
    """A truth value as an id: 0 missing, 1 false, 2 true; {"ids": int64 [N]}."""

    view = "tensor"
    size = 3

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls()

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        return cls()

    def encode(self, values: pa.Array) -> dict[str, np.ndarray]:
        return {"ids": np.asarray(pc.add(pc.fill_null(values.cast(pa.int8()), -1), 1), np.int64)}

    def state(self) -> dict[str, Any]:
        return {}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls()
