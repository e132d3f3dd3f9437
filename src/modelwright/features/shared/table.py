"""Numbers, categories, booleans and timestamps for linear models (`sparse`) and trees (`dense`).

Legend: N rows, B bins, C categories. Infinite numbers are treated as missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.schema import Column
from modelwright.features._categories import category_codes, frequent
from modelwright.features._moments import PARTS, moments
from modelwright.features.base import Codec, finite
from modelwright.features.shared.once import listed, once

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


_ONE = np.ones(1, np.float32)


def _numbers(values: pa.Array) -> np.ndarray:
    """Return float64 [N], NaN where missing or infinite."""
    if len(values) == 1:
        number = listed(values)[0]
        return np.array([number if number is not None and math.isfinite(number) else math.nan])
    out = np.array(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    out[np.isinf(out)] = np.nan
    return out


def _csr(dense: np.ndarray) -> csr_matrix:
    """Return a CSR float32 matrix of a small dense one, without its zeros."""
    from scipy.sparse import csr_matrix

    row, column = np.nonzero(dense)
    indptr = np.zeros(len(dense) + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=len(dense)), out=indptr[1:])
    data = dense[row, column].astype(np.float32)
    return csr_matrix((data, column.astype(np.int32), indptr), shape=dense.shape, copy=False)


def _one_hot(codes: np.ndarray, width: int) -> csr_matrix:
    """Return CSR float32 [N, width] with a one at each row's code."""
    from scipy.sparse import csr_matrix

    count = len(codes)
    ones = np.ones(count, np.float32)
    return csr_matrix((ones, codes.astype(np.int32), np.arange(count + 1, dtype=np.int32)), shape=(count, width))


