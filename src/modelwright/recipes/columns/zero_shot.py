"""A large model as it is, told the labels' names and nothing else."""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.labeller import LabelModel, LabelOptions, LabelRecipe


class ZeroShotModel(LabelModel):
    """A large model that sees no examples."""

    recipe = "zero-shot"


class ZeroShot(LabelRecipe):
    """Hosted or local; no training row is shown."""

    name = "zero-shot"
    title = Words("large model, zero-shot", "大模型，零样本")
    paper = "Brown et al. 2020, arXiv 2005.14165; Zhao et al. 2021, arXiv 2102.09690"
    rank = 6
    model = ZeroShotModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [LabelOptions(**b) for b in self.backends()]


RECIPE = ZeroShot
