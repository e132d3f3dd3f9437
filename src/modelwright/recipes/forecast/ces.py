"""Complex exponential smoothing: a level and what it holds back, smoothed together by one complex number, so that series with and without a
trend are one case (Svetunkov, Kourentzes & Ord 2022, doi 10.1002/nav.22074).

Seasons are taken away before and put back afterwards, as `smoothing` does it.
Legend: N series, T values, G settings, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.forecast._smooth import without_seasons
from modelwright.recipes.shared.forecast import ForecastRecipe, Row, UntaughtModel, codec

_FIRST = 10  # values that a beginning is told by
_HELD_BACK = 1 / 1.1  # what is held back at the beginning, beside the level
_ROWS = 1000  # series that are smoothed at once
_BEST = 4  # settings whose forecasts are averaged
_INSIDE = 0.999  # size of the largest eigenvalue up to which a setting forgets its beginning


def settings_of() -> np.ndarray:
    """Return the settings [G, 2]: real and imaginary part of the smoothing number, those under which errors die away."""
    real, imaginary = np.meshgrid(np.linspace(0.9, 2.4, 16), np.linspace(0.8, 1.4, 13))
    found = np.stack([real.ravel(), imaginary.ravel()], axis=1)
    kept = []
    for a, b in found:
        # the state behind an error: transition less what the error adds times what is measured
        after = np.array([[1 - (a - b), b - 1], [1 - (a + b), 1 - a]])
        if np.abs(np.linalg.eigvals(after)).max() < _INSIDE:
            kept.append((a, b))
    return np.array(kept)


def complex_smoothed(series: Sequence[np.ndarray], horizon: int, length: int) -> np.ndarray:
    """Return points [N, H] of series, the last `length` values counting: the mean of the settings that missed least one step and H steps
    ahead on each series' own past."""
    settings = settings_of()
    y = np.stack([np.concatenate([np.full(max(0, length - len(s)), s[0]), s[-length:]]) for s in series])
    own = np.array([min(length, len(s)) for s in series])
    begin = length - own * 2 // 3
    a, b = settings.T
    first = np.array([s[-length:][:_FIRST].mean() for s in series])
    level = np.repeat(first[:, None], len(settings), axis=1)
    held = level * _HELD_BACK
    step = np.stack([np.stack([np.ones_like(b), b - 1]), np.stack([np.ones_like(a), 1 - a])])  # [2, 2, G]
    power = np.repeat(np.eye(2)[:, :, None], len(settings), axis=2)
    for _ in range(horizon - 1):
        power = np.einsum("ijg,jkg->ikg", step, power)
    lost = np.zeros_like(level)
    for t in range(length):
        # series that are shorter than the others begin where their own values do
        known = (t >= length - own)[:, None]
        off = np.where(known, y[:, t, None] - level, 0.0)
        moved = level - (1 - b) * held + (a - b) * off
        kept = level + (1 - a) * held + (a + b) * off
        level, held = np.where(known, moved, level), np.where(known, kept, held)
        some = (t >= begin)[:, None]
        if t + 1 < length:
            lost += some * np.abs(y[:, t + 1, None] - level)
        if t + horizon < length:
            far = power[0, 0] * level + power[0, 1] * held
            lost += some * np.abs(y[:, t + horizon, None] - far) / np.sqrt(horizon)
    best = np.argsort(lost, axis=1, kind="stable")[:, :_BEST]
    rows = np.arange(len(y))
    out = np.zeros((len(y), horizon))
    for column in best.T:
        one, two = level[rows, column], held[rows, column]
        for h in range(horizon):
            out[:, h] += one / best.shape[1]
            one, two = one - (1 - b[column]) * two, one + (1 - a[column]) * two
    return out


class CesOptions(Options):
    """`length` values at the end count; `seasonal` takes away what repeats."""

    seasonal: bool = True
    length: int = Field(default=300, ge=10)


class CesModel(UntaughtModel[CesOptions]):
    """Nothing is learnt but how far answers miss: settings are found on the history that is to be continued."""

    recipe = "ces"
    form = CesOptions

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        horizon, seasons = self.target.horizon, self.target.seasons if self.options.seasonal else ()
        parts = [without_seasons(r.history, seasons, horizon) for r in rows]
        out = np.stack([future for _, future in parts])
        sizes = np.array([min(self.options.length, 16 << max(0, (len(p) - 1) // 16).bit_length()) for p, _ in parts])
        for size in np.unique(sizes):
            same = np.flatnonzero(sizes == size)
            for i in range(0, len(same), _ROWS):
                at = same[i : i + _ROWS]
                out[at] += complex_smoothed([parts[j][0] for j in at], horizon, int(size))
        return out


class Ces(ForecastRecipe):
    """Complex exponential smoothing, each series by itself."""

    name = "ces"
    title = Words("complex exponential smoothing", "复指数平滑")
    rank = 6
    paper = "Svetunkov, Kourentzes and Ord 2022, doi 10.1002/nav.22074"
    options = CesOptions
    model = CesModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [CesOptions(), *([CesOptions(seasonal=False)] if codec(target).seasons else [])]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, CesOptions)
        return Estimate(0.1 + 6e-5 * options.length + 1.5e-5 * len(train) * options.length, 200 << 20)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> UntaughtModel:
        return CesModel(codec(ctx.target), options)


RECIPE = Ces
