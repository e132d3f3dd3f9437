"""Pictures drawn from a Gaussian over principal components, one for each label: new ones, but blurred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.recipe import FitContext
from modelwright.core.words import Words
from modelwright.data.resize import to_bytes
from modelwright.recipes.generate._conditions import Pictures
from modelwright.recipes.generate._generate import GenerateModel, GenerateRecipe

if TYPE_CHECKING:
    from torch import Tensor

_PARTS, _MOST = 48, 8000  # components; pictures that they are found on


class GaussianModel(GenerateModel):
    """`axes` [K, C*S*S] by label and `means` [K+1, ...] of them."""

    recipe = "image-gaussian"
    arrays: dict[str, np.ndarray]

    def drawn(self, asked: np.ndarray, seeds: Sequence[int], steps: int | None, guidance: float | None) -> np.ndarray:
        places = asked if asked.ndim == 1 else np.zeros(len(asked), np.int64)
        out = []
        for place, seed in zip(places, seeds, strict=True):
            drawn = np.random.default_rng(seed).standard_normal(_PARTS).astype(np.float32)
            parts = self.arrays["mean"][place] + self.arrays["root"][place] @ drawn
            out.append(self.arrays["centre"] + parts @ self.arrays["axes"])
        return to_bytes(np.stack(out)).reshape(-1, *self.shape)

    def own_weights(self) -> dict[str, Tensor]:
        import torch

        return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in self.arrays.items()}

    def take(self, weights: dict[str, Tensor]) -> None:
        self.arrays = {k: v.numpy() for k, v in weights.items()}


class ImageGaussian(GenerateRecipe):
    """Sirovich and Kirby 1987."""

    name = "image-gaussian"
    title = Words("Gaussian over principal components", "主成分上的高斯分布")
    rank = 1
    paper = "Sirovich and Kirby 1987"
    baseline = True
    seeded = False
    model = GaussianModel

    def learn(self, model: GenerateModel, pictures: Pictures, ctx: FitContext) -> None:
        from scipy.sparse.linalg import svds

        assert isinstance(model, GaussianModel)
        flat = pictures.pixels[:_MOST].reshape(min(_MOST, len(pictures.pixels)), -1).astype(np.float32)
        centre = flat.mean(0)
        most = min(_PARTS, min(flat.shape) - 1)
        _, _, axes = svds(
            flat - centre, k=most, v0=np.random.default_rng(0).standard_normal(min(flat.shape)).astype(np.float32)
        )
        axes = np.concatenate([axes, np.zeros((_PARTS - most, flat.shape[1]), np.float32)])
        parts = (flat - centre) @ axes.T
        asked = pictures.asked[:_MOST] if pictures.asked.ndim == 1 else np.zeros(len(flat), np.int64)
        means, roots = [], []
        for k in range(len(pictures.told.labels) + 1):
            own = parts if k == 0 or (asked == k).sum() < 2 else parts[asked == k]
            values, vectors = np.linalg.eigh(np.cov(own.T) + 1e-3 * np.eye(_PARTS))
            means.append(own.mean(0))
            roots.append(vectors * np.sqrt(np.maximum(values, 0)))
        arrays = {"centre": centre, "axes": axes, "mean": np.stack(means), "root": np.stack(roots)}
        model.arrays = {k: v.astype(np.float32) for k, v in arrays.items()}


RECIPE = ImageGaussian
