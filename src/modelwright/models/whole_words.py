"""The word of a whole stretch of speech, by convolutions over time and bands that forget where exactly a formant lies.

What one word is can be told of the whole of it at once: an easier lesson than where in it each unit stands, which holds for more voices than were heard.
Legend: P stretches, S frames of 10 ms, M mel bands, C channels, V words.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WholeWords(nn.Module):
    """Convolutions of `channels`, each normalised over the batch and halved in time and bands by the larger of two; the mean and the maximum of all
    places tell the word. A maximum over bands bears shorter and longer vocal tracts (Abdel-Hamid et al. 2014, doi 10.1109/TASLP.2014.2339736)."""

    def __init__(self, words: int, channels: Sequence[int], dropout: float) -> None:
        super().__init__()
        sizes = (1, *channels)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1, bias=False) for a, b in itertools.pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in channels)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(2 * sizes[-1], words)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """`words` [P, S, M], 0 where padded, and their `sizes` [P] in frames, to logits [P, V]."""
        sizes = inputs["sizes"]
        y = inputs["words"][:, None].contiguous(memory_format=torch.channels_last)  # twice as fast on a CPU
        for layer, norm in zip(self.layers, self.norms, strict=True):
            y = F.relu(norm(layer(y)))
            # zeros are never the larger, so that padding changes nothing
            y = F.max_pool2d(y * _real(sizes, y), 2, ceil_mode=True)
            sizes = (sizes + 1) // 2
        real = _real(sizes, y)
        mean = (y * real).sum(dim=(2, 3)) / (sizes * y.shape[3]).clamp_min(1)[:, None]
        found: Tensor = self.out(self.dropout(torch.cat([mean, (y * real).amax(dim=(2, 3))], dim=1).float()))
        return found


def _real(sizes: Tensor, y: Tensor) -> Tensor:
    """Return 1 for real frames of maps y [P, C, S, M] and 0 for padding [P, 1, S, 1]."""
    return (torch.arange(y.shape[2], device=y.device)[None] < sizes[:, None])[:, None, :, None].to(y.dtype)
