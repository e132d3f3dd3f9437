"""Rows of any columns as one matrix in which the usual is near 0, for models that find what is far from it.

Numbers are told in robust deviations, compressed beyond four; a category by marks whose size grows with how seldom it is; times of day and of the
week; texts by what they are made of; windows of a series by their last values beside those before.
Legend: N rows, D features, C columns (channels of windows count each), L moments.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.schema import Column, Table
from modelwright.features.shared.windows import windows_of
from modelwright.recipes.shared.outliers import OutlierModel
from modelwright.recipes.shared.planted import spread

_MOST_MARKS = 40  # values of a category that have a mark of their own
_LEAST_ROWS = 5
_LINEAR = 4.0  # robust deviations up to which a number is told as it is
_FAR = 4  # moments of a window that are told one by one


def compressed(z: np.ndarray) -> np.ndarray:
    """Return deviations of any shape with those beyond four drawn in, so that one cell does not outweigh all others."""
    far = np.abs(z) > _LINEAR
    return np.where(far, np.sign(z) * (_LINEAR + np.log1p(np.abs(np.where(far, z, 0)) - _LINEAR * far)), z)


class RowReader:
    """What is learnt of each column to read it; JSON. `owner` [D] says which of the columns a feature comes from."""

    def __init__(self, columns: list[dict[str, Any]]) -> None:
        self.columns = columns
        counts = [_width(told) for told in columns]
        self.owner = np.concatenate([_owners(told) for told in columns]) if columns else np.empty(0, int)
        self.width = sum(counts)

    @classmethod
    def fit(cls, table: Table, names: tuple[str, ...]) -> RowReader:
        """Learn from training rows; `names` [C] are the columns (or channels) that answers tell of."""
        place = {name: i for i, name in enumerate(names)}
        found = []
        for column in table.schema.inputs:
            told = _learnt(table.column(column.name), column)
            if told is None:
                continue
            channels = column.options.get("trailing", {}).get("channels", [column.name])
            told |= {"name": column.name, "at": [place[c] for c in channels if c in place]}
            raw = _features(table.column(column.name), told)
            centre = np.array([np.median(f[np.isfinite(f)]) if np.isfinite(f).any() else 0.0 for f in raw.T])
            scale = np.array([spread(f[np.isfinite(f)]) for f in raw.T])
            if told["kind"] in ("marks",):
                centre, scale = (
                    np.asarray(told["shares"]),
                    np.sqrt(np.asarray(told["shares"]) * (1 - np.asarray(told["shares"]))),
                )
            told |= {"centre": centre.tolist(), "scale": np.where(scale > 0, scale, 1.0).tolist()}
            found.append(told)
        return cls(found)

    def encode(self, table: Table) -> np.ndarray:
        """Return the rows [N, D] float64; what is missing is 0, and has a mark of its own where it seldom is."""
        parts = []
        for told in self.columns:
            z = (_features(table.column(told["name"]), told) - np.asarray(told["centre"])) / np.asarray(told["scale"])
            gone = ~np.isfinite(z).any(axis=1)
            z = compressed(np.where(np.isfinite(z), z, 0.0))
            share = told["missing"]
            mark = (gone - share) / np.sqrt(share * (1 - share))
            parts += [z, np.where(gone, mark, 0.0)[:, None]]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(table), 0))


def _owners(told: Mapping[str, Any]) -> np.ndarray:
    """Return the column of each feature; several channels have equally many."""
    each = len(told["centre"]) // max(1, len(told["at"]))
    return np.r_[np.repeat(told["at"], each), told["at"][:1]].astype(int)


def _width(told: Mapping[str, Any]) -> int:
    return len(told["centre"]) + 1


def _learnt(values: pa.Array, column: Column) -> dict[str, Any] | None:
    """Return what is to be known of a column to read its features; None for one that cannot be read."""
    rows = len(values)
    missing = (values.null_count + 0.5) / (rows + 1)
    kind = {"number": "number", "timestamp": "clock", "text": "text", "category": "marks", "boolean": "marks"}.get(
        column.modality
    )
    if kind == "marks":
        counts = {
            _label(c["values"]): c["counts"] for c in values.value_counts().to_pylist() if c["values"] is not None
        }
        kept = sorted((v for v, n in counts.items() if n >= _LEAST_ROWS), key=lambda v: (-counts[v], v))[:_MOST_MARKS]
        others = sum(n for v, n in counts.items() if v not in set(kept))
        shares = [(counts[v] + 0.5) / (rows + 1) for v in kept] + [(others + 0.5) / (rows + 1)]
        return {
            "kind": kind,
            "labels": kept,
            "shares": [min(s, 1 - 0.5 / (rows + 1)) for s in shares],
            "missing": missing,
        }
    if column.modality == "series":
        own = column.options.get("trailing")
        channels = len(own["channels"]) if own else int(column.options.get("channels", 1))
        length, season = (own["length"], own["season"]) if own else (512, 0)
        return {
            "kind": "window" if own else "series",
            "channels": channels,
            "length": length,
            "season": season,
            "missing": missing,
        }
    return None if kind is None else {"kind": kind, "missing": missing}


def _label(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _features(values: pa.Array, told: Mapping[str, Any]) -> np.ndarray:
    """Return a column's features [N, F] float64 as they are, NaN where missing."""
    kind = told["kind"]
    if kind == "number":
        return np.asarray(values.fill_null(np.nan), np.float64)[:, None]
    if kind == "marks":
        return _marks(values, told["labels"])
    if kind == "clock":
        return _clock(values)
    if kind == "text":
        return np.array([_text(t) for t in values.to_pylist()]).reshape(len(values), -1)
    x = windows_of(values, told["channels"], told["length"]).astype(np.float64)
    return _ends(x, told["season"]) if kind == "window" else _shape(x)


