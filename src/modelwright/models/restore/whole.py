"""All that happens to a picture, from bytes to bytes, as one module that can be traced for pictures of any size.

Legend: C channels given, K channels wanted, H height, W width, s scale, R reach of a kernel, T places of a kernel.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pixel_shuffle

from modelwright.data import colour
from modelwright.data.resize import taps
from modelwright.models.restore.base import Mender, in_all_turns


class Enlarge(nn.Module):
    """Enlarges [B, C, H, W] by the kernel of `data/resize.py`: a filter for each of the s * s places of a pixel, whose answers are spread."""

    filters: Tensor

    def __init__(self, scale: int, kernel: str = "bicubic") -> None:
        super().__init__()
        self.scale = scale
        middle = 8  # a pixel far from the borders, where nothing is mirrored
        index, weight = taps(2 * middle, 2 * middle * scale, float(scale), kernel)
        near = index[middle * scale : (middle + 1) * scale] - middle
        self.reach = int(np.abs(near).max())
        line = np.zeros((scale, 2 * self.reach + 1))
        for row, (places, weights) in enumerate(zip(near, weight[middle * scale : (middle + 1) * scale], strict=True)):
            np.add.at(line[row], places + self.reach, weights)
        both = np.einsum("pi,qj->pqij", line, line).reshape(scale**2, 1, line.shape[1], line.shape[1])
        self.register_buffer("filters", torch.from_numpy(both).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.index_select(2, self._mirrored(x.shape[2])).index_select(3, self._mirrored(x.shape[3]))
        planes = [pixel_shuffle(conv2d(x[:, i : i + 1], self.filters), self.scale) for i in range(x.shape[1])]
        return torch.cat(planes, 1)

    def _mirrored(self, size: int) -> Tensor:
        """Return which values stand on an axis with R more at both ends: its own, mirrored with the border's value twice."""
        index = torch.arange(-self.reach, size + self.reach)
        for _ in range(self.reach):  # as often as it takes where a picture is smaller than the kernel
            index = torch.where(index < 0, -1 - index, index)
            index = torch.where(index < size, index, 2 * size - 1 - index)
        return index


class Whole(nn.Module):
    """Pixels uint8 [1, H, W, C] to pixels uint8 [1, H*s, W*s, K], as a model that mends pictures answers them.

    `network` is what adds a correction; without one the picture is enlarged by `kernel` alone. With `on_luma` it sees the luma of colours,
    and chroma is enlarged by the cubic.
    """

    def __init__(self, network: Mender | None, scale: int, wanted: int, *, kernel: str = "bicubic", on_luma: bool = False,
                 ensemble: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.network, self.wanted, self.on_luma, self.ensemble = network, wanted, on_luma, ensemble
        self.enlarge: nn.Module = Enlarge(scale, kernel) if scale > 1 else nn.Identity()
        self.register_buffer("planes", torch.from_numpy(colour.TO_YCBCR).float(), persistent=False)
        self.register_buffer("rgb", torch.from_numpy(colour.TO_RGB).float(), persistent=False)
        self.register_buffer("grey", torch.from_numpy(colour.GREY), persistent=False)
        self.register_buffer("zero", torch.from_numpy(colour.ZERO).float(), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.permute(0, 3, 1, 2).float()
        made = self._planes(x) if self.network is not None else self._in_channels(_bytes(self.enlarge(x)))
        return _bytes(made).permute(0, 2, 3, 1).to(torch.uint8)

    def _planes(self, x: Tensor) -> Tensor:
        if not self.on_luma:
            return self._answer(x / 255.0) * 255.0
        to, back, zero = self.get_buffer("planes"), self.get_buffer("rgb"), self.get_buffer("zero")[:, None, None]
        planes = torch.einsum("bchw,kc->bkhw", x, to) + zero
        made = self._answer(planes[:, :1] / 255.0) * 255.0
        both = torch.cat([made, self.enlarge(planes[:, 1:])], 1)
        return torch.einsum("bchw,kc->bkhw", both - zero, back)

    def _answer(self, x: Tensor) -> Tensor:
        assert self.network is not None
        height, width, stride = x.shape[2], x.shape[3], self.network.stride
        if stride > 1:  # sides are filled with the pixels at their end
            for axis, size in ((2, height), (3, width)):
                filled = (size + stride - 1) // stride * stride
                x = x.index_select(axis, torch.arange(filled).clamp(max=size - 1))
        made = in_all_turns(self._once, x) if self.ensemble else self._once(x)
        return made[:, :, : height * self.network.scale, : width * self.network.scale]

    def _once(self, x: Tensor) -> Tensor:
        assert self.network is not None
        return self.network.in_wanted(self.enlarge(x)) + self.network.correction(x)

    def _in_channels(self, x: Tensor) -> Tensor:
        if x.shape[1] == self.wanted:
            return x
        if self.wanted == 3:
            return x.expand(-1, 3, -1, -1)
        grey = self.get_buffer("grey")
        return (x * grey[:, None, None]).sum(1, keepdim=True)


def _bytes(x: Tensor) -> Tensor:
    return x.round().clamp(0, 255)
