"""A small U-Net by flow matching, under labels or words, with guidance; and a second one that goes the same ways in few long steps."""

from __future__ import annotations

from typing import Any

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.generate._flow import FlowModel, FlowOptions, FlowRecipe
from modelwright.recipes.generate._generate import wished

_FEW = 256  # pictures below which batches and the network are smaller, so that a first model stands early


class ImageFlowModel(FlowModel):
    """The U-Net, and with `distil` a second one of long steps."""

    recipe = "image-flow"

    def make(self) -> Any:
        from modelwright.models.generate.flow import FlowNet

        width = self.options.width
        return FlowNet(self.shape[0], width, self.told.network(4 * width), self.options.fold)


class ImageFlow(FlowRecipe):
    """Lipman et al. 2022 (arXiv 2210.02747); long steps: Salimans and Ho 2022 (arXiv 2202.00512)."""

    name = "image-flow"
    title = Words("flow matching", "流匹配")
    rank = 4
    paper = "Lipman et al. 2022 (arXiv 2210.02747)"
    options = FlowOptions
    model = ImageFlowModel
    space = {
        "lr": Range(3e-4, 3e-3, log=True),
        "width": Choice((48, 64, 96)),
        "guidance": Choice((1.0, 2.0, 3.0)),
        "distil": Choice((False, True)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        told: dict[str, Any] = {"side": wished(schema, "side"), "distil": bool(wished(schema, "few_steps"))}
        few = rows < _FEW
        told |= {"width": 48 if few else 64, "batch": 16 if few else 64, "fold": 2 if (told["side"] or 0) <= 64 else 4}
        return [self.options(**told)]


RECIPE = ImageFlow
