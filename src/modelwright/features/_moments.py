"""Timestamps as numbers that a model can use: calendar parts and places on the circles of year, week and day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.features.shared.once import listed

PARTS = ("days", "year", "month", "day", "weekday", "hour", "year_sin", "year_cos", "day_sin", "day_cos")


def moments(values: pa.Array) -> np.ndarray:
    """Return float64 [N, 10], one column per name in `PARTS`, NaN where missing.

    `days` counts days since 1970 with fractions, `weekday` is 0 on Monday, the circles are in radians' sine and cosine.
    """
    if len(values) == 1:  # without what Arrow does with times, which imports pandas
        stamps = np.array(listed(values), "datetime64[us]")
    else:
        stamps = np.array(values.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False), "datetime64[us]")
    missing = np.isnat(stamps)
    stamps[missing] = np.datetime64(0, "us")
    day = stamps.astype("datetime64[D]")
    month = stamps.astype("datetime64[M]")
    year = stamps.astype("datetime64[Y]")
    hours = (stamps - day).astype(np.float64) / 3.6e9
    of_year = (stamps - year).astype(np.float64) / 8.64e10
    around_year, around_day = 2 * np.pi * of_year / 365.2425, 2 * np.pi * hours / 24
    out = np.stack([
        stamps.astype(np.int64) / 8.64e10,
        year.astype(np.int64) + 1970,
        month.astype(np.int64) % 12 + 1,
        (day - month).astype(np.int64) + 1,
        (day.astype(np.int64) + 3) % 7,
        np.floor(hours),
        np.sin(around_year), np.cos(around_year),
        np.sin(around_day), np.cos(around_day),
    ], axis=1).astype(np.float64)  # fmt: skip
    out[missing] = np.nan
    return out
