"""A network that tells the sound and the tone of each frame of 10 ms from the frames around it.

Time-delay layers (Waibel et al. 1989; Peddinti et al. 2015, doi 10.21437/Interspeech.2015-647) with residuals; each frame is normalised by itself, so that
padding changes nothing. Legend: B batch, S frames, M mel bands, D width, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.speech import centred, inside

TONES = 6  # none, and those of Chinese with the light one
PITCH = 3  # its height, whether there is one, its slope
_APART = (1, 2, 4, 8)  # frames between those that a layer sees
_SILENT = 1.05  # log energy up to which a frame is silence that was put there


class Delayed(nn.Module):
    """One matrix over several frames, `apart` from one another: [B, S, D] -> [B, S, E]."""

    def __init__(self, width: int, out: int, places: int, apart: int) -> None:
        super().__init__()
        self.linear = nn.Linear(places * width, out)
        self.places, self.apart = places, apart

    def forward(self, x: Tensor) -> Tensor:
        far = self.places // 2 * self.apart
        size = x.shape[1]
        padded = F.pad(x, (0, 0, far, far))
        found: Tensor = self.linear(
            torch.cat([padded[:, i * self.apart : i * self.apart + size] for i in range(self.places)], dim=2)
        )
        return found


class FrameSounds(nn.Module):
    """Spectrograms and pitch to logits of silence and parts of sounds, and of tones; `mean` and `std` [M] are those of the training frames.

    With a `step` of 2 all layers but the first look at every second frame, and what they say of one is said of the next: half the time, twice the view.
    """

    def __init__(self, bands: int, sounds: int, width: int, layers: int, dropout: float, step: int = 1) -> None:
        super().__init__()
        self.step = step
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("std", torch.ones(bands))
        self.first = Delayed(bands + PITCH, width, 5, 1)
        self.layers = nn.ModuleList(Delayed(width, width, 3, _APART[k % len(_APART)]) for k in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers + 1))
        self.dropout = nn.Dropout1d(
            dropout
        )  # whole channels of an utterance: quick, and frames alike do not tell what is hidden
        self.sounds, self.tones = nn.Linear(width, sounds), nn.Linear(width, TONES)
        for last in (self.sounds, self.tones):
            nn.init.normal_(last.weight, std=0.02)
            nn.init.zeros_(last.bias)
            last.weight.plain = True  # type: ignore[attr-defined]

    def forward(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{"mel": [B, S, M], "pitch": [B, S, 3], "lengths": [B], maybe "hidden": bool [B, S, M]} -> {"sounds": [B, S, C], "tones": [B, S, 6]}."""
        real = inside(tensors["lengths"], tensors["mel"].shape[1])
        x = centred((tensors["mel"] - self.mean) / self.std, real & (tensors["mel"].mean(dim=2) > _SILENT))
        if "hidden" in tensors:
            x = x.masked_fill(tensors["hidden"], 0.0)
        there = real[:, :, None].to(x.dtype)
        y = self.first(torch.cat([x, tensors["pitch"]], dim=2) * there)[:, :: self.step]
        there = there[:, :: self.step]
        y = self.norms[0](F.relu(y)) * there
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            new = norm(F.relu(layer(y)))
            y = (y + new * self.dropout(torch.ones_like(new[:, :1]).transpose(1, 2)).transpose(1, 2)) * there
        found = {"sounds": self.sounds(y).float(), "tones": self.tones(y).float()}
        if self.step == 1:
            return found
        return {k: v.repeat_interleave(self.step, dim=1)[:, : x.shape[1]] for k, v in found.items()}


def told_loss(outputs: Mapping[str, Tensor], truth: Mapping[str, Tensor], **kwargs: Any) -> Tensor:
    """Return the cross entropy of the frames whose "sound" is told [B, S] (-1: not told), and half of that of their "tone" [B, S]."""
    found = F.cross_entropy(outputs["sounds"].transpose(1, 2), truth["sound"], ignore_index=-1, label_smoothing=0.05)
    if bool((truth["tone"] > 0).any()):
        found = found + 0.5 * F.cross_entropy(outputs["tones"].transpose(1, 2), truth["tone"], ignore_index=-1)
    return found
