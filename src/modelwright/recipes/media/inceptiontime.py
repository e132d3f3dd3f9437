"""Convolutions of several widths side by side, in residual blocks, over series of any length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.media._series import SPACE, SeriesOptions, series_plan
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class InceptionTimeOptions(SeriesOptions):
    """Defaults for some tens to some thousands of rows."""

    encoders: dict[str, str] = {"series": "inceptiontime"}


class InceptionTimeModel(NetworkModel):
    """A trained network for series."""

    recipe = "inceptiontime"


class InceptionTimeRecipe(NetworkRecipe):
    """Convolutions of several widths side by side, in residual blocks, over series of any length."""

    name = "inceptiontime"
    title = Words("InceptionTime", "InceptionTime")
    rank = 37
    paper = "Ismail Fawaz et al. 2019, arXiv 1909.04939"
    leads = "series"
    options = InceptionTimeOptions
    model = InceptionTimeModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((16, 32, 48)),
        "blocks": Choice((3, 6)),
        "kernel": Choice((19, 39, 59)),
        **SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**series_plan(rows))]


RECIPE = InceptionTimeRecipe
