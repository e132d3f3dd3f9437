"""Encoders of clips: frames by a convolutional network, joined by attention or an LSTM; and (2+1)D convolutions.

Legend: B batch, F frames, S side, C channels, D output width.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.augment import DEFAULTS, in_training
from modelwright.models.cnn import ResNet, channels_last
from modelwright.models.encoders.base import Encoded, Encoder
from modelwright.models.pretrained_av import HubFrames
from modelwright.models.spectral import RotaryBlocks


class VideoEncoder(Encoder):
    """Frames to a vector: standardised, in training changed alike over a whole clip; beside each its change.

    The change from the frame before stands as further channels (2 C in all): what moves is then seen by the first
    convolution (cf. the temporal stream of arXiv 1406.2199). Inputs frames uint8 [B, F, S, S, C] and missing [B]; a
    missing clip gives zeros.
    """

    mixes = True

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.augmentation = {k: getattr(options, k, v) for k, v in DEFAULTS.items()}
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * torch.tensor(codec.mean).float()[None, None, :, None, None])
        self.register_buffer("deviation", 255 * torch.tensor(codec.std).float()[None, None, :, None, None])

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return features by time [B, F', D'] of standardised clips [B, F, 2 C, S, S]."""

    @abstractmethod
    def pool(self, x: Tensor) -> Tensor:
        """Return [B, D] of features by time [B, F', D']."""

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x = (inputs["frames"].permute(0, 1, 4, 2, 3).float() - self.mean) / self.deviation
        if self.training:
            x = in_training(x, self.augmentation, self.turn, self.mix)
        sequence = self.features(_with_change(x))
        vector = self.pool(sequence)
        if not self.training and self.augmentation["flip"]:
            vector = (vector + self.pool(self.features(_with_change(x.flip(4))))) / 2
        return Encoded(vector * (1 - inputs["missing"][:, None]), sequence)


def _with_change(x: Tensor) -> Tensor:
    """Return [B, F, 2 C, S, S]: each frame, and beside it its difference from the frame before (0 for the first)."""
    change = torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:] - x[:, :-1]], dim=1)
    return torch.cat([x, change], dim=2)


class FrameEncoder(VideoEncoder):
    """Every frame by one residual network (arXiv 1512.03385), pooled over places by mean and maximum."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base, depth = int(getattr(options, "base", 16)), int(getattr(options, "blocks", 1))
        widths = [base, 2 * base, 4 * base, 8 * base]
        self.network = channels_last(ResNet(2 * codec.channels, widths, [depth] * 4, 2 if codec.side <= 96 else 4))
        self.inner = int(getattr(options, "hidden", 96))
        self.project = nn.Linear(2 * self.network.width, self.inner)

    def by_frame(self, x: Tensor) -> Tensor:
        """Return [B, F, D'] of clips [B, F, 2 C, S, S]."""
        maps = self.network(x.flatten(0, 1).contiguous(memory_format=torch.channels_last)).float()
        vectors = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)
        return F.silu(self.project(vectors).float()).unflatten(0, x.shape[:2])


class FrameAttention(FrameEncoder):
    """Frames joined by self-attention over time, read off by a learnt query (in the manner of arXiv 2102.05095)."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.place = nn.Parameter(0.02 * torch.randn(1, codec.count, self.inner))
        self.blocks = RotaryBlocks(
            self.inner, int(getattr(options, "heads", 4)), int(getattr(options, "layers", 1)), 0.1
        )
        self.ask = nn.Linear(self.inner, 1)
        self.width = 2 * self.inner

    def features(self, x: Tensor) -> Tensor:
        y = self.by_frame(x) + self.place
        return self.blocks(y, torch.ones(y.shape[:2], dtype=torch.bool, device=y.device)).float()

    def pool(self, x: Tensor) -> Tensor:
        weight = self.ask(x).float().softmax(1)
        return torch.cat([(weight * x).sum(1), x.mean(1)], dim=1)


class FrameLSTM(FrameEncoder):
    """Frames joined by a bidirectional LSTM (in the manner of arXiv 1411.4389), pooled over time by mean and maximum."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.lstm = nn.LSTM(self.inner, self.inner, 1, batch_first=True, bidirectional=True)
        self.width = 4 * self.inner

    def features(self, x: Tensor) -> Tensor:
        return self.lstm(self.by_frame(x))[0].float()

    def pool(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(1), x.amax(1)], dim=1)


class _Factored(nn.Module):
    """A residual block of (2+1)D convolutions: over places, then over time. [B, C, F, S, S]."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.space = nn.Conv3d(into, out, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.time = nn.Conv3d(out, out, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False)
        self.norm1, self.norm2 = nn.BatchNorm3d(out), nn.BatchNorm3d(out)
        nn.init.zeros_(self.norm2.weight)  # each block begins as its shortcut
        self.short = nn.Sequential(nn.Conv3d(into, out, 1, stride, bias=False), nn.BatchNorm3d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.time(F.relu(self.norm1(self.space(x)))))
        return F.relu(y + self.short(x))


class R2Plus1D(VideoEncoder):
    """Residual convolutions factored into places and time (Tran et al., arXiv 1711.11248), made small."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base = int(getattr(options, "base", 16))
        self.stem = nn.Sequential(
            nn.Conv3d(2 * codec.channels, base, (1, 5, 5), (1, 2, 2), (0, 2, 2), bias=False),
            nn.BatchNorm3d(base), nn.ReLU(True),
            nn.Conv3d(base, base, (3, 1, 1), 1, (1, 0, 0), bias=False), nn.BatchNorm3d(base), nn.ReLU(True),
        )  # fmt: skip
        widths = [base, 2 * base, 4 * base, 8 * base]
        self.blocks = nn.Sequential(
            *(_Factored(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(zip([base, *widths], widths)))
        )
        self.width = 2 * widths[-1]

    def features(self, x: Tensor) -> Tensor:
        y = self.blocks(self.stem(x.transpose(1, 2))).float()
        return torch.cat([y.mean((3, 4)), y.amax((3, 4))], dim=1).transpose(1, 2)

    def pool(self, x: Tensor) -> Tensor:
        return x.mean(1)


ENCODERS = {"attention": FrameAttention, "lstm": FrameLSTM, "r2plus1d": R2Plus1D, "hub": HubFrames}
