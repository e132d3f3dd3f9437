"""Pretrained recognisers as they answer: Whisper token by token, wav2vec 2.0 and its kin frame by frame.

What they save is whole and needs no base. Legend: T samples or frames, V units with the blank, L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.features.shared.hub_speech import WhisperFront, WhisperText
from modelwright.features.shared.speech import FRAME, Front, even, speaking
from modelwright.features.shared.speech_units import Units
from modelwright.features.shared.transcript_rules import Rules, words_of
from modelwright.recipes.shared.loop_options import Epochs, LoopOptions, Patience, Rate
from modelwright.recipes.speech._decoding import Decoder
from modelwright.recipes.speech._frames import PAD, Emitted, FrameModel
from modelwright.recipes.speech._speech import SpeechModel, in_parts
from modelwright.recipes.speech._sureness import Sureness

_BANDS = 40  # of the front that tells where somebody speaks
_STEP = 2  # frames of 10 ms that make one of the encoders
_TOGETHER, _SECONDS = 8, 60.0  # recordings that Whisper hears at once, and seconds of waves
_TOKENS = 14  # that somebody may say in a second


class HubSpeechOptions(LoopOptions):
    """`pretrained` is the model's folder or hub name, which no saved model repeats. `seconds` of sound make a batch; `longest` seconds of
    a recording are learnt from; `head_lr` is the rate of a head that is new."""

    pretrained: str = ""
    step: Literal[2] = 2
    lora_rank: int = Field(default=0, ge=0, le=512)
    seconds: float = Field(default=24.0, gt=0, le=3600)
    longest: float = Field(default=20.0, gt=0, le=30)
    epochs: Epochs = 12
    lr: Rate = 1e-4
    head_lr: Rate = 2e-3
    optimizer: Literal["adamw", "muon"] = "adamw"
    patience: Patience = 6


class WhisperModel(SpeechModel):
    """Whisper with its tokens; words are written by the run's `rules`, as every transcript is."""

    def __init__(
        self, recipe: str, network: Any, text: WhisperText, front: WhisperFront, rules: Rules, options: HubSpeechOptions,
        origin: Mapping[str, str], config: Mapping[str, Any], device: str = "cpu",
    ) -> None:  # fmt: skip
        super().__init__(Front(front.rate, _BANDS))
        self.recipe = recipe  # type: ignore[misc] # one class serves the recipes around it
        self.network, self.text, self.whisper, self.rules, self.options = network, text, front, rules, options
        self.origin, self.config, self.device = dict(origin), dict(config), device

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where it comes from."""
        return [self.origin]

    def parts(self, samples: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        yield from in_parts(samples, self.front, min(20.0, self.whisper.seconds))

    def hear(self, parts: Sequence[np.ndarray]) -> list[list[dict[str, Any]]]:
        import torch

        found: list[list[dict[str, Any]]] = [[] for _ in parts]
        where = [self._spoken(p) for p in parts]
        said = [i for i, w in enumerate(where) if w is not None]
        most = int(self.config.get("max_target_positions", 448)) - len(self.text.state["prompt"]) - 1
        for at in range(0, len(said), _TOGETHER):
            some = said[at : at + _TOGETHER]
            mel = torch.from_numpy(np.stack([self.whisper.mel(parts[i]) for i in some])).to(self.device)
            longest = max(len(parts[i]) for i in some) / self.front.rate
            told = self.text.state
            made = self.network.write(
                mel,
                told["prompt"],
                told["end"],
                told["never"],
                told["first"],
                min(most, 8 + int(_TOKENS * longest)),
                told.get("heads", ()),
            )
            for i, (ids, logs, places) in zip(some, made, strict=True):
                found[i] = self._words(ids, logs, places, where[i] or (0.0, 0.0))
        return found

    def _spoken(self, samples: np.ndarray) -> tuple[float, float] | None:
        """Return the seconds between which somebody speaks; None where nobody does: of silence or a hiss Whisper makes up sentences."""
        if len(samples) < 0.05 * self.front.rate or float(np.abs(samples).max()) < 1e-4:
            return None
        mel = self.front.frames(samples)
        on = np.flatnonzero(speaking(mel))
        if even(mel) or not len(on):
            return None
        return float(on[0]) * FRAME, min(len(samples) / self.front.rate, float(on[-1] + 2) * FRAME)

    def _words(
        self, ids: Sequence[int], logs: Sequence[float], places: np.ndarray, spoken: tuple[float, float]
    ) -> list[dict[str, Any]]:
        """Return the words of tokens, by how much each looks at each place of the sound; none is said where nobody speaks."""
        from modelwright.models.hub_speech import monotone

        if not ids:
            return []
        each = self.whisper.seconds / places.shape[1]
        low, high = int(spoken[0] / each), max(1, int(np.ceil(spoken[1] / each)))
        heard = places[:, low : max(high, low + len(ids))]
        begins = np.clip((low + monotone(heard)) * each, *spoken)
        ends = np.append(begins[1:], spoken[1])
        out: list[dict[str, Any]] = []
        for word, a, b in self.text.words(ids):
            written = words_of(self.rules.apply(word))  # `42` may be two words by the rules
            sure = float(np.exp(np.mean(logs[a : b + 1])))
            start, wide = float(begins[a]), max(0.0, float(ends[b] - begins[a])) / max(1, len(written))
            for k, one in enumerate(written):
                place = {"start": round(start + k * wide, 3), "end": round(start + (k + 1) * wide, 3)}
                out.append({"word": one, **place, "confidence": round(sure, 4)})
        return out

    def save(self, folder: Path) -> None:
        write_state(folder, {
            "kind": "whisper", "recipe": self.recipe, "text": self.text.state, "front": self.whisper.state, "rules": self.rules.to_json(),
            "options": self.options.model_dump(exclude={"pretrained"}), "origin": self.origin, "config": self.config, "extent": self.extent,
        })  # fmt: skip
        write_tensors(folder / "weights.safetensors", self.network.tensors())

    @classmethod
    def restored(cls, state: Mapping[str, Any], folder: Path) -> Self:
        """Make the model of what was saved."""
        from modelwright.models.hub_speech import HubWhisper, load_whisper

        front = WhisperFront(state["front"])
        network = HubWhisper(load_whisper(state["config"], None, front.state["frames"] // 2), int(state["text"]["end"]))
        network.fill(read_tensors(folder / "weights.safetensors"))
        network.eval()
        options = HubSpeechOptions(**state["options"])
        out = cls(
            str(state["recipe"]), network, WhisperText(state["text"]), front, Rules.from_json(state["rules"]), options,
            state["origin"], state["config"],
        )  # fmt: skip
        out.extent = dict(state["extent"])
        return out

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Self:
        with Loading(folder):
            return cls.restored(read_state(folder), folder)


class HubFrameModel(FrameModel):
    """An encoder of waves with a head over units; where somebody speaks is told by loudness."""

    def __init__(
        self, recipe: str, network: Any, units: Units, rate: int, options: HubSpeechOptions, origin: Mapping[str, str],
        config: Mapping[str, Any], device: str = "cpu", *, decoder: Decoder | None = None, sureness: Sureness | None = None,
    ) -> None:  # fmt: skip
        asked: Any = options  # of the options of frames it reads `step` alone
        super().__init__(Front(rate, _BANDS), units, network, asked, device, decoder=decoder, sureness=sureness)
        self.recipe = recipe  # type: ignore[misc] # as above
        self.origin, self.config = dict(origin), dict(config)

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where it comes from."""
        return [self.origin]

    def emissions(self, parts: Sequence[np.ndarray]) -> list[Emitted]:
        import torch

        from modelwright.train.hub_speech import stacked

        rate = self.front.rate
        quiet = np.zeros(round(PAD * rate), np.float32)
        order = sorted(range(len(parts)), key=lambda i: len(parts[i]))
        out: list[Any] = [None] * len(parts)
        at = 0
        self.network.eval()
        with torch.inference_mode():
            while at < len(order):
                count = max(1, int(_SECONDS * rate / max(rate, len(parts[order[at]]))))
                batch = [i for i in order[at : at + count] if len(parts[i]) <= 1.5 * len(parts[order[at]]) + rate]
                at += len(batch)
                waves = stacked([np.concatenate([quiet, parts[i], quiet]) for i in batch])
                found = self.network({"wave": torch.from_numpy(waves).to(self.device)})
                logs = found["units"].log_softmax(2).cpu().numpy()
                for k, (i, size) in enumerate(zip(batch, found["lengths"].tolist(), strict=True)):
                    out[i] = Emitted(logs[k, :size].astype(np.float64), self._speech(parts[i], size))
        return out

    def _speech(self, samples: np.ndarray, size: int) -> np.ndarray:
        """Return whether somebody speaks [T], silence put around included."""
        out = np.zeros(size)
        if not len(samples) or float(np.abs(samples).max()) < 1e-4:
            return out
        mel = self.front.frames(samples)
        if even(mel):
            return out
        on = speaking(mel)[::_STEP].astype(np.float64)
        around = round(PAD / (FRAME * _STEP))
        some = on[: max(0, size - around)]
        out[around : around + len(some)] = some
        return out

    def state(self, decoder: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "kind": "frames", "recipe": self.recipe, "rate": self.front.rate, "units": self.units.state(), "origin": self.origin,
            "config": self.config, "normalise": self.network.normalise, "options": self.options.model_dump(exclude={"pretrained"}),
            "extent": self.extent, "sureness": self.sureness.to_json(), "decoder": dict(decoder),
        }  # fmt: skip

    @classmethod
    def restored(cls, state: Mapping[str, Any], folder: Path) -> Self:
        from modelwright.models.hub_speech import HubCtc

        units = Units.restore(state["units"], {})
        network = HubCtc(state["config"], None, bool(state["normalise"]), units.size)
        network.load_state_dict(read_tensors(folder / "weights.safetensors"))
        network.eval()
        decoder = Decoder.load(state["decoder"], units, folder)
        out = cls(
            str(state["recipe"]), network, units, int(state["rate"]), HubSpeechOptions(**state["options"]), state["origin"],
            state["config"], decoder=decoder, sureness=Sureness.from_json(state["sureness"]),
        )  # fmt: skip
        out.extent = dict(state["extent"])
        return out


class HubSpeechModel(SpeechModel):
    """What a bundle of a pretrained recogniser is read by: it gives the model of the kind that was saved."""

    kinds: ClassVar[Mapping[str, type[WhisperModel] | type[HubFrameModel]]] = {
        "whisper": WhisperModel, "frames": HubFrameModel
    }  # fmt: skip

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Any:
        with Loading(folder):
            state = read_state(folder)
            return cls.kinds[str(state["kind"])].restored(state, folder)
