"""Pretrained detectors that answer a set of queries with boxes: RT-DETR (arXiv 2304.08069), D-FINE (2410.13842), Conditional DETR
(2108.06152) and Deformable DETR (2010.04159), built by transformers.

Their own losses match queries and boxes; what they need of the truth comes with the pictures. Legend: B batch, H height, W width, Q queries,
K labels, M boxes of a picture.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from modelwright.core.words import Words
from modelwright.models._hub import hub_model

_BELOW = 0.1  # of the learning rate, for the convolutions below the queries
_ABOVE = 10.0  # of it, for what tells the labels and begins anew
_LABELS = ("class_embed", "score_head", "class_labels_classifier")


class Queried(NamedTuple):
    """Logits [B, Q, K], boxes [B, Q, 4] (left, top, right, bottom in pixels of the canvas), and the loss where the truth was told."""

    logits: Tensor
    boxes: Tensor
    loss: Tensor | None


class HubDetector(nn.Module):
    """A detector over canvases: `pixels` uint8 [B, H, W, 3], and in training `boxes` [B, M, 4] and `labels` [B, M], negative for none.

    `mean` and `std` [3] are those of its inputs on the scale 0..1.
    """

    def __init__(self, model: Any, mean: Any, std: Any) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).float()[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std).float()[None, :, None, None], persistent=False)
        for name, p in self.model.named_parameters():
            if "backbone" in name:
                p.lr_scale = _BELOW
            elif any(part in name for part in _LABELS):
                p.lr_scale = _ABOVE

    def forward(self, inputs: dict[str, Tensor]) -> Queried:
        pixels = inputs["pixels"]
        height, width = pixels.shape[1:3]
        x = (pixels.permute(0, 3, 1, 2).float() / 255.0 - self.get_buffer("mean")) / self.get_buffer("std")
        truth = _truth(inputs, height, width) if "boxes" in inputs else None
        with contextlib.nullcontext() if self.training or torch.compiler.is_exporting() else _Ordered():
            out = self.model(pixel_values=x, labels=truth)
        centre, size = out.pred_boxes.float().split(2, -1)
        whole = torch.tensor([width, height, width, height], dtype=torch.float32, device=pixels.device)
        boxes = torch.cat([centre - size / 2, centre + size / 2], -1) * whole
        return Queried(out.logits.float(), boxes, out.loss if truth is not None else None)


class _Ordered(TorchFunctionMode):
    """Takes the largest in the order of their places where they are equal, as TopK of ONNX does: `torch.topk` promises no order.

    Places outside of the picture are all told alike, so that ties are no rarity.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        told = kwargs or {}
        if func not in (torch.topk, Tensor.topk):
            return func(*args, **told)
        return _topk(*args, **told)


def _topk(x: Tensor, k: int, dim: int = -1) -> Any:
    values, places = torch.sort(x, dim=dim, descending=True, stable=True)
    return values.narrow(dim, 0, k), places.narrow(dim, 0, k)


def _truth(inputs: Mapping[str, Tensor], height: int, width: int) -> list[dict[str, Tensor]]:
    """Return for each picture its labels [M] and its boxes [M, 4] as centre and size in shares of the canvas."""
    whole = inputs["boxes"].new_tensor([width, height, width, height])
    out = []
    for boxes, labels in zip(inputs["boxes"], inputs["labels"], strict=True):
        own = boxes[labels >= 0] / whole
        both = torch.cat([(own[:, :2] + own[:, 2:]) / 2, own[:, 2:] - own[:, :2]], 1)
        out.append({"class_labels": labels[labels >= 0], "boxes": both})
    return out


def load_detector(config: Mapping[str, Any], labels: int, folder: Any) -> Any:
    """Return a detector of a config for so many labels: with the weights of `folder`, or only built where that is None.

    Raises OptionError where weights cannot be read, BundleError where transformers cannot build the config.
    """
    import transformers

    own = {
        k: v for k, v in config.items() if k not in ("auto_map", "id2label", "label2id", "architectures", "eval_size")
    }
    plain = transformers.AutoConfig.for_model(**own, num_labels=labels)
    named = Words("a detector", "检测模型")
    if folder is None:
        return hub_model(None, named, _kind, lambda t: t.AutoModelForObjectDetection.from_config(plain))
    return hub_model(folder, named, lambda t: _Filled(t.AutoModelForObjectDetection, plain), _kind)


def _kind(transformers: Any) -> Any:
    return transformers.AutoModelForObjectDetection


class _Filled:
    """Fills a model of a config from a folder, except for what tells its labels, where these are others."""

    def __init__(self, kind: Any, config: Any) -> None:
        self.kind, self.config = kind, config

    def from_pretrained(self, folder: str, **how: Any) -> Any:
        return self.kind.from_pretrained(folder, config=self.config, ignore_mismatched_sizes=True, **how)
