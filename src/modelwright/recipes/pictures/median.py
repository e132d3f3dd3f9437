"""The median of each pixel's neighbours: takes away specks and noise, and fine detail with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import FitContext, Model, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.colour import in_channels
from modelwright.recipes.pictures._pictures import Geometry, PictureBaseline, PictureModel, scale_of

_SIZES = (3, 5)
_LOOK = 8  # pairs on which the size of the window is chosen


class MedianModel(PictureModel):
    """Takes the median over windows of `size` pixels at a side."""

    recipe = "median"

    def made(self, pixels: np.ndarray) -> np.ndarray:
        from scipy.ndimage import median_filter

        size = int(self.state["size"])
        return in_channels(median_filter(pixels, (size, size, 1), mode="nearest"), self.geometry.wanted)


class Median(PictureBaseline):
    """Tukey 1977; the window is chosen on some training pairs."""

    name = "median"
    title = Words("median of the neighbours", "邻域中值")
    rank = 1
    paper = "Tukey 1977"
    model = MedianModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None if scale_of(schema) == 1 else Words("made for pictures that keep their size", "用于尺寸不变的图片")

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        geometry = Geometry.of(train)
        some = train.take(np.arange(min(_LOOK, len(train))))
        tried: list[Any] = [MedianModel(geometry, {"size": size}) for size in _SIZES]
        return max(tried, key=lambda m: ctx.value(some, m.judge(some)))


RECIPE = Median