def _marks(values: pa.Array, labels: list[str]) -> np.ndarray:
    texts = pa.array([None if v is None else _label(v) for v in values.to_pylist()], pa.string())
    found = pc.index_in(texts, pa.array(labels, pa.string())).fill_null(len(labels))
    out = np.zeros((len(values), len(labels) + 1))
    out[np.arange(len(values)), np.asarray(found, np.int64)] = 1.0
    out[~np.asarray(values.is_valid())] = np.nan
    return out


def _clock(values: pa.Array) -> np.ndarray:
    """Return where in the day and in the week a time lies: sine and cosine of each."""
    seconds = np.asarray(values.cast(pa.int64()).cast(pa.float64()).fill_null(np.nan), np.float64) / 1e6
    day, week = (2 * np.pi * np.mod(seconds, period) / period for period in (86_400.0, 604_800.0))
    return np.stack([np.sin(day), np.cos(day), np.sin(week), np.cos(week)], axis=1)


def _text(text: str | None) -> list[float]:
    """Return what a text is made of: its length, shares of kinds of characters, how much it repeats itself."""
    if not text:
        return [np.nan] * 6
    n = len(text)
    kinds = (str.isdigit, str.isupper, str.isspace, lambda c: not c.isalnum() and not c.isspace())
    packed = len(zlib.compress(text[:2000].encode(), 1)) / max(1, len(text[:2000].encode()))
    return [np.log1p(n), *(sum(map(of, text)) / n for of in kinds), packed]


def _ends(x: np.ndarray, season: int) -> np.ndarray:
    """Return of windows [N, C, L] the last value, its differences to those before and to a season ago, and how far the last ones
    spread, channel by channel [N, C * F]."""
    last = x[:, :, -1:]
    before = last - x[:, :, -1 - _FAR : -1]
    apart = last - x[:, :, -1 - season :][:, :, :1] if 0 < season < x.shape[2] else np.zeros_like(last)
    quiet = np.log(np.abs(np.diff(x[:, :, -9:], axis=2)).mean(axis=2, keepdims=True) + 1e-12)
    return np.concatenate([last, before, apart, quiet], axis=2).reshape(len(x), -1)


def _shape(x: np.ndarray) -> np.ndarray:
    """Return of whole series [N, C, L] what they look like, channel by channel [N, C * F]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(x)
        count = np.maximum(known.sum(axis=2), 1)
        zero = np.where(known, x, 0.0)
        mean = zero.sum(axis=2) / count
        std = np.sqrt(np.where(known, (x - mean[..., None]) ** 2, 0.0).sum(axis=2) / count)
        step = np.diff(x, axis=2)
        fine = np.isfinite(step)
        rough = np.sqrt(np.where(fine, step, 0.0) ** 2).sum(axis=2) / np.maximum(fine.sum(axis=2), 1)
        most = np.where(fine, np.abs(step), 0.0).max(axis=2)
        low, high = np.where(known, x, np.inf).min(axis=2), np.where(known, x, -np.inf).max(axis=2)
        out = np.stack(
            [mean, np.log(std + 1e-9), np.log(rough + 1e-9), np.log(most + 1e-9), low, high, np.log(count)], axis=2
        )
    out[~known.any(axis=2)] = np.nan
    return out.reshape(len(x), -1)


class RowModel(OutlierModel):
    """A model of the matrix of `RowReader`; what a column adds is told by putting the usual in its place."""

    def __init__(self, target: AnomalyCodec, reader: RowReader) -> None:
        super().__init__(target)
        self.reader = reader

    def read(self, table: Table) -> np.ndarray:
        return self.reader.encode(table)

    @abstractmethod
    def measured(self, rows: np.ndarray) -> np.ndarray:
        """Return how unusual rows [N, D] are [N]."""

    def added(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        out = np.zeros((len(rows), len(self.target.columns_read)))
        for column in np.unique(self.reader.owner):
            usual = np.array(rows)
            usual[:, self.reader.owner == column] = 0.0
            out[:, column] = np.maximum(0.0, scores - self.measured(usual))
        return out
