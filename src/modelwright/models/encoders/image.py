"""Encoders of pictures: residual, short and modern convolutional networks, and a vision Transformer; all from scratch.

Legend: B batch, S side, C channels, D output width.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.augment import DEFAULTS, in_training
from modelwright.models.cnn import ConvNeXt, FastNet, ResNet, channels_last
from modelwright.models.encoders.base import Encoded, Encoder
from modelwright.models.pretrained import HubImage
from modelwright.models.vit import VisionTransformer


class ImageEncoder(Encoder):
    """Pixels to a vector: standardised, augmented in training, and where `flip` is asked for averaged over both sides.

    Inputs pixels uint8 [B, S, S, C] and missing [B]; a missing picture gives zeros.
    """

    mixes = True

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.augmentation = {k: getattr(options, k, v) for k, v in DEFAULTS.items()}
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * torch.tensor(codec.mean).float()[None, :, None, None])
        self.register_buffer("deviation", 255 * torch.tensor(codec.std).float()[None, :, None, None])

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return feature maps [B, D, H', W'] of standardised pictures [B, C, S, S]."""

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x = (inputs["pixels"].permute(0, 3, 1, 2).float() - self.mean) / self.deviation
        if self.training:
            x = in_training(x, self.augmentation, self.turn, self.mix)
        x = x.contiguous(memory_format=torch.channels_last)
        maps = self.features(x)
        vector = self.pool(maps)
        if not self.training and self.augmentation["flip"]:
            vector = (vector + self.pool(self.features(x.flip(3)))) / 2
        there = 1 - inputs["missing"][:, None]
        return Encoded(vector * there, maps.flatten(2).transpose(1, 2))

    def pool(self, maps: Tensor) -> Tensor:
        """Return the mean over places [B, D]."""
        return maps.float().mean((2, 3))


class ResNetEncoder(ImageEncoder):
    """Residual networks: for small pictures as on CIFAR (ResNet-20's shape, wider), else as ResNet-18 (arXiv 1512.03385)."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base, depth = int(getattr(options, "base", 32)), int(getattr(options, "blocks", 2))
        if codec.side <= 64:
            widths, stem = [base, 2 * base, 4 * base], 1 if codec.side <= 32 else 2
        else:
            widths, stem = [base, 2 * base, 4 * base, 8 * base], 4 if codec.side > 96 else 2
        self.network = channels_last(ResNet(codec.channels, widths, [depth] * len(widths), stem))
        self.width = self.network.width

    def features(self, x: Tensor) -> Tensor:
        out: Tensor = self.network(x)
        return out


class FastNetEncoder(ImageEncoder):
    """A short wide network for small pictures (arXiv 2404.00498), pooled by maximum."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base, depth = int(getattr(options, "base", 64)), int(getattr(options, "blocks", 2))
        groups = 3 if codec.side <= 48 else 4 if codec.side <= 96 else 5
        widths = [base] + [4 * base] * (groups - 1)
        self.network = channels_last(FastNet(codec.channels, widths, getattr(codec, "patches", None), depth))
        self.width = self.network.width

    def features(self, x: Tensor) -> Tensor:
        out: Tensor = self.network(x)
        return out

    def pool(self, maps: Tensor) -> Tensor:
        return maps.float().amax((2, 3))


class ConvNeXtEncoder(ImageEncoder):
    """ConvNeXt, tiny (arXiv 2201.03545); patches of 4 pixels, of 2 for small pictures."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base, small = int(getattr(options, "base", 64)), codec.side <= 64
        widths = [base, 2 * base, 4 * base] if small else [base, 2 * base, 4 * base, 8 * base]
        depths = [2, 2, 4] if small else [3, 3, 9, 3]
        self.network = ConvNeXt(codec.channels, widths, depths, 2 if small else 4)
        self.norm = nn.LayerNorm(self.network.width)
        self.width = self.network.width

    def features(self, x: Tensor) -> Tensor:
        out: Tensor = self.network(x)
        return out

    def pool(self, maps: Tensor) -> Tensor:
        out: Tensor = self.norm(maps.float().mean((2, 3)))
        return out


class ViTEncoder(ImageEncoder):
    """A small vision Transformer (Dosovitskiy et al., arXiv 2010.11929) with mean pooling."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        patch = 4 if codec.side <= 48 else 8 if codec.side <= 96 else 16
        width, layers = int(getattr(options, "base", 192)), int(getattr(options, "blocks", 6))
        self.network = VisionTransformer(codec.channels, codec.side, patch, width, layers, max(1, width // 64))
        self.width = width

    def features(self, x: Tensor) -> Tensor:
        out: Tensor = self.network(x)
        return out


class TanhEncoder(ImageEncoder):
    """Few convolutions with bounded activations, as suit private training (Papernot et al., arXiv 2007.14191, table 1).

    A bounded activation keeps the gradients of single rows short, so that less of them is cut.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base, inner = int(getattr(options, "base", 16)), int(getattr(options, "inner", 32))
        layers: list[nn.Module] = [nn.Conv2d(codec.channels, base, 8, 2, 3), nn.Tanh(), nn.MaxPool2d(2, 1)]
        side, wide = codec.side // 2 - 1, base
        while side > 16:  # larger pictures are halved until they are as small ones
            layers += [nn.Conv2d(wide, wide, 4, 2, 1), nn.Tanh()]
            side //= 2
        layers += [nn.Conv2d(wide, 2 * base, 4, 2), nn.Tanh(), nn.MaxPool2d(2, 1)]
        side = (side - 4) // 2
        self.network = channels_last(nn.Sequential(*layers))
        self.join = nn.Linear(2 * base * side * side, inner)
        self.width = inner

    def features(self, x: Tensor) -> Tensor:
        out: Tensor = self.network(x)
        return out

    def pool(self, maps: Tensor) -> Tensor:
        return torch.tanh(self.join(maps.flatten(1)))


ENCODERS = {
    "resnet": ResNetEncoder, "fastnet": FastNetEncoder, "convnext": ConvNeXtEncoder, "vit": ViTEncoder, "tanh": TanhEncoder,
    "hub": HubImage,
}  # fmt: skip
