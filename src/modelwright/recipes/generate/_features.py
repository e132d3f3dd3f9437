"""The features by which made pictures are judged, trained on the run's own. Legend: N rows, C channels, S side, D features."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.recipe import FitContext, Options
from modelwright.data.colour import in_channels
from modelwright.recipes.generate._conditions import Pictures

if TYPE_CHECKING:
    from torch import Tensor

_FEATURE_STEPS, _EXEMPLARS = 500, 400


def judging_features(pictures: Pictures, ctx: FitContext) -> Any:
    """Return the network by which pictures are judged: it learns the labels, or else to tell pictures apart."""
    import torch

    from modelwright.models.generate.features import Features
    from modelwright.train.batches import RowFeed
    from modelwright.train.exemplars import ExemplarFeed
    from modelwright.train.loop import train as run_loop

    key = ("generated-features", pictures.pixels.shape)
    if key in ctx.cache:
        return ctx.cache[key]
    torch.manual_seed(0)
    own = replace(ctx, folder=None, extent=None, deadline=ctx.deadline.sub(0.3 * min(ctx.deadline.remaining(), 200.0)))
    labels = len(pictures.told.labels)
    if labels > 1:
        network = Features(labels)
        rows = np.flatnonzero(pictures.asked > 0)
        feed: Any = RowFeed({"pictures": pictures.pixels[rows]}, torch.from_numpy(pictures.asked[rows] - 1), 64)
        whole: Any = _Told(network)
        epochs = max(1, -(-_FEATURE_STEPS * 64 // max(1, len(rows))))
    else:
        some = [p.transpose(1, 2, 0) for p in pictures.pixels[:_EXEMPLARS]]
        side = max(8, pictures.pixels.shape[2] * 3 // 4 // 8 * 8)
        network = whole = Features(len(some))
        feed, epochs = ExemplarFeed([in_channels(p, 3) for p in some], side, 32, 100), 3
    run_loop(whole, feed, torch.nn.functional.cross_entropy, None, FeatureOptions(), own, epochs=epochs)
    ctx.cache[key] = network.eval().requires_grad_(False)
    return ctx.cache[key]


class FeatureOptions(Options):
    """How the features are trained."""

    lr: float = 2e-3
    weight_decay: float = 0.01
    optimizer: str = "adamw"
    clip: float = 1.0
    ema: float = 0.0
    precision: str = "float32"
    patience: int = 100


def _Told(network: Any) -> Any:  # noqa: N802 - made late, since torch is
    import torch

    class Told(torch.nn.Module):
        """The features over a batch of rows."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, batch: Any) -> Any:
            return self.network(_unit(batch["pictures"]))

    return Told()


def _unit(pixels: Tensor) -> Tensor:
    """Return pixels [N, 1 or 3, S, S] uint8 as [N, 3, S, S] in 0..1."""
    return pixels.float().expand(-1, 3, -1, -1) / 255.0


def seen_as(features: Any, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features [N, D] and the label that is seen [N] of pictures uint8 [N, C, S, S]."""
    import torch

    out, labels = [], []
    with torch.inference_mode():
        for at in range(0, len(pixels), 256):
            x = _unit(torch.from_numpy(np.ascontiguousarray(pixels[at : at + 256])))
            pooled = torch.cat([s.mean((2, 3)) for s in features.stages(x)], 1)
            out.append(pooled[:, -160:].numpy())
            labels.append(features.head(pooled).argmax(1).numpy())
    return np.concatenate(out), np.concatenate(labels)
