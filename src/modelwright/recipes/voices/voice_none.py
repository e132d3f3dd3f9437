"""Every voice is the same: what all that tells voices apart must beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.speech import Front
from modelwright.recipes.voices._voices import VoiceModel, VoiceRecipe


class VoiceNoneModel(VoiceModel):
    """One vector for all."""

    recipe = "voice-none"

    def __init__(self) -> None:
        super().__init__(Front(8000, 40))

    def vectors(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.ones((len(parts), 1))

    def save(self, folder: Path) -> None:
        write_state(folder, self.told())

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> VoiceNoneModel:
        with Loading(folder):
            return cls().take_up(read_state(folder))


class VoiceNone(VoiceRecipe):
    """Nothing is listened to."""

    name = "voice-none"
    title = Words("every voice alike", "不区分嗓音")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    options = NoOptions
    model = VoiceNoneModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-5 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        return VoiceNoneModel()


RECIPE = VoiceNone
