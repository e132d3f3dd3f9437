"""Encoders of series: InceptionTime, a residual network, a bidirectional LSTM; all from scratch, deaf to padding.

Legend: B batch, T time, C channels, D output width.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.models.augment_series import DEFAULTS, augment
from modelwright.models.both_ways import both_ways, padded
from modelwright.models.cnn1d import InceptionTime, ResNet1D
from modelwright.models.encoders.base import Encoded, Encoder


class SeriesEncoder(Encoder):
    """Moments to a vector, augmented in training. Inputs values [B, T, C], mask [B, T], missing [B]."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.augmentation = {k: getattr(options, k, v) for k, v in DEFAULTS.items()}

    @abstractmethod
    def moments(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return vectors [B, T, D'] of standardised series [B, T, C]; `mask` [B, T] is 1 at real moments."""

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x, mask = inputs["values"], inputs["mask"]
        if self.training:
            x = augment(x, mask, self.augmentation)
        found = self.moments(x, mask)
        there = 1 - inputs["missing"][:, None]
        return Encoded(self.pool(found, mask) * there, found, mask > 0)

    def pool(self, found: Tensor, mask: Tensor) -> Tensor:
        """Return the mean over real moments [B, D] of [B, T, D]."""
        return (found.float() * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)


class InceptionEncoder(SeriesEncoder):
    """InceptionTime (arXiv 1909.04939), one network; its kernels are no wider than half of a usual series."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        widest = min(int(getattr(options, "kernel", 39)), max(5, codec.length // 2))
        filters, blocks = int(getattr(options, "base", 32)), int(getattr(options, "blocks", 6))
        self.network = InceptionTime(codec.channels, filters, blocks, widest)
        self.width = self.network.width

    def moments(self, x: Tensor, mask: Tensor) -> Tensor:
        out: Tensor = self.network(x.transpose(1, 2), mask[:, None])
        return out.transpose(1, 2)


class ResNetEncoder(SeriesEncoder):
    """The residual network of arXiv 1611.06455."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.network = ResNet1D(codec.channels, int(getattr(options, "base", 32)))
        self.width = self.network.width

    def moments(self, x: Tensor, mask: Tensor) -> Tensor:
        out: Tensor = self.network(x.transpose(1, 2), mask[:, None])
        return out.transpose(1, 2)


class BiLSTM(SeriesEncoder):
    """Bidirectional LSTM over series, with mean and max pooling over time (Hochreiter & Schmidhuber 1997)."""

    singly = False  # whether rows are read as they lie, without packing; see models/rowwise.py

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        hidden, layers = int(getattr(options, "hidden", 64)), int(getattr(options, "layers", 1))
        self.lstm = nn.LSTM(codec.channels, hidden, layers, batch_first=True, bidirectional=True)
        self.width = 4 * hidden

    def moments(self, x: Tensor, mask: Tensor) -> Tensor:
        read = padded if torch.compiler.is_exporting() or self.singly else both_ways
        return read(self.lstm, x, mask.sum(1).long())

    def pool(self, found: Tensor, mask: Tensor) -> Tensor:
        highest = found.masked_fill(mask[:, :, None] == 0, torch.finfo(found.dtype).min).amax(1)
        return torch.cat([highest.float(), super().pool(found, mask)], dim=1)


ENCODERS = {"inceptiontime": InceptionEncoder, "resnet1d": ResNetEncoder, "lstm": BiLSTM}
