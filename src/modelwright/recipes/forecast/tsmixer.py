"""Layers that mix patches of the past without attention, one network for all series."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.forecast._horizon_network import HorizonModel, HorizonRecipe


class TSMixerModel(HorizonModel):
    """Mixed patches beside a linear map of the lags."""

    recipe = "tsmixer"
    network = "TSMixer"


class TSMixerRecipe(HorizonRecipe):
    """Mixing in time and within patches in turn."""

    name = "tsmixer"
    title = Words("TSMixer: mixed patches", "TSMixer：分段混合网络")
    rank = 21
    paper = "after Chen et al. 2023, arXiv 2303.06053"
    model = TSMixerModel


RECIPE = TSMixerRecipe
