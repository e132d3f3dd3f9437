"""A detector that looks at each canvas twice, as it is and mirrored, and answers what both say on average.

Legend: B batch, H height, W width, A places of all levels, K labels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from modelwright.models.detection.network import Detector, Raw


class Mirrored(nn.Module):
    """Pictures uint8 [B, H, W, 3] to `Raw`; W is a whole multiple of every stride, so that each place has one that mirrors it."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, inputs: dict[str, Tensor]) -> Raw:
        pixels = inputs["pixels"]
        high, wide = pixels.shape[1:3]
        both = self.detector({**inputs, "pixels": torch.cat([pixels, pixels.flip(2)])})
        (logits, other), (boxes, turned) = (found.chunk(2) for found in (both.logits, both.boxes))
        across = _mirrored_places(self.detector.levels, high, wide)
        left, top, right, bottom = turned[:, across].unbind(-1)
        back = torch.stack([wide - right, top, wide - left, bottom], -1)
        return Raw((logits + other[:, across]) / 2, (boxes + back) / 2, both.points, both.strides)


def _mirrored_places(levels: tuple[int, ...], high: int, wide: int) -> Tensor:
    """Return for each place of canvases of `high` x `wide` pixels the number of the one that mirrors it: [A]."""
    out, start = [], 0
    for stride in levels:
        rows, columns = high // stride, wide // stride
        own = torch.arange(start, start + rows * columns).reshape(rows, columns)
        out.append(own.flip(1).reshape(-1))
        start += rows * columns
    return torch.cat(out)
