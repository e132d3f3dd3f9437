"""Canvases changed with their boxes: mirrored, scaled, moved, in other light, and four of them laid together.

Legend: H height, W width, N boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from modelwright.features.shared.canvas import GREY

_LEFT = 0.35  # share of a box that must still be seen
_LEAST = 3.0  # pixels of its shorter side


@dataclass(frozen=True)
class Changes:
    """How much is changed: `scale` up and down, `light` of brightness and contrast, `mosaic` the share that four make up."""

    flip: bool = True
    upside: bool = False
    scale: float = 0.4
    light: float = 0.3
    mosaic: float = 0.5


View = tuple[np.ndarray, np.ndarray, np.ndarray]  # pixels uint8 [H, W, 3], boxes [N, 4], labels [N]


def changed(view: View, changes: Changes, rng: np.random.Generator) -> View:
    """Return one canvas scaled, moved, mirrored, in another light."""
    height, width = view[0].shape[:2]
    scale = float(np.exp(rng.uniform(-1, 1) * np.log1p(changes.scale)))
    room_x, room_y = width * (1 - scale), height * (1 - scale)
    # what is larger than the canvas is moved within itself, what is smaller within the canvas
    left, top = rng.uniform(min(0, room_x), max(0, room_x)), rng.uniform(min(0, room_y), max(0, room_y))
    out = _laid(view, scale, left, top, (0, 0, width, height), np.full_like(view[0], GREY))
    return _lit(_mirrored(out, changes, rng), changes, rng)


def mosaic(views: list[View], changes: Changes, rng: np.random.Generator) -> View:
    """Return four canvases that meet at a point, each scaled, mirrored, in another light (Bochkovskiy et al., arXiv 2004.10934)."""
    height, width = views[0][0].shape[:2]
    x, y = int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7))
    out = np.full_like(views[0][0], GREY)
    boxes, labels = [], []
    for i, view in enumerate(views):
        part = (0 if i % 2 == 0 else x, 0 if i < 2 else y, x if i % 2 == 0 else width, y if i < 2 else height)
        one = _lit(_mirrored(view, changes, rng), changes, rng)
        scale = float(rng.uniform(0.55, 1.0 + changes.scale))
        # some of it is seen through the part: which, is left to chance
        left = part[0] + rng.uniform(min(0.0, part[2] - part[0] - width * scale), 0.0)
        top = part[1] + rng.uniform(min(0.0, part[3] - part[1] - height * scale), 0.0)
        _, b, k = _laid(one, scale, left, top, part, out)
        boxes.append(b)
        labels.append(k)
    return out, np.concatenate(boxes), np.concatenate(labels)


def _laid(view: View, scale: float, left: float, top: float, part: tuple[int, int, int, int], onto: np.ndarray) -> View:
    """Lay a canvas, `scale` times as large and moved to (left, top), onto the part (left, top, right, bottom) of another one."""
    pixels, boxes, labels = view
    wide, high = part[2] - part[0], part[3] - part[1]
    data = (1 / scale, 0, (part[0] - left) / scale, 0, 1 / scale, (part[1] - top) / scale)
    shown = Image.fromarray(pixels).transform(
        (wide, high), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR, fillcolor=(GREY,) * 3
    )
    onto[part[1] : part[3], part[0] : part[2]] = np.asarray(shown)
    moved = boxes * scale + np.array([left, top, left, top])
    return onto, *seen(moved, labels, part)


def seen(
    boxes: np.ndarray, labels: np.ndarray, part: tuple[float, float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes [M, 4] cut at the edges of a part and their labels [M], without those of the N boxes of which too little is left.

    `boxes` [N, 4] and `part` are left, top, right, bottom in pixels; `labels` is [N].
    """
    if not len(boxes):
        return boxes, labels
    edge = np.array(part, float)
    cut = np.concatenate([np.maximum(boxes[:, :2], edge[:2]), np.minimum(boxes[:, 2:], edge[2:])], axis=1)
    sides = cut[:, 2:] - cut[:, :2]
    whole = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-9)
    stays = (
        (sides > 0).all(1)
        & (sides.clip(0).prod(1) >= _LEFT * whole)
        & (sides.min(1) >= np.minimum(_LEAST, (boxes[:, 2:] - boxes[:, :2]).min(1)))
    )
    return cut[stays], labels[stays]


def _mirrored(view: View, changes: Changes, rng: np.random.Generator) -> View:
    pixels, boxes, labels = view
    height, width = pixels.shape[:2]
    if changes.flip and rng.random() < 0.5:
        pixels, boxes = (
            pixels[:, ::-1],
            np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1),
        )
    if changes.upside and rng.random() < 0.5:
        pixels, boxes = (
            pixels[::-1],
            np.stack([boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]], 1),
        )
    return np.ascontiguousarray(pixels), boxes, labels


def _lit(view: View, changes: Changes, rng: np.random.Generator) -> View:
    """Return it in another light: contrast, brightness and each colour a little, by one table of 256 values a colour."""
    if not changes.light:
        return view
    contrast, bright = 1 + changes.light * rng.uniform(-1, 1), 255 * 0.5 * changes.light * rng.uniform(-1, 1)
    values = np.arange(256, dtype=np.float32)
    out = np.empty_like(view[0])
    for channel in range(3):
        tint = 1 + 0.3 * changes.light * rng.uniform(-1, 1)
        table = np.clip((values - 128) * contrast * tint + 128 + bright, 0, 255).astype(np.uint8)
        out[..., channel] = table[view[0][..., channel]]
    return out, view[1], view[2]
