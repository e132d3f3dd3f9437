"""Recognisers that answer frame by frame (CTC): what the recipes of each network share.

Legend: B batch, T frames of units, V units with the blank, W words.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.features.shared.speech import FRAME, Front, even
from modelwright.features.shared.speech_units import Units
from modelwright.models import ctc
from modelwright.recipes.shared.loop_options import LoopOptions
from modelwright.recipes.speech._decoding import Decoder, Placed
from modelwright.recipes.speech._speech import SpeechModel
from modelwright.recipes.speech._sureness import Sureness

_SOUND = 120.0  # seconds of padded sound that are read at once
PAD = 0.16  # seconds of silence around what is read
_MOSTLY = 0.98  # share of the recordings of one word that are no longer than what is read as one word
_HEARD, _LEAST = 0.5, 0.06  # the probability from which somebody speaks, and seconds on end


class FrameOptions(LoopOptions):
    """Options of recognisers by CTC; augmentation as `features/shared/augment_sound.py` has it, times in seconds, levels in dB.

    `units` "auto" takes words where there are few, initials and finals with tones for Chinese, else characters. `join` is the probability that an utterance is
    made of several recordings, with pauses up to `pause` between and `edge` around, up to
    `joined` seconds of speech; None joins short recordings (words, commands) often. `step` frames of 10 ms make one of units: 4 for
    words, else 2, where it is None. `colour` nats by which bands are made louder and softer, as another microphone does; `centre` takes
    the mean of each recording's louder frames away.
    """

    units: Literal["auto", "characters", "words", "pieces", "phonemes", "pinyin", "finals"] = "auto"
    pieces: int = Field(default=500, ge=32, le=32_000)
    bands: int = Field(default=40, ge=20, le=128)
    step: Literal[2, 4] | None = None
    channels: int = Field(default=16, ge=4, le=256)
    width: int = Field(default=96, ge=16, le=1024)
    hidden: int = Field(default=96, ge=16, le=1024)
    layers: int = Field(default=2, ge=1, le=24)
    heads: int = Field(default=4, ge=1, le=16)
    kernel: int = Field(default=15, ge=3, le=63)
    encoder: Literal["lstm", "conformer"] = "lstm"
    dropout: float = Field(default=0.1, ge=0, lt=1)
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    speech: float = Field(default=0.3, ge=0, le=10)
    join: float | None = Field(default=None, ge=0, le=1)
    joined: float = Field(default=4.0, gt=0, le=60)
    longest: float = Field(default=20.0, gt=0, le=60)
    pause: float = Field(default=0.6, ge=0, le=5)
    edge: float = Field(default=0.3, ge=0, le=5)
    speed: float = Field(default=0.1, ge=0, le=0.7)
    warp: float = Field(default=0.08, ge=0, le=0.3)
    gain: float = Field(default=10.0, ge=0, le=40)
    noise: float = Field(default=0.5, ge=0, le=1)
    snr_low: float = Field(default=10.0, ge=-20, le=80)
    snr_high: float = Field(default=40.0, ge=-20, le=80)
    room: float = Field(default=0.1, ge=0, le=1)
    colour: float = Field(default=0.0, ge=0, le=4)
    centre: bool = False
    time_masks: int = Field(default=2, ge=0, le=16)
    time_width: int = Field(default=12, ge=0, le=200)
    band_masks: int = Field(default=2, ge=0, le=16)
    seconds: float = Field(default=40.0, gt=0, le=3600)


class Emitted(NamedTuple):
    """What a network makes of a part: log probabilities [T, V], and the probability of speech [T]; where the part is as short as single words
    are, the log probability [V - 1] of each by what hears it as a whole, if anything does."""

    logs: np.ndarray
    speech: np.ndarray
    word: np.ndarray | None = None


class FrameModel(SpeechModel):
    """A network over frames with its units."""

    options_class: ClassVar[type[Any]] = FrameOptions
    brief: float = 0.0  # seconds of speech up to which exactly one word is said: see `brief_of`

    def __init__(
        self, front: Front, units: Units, network: Any, options: Any, device: str = "cpu", *,
        decoder: Decoder | None = None, sureness: Sureness | None = None,
    ) -> None:  # fmt: skip
        super().__init__(front)
        self.units, self.network, self.options, self.device = units, network, options, device
        self.decoder, self.sureness = decoder or Decoder(units), sureness or Sureness()

    @property
    def frame(self) -> float:
        """Seconds of a frame of units."""
        return FRAME * (self.options.step or 2)

    def emissions(self, parts: Sequence[np.ndarray]) -> list[Emitted]:
        """Return what the network makes of parts, samples [N] at `front.rate`; like lengths together.

        Each begins and ends with `PAD` seconds of silence, as recordings in training mostly do.
        """
        import torch

        quiet = np.zeros(round(PAD * self.front.rate), np.float32)
        mels = [self.front.frames(np.concatenate([quiet, p, quiet])) for p in parts]
        around = round(PAD / FRAME)
        order = sorted(range(len(mels)), key=lambda i: len(mels[i]))
        out: list[Any] = [None] * len(mels)
        at = 0
        with torch.inference_mode():
            while at < len(order):
                most = max(1, int(_SOUND / FRAME) // max(1, len(mels[order[at]])))
                batch = [i for i in order[at : at + most] if len(mels[i]) <= 1.3 * len(mels[order[at]]) + 20]
                at += len(batch)
                wide = max(len(mels[i]) for i in batch)
                mel = np.zeros((len(batch), wide, self.front.bands), np.float32)
                for k, i in enumerate(batch):
                    mel[k, : len(mels[i])] = mels[i]
                lengths = torch.tensor([len(mels[i]) for i in batch])
                found = self.network({"mel": torch.from_numpy(mel).to(self.device), "lengths": lengths.to(self.device)})
                logs = found["units"].log_softmax(dim=2).cpu().numpy()
                speech = found["speech"].sigmoid().cpu().numpy()
                for k, (i, size) in enumerate(zip(batch, found["lengths"].tolist(), strict=True)):
                    if even(mels[i][around:-around]):  # a hum or a hiss, whatever the network takes it for
                        speech[k] = 0.0
                    out[i] = Emitted(logs[k, :size].astype(np.float64), speech[k, :size].astype(np.float64))
        return out

    def hear(self, parts: Sequence[np.ndarray]) -> list[list[dict[str, Any]]]:
        return [self.read(told) for told in self.emissions(parts)]

    def look(self, samples: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray, float]:
        told = self.emissions([samples])[0]
        around, speech = round(PAD / self.frame), told.speech
        return self.read(told), speech[around : max(around + 1, len(speech) - around)], self.frame

    def hoping(self, phrases: Sequence[str]) -> Self:
        """Return this model as it listens where some phrases are hoped for."""
        out = copy.copy(self)
        out.decoder = self.decoder.with_hot(phrases)
        return out

    def read(self, told: Emitted) -> list[dict[str, Any]]:
        """Return the words of a part."""
        logs, speech, _ = told
        if not heard(speech, self.frame):
            return []
        ids, words = self.decoded(told)
        if not words:
            return []
        places, sure = self.placed(told, ids)
        ends = np.array([[places[a, 0], places[b, 1]] for _, a, b in words])
        most = max(0.0, len(logs) * self.frame - 2 * PAD)
        times = [
            (min(max(0.0, a - PAD), most), min(max(0.0, b - PAD), most))
            for a, b in ctc.spans(ends, speech, self.frame, FRAME / 2)
        ]
        return [
            {
                "word": w,
                "start": s,
                "end": e,
                "confidence": self.sureness.of(sure[a : b + 1], speech[places[a, 0] : places[b, 1] + 1]),
            }
            for (w, a, b), (s, e) in zip(words, times, strict=True)
        ]

    def decoded(self, told: Emitted) -> tuple[list[int], Placed]:
        """Return units and words of a part by the decoder, or the one word, if any, where speech is brief.

        What is hoped for, and a language model, are the decoder's to heed.
        """
        h = self.decoder.how
        if h.lm is None and not h.hot and self.is_brief(told.speech):
            ids = self.decoder.swapped(told.logs, self.guessed(told))
            return ids, self.units.words(ids)
        return self.decoder.read(told.logs)

    def guessed(self, told: Emitted) -> list[int]:
        """Return the units of a part, without a decoder."""
        if not self.is_brief(told.speech):
            return ctc.greedy(told.logs)
        if ctc.silent(ctc.alone(told.logs)):
            return []
        return [1 + int(self.single(told).argmax())]

    def single(self, told: Emitted) -> np.ndarray:
        """Return the log probability [V - 1] of each unit, where exactly one is said."""
        return among(ctc.alone(told.logs)[1:])

    def placed(self, told: Emitted, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and last frame [L, 2] of units that were read, and how probable each is [L]."""
        places = ctc.aligned(told.logs, ids)
        if told.word is not None and len(ids) == 1:
            return places, np.exp(self.single(told)[[ids[0] - 1]])
        return places, ctc.sureness(told.logs, ids, places)

    def is_brief(self, speech: np.ndarray) -> bool:
        """Return whether the speech, by its probability [T], is as short as single words are."""
        places = np.flatnonzero(speech >= _HEARD)
        return len(places) > 0 and (places[-1] - places[0]) * self.frame <= self.brief

    def save(self, folder: Path) -> None:
        write_state(folder, self.state(self.decoder.save(folder)))
        write_tensors(folder / "weights.safetensors", self.network.state_dict())

    def state(self, decoder: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is saved beside the weights, as JSON values; `decoder` is what that saved of itself."""
        return {
            "front": self.front.to_json(), "units": self.units.state(), "options": self.options.model_dump(), "extent": self.extent,
            "sureness": self.sureness.to_json(), "decoder": dict(decoder), "brief": self.brief,
        }  # fmt: skip

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Self:
        with Loading(folder):
            state = read_state(folder)
            return cls.restored(state, folder)

    @classmethod
    def restored(cls, state: Mapping[str, Any], folder: Path) -> Self:
        """Make the model of what `state` gave and its weights."""
        from modelwright.models.speech import Recogniser

        options, units = cls.options_class(**state["options"]), Units.restore(state["units"], {})
        front = Front.from_json(state["front"])
        network = Recogniser(front.bands, units.size, options)
        network.load_state_dict(read_tensors(folder / "weights.safetensors"))
        network.eval()
        decoder = Decoder.load(state["decoder"], units, folder)
        out = cls(front, units, network, options, decoder=decoder, sureness=Sureness.from_json(state["sureness"]))
        out.extent, out.brief = dict(state["extent"]), float(state.get("brief", 0.0))
        return out


def brief_of(units: Units, counts: Sequence[int], speech: Sequence[np.ndarray]) -> float:
    """Return the seconds from the first to the last speech within which exactly one word is said, 0 where that is not known.

    Where units are words and each training recording holds one, `counts` [N], nearly all of them are no longer; `speech` tells of each frame
    of 10 ms of a recording whether somebody speaks.
    """
    if units.kind != "words" or not len(counts) or any(c != 1 for c in counts):
        return 0.0
    ends = [np.flatnonzero(s) for s in speech]
    sizes = [(e[-1] - e[0] + 1) * FRAME for e in ends if len(e)]
    return round(float(np.quantile(sizes, _MOSTLY)), 3) if sizes else 0.0


def among(logs: np.ndarray) -> np.ndarray:
    """Return log scores [..., V] as log probabilities of which there is exactly one."""
    top = logs - logs.max(axis=-1, keepdims=True)
    out: np.ndarray = top - np.log(np.exp(top).sum(axis=-1, keepdims=True))
    return out


def heard(speech: np.ndarray, frame: float) -> bool:
    """Return whether somebody speaks for some time on end, by probabilities [T] of frames of so many seconds."""
    on = (speech >= _HEARD).astype(np.int8)
    least = max(1, round(_LEAST / frame))
    return len(on) >= least and bool((np.convolve(on, np.ones(least, np.int8), mode="valid") == least).any())
