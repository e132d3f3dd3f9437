"""Rows in time, each with what came before it: a table of a series in which every row becomes a window that ends with it.

A layout {"trailing": {"time", "id", "channels": [column, ...], "length", "season"}} is kept in the options of the windows' column, so that
a bundle reads later rows in the same way, "units" beside them where columns hold numbers with units: rows sent together are one stretch of time. Rows keep their order in the source.
Legend: N rows, C channels, L moments of a window, S season in rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.data._moments import channel, in_row, is_text, moments
from modelwright.data._quantities import quantities_of, to_quantity
from modelwright.data.time_parts import again
from modelwright.data.values import is_mark, is_missing

NAME = "series"
_LAGS, _LONGEST = 50, 1100  # moments of a window, at least and at most
_SPREAD = 168  # moments before a row by which its usual spread is told
_LEAST_ACF = 0.25  # autocorrelation from which a season is one
_MOST_SEASON = 500
_MOST_SERIES = 20  # that tell the season


def length_of(season: int) -> int:
    """Return L for a season of S rows (0: none): two seasons, and the values that the spread is told by."""
    return int(min(_LONGEST, max(2 * season + 3, _LAGS) + _SPREAD))


def find_season(x: np.ndarray) -> int:
    """Return the season S of a series [T] in rows, 0 where none shows: the first high peak of the autocorrelation of what is left
    when a slow level is taken away."""
    x = x[np.isfinite(x)]
    if len(x) < 16:
        return 0
    x = x[-20_000:]
    x = np.clip(x, *np.quantile(x, [0.01, 0.99]))
    t = np.arange(len(x))
    x = x - np.polyval(np.polyfit(t, x, 1), t)
    if not x.std() > 0:
        return 0
    size = 1 << int(np.ceil(np.log2(2 * len(x))))
    spectrum = np.abs(np.fft.rfft(x, size)) ** 2
    acf = np.fft.irfft(spectrum)[: min(len(x) // 2, _MOST_SEASON + 2)]
    acf = acf / acf[0] * (len(x) / (len(x) - np.arange(len(acf))))
    peaks = [k for k in range(2, len(acf) - 1) if acf[k] >= acf[k - 1] and acf[k] > acf[k + 1]]
    # a peak counts by how far it stands above the valley before it: a slow series has a high autocorrelation throughout
    rises = {k: acf[k] - acf[1 : k + 1].min() for k in peaks if acf[k] >= _LEAST_ACF}
    if not rises or max(rises.values()) < 0.15:
        return 0
    best = max(rises, key=lambda k: rises[k])
    # of a week of hours the day is the season that is meant
    parts = [
        k for k, rise in rises.items() if rise >= 0.5 * rises[best] and abs(best - k * round(best / k)) <= 0.02 * best
    ]
    return int(min(parts))


def trailing(x: np.ndarray, order: np.ndarray, ends: np.ndarray, length: int) -> np.ndarray:
    """Return windows [N, C, L] float32 of channels [C, N]: each row with the rows before it in `order` [N], NaN before the first of
    its series; `ends` [N] marks, in that order, where a series begins."""
    channels, rows = x.shape
    out = np.full((rows, channels, length), np.nan, np.float32)
    sorted_x = x[:, order].astype(np.float32)
    begins = np.maximum.accumulate(np.where(ends, np.arange(rows), 0))
    at = np.arange(rows)
    for back in range(length):
        source = at - back
        held = source >= begins
        out[order[held], :, length - 1 - back] = sorted_x[:, source[held]].T
    return out


def with_units(raw: pa.Table, apart: Collection[str | None], decimal: str) -> dict[str, dict[str, Any]]:
    """Return how columns of numbers with something around them (`20.5℃`, `35%`) are read, by name, but for those `apart`."""
    out = {}
    for name in raw.column_names:
        if name not in apart and is_text(raw.column(name).type):
            found = quantities_of(raw.column(name), decimal, name)
            if found.numbers and found.options:
                out[name] = dict(found.options)
    return out


def quantity_channel(raw: pa.Table, name: str, options: Mapping[str, Any]) -> np.ndarray:
    """Return a column of such numbers [N], NaN where missing. Raises DataError for a cell that is none."""
    values = raw.column(name) if name in raw.column_names else pa.chunked_array([pa.nulls(raw.num_rows, pa.string())])
    if not is_text(values.type):
        return channel(raw, name, ".")
    out = np.full(raw.num_rows, np.nan)
    for row, cell in enumerate(values.to_pylist()):
        if cell is None or is_missing(cell) or is_mark(cell):
            continue
        number = to_quantity(cell, options)
        if number is None:
            raise in_row(row, name, f"expected a number, received `{cell[:40]}`", f"应为数字，收到的是 `{cell[:40]}`")
        out[row] = number
    return out


def in_order(raw: pa.Table, time: str, machine: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows [N] by series and time, as they stand where there is no column of times, and where each series begins [N] in that order."""
    group = np.zeros(raw.num_rows, np.int64)
    if machine and machine in raw.column_names:
        coded = raw.column(machine).combine_chunks().dictionary_encode()
        group = np.asarray(coded.indices.fill_null(-1), np.int64)
    timed = again(raw, time)
    when = moments(timed, time, ".") if time in timed.column_names else np.zeros(raw.num_rows)
    order = np.lexsort((np.arange(raw.num_rows), when, group))
    begins = np.r_[True, group[order][1:] != group[order][:-1]] if raw.num_rows else np.empty(0, bool)
    return order, begins


def season_of(channels: Mapping[str, np.ndarray], order: np.ndarray, begins: np.ndarray) -> int:
    """Return the usual season of channels [N] whose rows stand in such an order, each series by itself; 0 where none shows."""
    series = np.split(order, np.flatnonzero(begins)[1:])[:_MOST_SERIES]
    found = [find_season(x[rows]) for x in channels.values() for rows in series]
    return int(np.median([s for s in found if s] or [0]))


def gather_trailing(raw: pa.Table, name: str, layout: Mapping[str, Any], signs: Mapping[str, str]) -> pa.Table:
    """Return the table with its channels gathered into windows [N, C, L]; rows come in the order of the time column, or as they stand
    where it is absent. `signs` are decimal signs of columns of text. Raises DataError for a cell that is no number or time."""
    rows, channels, length = raw.num_rows, layout["channels"], layout["length"]
    order, begins = in_order(raw, layout["time"], layout["id"])
    units = layout.get("units", {})
    x = np.stack(
        [quantity_channel(raw, c, units[c]) if c in units else channel(raw, c, signs.get(c, ".")) for c in channels]
    )
    windows = trailing(x, order, begins, length)
    offsets = np.arange(0, rows * len(channels) * length + 1, length, dtype=np.int32)
    inner = pa.ListArray.from_arrays(pa.array(offsets), pa.array(windows.ravel()))
    column = pa.ListArray.from_arrays(pa.array(np.arange(0, len(inner) + 1, len(channels), dtype=np.int32)), inner)
    kept = [n for n in raw.column_names if n not in channels and n != name]
    return raw.select(kept).append_column(name, column)
