"""Anomalies planted at the end of windows, to learn from: what is unusual, and what comes just behind it and is usual again.

Legend: N rows, L moments of a window.
"""

from __future__ import annotations

import numpy as np

_LENGTHS = (4, 30)  # moments that an anomaly lasts, but a spike
_SIZES = (0.4, 3.0)  # in deviations of the channel; drawn evenly on a logarithmic scale
_AFTER = 40  # moments behind an anomaly that are learnt as usual
KINDS = ("spike", "level", "noise", "stuck", "drift", "elsewhere", "calmer or wilder")


def planted(
    windows: np.ndarray, deviations: np.ndarray, rng: np.random.Generator, *, after: bool = False
) -> np.ndarray:
    """Return windows [N, L] float64 with an anomaly of a kind drawn evenly that lasts until their end; where `after`, it ended before.

    `deviations` [N] are those of the windows' channels.
    """
    out = np.array(windows, np.float64)
    length = out.shape[1]
    for x, deviation in zip(out, deviations, strict=True):
        kind = KINDS[int(rng.integers(len(KINDS)))]
        lasts = 1 if kind == "spike" else int(rng.integers(_LENGTHS[0], _LENGTHS[1] + 1))
        if after:
            end = length - int(rng.integers(1, _AFTER))
            begin = end - lasts
        else:  # it has lasted for some moments, and may go on
            begin, end = length - 1 - int(rng.integers(0, lasts)), length
        begin = max(1, begin)
        size = float(np.exp(rng.uniform(*np.log(_SIZES)))) * deviation * rng.choice([-1.0, 1.0])
        _plant(x, kind, begin, end, size, lasts, rng)
    return out


def _plant(x: np.ndarray, kind: str, begin: int, end: int, size: float, lasts: int, rng: np.random.Generator) -> None:
    count = end - begin
    if kind in ("spike", "level"):
        x[begin:end] += size
    elif kind == "noise":
        x[begin:end] += rng.normal(0, abs(size), count)
    elif kind == "stuck":
        x[begin:end] = x[begin - 1]
    elif kind == "drift":
        x[begin:end] += size * np.arange(1, count + 1) / lasts
    elif kind == "elsewhere":  # a stretch of another time, at this level
        first = int(rng.integers(0, len(x) - count))
        x[begin:end] = x[first : first + count] - x[first] + x[begin - 1]
    else:
        mean = x[begin:end].mean()
        x[begin:end] = mean + (x[begin:end] - mean) * rng.choice([0.2, 2.5])
