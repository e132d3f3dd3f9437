"""Low-rank adapters beside the layers of a pretrained encoder, merged into it when training ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import Axis, Choice, FitContext, Model, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.shared.network_options import NetworkOptions
from modelwright.recipes.shared.pretrained import NEEDS, HubModel, HubOptions, HubRecipe, refused


class LoraOptions(HubOptions):
    """Adapters bear a higher rate than the weights they stand beside, and the same for all layers."""

    lora_rank: int = 16
    encoder_lr: float = 1e-3
    lr: float = 2e-3


class LoraModel(HubModel):
    """An encoder with its adapters merged, and its head."""

    recipe = "lora"


class LoraRecipe(HubRecipe):
    """The encoder is kept as it is, and small matrices beside its linear layers are trained."""

    name = "lora"
    title = Words("pretrained encoder with adapters (LoRA)", "预训练编码器 LoRA 微调")
    rank = 42
    paper = "Hu et al. 2021, arXiv 2106.09685"
    needs: ClassVar[tuple[str, ...]] = (*NEEDS, "peft")
    options = LoraOptions
    model = LoraModel
    space: ClassVar[Mapping[str, Axis]] = {
        "lora_rank": Choice((4, 8, 16, 32, 64)),
        "encoder_lr": Range(2e-4, 4e-3, log=True),
        "lr": Range(5e-4, 5e-3, log=True),
        "dropout": Range(0.0, 0.4),
        "smoothing": Choice((0.0, 0.1, 0.2)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        linear = {m: tuple(n for n in names if not find(n).convolutional) for m, names in self.bases.encoders.items()}
        linear = {m: names for m, names in linear.items() if names}
        if self.bases.encoders and not linear:
            return Words("convolutional encoders have no linear layers to adapt", "卷积编码器没有可加适配器的线性层")
        return refused(schema, linear)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [o for o in super().variants(schema, target, rows) if not _convolutional(o)]

    def _model(
        self, network: Any, codecs: Any, options: NetworkOptions, ctx: FitContext, extent: Any, history: Any
    ) -> Model:
        from modelwright.models.pretrained import merge_lora

        merge_lora(network)
        return super()._model(network, codecs, options, ctx, extent, history)


def _convolutional(options: Options) -> bool:
    assert isinstance(options, HubOptions)
    return any("pretrained" in own and find(str(own["pretrained"])).convolutional for own in options.codecs.values())


RECIPE = LoraRecipe
