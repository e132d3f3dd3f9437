"""What is known of a step ahead when it is forecast: last values, values a season before it, the calendar, known covariates.

Legend: N rows, H steps ahead, F features, E examples (a row and a step of it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.data.calendar import calendar_of
from modelwright.data.frequency import Frequency
from modelwright.recipes.forecast._lags import Levelling

_CYCLES = 3  # seasons back


@dataclass(frozen=True)
class View:
    """Which features there are; `numbers` and `fixed` are columns, the latter with the number of each of their values."""

    levelling: Levelling
    horizon: int
    near: int  # last values taken as they are
    seasons: tuple[int, ...]
    known: tuple[str, ...]
    past: tuple[str, ...]
    fixed: Mapping[str, Mapping[str, int]]
    frequency: Mapping[str, object]
    country: str = ""

    @property
    def width(self) -> int:
        """F."""
        calendar = len(calendar_of(Frequency.of_json(self.frequency), np.zeros(1, np.int64), self.country)[0])
        own = self.near + 2 * len(self.windows) + _CYCLES * len(self.seasons) + len(self.seasons)
        return 1 + own + calendar + 2 * len(self.known) + len(self.past) + len(self.fixed)

    @property
    def windows(self) -> tuple[int, ...]:
        """Values at the end that means and deviations are taken over."""
        return tuple(dict.fromkeys([self.near, *(s for s in self.seasons), self.levelling.lags]))

    def features(
        self, history: np.ndarray, first: int, numbers: Mapping[str, np.ndarray], fixed: Mapping[str, object]
    ) -> tuple[np.ndarray, float, float, float]:
        """Return features [H, F] of all steps behind a history, its centre and scale, and the unit of its logarithm."""
        bent, unit = self.levelling.bent(history)
        lags = self.levelling.last(bent)
        centre, size = (float(v[0]) for v in self.levelling.of(lags[None]))
        level = (lags - centre) / size
        steps = np.arange(1, self.horizon + 1)
        columns: list[np.ndarray] = [steps.astype(float)]
        near = level[-self.near :]
        columns += [np.full(self.horizon, v) for v in (*np.zeros(self.near - len(near)), *near)]
        for w in self.windows:
            part = level[-w:]
            columns += [np.full(self.horizon, part.mean()), np.full(self.horizon, part.std())]
        for season in self.seasons:
            back = -(-steps // season)
            found = []
            for k in range(_CYCLES):
                at = len(level) + steps - 1 - (back + k) * season
                found.append(np.where(at >= 0, level[np.clip(at, 0, len(level) - 1)], np.nan))
            with np.errstate(all="ignore"):
                known = np.isfinite(np.stack(found))
                mean = np.where(
                    known.any(axis=0), np.nansum(np.stack(found), axis=0) / np.maximum(known.sum(axis=0), 1), np.nan
                )
            columns += [*found, mean]
        places = first + len(history) + steps - 1
        columns += list(calendar_of(Frequency.of_json(self.frequency), places, self.country).T)
        for name in self.known:
            values = numbers.get(name, np.empty(0))
            at = len(history) + steps - 1
            ahead = np.where(
                at < len(values), values[np.clip(at, 0, max(0, len(values) - 1))] if len(values) else np.nan, np.nan
            )
            past = values[: len(history)][-self.levelling.lags :]
            columns += [ahead, ahead - (np.nanmean(past) if np.isfinite(past).any() else np.nan)]
        for name in self.past:
            values = numbers.get(name, np.empty(0))[: len(history)]
            columns.append(np.full(self.horizon, values[-1] if len(values) else np.nan))
        for name, codes in self.fixed.items():
            columns.append(np.full(self.horizon, float(codes.get(str(fixed.get(name)), -1))))
        return np.stack(columns, axis=1), centre, size, unit


def labels(values: Sequence[object]) -> dict[str, int]:
    """Return a number for each value of a column."""
    return {v: i for i, v in enumerate(sorted({str(x) for x in values}))}
