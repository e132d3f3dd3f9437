"""Large pictures through a network in tiles that overlap by what it sees: the same answer, in memory that does not grow.

Legend: C channels given, K channels wanted, H height, W width, s scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from modelwright.data.tiling import TILE, tiled
from modelwright.models.restore.base import Mender, in_all_turns

Tile = tuple[slice, slice, Tensor]  # rows and columns of the given picture, and the answer [K, h*s, w*s] to them


def tiles(network: Mender, height: int, width: int, part: Callable[[slice, slice], Tensor], *, ensemble: bool = False,
          tile: int = TILE, device: str = "cpu") -> Iterator[Tile]:  # fmt: skip
    """Yield the answer to a picture tile by tile. `part` gives the pixels [C, h, w] in 0..1 of rows and columns of it.

    A tile is read with `reach` pixels around it. With `ensemble` the answer is the mean over the eight ways in which a tile can be
    turned and mirrored. Sides that are no multiple of the network's stride are filled with the pixels at their end.
    """
    with torch.inference_mode():
        for t in tiled(height, width, network.reach, network.stride, tile):
            seen = part(*t.seen)[None]
            below, beside = t.missing
            if below or beside:
                seen = pad(seen, (0, beside, 0, below), mode="replicate")
            seen = seen.to(device)
            made = (in_all_turns(network, seen) if ensemble else network(seen))[0].float().cpu()
            rows, columns = t.cut(network.scale)
            yield *t.answered, made[:, rows, columns]
