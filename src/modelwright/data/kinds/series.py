"""Time series: lists of numbers, one list or one per channel; also written as text (`[1, 2.5, ...]`, `1;2;3`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data.kinds.base import Kind, Unreadable, seeded, some_strings
from modelwright.data.values import is_mark, is_missing

_LEAST_TEXT, _LEAST_LIST = 8, 4  # numbers in nearly all cells; fewer in text may be anything
_SHARE = 0.9
_LOOK = 50
_MOST_VALUES = 50_000_000  # in one cell
_SPLIT = re.compile(r"[\s,;|，；]+")
_BARE = re.compile(r"(?<![\"\w])(nan|none|null|na|\?|[-+]?inf(?:inity)?)(?![\"\w])", re.IGNORECASE)


def read_series(value: Any) -> np.ndarray | None:
    """Return a cell as float32 [C, T], NaN where a number is missing; None for an empty cell.

    Takes lists, lists of lists (channels), arrays, and text. Raises Unreadable for channels of different length and
    for what holds no numbers.
    """
    if isinstance(value, str):
        value = _from_text(value)
    elif isinstance(value, (bytes, bool, int, float, Mapping)):
        raise _no_numbers(value)
    if value is None or len(value) == 0:
        return None
    if isinstance(value, np.ndarray) and value.dtype != object:
        rows = [value] if value.ndim == 1 else list(value)
    else:
        nested = any(isinstance(v, (list, tuple, np.ndarray)) for v in value)
        rows = list(value) if nested else [value]
    channels = [_numbers(r) for r in rows]
    sizes = [len(c) for c in channels]
    if len(set(sizes)) > 1:
        shown = ", ".join(map(str, sizes[:6]))
        raise Unreadable(
            f"expected channels of equal length, received {shown} values", f"各通道长度应相同，收到的长度为 {shown}"
        )
    if sum(sizes) > _MOST_VALUES:
        raise Unreadable("the series holds more than 50 million values", "序列超过 5000 万个值")
    out = np.stack(channels)
    if out.size == 0:
        return None
    out[~np.isfinite(out)] = np.nan
    if np.isnan(out).all():
        raise Unreadable("expected numbers, received only missing values", "应为数字，收到的全是缺失值")
    return out


def _from_text(text: str) -> Any:
    text = text.strip()
    if not text or is_missing(text):
        return None
    if text[0] in "[(":
        try:
            return json.loads(_BARE.sub("null", text.replace("(", "[").replace(")", "]")))
        except (ValueError, RecursionError):
            if text.count("[") > 1:
                raise _no_numbers(text) from None
            text = text.strip("[]()")  # numbers parted by blanks, as numpy prints them
    return [part for part in _SPLIT.split(text) if part]


def _numbers(row: Any) -> np.ndarray:
    """Return one channel as float32 [T]."""
    if isinstance(row, (str, bytes, Mapping)) or not hasattr(row, "__len__"):
        raise Unreadable("expected lists of numbers, received a mix", "应为数字列表，收到的是混合内容")
    try:
        with np.errstate(over="ignore"):
            return np.asarray(row, np.float64).astype(np.float32).reshape(len(row))
    except (TypeError, ValueError, OverflowError):
        with np.errstate(over="ignore"):
            return np.array([_number(v) for v in row], np.float64).astype(np.float32)


def _number(value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, str) and (is_missing(value) or is_mark(value)):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise _no_numbers(value) from None


def _no_numbers(value: Any) -> Unreadable:
    said = str(value)[:40]
    return Unreadable(
        f"expected a list of numbers such as [1, 2.5, 3], received `{said}`",
        f"应为数字列表，如 [1, 2.5, 3]，收到的是 `{said}`",
    )


def _is_number_list(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a list of numbers, or a list of such lists."""

    def is_list(k: pa.DataType) -> bool:
        return pa.types.is_list(k) or pa.types.is_large_list(k) or pa.types.is_fixed_size_list(k)

    if not is_list(kind):
        return False
    inner = kind.value_type.value_type if is_list(kind.value_type) else kind.value_type
    return pa.types.is_floating(inner) or pa.types.is_integer(inner)


class SeriesKind(Kind):
    """Lists of numbers in time. The options keep the usual number of channels, so that a cell with others is named."""

    modality = "series"
    title = Words("time series", "时间序列")

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        cells: list[Any]
        if _is_number_list(values.type):
            cells, least = values.slice(0, 4 * _LOOK).drop_null().to_pylist()[:_LOOK], _LEAST_LIST
        else:
            cells, least = some_strings(values)[:_LOOK], _LEAST_TEXT
        found = []
        for cell in cells:
            try:
                series = read_series(cell)
            except Unreadable:
                continue
            if series is not None and (series.size >= least or (isinstance(cell, list) and len(series) > 1)):
                found.append(len(series))
        if not found or len(found) < _SHARE * len(cells):
            return None
        return {"channels": int(np.bincount(found).argmax())}

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        series = read_series(value)
        if series is None:
            return None
        wanted = column.options.get("channels")
        if wanted and len(series) != wanted:
            raise Unreadable(
                f"expected {wanted} channels, received {len(series)}", f"应有 {wanted} 个通道，收到 {len(series)} 个"
            )
        return list(series)

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        rng = seeded(states, seed)
        out = []
        for state in states:
            time = np.arange(40 + int(rng.integers(0, 9)))
            wave = np.sin(time * (0.25, 0.6, 1.2)[state] + rng.uniform(0, 6.3)) + rng.normal(0, 0.1, len(time))
            trend = (state - 1) * time / 40 + rng.normal(0, 0.1, len(time))
            out.append([wave.round(3).tolist(), trend.round(3).tolist()])
        return out


KIND = SeriesKind
