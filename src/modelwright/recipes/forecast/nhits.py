"""Stacks of small networks that look at the past more and more closely."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.forecast._horizon_network import HorizonModel, HorizonRecipe


class NHiTSModel(HorizonModel):
    """N-HiTS: each stack explains what the one before left."""

    recipe = "nhits"
    network = "NHiTS"


class NHiTSRecipe(HorizonRecipe):
    """Pooled lags in, few values out that are drawn through all steps."""

    name = "nhits"
    title = Words("N-HiTS: stacked networks at several rates", "N-HiTS：多速率堆叠网络")
    rank = 20
    paper = "Challu et al. 2023, arXiv 2201.12886"
    model = NHiTSModel


RECIPE = NHiTSRecipe
