"""The mean picture, of the label where one is asked for: always the same."""

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


class MeanModel(GenerateModel):
    """Holds a mean for each label, and one of all."""

    recipe = "image-mean"
    means: np.ndarray

    def drawn(self, asked: np.ndarray, seeds: Sequence[int], steps: int | None, guidance: float | None) -> np.ndarray:
        places = asked if asked.ndim == 1 else np.zeros(len(asked), np.int64)
        return to_bytes(self.means[places])

    def own_weights(self) -> dict[str, Tensor]:
        import torch

        return {"means": torch.from_numpy(self.means)}

    def take(self, weights: dict[str, Tensor]) -> None:
        self.means = weights["means"].numpy()


class ImageMean(GenerateRecipe):
    """What every generator must beat."""

    name = "image-mean"
    title = Words("the mean picture", "平均图")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    model = MeanModel

    def learn(self, model: GenerateModel, pictures: Pictures, ctx: FitContext) -> None:
        assert isinstance(model, MeanModel)
        whole = pictures.pixels.mean(0, dtype=np.float64)
        means = [whole]
        for k in range(1, len(pictures.told.labels) + 1):
            own = pictures.pixels[pictures.asked == k]
            means.append(own.mean(0, dtype=np.float64) if len(own) else whole)
        model.means = np.stack(means).astype(np.float32)


RECIPE = ImageMean
