"""Networks whose answer to a recording is a vector of the voice in it, and the loss they learn by.

Legend: B batch, S frames of 10 ms, M mel bands, C channels, D numbers of a vector, K speakers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.speech import inside


class Squeeze(nn.Module):
    """Weighs channels by their means over time (Hu et al., arXiv 1709.01507)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """[B, C, S] and real frames [B, 1, S] -> the same, weighed."""
        mean = (x * real).sum(2) / real.sum(2).clamp_min(1)
        out: Tensor = x * torch.sigmoid(self.up(F.relu(self.down(mean))))[:, :, None]
        return out


class Delayed(nn.Module):
    """A dilated convolution over time with a residual and squeezed channels, as ECAPA-TDNN has them (arXiv 2005.07143)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.into = nn.Conv1d(width, width, 1)
        self.far = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, groups=4)
        self.out = nn.Conv1d(width, width, 1)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(2))
        self.squeeze = Squeeze(width)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """[B, C, S], zero where padded, and real frames [B, 1, S] -> the same."""
        y = F.relu(self.into(x)) * real
        y = F.relu(_normed(self.norms[0], self.far(y), real)) * real
        y = _normed(self.norms[1], self.out(y), real)
        out: Tensor = (x + self.squeeze(y, real)) * real
        return out


def _normed(norm: nn.Module, x: Tensor, real: Tensor) -> Tensor:
    """Normalise over channels, frame by frame, so that padding changes nothing."""
    flat = x.transpose(1, 2).reshape(-1, x.shape[1])
    out: Tensor = norm(flat).view(x.shape[0], x.shape[2], -1).transpose(1, 2) * real
    return out


class VoiceEncoder(nn.Module):
    """Spectrograms to vectors of unit length: convolutions over time, attentive statistics (arXiv 1803.10963), a linear map.

    The mean of each recording is taken away, so that microphones and loudness count for less.
    """

    def __init__(self, bands: int, width: int, size: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv1d(bands, width, 5, padding=2)
        self.blocks = nn.ModuleList(Delayed(width, d) for d in (2, 3, 4))
        self.join = nn.Conv1d(3 * width, width, 1)
        self.look = nn.Sequential(nn.Conv1d(width, 64, 1), nn.Tanh(), nn.Conv1d(64, width, 1))
        self.norm = nn.LayerNorm(2 * width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(2 * width, size)

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """{"mel": [B, S, M], "lengths": [B], maybe "hidden": bool [B, S, M]} -> [B, D] of unit length."""
        mel, lengths = tensors["mel"], tensors["lengths"]
        real = inside(lengths, mel.shape[1])[:, None].to(mel.dtype)
        x = mel.transpose(1, 2) * real
        count = lengths.clamp_min(1)[:, None, None].to(mel.dtype)
        x = (x - x.sum(2, keepdim=True) / count) / 2.0 * real
        if "hidden" in tensors:
            x = x.masked_fill(tensors["hidden"].transpose(1, 2), 0.0)
        x = F.relu(self.first(x)) * real
        kept = []
        for block in self.blocks:
            x = block(x, real)
            kept.append(x)
        x = F.relu(self.join(torch.cat(kept, dim=1)))
        weights = self.look(x).masked_fill(real == 0, -1e4).softmax(dim=2)
        mean = (weights * x).sum(2)
        deviation = ((weights * x**2).sum(2) - mean**2).clamp_min(1e-6).sqrt()
        return F.normalize(self.out(self.dropout(self.norm(torch.cat([mean, deviation], dim=1)))), dim=1)


class VoiceTrainer(nn.Module):
    """The encoder with a vector for each speaker of the training rows, which is thrown away once it has learnt."""

    def __init__(self, encoder: VoiceEncoder, size: int, speakers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.speakers = nn.Parameter(torch.randn(speakers, size) / math.sqrt(size))

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """As VoiceEncoder, to the cosine with each speaker's vector [B, K]."""
        found: Tensor = self.encoder(tensors) @ F.normalize(self.speakers, dim=1).T
        return found


def with_margin(cosines: Tensor, truth: Tensor, margin: float, scale: float) -> Tensor:
    """Return logits [B, K] of cosines [B, K]: the angle to the right speaker [B] made larger (ArcFace, arXiv 1801.07698)."""
    right = cosines.gather(1, truth[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = torch.acos(right)
    # where the margin would go beyond the half circle, the cosine goes on falling
    moved = torch.where(angle < math.pi - margin, torch.cos(angle + margin), right - margin * math.sin(margin))
    logits: Tensor = scale * cosines.scatter(1, truth[:, None], moved)
    return logits


def options_of(options: Any) -> tuple[int, int, float]:
    """Return width, size of a vector and dropout, as VoiceEncoder takes them."""
    return int(options.width), int(options.size), float(options.dropout)
