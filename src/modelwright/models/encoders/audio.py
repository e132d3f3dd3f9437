"""Encoders of sound: a residual convolutional network and a Transformer over log-mel spectrograms; from scratch.

Legend: B batch, S frames, M bands, D output width.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.encoders.base import Encoded, Encoder
from modelwright.models.pretrained_av import HubSound
from modelwright.models.spectral import DEFAULTS, RotaryBlocks, SpectralCNN, disturbed, pooled


class AudioEncoder(Encoder):
    """Spectrograms to a vector: standardised by band, and where `level` is asked for each recording by its own mean.

    Inputs mel [B, S, M], zero where padded, and missing [B]; a missing recording gives zeros.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.changes = {k: getattr(options, k, v) for k, v in DEFAULTS.items()}
        self.level = bool(getattr(options, "level", True))
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.from_numpy(codec.mean).float().clone())
        self.register_buffer("deviation", torch.from_numpy(codec.std).float().clone())

    @abstractmethod
    def features(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, S', D'] and their mask, of x [B, S, M] that is zero where padded."""

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        mel = inputs["mel"].float()
        # every value of a real frame is at least 1; the first frame always counts, so that no row is empty
        first = torch.arange(mel.shape[1], device=mel.device)[None] == 0
        mask = (mel[:, :, 0] > 0) | first
        x = (mel - self.mean) / self.deviation * mask[:, :, None]
        if self.level:
            count = mask.sum(1)[:, None, None] * x.shape[2]
            x = (x - x.sum((1, 2), keepdim=True) / count) * mask[:, :, None]
        if self.training:
            x, mask = disturbed(x, mask, self.changes)
        out, below = self.features(x, mask)
        there = 1 - inputs["missing"][:, None]
        return Encoded(pooled(out, below) * there, out, below)


class AudioCNN(AudioEncoder):
    """A 2-D residual network over time and bands, pooled over time by mean and maximum (in the manner of arXiv 1912.10211)."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        base, depth = int(getattr(options, "base", 16)), int(getattr(options, "blocks", 1))
        self.network = SpectralCNN(codec.bands, [base, 2 * base, 4 * base, 8 * base], depth)
        self.width = 2 * self.network.width

    def features(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        out: tuple[Tensor, Tensor] = self.network(x, mask)
        return out


class AudioTransformer(AudioEncoder):
    """Two convolutions that quarter the frames, then Transformer blocks with rotary positions.

    In the manner of the encoders of speech models (arXiv 2212.04356), made small.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        width = int(options.embedding)
        self.conv1 = nn.Conv1d(codec.bands, width, 3, 2, 1)
        self.conv2 = nn.Conv1d(width, width, 3, 2, 1)
        self.blocks = RotaryBlocks(width, int(options.heads), int(options.layers), float(options.dropout) / 2)
        self.width = 2 * width

    def features(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        for conv in (self.conv1, self.conv2):
            mask = mask[:, ::2]
            x = F.gelu(conv(x.transpose(1, 2)).transpose(1, 2).float()) * mask[:, :, None]
        return self.blocks(x, mask).float(), mask


ENCODERS = {"cnn": AudioCNN, "transformer": AudioTransformer, "hub": HubSound}
