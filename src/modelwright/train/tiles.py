"""Large pictures through a network in tiles that overlap by what it sees: the same answer, in memory that does not grow.

Legend: C channels given, K channels wanted, H height, W width, s scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from modelwright.models.restore.base import Mender

TILE = 256  # given pixels at a side that a tile answers for

Tile = tuple[slice, slice, Tensor]  # rows and columns of the given picture, and the answer [K, h*s, w*s] to them


def tiles(network: Mender, height: int, width: int, part: Callable[[slice, slice], Tensor], *, ensemble: bool = False,
          tile: int = TILE, device: str = "cpu") -> Iterator[Tile]:  # fmt: skip
    """Yield the answer to a picture tile by tile. `part` gives the pixels [C, h, w] in 0..1 of rows and columns of it.

    A tile is read with `reach` pixels around it. With `ensemble` the answer is the mean over the eight ways in which a tile can be
    turned and mirrored (geometric self-ensemble: Timofte et al. 2016). Sides that are no multiple of the network's stride are filled
    with the pixels at their end.
    """
    stride, s = network.stride, network.scale
    whole_h, whole_w = (-(-side // stride) * stride for side in (height, width))
    step = max(stride, tile // stride * stride)
    halo = -(-network.reach // stride) * stride
    with torch.inference_mode():
        for top in range(0, whole_h, step):
            for left in range(0, whole_w, step):
                down, right = min(top + step, whole_h), min(left + step, whole_w)
                a, b = max(0, top - halo), min(whole_h, down + halo)
                c, d = max(0, left - halo), min(whole_w, right + halo)
                rows, columns = slice(a, min(b, height)), slice(c, min(d, width))
                seen = part(rows, columns)[None]
                missing = (0, d - columns.stop, 0, b - rows.stop)
                if any(missing):
                    seen = pad(seen, missing, mode="replicate")
                made = _answer(network, seen.to(device), ensemble)[0].float().cpu()
                y, x = (top - a) * s, (left - c) * s
                down, right = min(down, height), min(right, width)
                yield (
                    slice(top, down),
                    slice(left, right),
                    made[:, y : y + (down - top) * s, x : x + (right - left) * s],
                )


def _answer(network: Mender, x: Tensor, ensemble: bool) -> Tensor:
    if not ensemble:
        found: Tensor = network(x)
        return found
    total: Tensor | None = None
    for turns in range(4):
        for flip in (False, True):
            turned = torch.rot90(x, turns, (2, 3))
            made = network(turned.flip(3) if flip else turned)
            back = torch.rot90(made.flip(3) if flip else made, -turns, (2, 3))
            total = back if total is None else total + back
    assert total is not None
    return total / 8
