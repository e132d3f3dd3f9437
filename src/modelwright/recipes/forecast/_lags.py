"""Stretches of series as examples for one map for all of them: lags that are levelled and scaled, and the steps behind them.

Legend: E examples, L lags, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelwright.core.answers.forecast import ForecastCodec

Centre = Literal["mean", "last", "season"]
Scale = Literal["none", "series", "deviation", "unrest"]
BLOCK = 1 << 23  # values of a block of examples
MOST = 1 << 28  # values of all examples: beyond, they are thinned
LEAST = 20  # examples below which nothing is learnt
_BEND = 0.05  # share of a series' level around which its logarithm turns into a straight line


@dataclass(frozen=True)
class Levelling:
    """How a stretch is made comparable: its centre taken away, divided by its scale; of `log`, after a bent logarithm.

    The centre is the mean of the lags, the last one, or the mean of the last season; the scale none, the
    deviation of the whole series, that of the lags, or the mean absolute change from lag to lag.
    """

    lags: int
    centre: Centre
    scale: Scale
    log: bool
    season: int

    def of(self, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return centre and scale of each stretch [E]."""
        if self.centre == "last":
            centre = lags[:, -1]
        else:
            centre = lags[:, -self.season :].mean(axis=1) if self.centre == "season" else lags.mean(axis=1)
        if self.scale in ("none", "series"):
            return centre, np.ones(len(lags))
        if self.scale == "deviation":
            size = lags.std(axis=1)
        else:
            size = np.abs(np.diff(lags, axis=1)).mean(axis=1) if lags.shape[1] > 1 else np.ones(len(lags))
        return centre, size + 1e-6 * np.abs(centre) + 1e-9

    def bent(self, values: np.ndarray) -> tuple[np.ndarray, float]:
        """Return a series [T] as its logarithm, straight near 0, and the unit that undoes it; as it is without `log`."""
        if not self.log:
            return values, 0.0
        unit = _BEND * float(np.abs(values).mean()) or 1.0
        return np.arcsinh(values / unit), unit

    def size(self, values: np.ndarray) -> float:
        """Return what a whole series [T], its logarithm taken, is divided by."""
        return float(values.std()) + 1e-6 * float(np.abs(values).mean()) + 1e-9 if self.scale == "series" else 1.0

    def straight(self, values: np.ndarray, unit: float) -> np.ndarray:
        """Undo `bent`, for values of any shape."""
        return np.sinh(np.clip(values, -50, 50)) * unit if self.log else values

    def last(self, history: np.ndarray) -> np.ndarray:
        """Return the last values [L] of a history [T]; a shorter one begins with its mean, which says nothing."""
        if len(history) >= self.lags:
            return history[-self.lags :]
        fill = history[-min(len(history), self.season if self.centre == "season" else len(history)) :].mean()
        if self.centre == "last":
            fill = history[-1]
        return np.concatenate([np.full(self.lags - len(history), fill), history])


def examples(
    series: Sequence[np.ndarray], levelling: Levelling, horizon: int, most: int = MOST
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield levelled lags [E, L] and steps [E, H] of all stretches, float32, a block at a time; the latest ones where thinned."""
    width = levelling.lags + horizon
    count = sum(max(0, len(s) - width + 1) for s in series)
    step = max(1, -(-count * width // most))
    for values in series:
        if len(values) < width:
            continue
        bent, _ = levelling.bent(values)
        bent = bent / levelling.size(bent)
        views = np.lib.stride_tricks.sliding_window_view(bent, width)[::-1][::step]
        rows = max(1, BLOCK // width)
        for i in range(0, len(views), rows):
            part = views[i : i + rows]
            lags = part[:, : levelling.lags]
            centre, size = levelling.of(lags)
            yield (
                ((lags - centre[:, None]) / size[:, None]).astype(np.float32),
                ((part[:, levelling.lags :] - centre[:, None]) / size[:, None]).astype(np.float32),
            )


def count_of(series: Sequence[np.ndarray], width: int) -> int:
    """Return how many stretches of `width` values there are in series [T] each."""
    return sum(max(0, len(s) - width + 1) for s in series)


def answered(
    histories: Sequence[np.ndarray], levelling: Levelling, ahead: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return points [N, H] for histories: `ahead` maps levelled lags [N, L] to levelled steps [N, H]."""
    bent = [levelling.bent(h[-max(levelling.lags, 1) * 4 :]) for h in histories]
    whole = np.array([levelling.size(b) for b, _ in bent])
    lags = np.stack([levelling.last(b) for b, _ in bent]) / whole[:, None]
    centre, size = levelling.of(lags)
    out = (ahead((lags - centre[:, None]) / size[:, None]) * size[:, None] + centre[:, None]) * whole[:, None]
    return np.stack([levelling.straight(row, unit) for row, (_, unit) in zip(out, bent)])


def lags_for(target: ForecastCodec) -> int:
    """Return how many values a map should see: two seasons of the longest kind, and no fewer than twice a short horizon."""
    longest = max((s for s in target.seasons if s <= 400), default=1)
    return int(max(2 * longest, min(2 * target.horizon, 64), 8))


def fitting_lags(series: Sequence[np.ndarray], lags: int, horizon: int) -> int:
    """Return at most so many lags that series [T] each hold enough stretches to learn from: three for each lag, and two for each series;
    and no more than three quarters of the series are long, so that few are answered from a past that is made up."""
    lags = max(1, min(lags, int(np.quantile([len(s) for s in series], 0.25)))) if len(series) else lags
    while lags > 1 and count_of(series, lags + horizon) < max(LEAST, min(2 * len(series), 2000), 3 * lags):
        lags = max(1, int(lags * 0.8))
    return lags
