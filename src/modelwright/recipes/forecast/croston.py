"""Rare demand: how much is asked for and how often, smoothed apart.

Sources: Croston 1972; Syntetos & Boylan 2005 (without its bias); Teunter, Syntetos & Babai 2011 (TSB, which lets demand die out);
Nikolopoulos et al. 2011 (ADIDA: over longer periods, then divided again).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.forecast import ForecastRecipe, Row, UntaughtModel, cheap, codec


class CrostonOptions(Options):
    """`alpha` smooths sizes, and the distance of demands (its chance for `tsb`)."""

    way: Literal["tsb", "sba", "croston", "adida"] = "tsb"
    alpha: float = Field(default=0.1, gt=0, le=1)


class CrostonModel(UntaughtModel[CrostonOptions]):
    """The mean demand of a period, the same for all steps ahead."""

    recipe = "croston"
    form = CrostonOptions

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        level = {"tsb": tsb, "adida": adida}.get(self.options.way)
        found = []
        for row in rows:
            if level is not None:
                found.append(level(row.history, self.options.alpha))
            else:
                rate = croston(row.history, self.options.alpha)
                found.append(rate * (1 - self.options.alpha / 2) if self.options.way == "sba" else rate)
        return np.repeat(np.array(found)[:, None], self.target.horizon, axis=1)


def croston(values: np.ndarray, alpha: float) -> float:
    """Return the demand a period of a series [T]: its smoothed size over the smoothed distance between demands (Croston 1972);
    0 for a series of zeros."""
    places = np.flatnonzero(values)
    if not len(places):
        return 0.0
    sizes, gaps = values[places], np.diff(np.r_[-1, places])
    return smooth(sizes, alpha) / smooth(gaps.astype(float), alpha)


def tsb(values: np.ndarray, alpha: float) -> float:
    """Return the demand a period of a series [T]: its smoothed size times its smoothed chance, which falls where none come (Teunter,
    Syntetos & Babai 2011)."""
    places = np.flatnonzero(values)
    if not len(places):
        return 0.0
    return smooth(values[places], alpha) * smooth((values != 0).astype(float), alpha)


def adida(values: np.ndarray, alpha: float) -> float:
    """Return the demand a period of a series [T]: smoothed over blocks as long as demands are apart, divided by their length
    (Nikolopoulos et al. 2011)."""
    places = np.flatnonzero(values)
    if not len(places):
        return 0.0
    size = max(1, round(len(values) / len(places)))
    count = len(values) // size
    sums = values[len(values) - count * size :].reshape(count, size).sum(axis=1)
    return smooth(sums, alpha) / size


def smooth(values: np.ndarray, alpha: float) -> float:
    """Return the exponentially smoothed last value of a series [T], begun at the mean of the first ten."""
    level = float(values[:10].mean())
    for v in values.tolist():
        level += alpha * (v - level)
    return level


class Croston(ForecastRecipe):
    """Croston's method and its kin for series that are mostly zero."""

    name = "croston"
    title = Words("rare demand (Croston, TSB, ADIDA)", "间歇需求（Croston、TSB、ADIDA）")
    rank = 6
    paper = "Croston 1972; Teunter et al. 2011"
    options = CrostonOptions
    model = CrostonModel
    space: ClassVar[dict[str, Axis]] = {"alpha": Range(0.02, 0.4, log=True)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [CrostonOptions(way="tsb"), CrostonOptions(way="sba"), CrostonOptions(way="adida")]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return cheap(train, 4e-7)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> UntaughtModel:
        return CrostonModel(codec(ctx.target), options)


RECIPE = Croston
