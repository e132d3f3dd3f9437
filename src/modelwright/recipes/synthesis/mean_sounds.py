"""Each sound as it sounds on average, as long as it is on average, at the voice's middle pitch: what every voice must beat."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.core.recipe import FitContext, Model, Options
from modelwright.core.saved import read_arrays, write_arrays
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.models.griffin_lim import griffin_lim
from modelwright.recipes.shared.synthesis import Plan, VoiceModel, VoiceRecipe
from modelwright.recipes.shared.synthesis_corpus import Voice
from modelwright.recipes.synthesis._averages import THIRDS, averaged


class MeanModel(VoiceModel):
    """Mean log energies [V, 3, M] of the thirds of each sound, and frames [V]."""

    recipe = "mean-sounds"

    def __init__(self, voice: Voice, mean: np.ndarray, frames: np.ndarray) -> None:
        super().__init__(voice)
        self.mean, self.lengths = mean, frames

    def sound(self, plan: Plan) -> np.ndarray:
        ids = plan.units[:, 0]
        frames = self.frames(plan, self.lengths[ids])
        parts = [self.mean[i][np.minimum(THIRDS - 1, np.arange(n) * THIRDS // max(1, n))] for i, n in zip(ids, frames)]
        return griffin_lim(np.concatenate(parts), self.rate)

    def own(self, folder: Path) -> dict[str, Any]:
        write_arrays(folder / "sounds.safetensors", {"mean": self.mean, "frames": self.lengths})
        return {}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        arrays = read_arrays(folder / "sounds.safetensors")
        return cls(voice, arrays["mean"], arrays["frames"])


class MeanSounds(VoiceRecipe):
    """Averages over the training recordings, in one voice whoever is asked for."""

    name = "mean-sounds"
    title = Words("mean sounds", "平均音素")
    rank = 0
    ships = True
    paper = ""
    baseline = True
    seeded = False
    model = MeanModel

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        known = self.corpus(train, options, ctx)
        model = MeanModel(known.voice, *averaged(known))
        model.borrowed = known.borrowed
        return model


RECIPE = MeanSounds
