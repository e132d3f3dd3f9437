"""What mends pictures as an ONNX graph for pictures of any size, and a model that answers with one, in tiles, without PyTorch.

Legend: H height, W width, C channels given, K channels wanted, s scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.data.tiling import tiled
from modelwright.recipes.shared.traced import onnx_of

_NEAR = 4  # pixels around one that a kernel which enlarges looks at
_FURTHEST = 4096


def graph_of(network: Any, scale: int, given: int, wanted: int, *, kernel: str = "bicubic", on_luma: bool = False, ensemble: bool = False) -> Any:  # fmt: skip
    """Return the graph: `pixels` uint8 [1, H, W, C] to `made` uint8 [1, H*s, W*s, K]; its metadata say `scale`, `reach` and `stride`.

    Raises ModelwrightError where the network cannot be traced, MissingExtra without PyTorch.
    """
    try:
        import torch
    except ImportError as e:
        raise MissingExtra("export", "Exporting to ONNX", "导出 ONNX") from e
    from modelwright.models.restore.whole import Whole

    whole = Whole(network, scale, wanted, kernel=kernel, on_luma=on_luma, ensemble=ensemble).eval()
    sides = {1: torch.export.Dim("height", min=1), 2: torch.export.Dim("width", min=1)}
    fed = (torch.zeros(1, 37, 43, given, dtype=torch.uint8),)
    model = onnx_of(whole, fed, ["pixels"], ["made"], (sides,))
    del model.metadata_props[:]
    told = {
        "scale": scale,
        "reach": max(_NEAR, getattr(network, "reach", 0)),
        "stride": getattr(network, "stride", 1),
    }
    for key, value in told.items():
        model.metadata_props.add(key=key, value=str(value))
    return model


class Session:
    """An exported graph that answers pictures tile by tile, so that memory does not grow with them.

    Raises ValueError where the graph's metadata cannot be.
    """

    def __init__(self, session: Any, scale: int, wanted: int) -> None:
        self.session, self.scale, self.wanted = session, scale, wanted
        told = session.get_modelmeta().custom_metadata_map
        self.reach, self.stride = int(told["reach"]), int(told["stride"])
        if not (0 <= self.reach <= _FURTHEST and 1 <= self.stride <= _FURTHEST):
            raise ValueError("its reach or stride cannot be")

    def made(self, pixels: np.ndarray) -> np.ndarray:
        """Return the picture [H*s, W*s, K] uint8 that is made of pixels [H, W, C] uint8."""
        s = self.scale
        height, width = pixels.shape[:2]
        out = np.empty((height * s, width * s, self.wanted), np.uint8)
        for tile in tiled(height, width, self.reach, self.stride):
            answer = self.session.run(["made"], {"pixels": np.ascontiguousarray(pixels[tile.seen])[None]})[0][0]
            rows, columns = tile.answered
            out[rows.start * s : rows.stop * s, columns.start * s : columns.stop * s] = answer[tile.cut(s)]
        return out


ABOUT = """Pictures go in and come out as bytes, of any size: `pixels` uint8 [1, height, width, channels] to `made` uint8
[1, height * scale, width * scale, channels], RGB or grey. Large ones go in tiles: `session.get_modelmeta().custom_metadata_map` says how
many pixels around a tile must be read with it and are cut off afterwards (`reach`), what tiles must begin at a multiple of (`stride`), and
how many times as large the answer is (`scale`).
"""
