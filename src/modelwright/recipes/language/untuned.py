"""The language model that `--base` names, as it came: what tuning has to beat."""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import FitContext, Model, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.language._causal import CausalModel, CausalRecipe


class UntunedOptions(Options):
    """`base` is a folder, or the name of a hub model."""

    base: str = ""


class UntunedModel(CausalModel):
    """A language model as it came."""

    recipe = "untuned"


class Untuned(CausalRecipe):
    """Nothing is trained."""

    name = "untuned"
    title = Words("the base model as it came", "未微调的基础模型")
    rank = 3
    paper = ""
    needs = ("torch", "tokenizers")
    extra = "text"
    baseline = True
    seeded = False
    options = UntunedOptions
    model = UntunedModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [UntunedOptions(base=next(iter(self.bases.causal), ""))]

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        found = self.base(options)
        form = str(getattr(ctx.target, "form", "texts"))
        return UntunedModel.of_folder(found.folder, form, origins=[found.origin()], device=ctx.device)


RECIPE = Untuned
