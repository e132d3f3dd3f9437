"""Recognisers of speech that answer frame by frame: convolutions, then a bidirectional LSTM or Conformer blocks.

Both give, for every 20 or 40 ms, logits of units (CTC, Graves et al. 2006) and a logit that somebody speaks. Padding
changes nothing. Legend: B batch, S frames of 10 ms, T frames of units, M mel bands, D width, V units with the blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.both_ways import both_ways
from modelwright.models.rotary import angles, turns

_SILENT = 1.05  # log energy up to which a frame is silence that was put there
_EVEN = 0.25  # deviations of loudness from frame to frame, up to which sound is taken for noise alone


def inside(lengths: Tensor, size: int) -> Tensor:
    """Return which of `size` places are real, bool [B, size], for lengths [B]."""
    return torch.arange(size, device=lengths.device)[None] < lengths[:, None]


class Subsampling(nn.Module):
    """Two convolutions over time and bands that give a vector for every `step` frames (2 or 4)."""

    def __init__(self, bands: int, channels: int, width: int, step: int, dropout: float) -> None:
        super().__init__()
        self.step = step
        strides = ((2, 2), (step // 2, 2))
        self.first = nn.Conv2d(1, channels, 3, strides[0], 1)
        self.second = nn.Conv2d(channels, channels, 3, strides[1], 1)
        self.strides = strides
        self.out = nn.Linear(channels * (((bands + 1) // 2 + 1) // 2), width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Spectrograms [B, S, M], zero where padded, and lengths [B] -> [B, T, D] and its lengths."""
        y = x[:, None]
        for layer, (step, _) in zip((self.first, self.second), self.strides, strict=True):
            y = F.silu(layer(y))
            lengths = (lengths + step - 1) // step
            y = y * inside(lengths, y.shape[2])[:, None, :, None].to(y.dtype)
        return self.dropout(self.norm(self.out(y.transpose(1, 2).flatten(2)))), lengths


