"""Pretrained networks of pictures that are written here, so that they need no library beside torch.

One file per architecture in this folder; its name is the `model_type` of config.json. It defines `BACKBONE`, a subclass of
`Backbone`. Legend: B batch, H height, W width, C channels, L levels, D output width.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from modelwright.core.errors import OptionError
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

PACKAGE = "modelwright.models.backbones"


class Seen(NamedTuple):
    """What a backbone answers: a vector for each picture [B, D], and the maps it comes from [B, D, H', W']."""

    pooler_output: Tensor
    last_hidden_state: Tensor


class Backbone(nn.Module):
    """A convolutional network of pictures of any size. `widths` and `strides` [L] are those of the maps of `pyramid`."""

    widths: ClassVar[tuple[int, ...]]
    strides: ClassVar[tuple[int, ...]]
    width: ClassVar[int]  # D

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)

    @abstractmethod
    def pyramid(self, x: Tensor, levels: int | None = None) -> list[Tensor]:
        """Return the maps [B, C, H / stride, W / stride] of the levels of standardised pictures [B, 3, H, W], finest first; of the first
        `levels` where so many suffice."""

    @abstractmethod
    def forward(self, pixel_values: Tensor) -> Seen:
        """Return vectors and maps of standardised pictures [B, 3, H, W]."""

    @abstractmethod
    def named(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of its file, in their shapes, by the names that they have here."""

    def fill(self, folder: Path) -> None:
        """Take the weights from a folder's model.safetensors. Raises OptionError where they are not those of this network."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file as load

        try:
            self.load_state_dict(self.named(load(str(folder / "model.safetensors"))))
        except (OSError, SafetensorError, RuntimeError, KeyError) as e:
            raise OptionError(
                f"The weights of `{folder.name}` cannot be read ({type(e).__name__}). Expected those of a whole {self.config.model_type}.",
                f"无法读取 `{folder.name}` 的权重（{type(e).__name__}）。应为完整的 {self.config.model_type} 权重。",
            ) from e


def backbone_of(config: Mapping[str, Any], folder: Path | None = None) -> Backbone | None:
    """Return the network that a config describes, with the weights of `folder` where one is given; None for other kinds."""
    kind = str(config.get("model_type", ""))
    if kind not in names_in(PACKAGE):
        return None
    made: Backbone = load_file(PACKAGE, kind, Words("backbone", "骨干网络")).BACKBONE(config)
    if folder is not None:
        made.fill(Path(folder))
    return made.eval()


def pretrained_backbone(asked: str) -> tuple[Backbone, Tensor, Tensor]:
    """Return the backbone of a packaged name or a folder, and mean and deviation [3] of its inputs on the scale 0..1.

    Raises OptionError for one that has no maps of several levels here, and as `find` does.
    """
    from modelwright.core.pretrained import find

    found = find(asked)
    made = backbone_of(found.config, found.folder)
    if made is None:
        known = ", ".join(names_in(PACKAGE))
        raise OptionError(
            f"`{asked}` gives no maps of several levels; expected one of: {known}.",
            f"`{asked}` 无法给出多级特征图；可用：{known}。",
        )
    told = found.told()
    mean, std = (
        told.get("image_mean", [0.485, 0.456, 0.406]),
        told.get("image_std", [0.229, 0.224, 0.225]),
    )  # of ImageNet
    return made, torch.tensor(mean).float(), torch.tensor(std).float()
