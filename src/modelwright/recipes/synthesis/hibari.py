"""A packaged English voice, kept as it is: `--pretrained hibari`. Its package (hibari-tts of PyPI, Apache-2.0) knows how words are said.

A saved model names the voice by its digest and holds none of it, so that the package must be installed where it speaks.
Legend: T samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core import packaged
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import FitContext, Model, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.aloud.reader import PAUSES, WORDS, Inventory, Reader, Sound
from modelwright.features.shared.augment_sound import faster
from modelwright.features.shared.speech import Front
from modelwright.recipes.shared.synthesis_corpus import BANDS, Voice, columns_of
from modelwright.recipes.synthesis._kept_voice import KeptVoiceModel, KeptVoiceOptions, KeptVoiceRecipe, written

_NAME = "hibari"
_SPEEDS = 0.5, 2.0  # that the voice itself can do
_MARKS = {",": ",", ".": ".", "?": "?", "!": "!"}


@cache
def _engine() -> Any:
    """Return the voice of the package. Raises MissingExtra, or OptionError where the package holds another one."""
    place = packaged.folder_of(_NAME) / packaged.PACKAGED[_NAME].onnx
    from hibari import Hibari

    return Hibari(model=str(place))


class HibariModel(KeptVoiceModel):
    """The packaged voice."""

    recipe = "hibari"

    def stretch(self, sounds: Sequence[Sound], speaker: int, speed: float) -> tuple[np.ndarray, list[str]]:
        text, gone = "", []
        for sound in sounds:
            if sound.base in PAUSES:
                text += _MARKS.get(sound.base, "")
            elif sound.base[:1] == "@":  # of Chinese it knows nothing
                gone.append(sound.base.lstrip("@"))
            else:
                text += f" {sound.base}" if text else sound.base
        own = float(np.clip(speed, *_SPEEDS))
        made = np.asarray(_engine()(text, speed=own, seed=0), np.float32) if any(map(str.isalnum, text)) else None
        if made is None or not len(made):
            return np.zeros(0, np.float32), gone
        return faster(made, speed / own) if speed != own else made, gone

    def strange(self, sounds: Sequence[Sound]) -> list[str]:
        return [s.base.lstrip("@") for s in sounds if s.base[:1] == "@"]

    def own(self, folder: Path) -> dict[str, Any]:
        return {"origin": self.origin}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        packaged.folder_of(_NAME)  # said at once where the package is missing
        return cls(voice, state["origin"])


class HibariRecipe(KeptVoiceRecipe):
    """Reads English; speed, pitch, pauses and SSML are heeded."""

    name = "hibari"
    title = Words("packaged English voice (hibari)", "内置英语声音（hibari）")
    rank = 12
    paper = ""
    needs: ClassVar[tuple[str, ...]] = ("soundfile", "soxr", "hibari")
    extra = "hibari"
    model = HibariModel
    kinds = ("hibari",)
    unnamed = Words("it was not named: --pretrained hibari", "未指定：--pretrained hibari")

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, KeptVoiceOptions)
        found = find(options.pretrained)
        column, speaker = columns_of(train.schema)
        language = Reader.fit(*written(train, column, options.language)).language
        if language != "en":
            raise OptionError(
                f"`{found.asked}` speaks English, and the texts are in `{language}`; --language en says so where that is wrong.",
                f"`{found.asked}` 只说英语，而文本的语言为 `{language}`；若判断有误，请用 --language en 指定。",
            )
        front = Front(int(found.config["sampling_rate"]), BANDS, 1)
        return HibariModel(Voice(front, Reader("en", WORDS), Inventory(()), column, speaker), found.origin())


RECIPE = HibariRecipe
