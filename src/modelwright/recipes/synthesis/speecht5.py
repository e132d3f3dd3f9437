"""A pretrained SpeechT5 voice kept as it is, with the vocoder and the vectors of speakers that were named with it.

Legend: L characters of a sentence, D numbers of a speaker's vector, T samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import FitContext, Model, Options
from modelwright.core.saved import read_arrays, read_tensors, write_arrays, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.aloud.reader import Inventory, Sound
from modelwright.features.shared.hub_voice import SpeechT5Text
from modelwright.features.shared.speech import Front
from modelwright.features.shared.voice_vectors import read_vectors
from modelwright.recipes.shared.synthesis_corpus import BANDS, Voice, columns_of
from modelwright.recipes.synthesis._kept_voice import (
    KeptVoiceModel,
    KeptVoiceOptions,
    KeptVoiceRecipe,
    must_know,
    written,
)

_PARTS = ("network", "vocoder")


class SpeechT5Options(KeptVoiceOptions):
    """`vocoder` is a folder or name as `pretrained`, `vectors` a file or folder; no saved model repeats them."""

    vocoder: str = ""
    vectors: str = ""


class SpeechT5Model(KeptVoiceModel):
    """A pretrained voice: its characters, its networks, and the vectors [D] of those who speak."""

    recipe = "speecht5"

    def __init__(
        self, voice: Voice, text: SpeechT5Text, networks: tuple[Any, Any], vectors: np.ndarray,
        origins: Sequence[Mapping[str, str]], configs: Sequence[Mapping[str, Any]],
    ) -> None:  # fmt: skip
        super().__init__(voice, dict(origins[0]))
        self.text, self.networks, self.vectors = text, networks, vectors
        self.sources, self.configs = [dict(o) for o in origins], [dict(c) for c in configs]

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the voice and its vocoder come from."""
        return self.sources

    def stretch(self, sounds: Sequence[Sound], speaker: int, speed: float) -> tuple[np.ndarray, list[str]]:
        from modelwright.models.hub_voice import spoken

        parts, gone = self.text.encode(sounds)
        made = [spoken(*self.networks, tokens, self.vectors[speaker], speed) for tokens in parts]
        return np.concatenate([np.zeros(0, np.float32), *made]), gone

    def strange(self, sounds: Sequence[Sound]) -> list[str]:
        return self.text.encode(sounds)[1]

    def own(self, folder: Path) -> dict[str, Any]:
        for name, network in zip(_PARTS, self.networks, strict=True):
            # parts of these networks share one memory, which a file of tensors does not take
            write_tensors(folder / f"{name}.safetensors", {k: v.clone() for k, v in network.state_dict().items()})
        write_arrays(folder / "speakers.safetensors", {"vectors": self.vectors})
        return {"text": self.text.state, "origins": self.sources, "configs": self.configs}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        from modelwright.models.hub_voice import load_speech_t5, load_vocoder

        made = load_speech_t5(state["configs"][0], None), load_vocoder(state["configs"][1], None)
        for name, network in zip(_PARTS, made, strict=True):
            network.load_state_dict(read_tensors(folder / f"{name}.safetensors"))
        vectors = read_arrays(folder / "speakers.safetensors")["vectors"]
        return cls(voice, SpeechT5Text(state["text"]), made, vectors, state["origins"], state["configs"])


class SpeechT5Recipe(KeptVoiceRecipe):
    """Speaks as it came; speed, pitch, pauses, SSML and the speakers of the vectors are heeded."""

    name = "speecht5"
    title = Words("pretrained SpeechT5 voice", "预训练 SpeechT5 声音")
    rank = 12
    paper = "Ao et al. 2022, arXiv 2110.07205; Kong et al. 2020, arXiv 2010.05646"
    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "soundfile", "soxr")
    extra = "speech-pretrained"
    options = SpeechT5Options
    model = SpeechT5Model
    kinds = ("speecht5",)
    unnamed = Words(
        "no SpeechT5 voice was named: --pretrained VOICE --pretrained VOCODER --voice-vectors FILE",
        "未指定 SpeechT5 声音：--pretrained 声音 --pretrained 声码器 --voice-vectors 文件",
    )

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        vocoder, vectors = self.bases.vocoders[0], self.bases.voice_vectors
        return [SpeechT5Options(pretrained=name, vocoder=vocoder, vectors=vectors) for name in self._voices_named()]

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.models.hub_voice import load_speech_t5, load_vocoder

        assert isinstance(options, SpeechT5Options)
        found, sounding = find(options.pretrained), find(options.vocoder)
        text = SpeechT5Text.fit(found)
        column, speaker = columns_of(train.schema)
        texts, language = written(train, column, options.language)
        reader = text.reader(texts, language)
        sounds = [s for said in reader.read_all(texts[:50]) for one in said for s in one.sounds]
        must_know(text.encode(sounds)[1], sum(len(s.base.lstrip("@")) for s in sounds), found.asked)
        vectors = read_vectors(options.vectors, int(found.config.get("speaker_embedding_dim", 512)))
        speakers = tuple(vectors) if len(vectors) > 1 else ()
        front = Front(int(sounding.config.get("sampling_rate", 16_000)), BANDS, 1)
        voice = Voice(front, reader, Inventory(()), column, speaker, speakers)
        networks = (
            load_speech_t5(found.config, found.folder).to(ctx.device),
            load_vocoder(sounding.config, sounding.folder).to(ctx.device),
        )
        return SpeechT5Model(
            voice, text, networks, np.stack(list(vectors.values())),
            (found.origin(), sounding.origin()), (found.config, sounding.config),
        )  # fmt: skip


RECIPE = SpeechT5Recipe
