"""How far a value lies from forecasts by ridge regressions over lags, made one, seven and 25 rows ahead.

A forecast from the value just before knows single values best; one that leaves out the last values still tells that a level has shifted some rows ago. Each
is measured by its usual residual, drawn to that of the last rows before; the one that stands out most counts.
Legend: N rows, C channels, L moments of a window, F lags, G gaps, W moments that tell the spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.anomaly._lags import NEAR, coefficients_of, lags_of, residuals_of
from modelwright.recipes.shared.outlier_windows import WindowModel, filled, layout_of
from modelwright.recipes.shared.outliers import OutlierModel, OutlierRecipe, anomalies
from modelwright.recipes.shared.planted import spread

GAPS = (0, 6, 24)  # rows left out before the one that is forecast
_FEW = 24  # residuals that a spread is told by, at least
_MOST_ROWS = 20_000
_NARROW, _WIDE = 0.2, 5.0  # of the usual spread, between which that of the last rows counts


class ForecastOptions(Options):
    """`ridge`: penalty as a share of the mean variance; `usual`: quantile of the training rows by which forecasts of
    different gaps are compared."""

    ridge: float = Field(default=1e-2, gt=0, le=10)
    usual: float = Field(default=0.995, gt=0.5, lt=1)


class ForecastModel(WindowModel):
    """For each gap the lags and their coefficients [C, F]; `scales` [C, G] of the residuals, and `limits` [C, G] that they seldom exceed."""

    recipe = "forecast-residuals"

    def __init__(
        self, target: AnomalyCodec, layout: Mapping[str, Any], lags: list[list[int]], arrays: Mapping[str, np.ndarray]
    ) -> None:
        super().__init__(target, layout)
        self.lags = lags
        self.coefficients = [np.asarray(arrays[f"coefficients.{g}"], np.float64) for g in range(len(lags))]
        self.scales, self.limits = (np.asarray(arrays[k], np.float64) for k in ("scales", "limits"))

    def residuals(self, x: np.ndarray, channel: int, gap: int) -> np.ndarray:
        """Return what a forecast leaves of the last values of windows [N, L] without gaps [N, W + 1]."""
        return residuals_of(x, self.lags[gap], self.coefficients[gap][channel])

    def off(self, x: np.ndarray, channel: int) -> np.ndarray:
        """Return how many usual residuals the last values of windows [N, L] lie off, by gap [N, G]."""
        known = np.isfinite(x)
        begins = np.where(known.any(axis=1), known.argmax(axis=1), x.shape[1])
        own, out = filled(x), np.zeros((len(x), len(self.lags)))
        for gap, lags in enumerate(self.lags):
            found = self.residuals(own, channel, gap)
            usual = self.scales[channel, gap]
            before = np.abs(found[:, :-1])
            # of values that come before the first one nothing is told
            told = np.arange(before.shape[1])[None] >= begins[:, None]
            local = np.full(len(x), usual)
            whole = told.all(axis=1)
            if whole.any() and before.shape[1] >= _FEW:
                local[whole] = 1.4826 * np.median(before[whole], axis=1)
            for i in np.flatnonzero(~whole & (told.sum(axis=1) >= _FEW)):
                local[i] = 1.4826 * np.median(before[i, told[i]])
            local = np.clip(local, _NARROW * usual, _WIDE * usual)
            seen = begins <= x.shape[1] - 1 - max(lags)
            out[:, gap] = np.where(seen, np.abs(found[:, -1]) / np.sqrt(local * usual), 0.0)
        return out

    def far(self, x: np.ndarray, channel: int) -> np.ndarray:
        return np.asarray((self.off(x, channel) / self.limits[channel]).max(axis=1))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        arrays = {f"coefficients.{g}": c for g, c in enumerate(self.coefficients)}
        return {"layout": self.layout, "lags": self.lags}, {**arrays, "scales": self.scales, "limits": self.limits}

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        layout, lags = state["layout"], [[int(lag) for lag in own] for own in state["lags"]]
        channels = len(layout["channels"])
        fits = all(arrays[f"coefficients.{g}"].shape == (channels, len(own)) for g, own in enumerate(lags))
        fits = fits and all(own and min(own) >= 1 and max(own) < layout["length"] for own in lags)
        for name in ("scales", "limits"):
            fits = fits and arrays[name].shape == (channels, len(lags)) and bool((arrays[name] > 0).all())
        if not fits or not lags:
            raise ValueError("lags")
        return cls(target, layout, lags, arrays)


class ForecastResiduals(OutlierRecipe):
    """Ridge regressions over lags, each channel by itself."""

    name = "forecast-residuals"
    title = Words("residuals of forecasts", "预测残差")
    rank = 2
    paper = "Gupta et al. 2014, Outlier detection for temporal data, doi 10.1109/TKDE.2013.184"
    options = ForecastOptions
    model = ForecastModel
    windows_only: ClassVar[bool] = True
    space: ClassVar[dict[str, Axis]] = {
        "ridge": Range(1e-4, 1.0, log=True),
        "usual": Choice((0.98, 0.99, 0.995, 0.999)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [ForecastOptions(), ForecastOptions(usual=0.98)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        channels = sum(len(c.options.get("trailing", {}).get("channels", ())) for c in train.schema.inputs)
        length = max([c.options.get("trailing", {}).get("length", 0) for c in train.schema.inputs] or [0])
        return Estimate(0.2 + 5e-4 * len(train) * channels, 16 * len(train) * channels * (length + 100))

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        assert isinstance(options, ForecastOptions)
        layout = layout_of(train)
        channels = len(layout["channels"])
        lags = [lags_of(gap, layout["season"], layout["length"]) for gap in GAPS]
        arrays = {f"coefficients.{g}": np.zeros((channels, len(own))) for g, own in enumerate(lags)}
        arrays |= {name: np.ones((channels, len(lags))) for name in ("scales", "limits")}
        model = ForecastModel(anomalies(ctx.target), layout, lags, arrays)
        if len(train) > _MOST_ROWS:
            train = train.take(np.sort(np.random.default_rng(ctx.seed).choice(len(train), _MOST_ROWS, replace=False)))
        rows = model.read(train)
        for channel in range(channels):
            raw = rows[:, channel].astype(np.float64)
            whole = np.isfinite(raw).mean(axis=1) >= 0.9
            raw = raw[whole] if whole.sum() >= 2 * NEAR else raw
            x = filled(raw)
            for gap, own in enumerate(lags):
                model.coefficients[gap][channel] = coefficients_of(x, np.array(own), options.ridge)
                model.scales[channel, gap] = spread(model.residuals(x[:, -max(own) - 1 :], channel, gap)[:, -1])
            off = np.concatenate([model.off(raw[i : i + 4096], channel) for i in range(0, len(raw), 4096)])
            model.limits[channel] = np.maximum(np.quantile(off, options.usual, axis=0), 1e-6)
        return model


RECIPE = ForecastResiduals
