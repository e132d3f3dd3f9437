"""Figures: what is counted of a column, in bins that the training rows settle.

Everything else in this folder works on counts by bin: they add up over processes, tell no value of any row, and are what a
bundle can keep. A number falls between rounded quantiles; a category is one of the frequent values, or `other`.
Legend: N rows, B bins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BINS = 20  # of an ordered figure, between its tails
FEW = 10  # training rows that a bin, a tail or a value kept by name must hold at least
_TAIL = 0.001  # of the training rows lie below the lowest edge, and as many above the highest
_OFTEN = 0.05  # share of the training rows from which a number has a bin of its own
_VALUES = 40  # of a category that are kept by name
_DIGITS = 3  # significant digits of an edge: no value of a row stands in a bundle

Kind = Literal["ordered", "shares"]
Role = Literal["input", "answer"]


@dataclass(frozen=True)
class Figure:
    """One figure of a column, or of the answers, and how the training rows (for answers: unseen rows) fall into its bins.

    `ordered` has B - 1 `edges`: bin i holds values above edge i - 1 and up to edge i. `shares` has B `values`. `least` is the effect from
    which a change is worth an alarm; a figure with `alarms` False is shown and never alarms.
    """

    column: str
    part: str
    kind: Kind
    counts: np.ndarray = field(repr=False)  # [B] int64
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    role: Role = "input"
    least: float = 0.1
    alarms: bool = True

    @property
    def bins(self) -> int:
        """B."""
        return len(self.counts)

    @property
    def rows(self) -> int:
        """Rows of the reference that have a value."""
        return int(self.counts.sum())

    @property
    def shares(self) -> np.ndarray:
        """Shares of the reference by bin [B]; even where there are no rows."""
        total = self.rows
        return self.counts / total if total else np.full(self.bins, 1 / self.bins)

    def to_json(self) -> dict[str, Any]:
        """Return the figure as JSON values."""
        out: dict[str, Any] = {
            "column": self.column,
            "part": self.part,
            "kind": self.kind,
            "counts": self.counts.tolist(),
        }
        out |= {"edges": list(self.edges)} if self.kind == "ordered" else {"values": list(self.values)}
        if self.role != "input":
            out["role"] = self.role
        return out | {"least": self.least, "alarms": self.alarms}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Figure:
        """Read what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        counts = np.asarray(data["counts"], np.int64)
        edges = tuple(float(e) for e in data.get("edges", ()))
        values = tuple(str(v) for v in data.get("values", ()))
        kind: Kind = "ordered" if data["kind"] == "ordered" else "shares"
        good = counts.ndim == 1 and len(counts) >= 1 and (counts >= 0).all() and np.isfinite(edges).all()
        if not good or len(counts) != (len(edges) + 1 if kind == "ordered" else len(values)):
            raise ValueError(f"bins of {data['column']!s:.60}")
        if any(b <= a for a, b in itertools.pairwise(edges)):
            raise ValueError(f"edges of {data['column']!s:.60}")
        role: Role = "answer" if data.get("role") == "answer" else "input"
        return cls(
            str(data["column"]), str(data["part"]), kind, counts, edges, values, role, float(data["least"]), bool(data["alarms"])
        )  # fmt: skip

    def code(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each of N numbers, int16 [N]; -1 where it is NaN. Infinite ones fall into the tails."""
        codes = np.searchsorted(np.asarray(self.edges), values, side="left").astype(np.int16)
        return np.where(np.isnan(values), np.int16(-1), codes)

    def code_values(self, values: pa.Array) -> np.ndarray:
        """Return the bin of each of N values told as strings, int16 [N]; -1 where it is missing, the last bin where unknown."""
        found = pc.index_in(values, value_set=pa.array(self.values[:-1], pa.string()))
        codes = np.asarray(pc.fill_null(found, self.bins - 1)).astype(np.int16)
        return np.where(np.asarray(values.is_null()), np.int16(-1), codes)


def ordered(
    column: str,
    part: str,
    values: np.ndarray,
    *,
    role: Role = "input",
    bins: int = BINS,
    digits: int = _DIGITS,
    **more: Any,
) -> Figure:
    """Return an ordered figure of the numbers [N] of training rows; NaN is left out, infinite numbers count as outermost.

    Edges are rounded to `digits` digits of the spread.
    """
    known = np.sort(values[~np.isnan(values)].astype(np.float64))
    finite = known[np.isfinite(known)]
    edges: list[float] = []
    if len(finite) >= 2 * FEW:
        inner = min(bins, len(finite) // FEW)
        tail = max(_TAIL, FEW / len(finite))
        at = [tail, *(np.arange(1, inner) / inner), 1 - tail] if tail < 1 / inner else list(np.arange(1, inner) / inner)
        edges = _with_frequent(_rounded(np.quantile(finite, at, method="lower"), finite, digits), finite)
    blank = Figure(column, part, "ordered", np.zeros(len(edges) + 1, np.int64), tuple(edges), (), role, **more)
    return _counted(blank, blank.code(known))


def _rounded(quantiles: np.ndarray, values: np.ndarray, digits: int) -> list[float]:
    """Return quantiles rounded to a few digits, each once.

    Numbers with many equal values (amounts that are mostly zero) keep such a value as the edge that ends its bin.
    """
    spread = float(values[-1] - values[0])
    edges = set()
    for q in quantiles.tolist():
        # of the spread, or of the value itself where that is smaller: incomes and dates alike keep their bins apart
        scale = min(spread, abs(q))
        places = digits - 1 - int(np.floor(np.log10(scale))) if scale > 0 else 0
        edges.add(round(q, max(-300, min(300, places))))
    return sorted(e for e in edges if math.isfinite(e))


def _with_frequent(edges: list[float], values: np.ndarray) -> list[float]:
    """Return edges such that a value which many rows have (zero, forty hours) has a bin of its own: what is less is no longer it."""
    distinct, counts = np.unique(values, return_counts=True)
    often = distinct[counts >= max(FEW, _OFTEN * len(values))].tolist()
    return sorted({*edges, *often, *(float(np.nextafter(v, -np.inf)) for v in often)})


def shares(column: str, part: str, values: pa.Array, *, role: Role = "input", keep: Sequence[str] | None = None, **more: Any) -> Figure:  # fmt: skip
    """Return a figure of the frequent values among those [N], told as strings; the last bin is `other`.

    With `keep` these are the values, however often they occur.
    """
    if keep is None:
        counts = [(p["values"], p["counts"]) for p in values.drop_null().value_counts().to_pylist()]
        common = sorted((c for c in counts if c[1] >= FEW), key=lambda c: (-c[1], c[0]))
        keep = [v for v, _ in common[:_VALUES]]
    blank = Figure(column, part, "shares", np.zeros(len(keep) + 1, np.int64), (), (*keep, OTHER), role, **more)
    return _counted(blank, blank.code_values(values))


def named(column: str, part: str, names: Sequence[str], counts: Sequence[int], **more: Any) -> Figure:
    """Return a figure over bins that have names of their own, without `other`."""
    return Figure(column, part, "shares", np.asarray(counts, np.int64), (), tuple(names), **more)


OTHER = "\u2026"  # the bin of all values that are not kept by name


def _counted(figure: Figure, codes: np.ndarray) -> Figure:
    counts = np.bincount(codes[codes >= 0], minlength=figure.bins).astype(np.int64)
    return Figure(
        figure.column, figure.part, figure.kind, counts, figure.edges, figure.values, figure.role, figure.least, figure.alarms
    )  # fmt: skip
