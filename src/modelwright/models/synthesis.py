"""A voice as two networks: one that makes spectra and pitch of sounds, and one that makes them audible.

The first is FastSpeech 2 (Ren et al., arXiv 2006.04558) with convolutions in the place of attention, as in ConvNeXt (Liu et al., arXiv
2201.03545). The second filters pulses and noise in the frequency domain, as HiFTNet does (Li et al., arXiv 2309.09493): harmonics come
from the pitch, so that no adversary is needed to learn phases. Padding changes nothing.
Legend: B batch, L sounds, S frames of 10 ms, M mel bands, F frequencies, T samples, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.griffin_lim import envelope
from modelwright.models.speech import inside

_MARKS, _FIRST = 8, 2
_WIDER = 3
_EVEN = 11.5  # log energy of a band of noise whose samples have a variance of 1


class Block(nn.Module):
    """A depthwise convolution over time and two layers over channels, added to what came in."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.depth = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, _WIDER * width)
        self.back = nn.Linear(_WIDER * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """[B, S, D] and which frames are real [B, S, 1] -> [B, S, D]."""
        y = self.depth(x.transpose(1, 2)).transpose(1, 2)
        y = self.back(F.gelu(self.wide(self.norm(y))))
        return (x + self.dropout(self.scale * y)) * real


class Stack(nn.Module):
    """Blocks one after the other, and a last normalisation."""

    def __init__(self, width: int, layers: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, kernel, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """[B, S, D] and which frames are real [B, S, 1] -> [B, S, D]."""
        for block in self.blocks:
            x = block(x, real)
        out: Tensor = self.norm(x) * real
        return out


class Acoustic(nn.Module):
    """Sounds to how long and how high they are, and to log energies, pitch and voicing of each frame.

    `mean` and `std` [M] are those of the training frames; pitches are logarithms less `tone`, the mean of each speaker [speakers].
    """

    def __init__(self, sounds: int, speakers: int, bands: int, options: Any) -> None:
        super().__init__()
        width, self.bands = options.width, bands
        self.mean: Tensor
        self.std: Tensor
        self.tone: Tensor
        for name, size, value in (("mean", bands, 0.0), ("std", bands, 1.0), ("tone", max(1, speakers), 5.0)):
            self.register_buffer(name, torch.full((size,), value))
        self.base = nn.Embedding(sounds, width)
        self.mark = nn.Embedding(_MARKS, width)
        self.first = nn.Embedding(_FIRST, width)
        self.who = nn.Embedding(max(1, speakers), width)
        for table in (self.base, self.mark, self.first, self.who):
            nn.init.normal_(table.weight, std=0.3)
        self.encoder = Stack(width, options.layers, 5, options.dropout)
        self.lengths = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(options.dropout), nn.Linear(width, 1)
        )
        self.tones = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(options.dropout), nn.Linear(width, 1))
        self.tone_in = nn.Linear(1, width)
        self.place_in = nn.Linear(4, width)
        self.decoder = Stack(width, options.layers + 1, 7, options.dropout)
        self.out = nn.Linear(width, bands + 2)

    def encode(self, units: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Units [B, L, 3], 0 where padded, and speakers [B] -> [B, L, D], log(1 + frames) [B, L], and pitch [B, L]."""
        real = (units[:, :, 0] > 0)[:, :, None].float()
        x = (
            self.base(units[:, :, 0])
            + self.mark(units[:, :, 1])
            + self.first(units[:, :, 2])
            + self.who(speaker)[:, None]
        )
        x = self.encoder(x * real, real)
        return x, self.lengths(x)[:, :, 0], self.tones(x.detach())[:, :, 0]

    def decode(
        self, x: Tensor, tones: Tensor, place: Tensor, at: Tensor, frames: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encoded sounds [B, L, D], their pitches [B, L], the sound of each frame [B, S], where in it each is [B, S, 4], and
        frames [B] -> normalised log energies [B, S, M], pitch [B, S], and logits that frames are voiced [B, S]."""
        real = inside(frames, place.shape[1])[:, :, None].float()
        x = x + self.tone_in(tones[:, :, None])
        x = x.gather(1, place[:, :, None].expand(-1, -1, x.shape[2])) + self.place_in(at)
        found = self.out(self.decoder(x * real, real))
        near = tones.gather(1, place)
        return found[..., : self.bands], near + 0.2 * found[..., self.bands], found[..., self.bands + 1]

    def forward(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what `encode` and `decode` do, in their shapes, with the true pitches of sounds."""
        x, lengths, tones = self.encode(tensors["units"], tensors["speaker"])
        mel, tone, voiced = self.decode(x, tensors["tones"], tensors["place"], tensors["at"], tensors["frames"])
        return {"lengths": lengths, "tones": tones, "mel": mel, "tone": tone, "voiced": voiced}


def acoustic_loss(outputs: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> Tensor:
    """Return the mean absolute error of spectra, with the errors of lengths, pitches and voicing: a tensor of one number.

    `outputs` is as `Acoustic.forward` gives it; `truth` has the same by the same names, with "frames" [B], "units" [B, L] and "known" [B, L],
    1 for sounds whose pitch is known.
    """
    frames = inside(truth["frames"], truth["mel"].shape[1]).float()
    units = (truth["units"] > 0).float()
    mel = ((outputs["mel"] - truth["mel"]).abs().mean(2) * frames).sum() / frames.sum()
    length = (((outputs["lengths"] - truth["lengths"]) ** 2) * units).sum() / units.sum()
    known = truth["known"]
    tones = (((outputs["tones"] - truth["tones"]) ** 2) * known).sum() / known.sum().clamp_min(1)
    on = truth["voiced"] * frames
    tone = ((outputs["tone"] - truth["tone"]).abs() * on).sum() / on.sum().clamp_min(1)
    voiced = (
        F.binary_cross_entropy_with_logits(outputs["voiced"], truth["voiced"], reduction="none") * frames
    ).sum() / frames.sum()
    return mel + 0.5 * length + 2.0 * tones + 2.0 * tone + 0.2 * voiced


class Vocoder(nn.Module):
    """Log energies and pitch to samples: filters of pulses and of noise, and a turn of the pulses' phases, for each frame."""

    def __init__(self, rate: int, bands: int, options: Any) -> None:
        super().__init__()
        self.hop, self.window = round(0.01 * rate), round(0.025 * rate)
        self.size = 1 << (self.window - 1).bit_length()
        self.bins = self.size // 2 + 1
        self.mean: Tensor
        self.std: Tensor
        self.taper: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("std", torch.ones(bands))
        self.register_buffer("taper", torch.hann_window(self.size), persistent=False)
        self.register_buffer("spread", torch.from_numpy(envelope(rate, bands, self.size)), persistent=False)
        width = options.vocoder_width
        self.into = nn.Conv1d(bands + 2, width, 5, padding=2)
        self.stack = Stack(width, options.vocoder_layers, 7, 0.0)
        self.out = nn.Linear(width, 3 * self.bins)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def spectra(self, samples: Tensor) -> Tensor:
        """Samples [B, T], T = (S - 1) hop + window -> spectra [B, S, F], each frame around the middle of its window."""
        before = (self.size - self.window) // 2
        padded = F.pad(samples, (before, self.size - self.window - before))
        return torch.fft.rfft(padded.unfold(1, self.size, self.hop) * self.taper)

    def samples(self, spectra: Tensor) -> Tensor:
        """Spectra [B, S, F] -> samples [B, T]: overlapped and added, divided by the windows."""
        parts = torch.fft.irfft(spectra, self.size) * self.taper
        total = (parts.shape[1] - 1) * self.hop + self.size
        weight = (self.taper**2)[None, :, None].expand(1, -1, parts.shape[1])
        shape = {"output_size": (1, total), "kernel_size": (1, self.size), "stride": (1, self.hop)}
        out = F.fold(parts.transpose(1, 2), **shape)[:, 0, 0] / F.fold(weight, **shape)[:, 0, 0].clamp_min(1e-2)
        before = (self.size - self.window) // 2
        return out[:, before : total - (self.size - self.window - before)]

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """{"mel": [B, S, M], "tone": log hertz [B, S], "voiced": [B, S], "pulses", "noise": [B, T]} -> samples [B, T]."""
        voiced = tensors["voiced"][:, :, None]
        mel = (tensors["mel"] - self.mean) / self.std
        x = torch.cat([mel, (tensors["tone"][:, :, None] - 5.0) * voiced, voiced], 2)
        real = torch.ones_like(voiced)
        x = self.stack(self.into(x.transpose(1, 2)).transpose(1, 2), real)
        harmonic, noise, turn = self.out(x).chunk(3, 2)
        level = 0.5 * (tensors["mel"] @ self.spread - _EVEN)  # filters begin as the envelope that the bands tell
        pulses = torch.polar((harmonic + level).clamp(-12, 6).exp(), 3.0 * turn.tanh()) * self.spectra(
            tensors["pulses"]
        )
        return self.samples(pulses + (noise + level).clamp(-12, 6).exp() * self.spectra(tensors["noise"]))


class SpectralLoss:
    """How far samples are from others in magnitudes of several windows (Yamamoto et al., arXiv 1910.11480)."""

    def __init__(self, rate: int) -> None:
        self.sizes = (256, 512, 1024) if rate <= 10_000 else (256, 512, 1024, 2048)

    def __call__(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Samples [B, T] of both -> a scalar."""
        total = made.new_zeros(())
        for size in self.sizes:
            taper = torch.hann_window(size, device=made.device)
            a, b = (
                torch.stft(x, size, size // 4, window=taper, return_complex=True).abs().clamp_min(1e-5)
                for x in (made, wanted)
            )
            apart = ((a - b) ** 2).sum((1, 2)).sqrt() / (b**2).sum((1, 2)).sqrt().clamp_min(1e-3)
            total = (
                total
                + (a.clamp_min(1e-4).log() - b.clamp_min(1e-4).log()).abs().mean()
                + 0.5 * apart.clamp_max(4.0).mean()
            )
        return total / len(self.sizes)
