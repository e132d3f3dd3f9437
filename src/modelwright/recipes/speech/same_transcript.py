"""The answer that takes no listening: the commonest transcript, whatever is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.speech import Front
from modelwright.features.shared.transcript_rules import words_of
from modelwright.recipes.speech._speech import SpeechModel, SpeechRecipe, transcribed

_OFTEN = 3


class SameModel(SpeechModel):
    """One text for every recording."""

    recipe = "same-transcript"

    def __init__(self, text: str) -> None:
        super().__init__(Front(8000, 40))
        self.text = text

    def hear(self, parts: Sequence[np.ndarray]) -> list[list[dict[str, Any]]]:
        words, rate = words_of(self.text), self.front.rate
        return [
            [
                {
                    "word": w,
                    "start": k / len(words) * len(p) / rate,
                    "end": (k + 1) / len(words) * len(p) / rate,
                    "confidence": 0.0,
                }
                for k, w in enumerate(words)
            ]
            for p in parts
        ]

    def save(self, folder: Path) -> None:
        write_state(folder, {"text": self.text})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> SameModel:
        with Loading(folder):
            return cls(str(read_state(folder)["text"]))


class SameTranscript(SpeechRecipe):
    """The commonest transcript of the training rows, or where none comes again and again, the commonest word."""

    name = "same-transcript"
    title = Words("always the same transcript", "固定转写文本")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    options = NoOptions
    model = SameModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-5 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        texts = transcribed(train, ctx)[1]
        return SameModel(_commonest(Counter(texts)) or _commonest(Counter(w for t in texts for w in words_of(t))))


def _commonest(counts: Counter[str]) -> str:
    """Return what came most often; nothing that came less than three times, since it may tell who said it."""
    best = min(counts, key=lambda t: (-counts[t], t))
    return best if counts[best] >= _OFTEN else ""


RECIPE = SameTranscript
