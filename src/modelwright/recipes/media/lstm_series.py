"""A bidirectional LSTM over the moments of series, with mean and max pooling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.media._series import SPACE, SeriesOptions, series_plan
from modelwright.recipes.shared.loop_options import Precision
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe


class LSTMSeriesOptions(SeriesOptions):
    """Defaults for some tens to some thousands of rows."""

    encoders: dict[str, str] = {"series": "lstm"}
    hidden: int = 64
    lr: float = 5e-3
    precision: Precision = "float32"


class LSTMSeriesModel(NetworkModel):
    """A trained network for series."""

    recipe = "lstm-series"


class LSTMSeriesRecipe(NetworkRecipe):
    """A bidirectional LSTM over the moments of series, with mean and max pooling."""

    name = "lstm-series"
    title = Words("LSTM for series", "序列 LSTM")
    rank = 38
    paper = "Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005"
    leads = "series"
    options = LSTMSeriesOptions
    model = LSTMSeriesModel
    space: ClassVar[Mapping[str, Axis]] = {
        "hidden": Choice((32, 64, 128)),
        "layers": Choice((1, 2)),
        **SPACE,
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**series_plan(rows))]


RECIPE = LSTMSeriesRecipe
