"""Features that stand for how pictures are painted: small filters learnt from the pictures' own patches, at several sizes of a picture.

Patches are whitened and clustered, and the middles of the clusters are the filters (Coates and Ng 2011); one layer of such filters at
several sizes tells textures nearly as well as a deep network does (Ustyuzhaninov et al. 2016, arXiv 1606.00021). It knows colours, strokes and
edges, and nothing of objects.

Legend: B batch, C channels of a stage, H height, W width, K filters, P pixels of a patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, pad

STAGES = 4  # sizes of a picture, each half of the one before
CONTENT = 1  # the stage by which content is compared
STRIDE = 2 ** (STAGES - 1)
FILTERS, _SIDE = 48, 5
CHANNELS = 2 * FILTERS + 3
_PATCHES, _ROUNDS = 40_000, 12
_WHITER, _FROM = 0.02, 0.5  # what is added to variances; the response from which a filter answers


class Filters(nn.Module):
    """Filters [K, 3, 5, 5] under a rectifier, each with its opposite, and the colours themselves."""

    content, colours, stride = (
        CONTENT,
        3,
        STRIDE,
    )  # the stage of the content, its channels that are colours, what sides are filled up to
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(FILTERS, 3, _SIDE, _SIDE))

    def stages(self, x: Tensor) -> list[Tensor]:
        """Return the features [B, C, H/2^i, W/2^i] of pictures [B, 3, H, W] in 0..1, those of stage i; smaller ones are filled up."""
        out, seen, edge = [], filled(x, STRIDE), _SIDE // 2
        for i in range(STAGES):
            seen = seen if i == 0 else avg_pool2d(seen, 2)
            wide = pad(seen, (edge,) * 4, mode="replicate")
            answer = conv2d(wide, self.weight)
            out.append(torch.cat([(answer - _FROM).relu(), (-answer - _FROM).relu(), 2 * seen], 1))
        return out


def filled(x: Tensor, least: int) -> Tensor:
    """Return pictures [B, 3, H, W] whose sides are `least` pixels at least, the last row and column of smaller ones repeated."""
    height, width = (max(0, least - s) for s in x.shape[2:])
    return pad(x, (0, width, 0, height), mode="replicate") if height or width else x


def learn(pictures: Sequence[np.ndarray], seed: int) -> Filters:
    """Return filters learnt from patches of pictures [H, W, 3] uint8, of each at its own and at smaller sizes."""
    rng = np.random.default_rng(seed)
    patches = _patches(pictures, rng)
    patches -= patches.mean(1, keepdims=True)
    cov = patches.T @ patches / len(patches)
    values, vectors = np.linalg.eigh(cov)
    floor = _WHITER * float(values.max())
    whiten = vectors @ np.diag(1 / np.sqrt(values + floor)) @ vectors.T
    white = patches @ whiten
    white /= np.linalg.norm(white, axis=1, keepdims=True) + 1e-6
    middles = white[rng.choice(len(white), FILTERS, replace=len(white) < FILTERS)]
    for _ in range(_ROUNDS):
        likeness = white @ middles.T
        nearest = np.abs(likeness).argmax(1)  # a filter and its opposite are one
        sign = np.sign(likeness[np.arange(len(white)), nearest])
        sums = np.zeros_like(middles)
        np.add.at(sums, nearest, white * sign[:, None])
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        middles = np.where(length > 1e-6, sums / np.maximum(length, 1e-6), white[rng.integers(0, len(white), FILTERS)])
    weight = middles @ whiten  # the whitening is symmetric, and folded into the filters
    weight /= (patches @ weight.T).std(0)[:, None] + 1e-6
    made = Filters()
    made.weight.copy_(
        torch.from_numpy(weight.reshape(FILTERS, _SIDE, _SIDE, 3).transpose(0, 3, 1, 2).astype(np.float32))
    )
    return made.eval()


def _patches(pictures: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return patches [N, P] in 0..1, as many of each picture, a half of them from its half size."""
    each, out = max(8, _PATCHES // (2 * len(pictures))), []
    for pixels in pictures:
        unit = pixels.astype(np.float32) / 255.0
        height, width = (s // 2 * 2 for s in unit.shape[:2])
        half = unit[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
        for view in (unit, half):
            if min(view.shape[:2]) < _SIDE:
                continue
            y, x = (rng.integers(0, s - _SIDE + 1, each) for s in view.shape[:2])
            steps = np.arange(_SIDE)
            out.append(view[y[:, None, None] + steps[:, None], x[:, None, None] + steps[None]].reshape(each, -1))
    return np.concatenate(out).astype(np.float32)


class _Products(torch.autograd.Function):
    """Products of all pairs of channels [B, C, C] of [B, C, P], a mean over pixels. They are symmetric: the two halves of the gradient
    are one product, which takes a sixth of a look at a large picture away."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return flat @ flat.transpose(1, 2) / flat.shape[2]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (flat,), (grad,) = ctx.saved_tensors, grads
        return ((grad + grad.transpose(1, 2)) / flat.shape[2]) @ flat


def gram(stage: Tensor) -> Tensor:
    """Return how the channels of a stage go together [B, C, C], whatever the size of the picture (Gatys et al. 2015, arXiv 1508.06576)."""
    made: Tensor = _Products.apply(stage.flatten(2))
    return made


def moments(stage: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation [B, C, 1, 1] of each channel."""
    spread, mean = torch.var_mean(stage, (2, 3), keepdim=True, correction=0)
    return mean, (spread + 1e-5).sqrt()


def style_loss(grams: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Return how far styles are from those that are wanted, one number: per stage products [B, C, C], relative to the size of the wanted one."""
    each = [((a - b) ** 2).sum((1, 2)) / ((b**2).sum((1, 2)) + 1e-8) for a, b in zip(grams, wanted, strict=True)]
    return torch.stack(each).mean()


def content_loss(stage: Tensor, wanted: Tensor, colours: int = 3) -> Tensor:
    """Return how far a stage [B, C, H, W] is from what is wanted, one number, relative to how much the wanted one varies.

    The last `colours` of its channels are no content.
    """
    a, b = (s[:, : s.shape[1] - colours] for s in (stage, wanted))
    return ((a - b) ** 2).mean() / (b.var() + 1e-8)
