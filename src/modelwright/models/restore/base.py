"""What the networks that mend pictures share: a start from the picture itself, pixels spread over a larger one, and how far they see.

All take pictures [B, C, H, W] in 0..1 and give [B, K, H*s, W*s]: a correction of the input, which is repeated or enlarged by the
cubic of `data/resize.py`. So a network begins where the baseline ends. Legend: B batch, C channels given, K channels wanted, s scale.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from modelwright.data.resize import taps

_LOUDER = 4.0  # times the usual size of a first convolution's filters


class Mender(nn.Module):
    """A network over pictures. `reach` says how many given pixels around one its answer depends on, `stride` what the sides of a
    picture must be a multiple of; with both, tiles give what the whole picture gives."""

    reach: int
    stride: int = 1

    def __init__(self, given: int, wanted: int, scale: int) -> None:
        super().__init__()
        self.given, self.wanted, self.scale = given, wanted, scale
        self._matrices: dict[int, Tensor] = {}

    def correction(self, x: Tensor) -> Tensor:
        """Return what is added to the enlarged input, [B, K, H*s, W*s]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.start(x) + self.correction(x)

    def start(self, x: Tensor) -> Tensor:
        """Return the input [B, C, H, W] with the channels and the size that are wanted, [B, K, H*s, W*s]."""
        if self.scale > 1:
            rows, columns = self._enlarging(x.shape[2], x), self._enlarging(x.shape[3], x)
            with torch.autocast(x.device.type, enabled=False):  # 8 bits of a mantissa would show in the picture
                x = rows @ x.float() @ columns.T
        return self.in_wanted(x)

    def in_wanted(self, x: Tensor) -> Tensor:
        """Return pictures [B, C, H, W] with the channels that are wanted."""
        if x.shape[1] == self.wanted:
            return x
        return x.mean(1, keepdim=True).expand(-1, self.wanted, -1, -1)

    def _enlarging(self, size: int, like: Tensor) -> Tensor:
        """Return the matrix [size*s, size] that enlarges one axis."""
        if size not in self._matrices:
            index, weight = taps(size, size * self.scale, float(self.scale), "bicubic")
            made = torch.zeros(size * self.scale, size)
            made.scatter_add_(1, torch.from_numpy(index), torch.from_numpy(weight).float())
            if len(self._matrices) > 64:
                self._matrices.clear()
            self._matrices[size] = made
        return self._matrices[size].to(like.device)


class Spread(nn.Sequential):
    """A convolution to s*s times the channels that are wanted, whose values are spread over a picture s times as large
    (ESPCN, arXiv 1609.05158). It begins at zero, so that the network begins as its start."""

    def __init__(self, width: int, wanted: int, scale: int) -> None:
        last = nn.Conv2d(width, wanted * scale * scale, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        last.weight.plain = True  # type: ignore[attr-defined]  # how large corrections are is learnt: Muon keeps filters at unit length
        super().__init__(last, *([nn.PixelShuffle(scale)] if scale > 1 else []))


def as_loud(first: nn.Conv2d) -> nn.Conv2d:
    """Return a first convolution that begins with larger filters: pixels about their mean are so small that smooth activations are
    nearly lines to them, and a network of lines can only blur."""
    with torch.no_grad():
        first.weight.mul_(_LOUDER)
    first.weight.plain = True  # type: ignore[attr-defined]  # Muon would bring it to unit length
    return first


def conv(given: int, wanted: int, size: int = 3) -> nn.Conv2d:
    """Return a convolution that keeps the size of a picture."""
    return nn.Conv2d(given, wanted, size, padding=size // 2)


def in_all_turns(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the mean answer [B, C, s H, s W] to pictures [B, C, H, W] over the eight ways in which they can be turned and mirrored.

    Geometric self-ensemble, Timofte et al. 2016 (arXiv 1511.02228); s is the scale of the network.
    """
    total: Tensor | None = None
    for turns in range(4):
        for flip in (False, True):
            turned = torch.rot90(x, turns, (2, 3))
            made = network(turned.flip(3) if flip else turned)
            back = torch.rot90(made.flip(3) if flip else made, -turns, (2, 3))
            total = back if total is None else total + back
    assert total is not None
    return total / 8
