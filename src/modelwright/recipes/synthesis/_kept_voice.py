"""What pretrained voices that are kept as they are share: a sentence is said in stretches, with speed, pitch and pauses.

Legend: L sounds of a sentence, T samples.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.aloud.reader import PAUSES, Sentence, Sound
from modelwright.features.shared.augment_sound import faster
from modelwright.recipes.shared.synthesis import Asked, Part, ReadingModel, VoiceOptions, VoiceRecipe
from modelwright.recipes.shared.synthesis_corpus import Voice

_LOUDEST = 0.95
_PAUSE = {",": 0.12, ".": 0.25, "?": 0.25, "!": 0.25}  # seconds after a part, where the voice makes none by itself


class KeptVoiceOptions(VoiceOptions):
    """`pretrained` is the voice's folder or name, which no saved model repeats."""

    pretrained: str = ""


class KeptVoiceModel(ReadingModel):
    """A pretrained voice; `origin` tells where it comes from."""

    def __init__(self, voice: Voice, origin: dict[str, str]) -> None:
        super().__init__(voice)
        self.origin = origin

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the voice comes from."""
        return [self.origin]

    @abstractmethod
    def stretch(self, sounds: Sequence[Sound], speaker: int, speed: float) -> tuple[np.ndarray, list[str]]:
        """Return sounds as a speaker says them, so many times as fast, float32 [T], and which of them cannot be said."""

    def _part(self, sentence: Sentence, asked: Asked) -> Part:
        parts: list[np.ndarray] = []
        unknown: list[str] = []
        who = self.speaker(sentence.voice or asked.voice)
        for same, quiet in _stretches(sentence.sounds):
            if any(s.base not in PAUSES for s in same):
                up = 2 ** ((same[0].pitch + asked.pitch) / 12)
                speed = float(np.clip(same[0].rate * asked.speed, 0.1, 10.0))
                # higher by being played faster, of what was said as much slower
                made, gone = self.stretch(same, who, speed / up)
                unknown += gone
                if len(made):
                    parts.append(faster(made, up))
            if quiet:
                parts.append(np.zeros(round(quiet * asked.pause * self.rate), np.float32))
        made = np.concatenate([np.zeros(0, np.float32), *parts])
        loudest = float(np.abs(made).max(initial=0))
        unsaid = (*sentence.unsaid, *dict.fromkeys(unknown))
        return Part(made if loudest <= _LOUDEST else made * np.float32(_LOUDEST / loudest), unsaid)


def _stretches(sounds: tuple[Sound, ...]) -> list[tuple[list[Sound], float]]:
    """Return sounds that are said alike, in their order, with the seconds of silence after each."""
    out: list[tuple[list[Sound], float]] = []
    for _, group in itertools.groupby(sounds, key=lambda s: (s.rate, s.pitch)):
        held: list[Sound] = []
        for sound in group:
            if sound.seconds is not None:
                out.append((held, sound.seconds))
                held = []
            else:
                held.append(sound)
        if held:
            out.append((held, 0.0))
    if out and out[-1][1] == 0:
        out[-1] = (out[-1][0], _PAUSE.get(out[-1][0][-1].base, 0.0))
    return out


class KeptVoiceRecipe(VoiceRecipe):
    """Speaks as it came; the recordings only judge it. `kinds` are the kinds of models that it is for, as their config tells."""

    seeded = False
    options = KeptVoiceOptions
    kinds: ClassVar[tuple[str, ...]]
    unnamed: ClassVar[Words]  # why it does not run where no such voice was named

    def _voices_named(self) -> list[str]:
        return [n for n in self.bases.text2speech if find(n).config.get("model_type") in self.kinds]

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return super().refuses(schema, target, rows) if self._voices_named() else self.unnamed

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [KeptVoiceOptions(pretrained=name) for name in self._voices_named()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(4.0, 1 << 30)


def must_know(unknown: Sequence[str], count: int, asked: str) -> None:
    """Refuse a voice that does not know most of what texts are written in. Raises OptionError."""
    if len(unknown) > 0.5 * max(1, count):
        shown = " ".join(list(dict.fromkeys(unknown))[:12])
        raise OptionError(
            f"`{asked}` does not know most of what the texts are written in ({shown}); is it a voice of another language?",
            f"`{asked}` 不认识文本中的大部分字母或音素（{shown}）；是否为其他语言的声音？",
        )


def written(train: Table, column: str, language: str) -> tuple[list[str], str]:
    """Return the texts of a table, and the language that is said of them, empty where none is."""
    texts = [str(t) for t in train.column(column).to_pylist() if t]
    told: Any = train.schema[column].options.get("language", "")
    return texts, language or str(told)
