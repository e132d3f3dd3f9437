"""What tells whether the last moment of a window is unusual, as numbers: how far it and those before it lie from forecasts made one to 25 rows
ahead, how much the series moves, stands still and turns now and usually, how far it is from its level, its season and its bounds.

All are relative to what is usual in the channel, so that one set of trees reads every channel.
Legend: N rows, C channels, L moments of a window, F lags, G gaps, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.recipes.anomaly._lags import coefficients_of, lags_of, residuals_of
from modelwright.recipes.shared.planted import spread

GAPS = (0, 1, 3, 6, 12, 24)  # rows left out before the one that is forecast
_TELLING = (0, 3, 5)  # of the gaps, whose residuals tell how far beyond the usual a value lies
_COLUMNS = [3 * g for g in _TELLING]  # where they stand among the features
_SELDOM = 0.995
_LONG = (3, 6, 12, 24)  # last moments over which something is summed up
_MOVES = (2, 3, 4, 8, 16, 24)  # the same of moves from one moment to the next
_BACK = 30  # moments among which the farthest from its forecast is looked for
_WIDE = 168  # moments by which it is told what is usual of late
_NARROW, _BROAD = 0.2, 5.0  # of the usual spread, between which that of the last moments counts
_RIDGE = 1e-2
_BOUNDS = (0.0, 0.01, 0.99, 1.0)
_SMALL = 1e-3
_MOST_ROWS = 6000
_TOGETHER = 1 << 21  # cells of windows that are looked at at a time


def needed(season: int, length: int) -> int:
    """Return the last moments of a window that must be known for anything to be told."""
    return min(length, max(lags_of(GAPS[-1], season, length)) + _BACK + 1)


class MomentReader:
    """For each gap the coefficients of a forecast [C, F] and its usual residuals [C]; of each channel its deviation, the usual size of its
    moves, and its bounds."""

    def __init__(self, season: int, length: int, arrays: Mapping[str, np.ndarray]) -> None:
        self.season, self.length = season, length
        self.lags = [lags_of(gap, season, length) for gap in GAPS]
        self.arrays = {k: np.asarray(a, np.float64) for k, a in arrays.items()}

    @classmethod
    def fit(cls, rows: np.ndarray, season: int, seed: int) -> MomentReader:
        """Learn from windows without gaps [N, C, L]."""
        count, channels, length = rows.shape
        some = np.arange(count)
        if count > _MOST_ROWS:
            some = np.sort(np.random.default_rng(seed).choice(count, _MOST_ROWS, replace=False))
        found: dict[str, Any] = {"deviations": [], "moves": [], "bounds": []}
        lags = [lags_of(gap, season, length) for gap in GAPS]
        for gap in range(len(GAPS)):
            found[f"coefficients.{gap}"], found[f"scales.{gap}"] = [], []
        for channel in range(channels):
            x = rows[some, channel].astype(np.float64)
            last = rows[:, channel, -1].astype(np.float64)
            found["deviations"].append(max(float(last.std()), 1e-9 * (1 + float(np.abs(last).max()))))
            found["moves"].append(spread(np.diff(x[:, -2:], axis=1)[:, 0]))
            found["bounds"].append(np.quantile(last, _BOUNDS))
            for gap, own in enumerate(lags):
                weights = coefficients_of(x, np.array(own), _RIDGE)
                found[f"coefficients.{gap}"].append(weights)
                left = residuals_of(x[:, -max(own) - 1 :], own, weights)[:, -1]
                found[f"scales.{gap}"].append(spread(left))
        reader = cls(
            season, length, {**{k: np.array(v) for k, v in found.items()}, "limits": np.ones((channels, len(_TELLING)))}
        )
        for channel in range(channels):
            read = in_parts(rows[some, channel], reader, channel)
            reader.arrays["limits"][channel] = np.maximum(np.quantile(read[:, _COLUMNS], _SELDOM, axis=0), _SMALL)
        return reader

    @property
    def channels(self) -> int:
        """Return C."""
        return len(self.arrays["deviations"])

    def check(self) -> None:
        """Raise ValueError where what was read back does not fit together."""
        own, count = self.arrays, self.channels
        shapes: dict[str, tuple[int, ...]] = {
            f"coefficients.{g}": (count, len(lags)) for g, lags in enumerate(self.lags)
        }
        shapes |= {f"scales.{g}": (count,) for g in range(len(GAPS))}
        shapes |= {"deviations": (count,), "moves": (count,), "bounds": (count, len(_BOUNDS))}
        shapes["limits"] = (count, len(_TELLING))
        whole = set(own) == set(shapes) and all(
            own[k].shape == s and np.isfinite(own[k]).all() for k, s in shapes.items()
        )
        if not whole or any(
            (own[k] <= 0).any() for k in own if k.startswith(("scales", "deviations", "moves", "limits"))
        ):
            raise ValueError("moments")

    def beyond(self, features: np.ndarray, channel: int) -> np.ndarray:
        """Return how far residuals lie beyond what they seldom exceed, as a logarithm from 0 on [N]; features [N, D] of a channel."""
        share = features[:, _COLUMNS] / self.arrays["limits"][channel]
        return np.log(np.maximum(share.max(axis=1), 1.0))

    def read(self, x: np.ndarray, channel: int) -> np.ndarray:
        """Return features [N, D] float32 of windows without gaps [N, L] of a channel."""
        deviation, move = (float(self.arrays[k][channel]) for k in ("deviations", "moves"))
        out: list[np.ndarray] = []
        off = [self._off(x, channel, gap, deviation, out) for gap in range(len(GAPS))]
        self._around(off, out)
        self._moving(x, move, out)
        self._placed(x, channel, deviation, out)
        return np.stack(out, axis=1).astype(np.float32)

    def _off(self, x: np.ndarray, channel: int, gap: int, deviation: float, out: list[np.ndarray]) -> np.ndarray:
        """Add how far the last value lies from a forecast; return the last residuals in usual ones [N, W + 1]."""
        left = residuals_of(x, self.lags[gap], self.arrays[f"coefficients.{gap}"][channel])
        usual = float(self.arrays[f"scales.{gap}"][channel])
        near = np.clip(1.4826 * np.median(np.abs(left[:, :-1]), axis=1), _NARROW * usual, _BROAD * usual)
        z = np.asarray(left / np.sqrt(near * usual)[:, None])
        out += [np.abs(z[:, -1]), np.abs(left[:, -1]) / deviation, np.log(near / usual)]
        return z

    def _around(self, off: list[np.ndarray], out: list[np.ndarray]) -> None:
        """Add what the forecasts of the last moments say together: an anomaly that lasts began some moments ago."""
        z = off[0]
        out += [np.abs(z[:, -2]), np.abs(z[:, -3]), z[:, -1] * z[:, -2], z[:, -2] * z[:, -3]]
        for k in _LONG:
            last = z[:, -k:]
            far = np.abs(last)
            out += [far.max(axis=1), np.log(_SMALL + (last**2).mean(axis=1)), np.abs(last.sum(axis=1)) / np.sqrt(k)]
            out.append(np.log(_SMALL + np.median(far, axis=1)))
        far = np.abs(z[:, -_BACK:])
        at = far.argmax(axis=1)
        jump = z[np.arange(len(z)), z.shape[1] - _BACK + at]
        out += [_BACK - 1.0 - at, far.max(axis=1)]
        out += [jump * np.sign(off[g][:, -1]) for g in (5, 3)]  # still on the side that it jumped to
        for g in (2, 3, 4, 5):
            y = off[g]
            for k in _LONG:
                out += [np.abs(y[:, -k:].mean(axis=1)), np.abs(y[:, -k:]).min(axis=1)]
            out.append(y[:, -1] * y[:, -2])

    def _moving(self, x: np.ndarray, move: float, out: list[np.ndarray]) -> None:
        """Add how much the series moves, stands still and turns, beside what it does usually and did a season ago."""
        steps = np.diff(x, axis=1)
        sizes = np.abs(steps)
        late = sizes[:, -_WIDE:]
        usual = np.median(late, axis=1) + _SMALL * move
        for k in _MOVES:
            mean = sizes[:, -k:].mean(axis=1)
            out += [np.log(mean / usual + 1e-4), np.log(sizes[:, -k:].max(axis=1) / usual + 1e-4)]
            if self._seasonal(k):
                end = sizes.shape[1] - self.season
                before = sizes[:, end - k : end].mean(axis=1)
                out.append(np.log((mean + _SMALL * move) / (before + _SMALL * move)))
        still = steps[:, ::-1] == 0
        out.append(np.where(still.all(axis=1), still.shape[1], (~still).argmax(axis=1)).astype(np.float64))
        out.append((late == 0).mean(axis=1))
        turns = steps[:, 1:] * steps[:, :-1] < 0
        out += [turns[:, -k:].mean(axis=1) for k in (*_LONG[1:], _WIDE)]

    def _placed(self, x: np.ndarray, channel: int, deviation: float, out: list[np.ndarray]) -> None:
        """Add how far the last value lies from the bounds, the level and the season."""
        least, low, high, most = self.arrays["bounds"][channel]
        last, late = x[:, -1], x[:, -_WIDE:]
        out += [np.maximum(last - high, low - last) / deviation, np.maximum(last - most, least - last) / deviation]
        level = np.median(late, axis=1)
        width = np.median(np.abs(late - level[:, None]), axis=1) + _SMALL * deviation
        out.append(np.abs(last - level) / width)
        if self.season >= 2:
            same = [x[:, -1 - k * self.season] for k in range(1, (self.length - 1) // self.season + 1)]
            out += [np.abs(last - same[0]) / deviation, np.abs(last - np.median(same, axis=0)) / deviation]
            apart = x[:, self.season :] - x[:, : -self.season]
            out += [np.abs(np.median(apart[:, -k:], axis=1)) / deviation for k in _LONG[:3]]

    def _seasonal(self, k: int) -> bool:
        return self.season >= 2 and self.season + k < min(self.length - 1, _WIDE)


def in_parts(rows: np.ndarray, reader: MomentReader, channel: int) -> np.ndarray:
    """Return the features of windows [N, L], some at a time, as their doubles would not fit in memory together."""
    step = max(1, _TOGETHER // max(1, rows.shape[1]))
    parts = [reader.read(rows[i : i + step].astype(np.float64), channel) for i in range(0, len(rows), step)]
    return np.concatenate(parts)
