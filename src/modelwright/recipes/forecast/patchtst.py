"""A Transformer over patches of the past, one network for all series."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.forecast._horizon_network import HorizonModel, HorizonRecipe


class PatchTSTModel(HorizonModel):
    """PatchTST beside a linear map of the lags."""

    recipe = "patchtst"
    network = "PatchTST"


class PatchTSTRecipe(HorizonRecipe):
    """Patches of half overlap, attention between them, one head for all steps."""

    name = "patchtst"
    title = Words("PatchTST: Transformer over patches", "PatchTST：分段 Transformer")
    rank = 22
    paper = "Nie et al. 2023, arXiv 2211.14730"
    model = PatchTSTModel


RECIPE = PatchTSTRecipe
