"""A large model as it is, shown some training rows with their labels. Only for data declared public: a bundle holds them."""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.labeller import Example, LabelModel, LabelOptions, LabelRecipe, spread

_KEPT = 500  # rows from which the nearest are taken


class FewShotModel(LabelModel):
    """A large model with its examples."""

    recipe = "few-shot"


class FewShot(LabelRecipe):
    """Examples nearest to the row by BM25, or the same for every row, labels taking turns."""

    name = "few-shot"
    title = Words("large model, few-shot", "大模型，少样本")
    paper = "Brown et al. 2020, arXiv 2005.14165; Liu et al. 2022, arXiv 2101.06804"
    model = FewShotModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        why = super().refuses(schema, target, rows)
        if why is None and not self.bases.public:
            return Words(
                "its bundle holds training rows: only for data declared with --public",
                "其模型包含训练样本：仅用于以 --public 声明的公开数据",
            )
        return why

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        shots = min(24, max(4, target.outputs))
        return [LabelOptions(**b, shots=shots, choose=c) for b in self.backends() for c in ("nearest", "same")]

    def examples(self, train: Table, options: LabelOptions, ctx: FitContext) -> list[Example]:
        return spread(train, ctx.target, _KEPT if options.choose == "nearest" else options.shots, ctx.seed)


RECIPE = FewShot
