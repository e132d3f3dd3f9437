"""Residual convolutions over series of any length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.media._series import SPACE, SeriesOptions, series_plan
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class ResNet1DOptions(SeriesOptions):
    """Defaults for some tens to some thousands of rows."""

    encoders: dict[str, str] = {"series": "resnet1d"}


class ResNet1DModel(NetworkModel):
    """A trained network for series."""

    recipe = "resnet1d"


class ResNet1DRecipe(NetworkRecipe):
    """Residual convolutions over series of any length."""

    name = "resnet1d"
    title = Words("residual network for series", "序列残差网络")
    rank = 36
    paper = "Wang, Yan & Oates 2016, arXiv 1611.06455"
    leads = "series"
    options = ResNet1DOptions
    model = ResNet1DModel
    space: ClassVar[Mapping[str, Axis]] = {
        "base": Choice((16, 32, 64)),
        **SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**series_plan(rows))]


RECIPE = ResNet1DRecipe