class NumberSparse(Codec):
    """Numbers for linear models: scaled and clipped value, missing mark, and a piecewise linear encoding in quantile bins.

    A bin's feature runs from 0 at its lower edge to 1 at its upper one (arXiv 2203.05556), which lets a linear model
    bend at every edge; CSR float32 [N, 2 + B]. The scale is the 5 % to 95 % range, robust against stray values.
    """

    view = "sparse"
    before_bins = 2  # features that stand before the bins: value and missing mark
    most_bins = 24
    rows_per_bin = 25
    bend = 0.5  # how large a bin's feature is beside the scaled value: smaller bends less

    def __init__(self, centre: float, scale: float, edges: np.ndarray) -> None:
        self.centre, self.scale = centre, scale
        self.edges = np.asarray(edges, np.float64)

    @property
    def width(self) -> int:
        """How many features it has: value, missing mark and bins."""
        return self.before_bins + max(0, len(self.edges) - 1)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> NumberSparse:
        """Learn centre, scale and bin edges of the known values [N]."""
        known = _numbers(values)
        known = known[~np.isnan(known)]
        if not len(known):
            return cls(0.0, 1.0, np.zeros(0))
        low, centre, high = np.quantile(known, [0.05, 0.5, 0.95])
        scale = (high - low) / 3.3 or float(known.std()) or 1.0
        bins = min(cls.most_bins, len(known) // cls.rows_per_bin)
        edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1))) if bins > 1 else np.zeros(0)
        return cls(float(centre), float(scale), edges if len(edges) > 2 else np.zeros(0))

    def encode(self, values: pa.Array) -> csr_matrix:
        """Return CSR float32 [N, 2 + B].

        A row's stored values are reckoned by where its number lies: the bins wholly below it are full, one is begun, and the others
        hold nothing. All bins of all rows as a dense matrix would take several times the memory and the time.
        """
        from scipy.sparse import csr_matrix

        numbers = _numbers(values)
        missing = np.isnan(numbers)
        numbers[missing] = self.centre
        scaled = np.clip((numbers - self.centre) / self.scale, -5, 5)
        full = np.zeros(len(numbers), np.int32)
        begun = np.zeros(len(numbers))
        if len(self.edges):
            full = np.searchsorted(self.edges[1:], numbers, side="right").astype(np.int32)
            at = np.minimum(full, len(self.edges) - 2)
            begun = np.clip((numbers - self.edges[at]) / np.diff(self.edges)[at], 0, 1) * self.bend
            full[missing] = 0
            begun[missing | (full > at)] = 0
        first = scaled != 0
        first[missing] = True  # the missing mark stands where the scaled value would
        indptr = np.zeros(len(numbers) + 1, np.int32)
        np.cumsum(first + full + (begun > 0), out=indptr[1:])
        start, end = indptr[:-1], indptr[1:]
        data = np.full(indptr[-1], self.bend, np.float32)
        indices = np.arange(indptr[-1], dtype=np.int32)
        indices -= np.repeat(start - np.where(first, 1, 2).astype(np.int32), end - start)
        data[start[first]] = np.where(missing, 1.0, scaled)[first]
        indices[start[first]] = missing[first]
        data[end[begun > 0] - 1] = begun[begun > 0]
        return csr_matrix((data, indices, indptr), shape=(len(numbers), self.width), copy=False)

    def one(self, values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the features [E] and their values [E] for a single number."""
        return self.one_of(listed(values)[0])

    def one_of(self, number: float | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the features [E] and their values [E] for a number; None is missing."""
        if number is None or not np.isfinite(number):
            return np.array([1]), np.ones(1, np.float32)
        scaled = min(5.0, max(-5.0, (number - self.centre) / self.scale))
        if not len(self.edges):
            return np.array([0]), np.array([scaled], np.float32)
        # below its bin nothing, above it all of the step: only what lies in a bin is to be reckoned
        steps = np.clip((number - self.edges[:-1]) / np.diff(self.edges), 0, 1) * self.bend
        full = int(np.count_nonzero(steps))
        out = np.empty(full + 1, np.float32)
        out[0], out[1:] = scaled, steps[:full]
        places = np.arange(1, full + 2)
        places[0] = 0
        return places, out

    def state(self) -> dict[str, Any]:
        return {"centre": self.centre, "scale": self.scale, "edges": self.edges.tolist()}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> NumberSparse:
        return cls(float(finite(state["centre"])), float(finite(state["scale"])), finite(state["edges"]))


class NumberDense(Codec):
    """Numbers for trees: as they are, NaN where missing; float32 [N, 1]."""

    view = "dense"
    categorical: ClassVar[tuple[bool, ...]] = (False,)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> NumberDense:
        """Nothing is learnt of values [N]."""
        return cls()

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return float32 [N, 1]; numbers beyond float32 are held at its ends."""
        numbers = _numbers(values)
        limit = float(np.finfo(np.float32).max)
        return np.clip(numbers, -limit, limit).astype(np.float32)[:, None]

    def state(self) -> dict[str, Any]:
        return {}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> NumberDense:
        return cls()


class CategorySparse(Codec):
    """Categories for linear models: one feature each, one for rare or unknown ones, one for missing; CSR [N, C + 2].

    Categories seen in one training row only are not kept.
    """

    view = "sparse"
    most = 50_000

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self._lookup = {name: i for i, name in enumerate(names)}

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> CategorySparse:
        """Learn the categories of values [N] that occur at least twice."""
        return cls(frequent(values, cls.most)[0])

    def encode(self, values: pa.Array) -> csr_matrix:
        """Return CSR float32 [N, C + 2]."""
        codes = category_codes(values, self._lookup)
        count = len(self.names)
        codes[codes == -1] = count
        codes[codes == -2] = count + 1
        return _one_hot(codes, count + 2)

    def one(self, values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the feature [1] of a single category and its value [1], 1."""
        value, count = listed(values)[0], len(self.names)
        return np.array([count + 1 if value is None else self._lookup.get(value, count)]), _ONE

    def state(self) -> dict[str, Any]:
        return {"names": self.names}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> CategorySparse:
        return cls(list(state["names"]))


class CategoryDense(Codec):
    """Categories for trees: a code (NaN where rare, unknown or missing), flagged for the library's own handling.

    With more than `many` categories a second feature says how often the category occurs in training: rare ones can
    then be told from common ones without splitting one by one. float32 [N, 1 or 2].
    """

    view = "dense"
    most = 5_000
    many = 30

    def __init__(self, names: list[str], counts: list[int]) -> None:
        self.names, self.counts = names, counts
        self._lookup = {name: i for i, name in enumerate(names)}
        # reached by the codes -2 (missing) and -1 (unknown)
        self._frequency = np.log1p(np.array([*counts, 0, 1], np.float32))
        self.categorical: tuple[bool, ...] = (True, False) if len(names) > self.many else (True,)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> CategoryDense:
        """Learn the categories of values [N] that occur at least twice, the most frequent first."""
        return cls(*frequent(values, cls.most))

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return float32 [N, 1 or 2]."""
        codes = category_codes(values, self._lookup)
        own = codes.astype(np.float32)
        own[codes < 0] = np.nan
        if len(self.categorical) == 1:
            return own[:, None]
        return np.stack([own, self._frequency[codes]], axis=1)

    def state(self) -> dict[str, Any]:
        return {"names": self.names, "counts": self.counts}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> CategoryDense:
        return cls(list(state["names"]), list(state["counts"]))


class _BooleanCodec(Codec):
    """Nothing is learnt from booleans."""

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Any:
        """Nothing is learnt of values [N]."""
        return cls()

    def state(self) -> dict[str, Any]:
        return {}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
        return cls()


class BooleanSparse(_BooleanCodec):
    """Booleans for linear models: true, false and missing are one feature each; CSR float32 [N, 3]."""

    view = "sparse"

    def encode(self, values: pa.Array) -> csr_matrix:
        """Return CSR float32 [N, 3]."""
        return _one_hot(np.asarray(pc.fill_null(values.cast(pa.int8()), 2), np.int32), 3)

    def one(self, values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the feature [1] of a single truth value and its value [1], 1."""
        value = listed(values)[0]
        return np.array([2 if value is None else int(value)]), _ONE


class BooleanDense(_BooleanCodec):
    """Booleans for trees: 1, 0, NaN where missing; float32 [N, 1]."""

    view = "dense"
    categorical: ClassVar[tuple[bool, ...]] = (False,)

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return float32 [N, 1]."""
        return np.asarray(pc.fill_null(values.cast(pa.int8()).cast(pa.float32()), float("nan")), np.float32)[:, None]


class TimestampSparse(Codec):
    """Timestamps for linear models: the day as a number, and month, weekday and hour as categories; CSR float32."""

    view = "sparse"

    def __init__(self, days: NumberSparse) -> None:
        self.days = days

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> TimestampSparse:
        """Learn the range of the days of values [N]."""
        return cls(NumberSparse.fit(pa.array(moments(values)[:, 0], from_pandas=True), column, target, seed))

    def encode(self, values: pa.Array) -> csr_matrix:
        """Return CSR float32 [N, 2 + B + 12 + 7 + 24]; missing ones have the missing mark alone."""
        from scipy.sparse import csr_matrix, hstack

        parts = once("moments", values, lambda: moments(values))
        known = ~np.isnan(parts[:, 0])
        blocks = [self.days.encode(pa.array(parts[:, 0], from_pandas=True))]
        for name, first, count in (("month", 1, 12), ("weekday", 0, 7), ("hour", 0, 24)):
            codes = np.where(known, parts[:, PARTS.index(name)] - first, 0).astype(np.int64)
            hot = np.zeros((len(codes), count), np.float32)
            hot[np.flatnonzero(known), codes[known]] = 1.0
            blocks.append(_csr(hot))
        return csr_matrix(hstack(blocks, format="csr", dtype=np.float32))

    def one(self, values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the features [E] and their values [E] for a single moment."""
        parts = once("moments", values, lambda: moments(values))[0]
        if np.isnan(parts[0]):
            return np.array([1]), _ONE
        places, data = self.days.one_of(float(parts[0]))
        first = self.days.width
        month, weekday, hour = (int(parts[PARTS.index(n)]) for n in ("month", "weekday", "hour"))
        held = [first + month - 1, first + 12 + weekday, first + 19 + hour]
        return np.append(places, held), np.append(data, np.ones(3, np.float32))

    def state(self) -> dict[str, Any]:
        return self.days.state()

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TimestampSparse:
        return cls(NumberSparse.restore(state, arrays))


class TimestampDense(_BooleanCodec):
    """Timestamps for trees: days since 1970, year, month, day, weekday, hour, and the year's, week's and day's circles."""

    view = "dense"
    categorical: ClassVar[tuple[bool, ...]] = (False,) * len(PARTS)

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return float32 [N, 10]; NaN where missing."""
        return once("moments", values, lambda: moments(values)).astype(np.float32)
