"""A voice whose spectra are drawn by flow matching, as in Matcha-TTS (Mehta et al., arXiv 2309.03199).

Sounds give mean spectra; a second network then knows, at each time between noise and speech, in which direction speech lies (Lipman et
al., arXiv 2210.02747), and a few steps of Euler lead there. What the mean blurs, since the same sound may be said in several ways, is
drawn instead. Blocks are ConvNeXt's, in a U-Net of two rates, where Matcha-TTS has Transformers. Padding changes nothing.
Legend: B batch, L sounds, S frames of 10 ms, M mel bands, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.speech import inside
from modelwright.models.synthesis import Acoustic, Stack, acoustic_loss

_TIMES = 64  # sines and cosines that tell a time
_FASTEST = 1000.0
_SEED = 0  # of the noise that speech is drawn from: the same text sounds the same each time


class Direction(nn.Module):
    """Spectra on their way, their time, and what is known of each frame, to the direction in which speech lies."""

    def __init__(self, bands: int, known: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.into = nn.Linear(bands + known, width)
        self.time = nn.Sequential(nn.Linear(_TIMES, width), nn.SiLU(), nn.Linear(width, 3 * width))
        self.before, self.after = (Stack(width, layers, 7, dropout) for _ in range(2))
        self.down = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.slow = Stack(width, layers, 7, dropout)
        self.both = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, bands)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, point: Tensor, time: Tensor, known: Tensor, real: Tensor) -> Tensor:
        """Points [B, S, M], times [B] in 0..1, what is known of frames [B, S, K], real frames [B, S, 1] -> directions [B, S, M]."""
        first, middle, last = self.time(told(time))[:, None].chunk(3, 2)
        x = self.before((self.into(torch.cat([point, known], 2)) + first) * real, real)
        half = real[:, ::2]
        y = self.down(x.transpose(1, 2)).transpose(1, 2) + middle
        y = self.slow(y * half, half).repeat_interleave(2, dim=1)[:, : x.shape[1]]
        out: Tensor = self.out(self.after((self.both(torch.cat([x, y], 2)) + last) * real, real)) * real
        return out


def told(time: Tensor) -> Tensor:
    """Return times [B] in 0..1 as sines and cosines [B, 64]."""
    half = _TIMES // 2
    turns = torch.exp(torch.linspace(0, math.log(_FASTEST), half, device=time.device))
    angle = time[:, None] * turns[None]
    return torch.cat([angle.sin(), angle.cos()], 1)


class FlowAcoustic(Acoustic):
    """As `Acoustic`, whose spectra are the means that speech is drawn around."""

    def __init__(self, sounds: int, speakers: int, bands: int, options: Any) -> None:
        super().__init__(sounds, speakers, bands, options)
        self.steps, self.temperature = int(options.steps), float(options.temperature)
        self.direction = Direction(bands, bands + 2, options.width, options.flow_layers, options.dropout)

    def decode(
        self, x: Tensor, tones: Tensor, place: Tensor, at: Tensor, frames: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As Acoustic.decode, log energies drawn from noise that is the same each time, for each row alone."""
        mean, tone, voiced = super().decode(x, tones, place, at, frames)
        real = inside(frames, place.shape[1])[:, :, None].float()
        # NumPy's: the noise of the first frames is the same however many follow
        drawn = np.random.default_rng(_SEED).standard_normal(tuple(mean.shape[1:]), np.float32)
        noise = torch.from_numpy(drawn)[None].to(mean.device)
        known = _known(mean, tone, voiced)
        point = self.temperature * noise * real
        for k in range(self.steps):
            time = torch.full((len(mean),), k / self.steps, device=mean.device)
            point = point + self.direction(point, time, known, real) / self.steps
        return point, tone, voiced

    def forward(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As `Acoustic.forward`, with the direction at "point" [B, S, M] and "time" [B]."""
        x, lengths, tones = self.encode(tensors["units"], tensors["speaker"])
        place, frames = tensors["place"], tensors["frames"]
        mel, tone, voiced = super().decode(x, tensors["tones"], place, tensors["at"], frames)
        real = inside(frames, place.shape[1])[:, :, None].float()
        flow = self.direction(tensors["point"], tensors["time"], _known(mel, tone, voiced), real)
        return {"lengths": lengths, "tones": tones, "mel": mel, "tone": tone, "voiced": voiced, "direction": flow}


def _known(mean: Tensor, tone: Tensor, voiced: Tensor) -> Tensor:
    """Return what is known of frames [B, S, M + 2]; the mean learns from its own loss alone, so that it stays one."""
    return torch.cat([mean, tone[:, :, None], voiced.sigmoid()[:, :, None]], 2).detach()


def flow_loss(outputs: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> Tensor:
    """Return `acoustic_loss` with the mean squared error of "direction" [B, S, M] over real frames: a tensor of one number."""
    frames = inside(truth["frames"], truth["mel"].shape[1]).float()
    each = F.mse_loss(outputs["direction"], truth["direction"], reduction="none").mean(2)
    return acoustic_loss(outputs, truth) + (each * frames).sum() / frames.sum()
