"""A detector on a small backbone that is trained from scratch."""

from __future__ import annotations

from modelwright.core.words import Words
from modelwright.recipes.boxes._detector import DetectorModel, DetectorRecipe


class ScratchModel(DetectorModel):
    """A detector that was trained from scratch."""

    recipe = "detector"


class ScratchDetector(DetectorRecipe):
    """A detector without anchors, small enough for a processor, trained from scratch."""

    name = "detector"
    title = Words("anchor-free detector", "无锚框检测网络")
    rank = 34
    paper = "Tian et al. 2019, arXiv 1904.01355; Ge et al. 2021, arXiv 2107.08430"
    model = ScratchModel


RECIPE = ScratchDetector
