"""A pretrained detector whose queries find boxes (RT-DETR, D-FINE and their kin), fine-tuned on the marked pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import Choice, Options, Range
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.recipes.boxes._detector import DetectorModel, DetectorOptions, DetectorRecipe, plan
from modelwright.recipes.shared.image import may_flip

_PASSES = 0.5  # of the epochs that a network from scratch needs


class DetrOptions(DetectorOptions):
    """`pretrained` names the folder. `lr` is that of the queries: what lies below learns slower, what tells the labels faster."""

    pretrained: str = ""
    lr: float = Field(default=1e-4, gt=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0, le=10)
    clip: float = Field(default=0.1, ge=0)
    ema: float = Field(default=0.99, ge=0, lt=1)
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    precision: Literal["auto", "float32", "bf16"] = "float32"


class DetrModel(DetectorModel):
    """A detector with queries; what it saves is whole and needs no base."""

    recipe = "detr-pretrained"
    mirrors = False  # its queries have no places

    @classmethod
    def options_of(cls, told: Mapping[str, Any]) -> DetectorOptions:
        return DetrOptions(**told)

    @classmethod
    def built(cls, options: DetectorOptions, target: TargetCodec, told: Mapping[str, Any] | None) -> Any:
        if told is None:
            raise ValueError("what the network is made of is missing")
        return _network(told, target, None)


class PretrainedDetr(DetectorRecipe):
    """A DETR from a folder, trained on with its own loss."""

    name = "detr-pretrained"
    title = Words("pretrained detector with queries (RT-DETR, D-FINE)", "预训练的查询式检测网络（RT-DETR、D-FINE）")
    rank = 37
    paper = "Zhao et al. 2023, arXiv 2304.08069; Peng et al. 2024, arXiv 2410.13842; Meng et al. 2021, arXiv 2108.06152"
    needs: ClassVar[tuple[str, ...]] = ("torch", "PIL", "pycocotools", "transformers")
    extra = "detection-pretrained"
    options = DetrOptions
    model = DetrModel
    space: ClassVar[Mapping[str, Any]] = {
        "lr": Range(3e-5, 3e-4, log=True),
        "zoom": Choice((0.2, 0.4)),
        "light": Choice((0.1, 0.3)),
        "mosaic": Choice((0.0, 0.3, 0.6)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self.bases.detectors:
            return Words(
                "no pretrained detector was named: --pretrained FOLDER (RT-DETR, D-FINE ...)",
                "未指定预训练检测模型：--pretrained 文件夹（RT-DETR、D-FINE 等）",
            )
        return super().refuses(schema, target, rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        told = plan(rows)
        told["epochs"] = max(10, int(_PASSES * told["epochs"]))
        return [self.options(**told, flip=may_flip(target), pretrained=n) for n in self.bases.detectors]

    def backbone(self, options: DetectorOptions) -> tuple[dict[str, Any] | None, Path | None]:
        assert isinstance(options, DetrOptions)
        found = find(options.pretrained)
        told = found.told()
        even = told.get("do_normalize", False)  # RT-DETR and D-FINE take pixels in 0..1 as they are
        return {
            "config": {k: v for k, v in found.config.items() if k != "_name_or_path"},
            "mean": told.get("image_mean", [0.485, 0.456, 0.406]) if even else [0.0, 0.0, 0.0],
            "std": told.get("image_std", [0.229, 0.224, 0.225]) if even else [1.0, 1.0, 1.0],
            "origin": found.origin(),
        }, found.folder

    def network(self, options: DetectorOptions, target: TargetCodec) -> Any:
        told, folder = self.backbone(options)
        assert told is not None
        return _network(told, target, folder)

    def loss(self, outputs: Any, truth: Any) -> Any:
        return outputs.loss

    def feed(self, *given: Any) -> Any:
        from modelwright.train.boxes import ToldFeed

        return ToldFeed(super().feed(*given))


def _network(told: Mapping[str, Any], target: TargetCodec, folder: Path | None) -> Any:
    from modelwright.models.hub_detection import HubDetector, load_detector

    return HubDetector(load_detector(told["config"], len(target.labels), folder), told["mean"], told["std"])


RECIPE = PretrainedDetr
