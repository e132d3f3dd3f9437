"""What is left of a value when level and season are taken away, both by medians, so that single anomalies do not move them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.shared.outlier_windows import WindowModel, filled, layout_of
from modelwright.recipes.shared.outliers import OutlierModel, OutlierRecipe, anomalies
from modelwright.recipes.shared.planted import spread

_LEVEL = 24  # moments that a level is taken from where there is no season


class SeasonalModel(WindowModel):
    """Residuals by their usual deviation, `scale` [C]."""

    recipe = "seasonal-residuals"

    def __init__(self, target: AnomalyCodec, layout: Mapping[str, Any], scale: np.ndarray) -> None:
        super().__init__(target, layout)
        self.scale = scale

    def residual(self, x: np.ndarray) -> np.ndarray:
        """Return what level and season do not explain of the last value of windows [N, L]."""
        begins = np.where(np.isfinite(x).any(axis=1), np.isfinite(x).argmax(axis=1), x.shape[1])
        x, season = filled(x), self.layout["season"]
        span = season if season >= 2 else _LEVEL
        before = x[:, :-1]
        level = np.median(before[:, -span:], axis=1)
        if season < 2:
            return x[:, -1] - level
        effects = []
        for back in range(1, (x.shape[1] - 1) // season + 1):
            at = x.shape[1] - 1 - back * season
            around = x[:, max(0, at - season // 2) : at + (season + 1) // 2]
            there = at - season // 2 >= begins
            effects.append(np.where(there, x[:, at] - np.median(around, axis=1), np.nan))
        # one season at least must be known for its effect
        told = np.isfinite(effects).any(axis=0)
        found = np.full(len(x), np.nan)
        found[told] = np.nanmedian(np.array(effects)[:, told], axis=0)
        return np.asarray(x[:, -1] - level - found)

    def far(self, x: np.ndarray, channel: int) -> np.ndarray:
        return np.abs(self.residual(x)) / self.scale[channel]

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"layout": self.layout}, {"scale": self.scale}

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        if arrays["scale"].shape != (len(state["layout"]["channels"]),) or not (arrays["scale"] > 0).all():
            raise ValueError("scale")
        return cls(target, state["layout"], arrays["scale"])


class SeasonalResiduals(OutlierRecipe):
    """Robust decomposition: level and season by medians."""

    name = "seasonal-residuals"
    title = Words("residuals of level and season", "水平与季节残差")
    rank = 1
    paper = "Hochenbaum, Vallis and Kejariwal 2017, arXiv 1704.07706"
    model = SeasonalModel
    windows_only: ClassVar[bool] = True

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        cells = len(train) * sum(len(c.options.get("trailing", {}).get("channels", ())) for c in train.schema.inputs)
        return Estimate(0.1 + 1e-4 * cells, 4000 * cells)

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        layout = layout_of(train)
        model = SeasonalModel(anomalies(ctx.target), layout, np.ones(len(layout["channels"])))
        rows = model.read(train)
        model.scale = np.array([_spread(model.residual(x.astype(np.float64))) for x in rows.transpose(1, 0, 2)])
        return model


def _spread(residuals: np.ndarray) -> float:
    return spread(residuals[np.isfinite(residuals)])


RECIPE = SeasonalResiduals
