"""Augmentation of pictures as operations on whole batches of tensors, for training only.

Legend: B batch, C channels, H height, W width. Pictures are float tensors [B, C, H, W], standardised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from modelwright.models.encoders.base import Mix

DEFAULTS: Mapping[str, float | bool] = {"flip": True, "shift": 0.1, "erase": 0.0, "colour": 0.0, "policy": 0.0}


def augment(x: Tensor, options: Mapping[str, Any], turn: Tensor | None = None) -> Tensor:
    """Return the batch flipped, shifted, recoloured, turned and erased, as far as the options ask for it.

    `flip`: left-right for the pictures that `turn` [B] marks, without it for half of them. `shift`: moved by up to that share of the side, what comes in mirrored.
    `colour`: brightness, contrast and, in colour, saturation changed by up to that share. `policy`: turned, sheared and
    scaled by up to that strength in 0..1, in the manner of RandAugment (arXiv 1909.13719). `erase`: that share of the
    pictures loses a rectangle (arXiv 1708.04896).
    """
    if options["flip"]:
        turned = torch.rand(len(x), device=x.device) < 0.5 if turn is None else turn
        x = torch.where(turned[:, None, None, None], x.flip(3), x)
    if options["shift"]:
        x = shifted(x, float(options["shift"]))
    if options["policy"]:
        x = warped(x, float(options["policy"]))
    if options["colour"]:
        x = recoloured(x, float(options["colour"]))
    if options["erase"]:
        x = erased(x, float(options["erase"]))
    return x


def shifted(x: Tensor, share: float) -> Tensor:
    """Return each picture [B, C, H, W] moved by a whole number of pixels, up to `share` of its longer side each way; what comes in is mirrored."""
    b, _, h, w = x.shape
    most = max(1, round(share * max(h, w)))
    most = min(most, h - 1, w - 1)
    padded = F.pad(x, (most, most, most, most), mode="reflect")
    dy = torch.randint(0, 2 * most + 1, (b,), device=x.device)
    dx = torch.randint(0, 2 * most + 1, (b,), device=x.device)
    if x.device.type == "cpu":  # copies of stretches are several times as fast as gathering pixels
        out = torch.empty_like(x)
        for i, (top, left) in enumerate(zip(dy.tolist(), dx.tolist())):
            out[i] = padded[i, :, top : top + h, left : left + w]
        return out
    rows = dy[:, None] + torch.arange(h, device=x.device)
    columns = dx[:, None] + torch.arange(w, device=x.device)
    index = torch.arange(b, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def warped(x: Tensor, strength: float) -> Tensor:
    """Return each picture [B, C, H, W] turned by up to 30 degrees, sheared and scaled by up to 0.3, all times `strength`."""
    b = len(x)

    def draw(most: float) -> Tensor:
        return (torch.rand(b, device=x.device) * 2 - 1) * most * strength

    angle, scale, shear = draw(0.52), 1 + draw(0.3), draw(0.3)
    cos, sin = angle.cos(), angle.sin()
    row1 = torch.stack([cos / scale, (shear * cos - sin) / scale, draw(0.15)], 1)
    row2 = torch.stack([sin / scale, (shear * sin + cos) / scale, draw(0.15)], 1)
    grid = F.affine_grid(torch.stack([row1, row2], 1).to(x.dtype), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def recoloured(x: Tensor, share: float) -> Tensor:
    """Return pictures [B, C, H, W] with brightness, contrast and saturation changed by up to `share`, each picture by its own draw."""
    b = len(x)

    def draw() -> Tensor:
        return (torch.rand(b, 1, 1, 1, device=x.device) * 2 - 1) * share

    x = x + 2 * draw()
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * (1 + 2 * draw())
    if x.shape[1] == 3:
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * (1 + 2 * draw())
    return x


def erased(x: Tensor, share: float) -> Tensor:
    """Return pictures [B, C, H, W] of which `share` have lost a rectangle of a tenth to two fifths of the side, set to the mean (0)."""
    b, _, h, w = x.shape
    box = _box(b, h, w, torch.empty(b, 2, device=x.device).uniform_(0.1, 0.4), x.device)
    hit = (torch.rand(b, device=x.device) < share)[:, None, None] & box
    return x.masked_fill(hit[:, None], 0.0)


def _box(b: int, h: int, w: int, size: Tensor, device: torch.device) -> Tensor:
    """Return a mask [B, H, W] of one rectangle each; `size` [B, 2] are its sides as shares."""
    tall, wide = (size[:, 0] * h).round().clamp_min(1), (size[:, 1] * w).round().clamp_min(1)
    top = (torch.rand(b, device=device) * (h - tall + 1)).floor()
    left = (torch.rand(b, device=device) * (w - wide + 1)).floor()
    y, x = torch.arange(h, device=device)[None], torch.arange(w, device=device)[None]
    rows = (y >= top[:, None]) & (y < (top + tall)[:, None])
    columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
    return rows[:, :, None] & columns[:, None, :]


def mixed(x: Tensor, mix: Mix) -> Tensor:
    """Return rows blended with their partners: values [B, ...] by weight (Mixup, arXiv 1710.09412), or pictures [B, C, H, W] with a strip of
    1 - share of the area pasted (CutMix, arXiv 1905.04899).

    A strip over the full height or width keeps the share exact whatever the size.
    """
    partners, share, by_area = mix
    if not by_area:
        return share * x + (1 - share) * x[partners]
    x = x.clone()
    across = bool(torch.rand(()) < 0.5)
    size = x.shape[2 if across else 3]
    wide = round((1 - share) * size)
    start = int(torch.randint(0, size - wide + 1, ()))
    if across:
        x[:, :, start : start + wide] = x[partners][:, :, start : start + wide]
    else:
        x[:, :, :, start : start + wide] = x[partners][:, :, :, start : start + wide]
    return x


def in_training(x: Tensor, options: Mapping[str, Any], turn: Tensor | None, mix: Mix | None) -> Tensor:
    """Return pictures [B, C, H, W] as a network meets them in training: augmented, and blended where there is a mix.

    Clips [B, F, C, H, W] are taken for pictures whose frames are channels: so one draw holds for all of a clip.
    """
    folded = augment(x.flatten(1, 2) if x.dim() == 5 else x, options, turn)
    return (folded if mix is None else mixed(folded, mix)).reshape(x.shape)
