"""A pretrained voice kept as it is: VITS and the voices of MMS, from a folder. Nothing of it learns; the recordings only judge it.

Legend: L sounds of a sentence, T samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import Estimate, FitContext, Model, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.aloud.reader import Inventory, Sentence, Sound
from modelwright.features.shared.augment_sound import faster
from modelwright.features.shared.hub_voice import VitsText
from modelwright.features.shared.speech import Front
from modelwright.recipes.shared.synthesis import Asked, Part, ReadingModel, VoiceOptions, VoiceRecipe
from modelwright.recipes.shared.synthesis_corpus import BANDS, Voice, columns_of

_LOUDEST = 0.95
_PAUSE = {",": 0.12, ".": 0.25, "?": 0.25, "!": 0.25}  # seconds after a part, where the voice makes none by itself


class VitsOptions(VoiceOptions):
    """`pretrained` is the voice's folder or hub name, which no saved model repeats."""

    pretrained: str = ""


class VitsModel(ReadingModel):
    """A pretrained voice with its tokens."""

    recipe = "vits"

    def __init__(
        self, voice: Voice, text: VitsText, network: Any, origin: Mapping[str, str], config: Mapping[str, Any]
    ) -> None:
        super().__init__(voice)
        self.text, self.network, self.origin, self.config = text, network, dict(origin), dict(config)

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the voice comes from."""
        return [self.origin]

    def _part(self, sentence: Sentence, asked: Asked) -> Part:
        from modelwright.models.hub_voice import said

        parts: list[np.ndarray] = []
        unknown: list[str] = []
        who = self.speaker(sentence.voice or asked.voice)
        for same, quiet in _stretches(sentence.sounds):
            tokens, gone = self.text.encode(same)
            unknown += gone
            if any(s.base not in "^,.?!" for s in same) and len(gone) < len(same) and tokens:
                up = 2 ** ((same[0].pitch + asked.pitch) / 12)
                speed = float(np.clip(same[0].rate * asked.speed, 0.1, 10.0))
                # higher by being played faster, of what was said as much slower
                parts.append(faster(said(self.network, tokens, who, speed / up), up))
            if quiet:
                parts.append(np.zeros(round(quiet * asked.pause * self.rate), np.float32))
        made = np.concatenate([np.zeros(0, np.float32), *parts])
        loudest = float(np.abs(made).max(initial=0))
        unsaid = (*sentence.unsaid, *dict.fromkeys(unknown))
        return Part(made if loudest <= _LOUDEST else made * np.float32(_LOUDEST / loudest), unsaid)

    def own(self, folder: Path) -> dict[str, Any]:
        from safetensors.torch import save_file

        save_file(
            {k: v.detach().cpu().contiguous() for k, v in self.network.state_dict().items()},
            str(folder / "weights.safetensors"),
        )
        return {"text": self.text.state, "origin": self.origin, "config": self.config}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        from safetensors.torch import load_file

        from modelwright.models.hub_voice import load_vits

        network = load_vits(state["config"], None)
        network.load_state_dict(load_file(str(folder / "weights.safetensors")))
        return cls(voice, VitsText(state["text"]), network.eval(), state["origin"], state["config"])


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


class VitsRecipe(VoiceRecipe):
    """Speaks as it came; speed, pitch, pauses and SSML are heeded."""

    name = "vits"
    title = Words("pretrained VITS voice", "预训练 VITS 声音")
    rank = 12
    paper = "Kim et al. 2021, arXiv 2106.06103; Pratap et al. 2023, arXiv 2305.13516"
    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "soundfile", "soxr")
    extra = "speech-pretrained"
    seeded = False
    options = VitsOptions
    model = VitsModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self.bases.text2speech:
            return Words(
                "no pretrained voice (VITS, MMS) was named: --pretrained NAME_OR_FOLDER",
                "未指定预训练的声音（VITS、MMS）：--pretrained 名称或文件夹",
            )
        return super().refuses(schema, target, rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [VitsOptions(pretrained=name) for name in self.bases.text2speech]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(4.0, 1 << 30)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.models.hub_voice import load_vits

        assert isinstance(options, VitsOptions)
        found = find(options.pretrained)
        text = VitsText.fit(found)
        column, speaker = columns_of(train.schema)
        texts = [str(t) for t in train.column(column).to_pylist() if t]
        language = options.language or str(train.schema[column].options.get("language", ""))
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
        _known(model, texts[:50], found.asked)
        return model


def _known(model: VitsModel, texts: list[str], asked: str) -> None:
    """Refuse a voice that does not know the letters of the texts. Raises OptionError."""
    sounds = [s for sentences in model.voice.reader.read_all(texts) for one in sentences for s in one.sounds]
    unknown = model.text.encode([replace(s, first=False) for s in sounds])[1]
    if len(unknown) > 0.5 * max(1, len(sounds)):
        shown = " ".join(list(dict.fromkeys(unknown))[:12])
        raise OptionError(
            f"`{asked}` does not know most of what the texts are written in ({shown}); is it a voice of another language?",
            f"`{asked}` 不认识文本中的大部分字母或音素（{shown}）；是否为其他语言的声音？",
        )


RECIPE = VitsRecipe
