"""Fine-tuning of a pretrained encoder, all of it, fused with the other columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.pretrained import find
from modelwright.core.recipe import Axis, Choice, Range
from modelwright.core.words import Words
from modelwright.recipes.shared.pretrained import HubModel, HubOptions, HubRecipe


class FinetuneOptions(HubOptions):
    """Defaults; what was measured of them stands in docs/log.md."""


class FinetuneModel(HubModel):
    """A fine-tuned encoder and its head."""

    recipe = "finetune"


class FinetuneRecipe(HubRecipe):
    """All layers of a pretrained encoder are trained, the lower ones more slowly."""

    name = "finetune"
    title = Words("fine-tuned pretrained encoder", "预训练编码器微调")
    rank = 36
    paper = "Devlin et al. 2018, arXiv 1810.04805; Howard & Ruder 2018, arXiv 1801.06146"
    also = ("bert", "roberta", "distilbert")
    options = FinetuneOptions
    model = FinetuneModel
    space: ClassVar[Mapping[str, Axis]] = {
        "encoder_lr": Range(2e-5, 4e-4, log=True),
        "lr": Range(3e-4, 3e-3, log=True),
        "layer_decay": Choice((0.8, 0.9, 0.95)),
        "dropout": Range(0.0, 0.4),
        "smoothing": Choice((0.0, 0.1, 0.2)),
        "train_embeddings": Choice((False, True)),
    }

    def _rates(self, codecs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return {"encoder_lr": min(find(str(own["pretrained"])).rate for own in codecs.values())}


RECIPE = FinetuneRecipe
