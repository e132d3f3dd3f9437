"""The same detector on a pretrained backbone that gives maps of several levels, fine-tuned with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import Options
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.boxes._detector import DetectorModel, DetectorOptions, DetectorRecipe, plan
from modelwright.recipes.shared.image import may_flip


class PretrainedDetectorOptions(DetectorOptions):
    """`pretrained` names the backbone. Its filters of single channels take twice as long in bf16, backwards."""

    pretrained: str = ""
    precision: Literal["auto", "float32", "bf16"] = "float32"


class PretrainedDetectorModel(DetectorModel):
    """A detector on a backbone that was pretrained; what it saves is whole and needs no base."""

    recipe = "detector-pretrained"


class PretrainedDetector(DetectorRecipe):
    """A detector on a pretrained backbone: fewer pictures suffice."""

    name = "detector-pretrained"
    title = Words("anchor-free detector on a pretrained backbone", "预训练骨干的无锚框检测网络")
    rank = 36
    paper = "Tian et al. 2019, arXiv 1904.01355; Tan & Le 2019, arXiv 1905.11946"
    extra = "detection-pretrained"
    options = PretrainedDetectorOptions
    model = PretrainedDetectorModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self._convolutional():
            return Words(
                "no backbone with maps was named: --pretrained efficientnet-lite0",
                "未指定可给出特征图的骨干：--pretrained efficientnet-lite0",
            )
        return super().refuses(schema, target, rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [
            self.options(**plan(rows), flip=may_flip(target), pretrained=n, encoder_lr=find(n).rate)
            for n in self._convolutional()
        ]

    def backbone(self, options: DetectorOptions) -> tuple[dict[str, Any] | None, Path | None]:
        assert isinstance(options, PretrainedDetectorOptions)
        found = find(options.pretrained)
        told = found.told()
        return {
            "config": found.config,
            "mean": told["image_mean"],
            "std": told["image_std"],
            "origin": found.origin(),
        }, found.folder

    def _convolutional(self) -> tuple[str, ...]:
        return tuple(n for n in self.bases.encoders.get("image", ()) if find(n).convolutional)


RECIPE = PretrainedDetector