class BiLSTM(nn.Module):
    """Layers of bidirectional LSTMs (Graves & Schmidhuber 2005); each row is read to its own end."""

    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, bidirectional=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.width = 2 * hidden

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, D] and lengths [B] -> [B, T, 2 hidden]."""
        with torch.autocast(x.device.type, enabled=False):
            return self.dropout(both_ways(self.lstm, x.float(), lengths))


class _Half(nn.Module):
    """Half a feed-forward step of a Conformer block."""

    def __init__(self, width: int, wide: int, dropout: float) -> None:
        super().__init__()
        self.all = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, wide),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(wide, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * self.all(x)


class ConformerBlock(nn.Module):
    """Feed-forward, attention with rotary positions, depthwise convolution, feed-forward (Gulati et al., arXiv 2005.08100).

    Frames are normalised each by itself, not over the batch, so that padding and batches change nothing.
    """

    def __init__(self, width: int, heads: int, wide: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = _Half(width, wide, dropout), _Half(width, wide, dropout)
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(width) for _ in range(4))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Linear(width, width)
        self.gate = nn.Linear(width, 2 * width)
        self.depth = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, real: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B, T, D], the real frames [B, T], and turns of positions [T, D / heads / 2] -> [B, T, D]."""
        b, t, d = x.shape
        x = self.before(x)
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(
            turned(q, cos, sin), turned(k, cos, sin), v, attn_mask=real[:, None, None, :]
        )
        x = x + self.dropout(self.join(seen.transpose(1, 2).reshape(b, t, d)))
        y = F.glu(self.gate(self.norm2(x)), dim=-1) * real[:, :, None].to(x.dtype)
        y = F.silu(self.norm3(self.depth(y.transpose(1, 2)).transpose(1, 2)))
        x = self.after(x + self.dropout(self.mix(y)))
        out: Tensor = self.norm4(x)
        return out


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return heads [B, H, T, E] with rotary positions (Su et al., arXiv 2104.09864)."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Conformer(nn.Module):
    """A stack of Conformer blocks."""

    def __init__(self, width: int, heads: int, layers: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ConformerBlock(width, heads, 4 * width, kernel, dropout) for _ in range(layers))
        self.width = width
        self.angle: Tensor
        self.register_buffer("angle", angles(width // heads), persistent=False)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, D] and lengths [B] -> [B, T, D]."""
        real = inside(lengths, x.shape[1])
        cos, sin = turns(self.angle, x.shape[1])
        for block in self.blocks:
            x = block(x, real, cos, sin)
        return x


class Recogniser(nn.Module):
    """Spectrograms to logits of units and of speech; `mean` and `std` [M] are those of the training frames."""

    def __init__(self, bands: int, units: int, options: Any) -> None:
        super().__init__()
        o = options
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("std", torch.ones(bands))
        self.centre = bool(o.centre)
        self.front = Subsampling(bands, o.channels, o.width, o.step, o.dropout)
        self.encoder: nn.Module
        if o.encoder == "lstm":
            self.encoder = BiLSTM(o.width, o.hidden, o.layers, o.dropout)
        else:
            self.encoder = Conformer(o.width, o.heads, o.layers, o.kernel, o.dropout)
        self.units = nn.Linear(int(self.encoder.width), units)
        self.speech = nn.Linear(int(self.encoder.width), 1)
        nn.init.normal_(self.units.weight, std=0.02)
        nn.init.zeros_(self.units.bias)

    def forward(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{"mel": [B, S, M], "lengths": [B], maybe "hidden": bool [B, S, M]} -> {"units": [B, T, V], "speech": [B, T], "lengths": [B]}.

        What `hidden` marks is shown as the mean (SpecAugment, Park et al., arXiv 1904.08779).
        """
        lengths = tensors["lengths"]
        x = (tensors["mel"] - self.mean) / self.std
        if self.centre:
            x = centred(x, inside(lengths, x.shape[1]) & (tensors["mel"].mean(dim=2) > _SILENT))
        if "hidden" in tensors:
            x = x.masked_fill(tensors["hidden"], 0.0)
        x = x * inside(lengths, x.shape[1])[:, :, None]
        x, lengths = self.front(x, lengths)
        x = self.encoder(x, lengths)
        return {"units": self.units(x).float(), "speech": self.speech(x)[:, :, 0].float(), "lengths": lengths}


def centred(x: Tensor, real: Tensor) -> Tensor:
    """Return spectrograms [B, S, M] around the mean of each one's louder real frames [B, S], by band: what a microphone adds goes away.

    Where all frames are about as loud, as in noise alone, little or nothing is taken away: else it would look like speech.
    """
    loud = x.mean(dim=2)
    there = real.to(x.dtype)
    count = there.sum(dim=1, keepdim=True).clamp_min(1)
    mean = (loud * there).sum(dim=1, keepdim=True) / count
    spread = (((loud - mean) ** 2 * there).sum(dim=1, keepdim=True) / count).sqrt()
    weight = (loud - mean).clamp_min(0.0) * there
    weight = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)
    share = ((spread - _EVEN) / _EVEN).clamp(0.0, 1.0)
    return x - share[:, :, None] * (weight[:, :, None] * x).sum(dim=1, keepdim=True)


def ctc_loss(
    outputs: Mapping[str, Tensor], truth: Mapping[str, Tensor], *, smoothing: float = 0.0, row_weight: Tensor | None = None,
    speech: float = 0.3,
) -> Tensor:  # fmt: skip
    """Return the mean over rows of CTC's loss per unit, and `speech` times that of hearing whether somebody speaks.

    `truth` holds "units" [B, L], "sizes" [B], "speech" [B, T]: 1, 0, or -1 where it is not known; maybe "flat" [B, T]: the unit that is told
    for a frame, or -1, whose loss then is "flat_share" of what is told of units. CTC by itself takes long to find that anything but blanks pays; units
    laid evenly over the speech show it at once, as the flat start of older recognisers does. `smoothing` draws every frame toward all
    units alike.
    """
    logs = outputs["units"].log_softmax(dim=2)
    lengths, sizes = outputs["lengths"], truth["sizes"]
    # a row whose units do not fit into its frames would give an infinite loss: it teaches nothing
    each = F.ctc_loss(logs.transpose(0, 1), truth["units"], lengths, sizes, reduction="none", zero_infinity=True)
    # per unit; where little or nothing is said, per so many frames, so that long silence does not outweigh all speech
    each = each / torch.maximum(sizes, lengths // 20).clamp_min(1)
    real = inside(lengths, logs.shape[1])
    if smoothing:
        even = -(logs.mean(dim=2) * real).sum(dim=1) / lengths.clamp_min(1)
        each = (1 - smoothing) * each + smoothing * even
    if row_weight is not None:
        each = each * row_weight
    loss = each.mean()
    if "flat" in truth:
        told = truth["flat"][:, : logs.shape[1]]
        known = (told >= 0) & real
        if bool(known.any()):
            share = truth["flat_share"]
            loss = (1 - share) * loss + share * F.nll_loss(logs[known], told[known])
    if speech and "speech" in truth:
        told = truth["speech"][:, : logs.shape[1]]
        known = (told >= 0) & real
        if bool(known.any()):
            found = F.binary_cross_entropy_with_logits(outputs["speech"][known], told[known].float())
            loss = loss + speech * found
    return loss
