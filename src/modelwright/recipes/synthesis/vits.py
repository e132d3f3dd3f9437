"""A pretrained voice kept as it is: VITS and the voices of MMS, from a folder. Nothing of it learns; the recordings only judge it.

Legend: L sounds of a sentence, T samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import FitContext, Model, Options
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.aloud.reader import Inventory, Sound
from modelwright.features.shared.hub_voice import VitsText
from modelwright.features.shared.speech import Front
from modelwright.recipes.shared.synthesis_corpus import BANDS, Voice, columns_of
from modelwright.recipes.synthesis._kept_voice import (
    KeptVoiceModel,
    KeptVoiceOptions,
    KeptVoiceRecipe,
    must_know,
    written,
)


class VitsModel(KeptVoiceModel):
    """A pretrained voice with its tokens."""

    recipe = "vits"

    def __init__(
        self, voice: Voice, text: VitsText, network: Any, origin: Mapping[str, str], config: Mapping[str, Any]
    ) -> None:
        super().__init__(voice, dict(origin))
        self.text, self.network, self.config = text, network, dict(config)

    def stretch(self, sounds: Sequence[Sound], speaker: int, speed: float) -> tuple[np.ndarray, list[str]]:
        from modelwright.models.hub_voice import said

        tokens, gone = self.text.encode(sounds)
        if len(gone) >= len(sounds) or not tokens:
            return np.zeros(0, np.float32), gone
        return said(self.network, tokens, speaker, speed), gone

    def strange(self, sounds: Sequence[Sound]) -> list[str]:
        return self.text.encode(sounds)[1]

    def own(self, folder: Path) -> dict[str, Any]:
        write_tensors(folder / "weights.safetensors", self.network.state_dict())
        return {"text": self.text.state, "origin": self.origin, "config": self.config}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        from modelwright.models.hub_voice import load_vits

        network = load_vits(state["config"], None)
        network.load_state_dict(read_tensors(folder / "weights.safetensors"))
        return cls(voice, VitsText(state["text"]), network.eval(), state["origin"], state["config"])


class VitsRecipe(KeptVoiceRecipe):
    """Speaks as it came; speed, pitch, pauses and SSML are heeded."""

    name = "vits"
    title = Words("pretrained VITS voice", "预训练 VITS 声音")
    rank = 12
    paper = "Kim et al. 2021, arXiv 2106.06103; Pratap et al. 2023, arXiv 2305.13516"
    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "soundfile", "soxr")
    extra = "speech-pretrained"
    model = VitsModel
    kinds = ("vits",)
    unnamed = Words(
        "no pretrained voice (VITS, MMS) was named: --pretrained NAME_OR_FOLDER",
        "未指定预训练的声音（VITS、MMS）：--pretrained 名称或文件夹",
    )

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.models.hub_voice import load_vits

        assert isinstance(options, KeptVoiceOptions)
        found = find(options.pretrained)
        text = VitsText.fit(found)
        column, speaker = columns_of(train.schema)
        texts, language = written(train, column, options.language)
        reader = text.reader(texts, language)
        if text.state["sounds"] and not reader.voice:
            raise OptionError(
                f"`{found.asked}` reads sounds as espeak-ng tells them, and espeak-ng does not speak `{reader.language}` here, or is not installed.",
                f"`{found.asked}` 需要 espeak-ng 的音素，而此处的 espeak-ng 不支持 `{reader.language}` 或未安装。",
            )
        several = int(found.config.get("num_speakers", 1))
        speakers = tuple(str(i) for i in range(several)) if several > 1 else ()
        front = Front(int(found.config.get("sampling_rate", 16_000)), BANDS, 1)
        voice = Voice(front, reader, Inventory(()), column, speaker, speakers)
        model = VitsModel(
            voice, text, load_vits(found.config, found.folder).to(ctx.device), found.origin(), found.config
        )
        sounds = [replace(s, first=False) for said in reader.read_all(texts[:50]) for one in said for s in one.sounds]
        must_know(text.encode(sounds)[1], len(sounds), found.asked)
        return model


RECIPE = VitsRecipe
