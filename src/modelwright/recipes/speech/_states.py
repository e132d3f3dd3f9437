"""Recognisers by a hidden Markov model over a network's frames: options, the model, how high a voice is.

Legend: S frames of 10 ms, T frames of units, V units with the blank, C sounds, P parts of a unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from modelwright.core.saved import read_arrays, read_tensors, write_arrays, write_tensors
from modelwright.features.shared.mel import deltas
from modelwright.features.shared.pitch import filled, pitch
from modelwright.features.shared.speech import FRAME, Front, even
from modelwright.features.shared.speech_units import Units
from modelwright.models.unit_states import shares
from modelwright.recipes.shared.loop_options import LoopOptions, Rate
from modelwright.recipes.speech._decoding import Decoder
from modelwright.recipes.speech._frames import PAD, Emitted, FrameModel
from modelwright.recipes.speech._sureness import Sureness
from modelwright.recipes.speech._whole_words import WholeWordNet, net_of

PARTS = {
    "words": 8,
    "pinyin": 4,
    "pieces": 4,
    "finals": 2,
    "phonemes": 2,
    "characters": 2,
}  # of a unit, each at least 10 ms long
SCALES = (0.4, 0.25, 0.7, 1.0)  # of the network's scores beside those of pairs
PRIOR = 0.6  # how much of how often a sound comes is taken off its score
_STEP = 2  # frames of 10 ms of one of units


class HybridOptions(LoopOptions):
    """Options of frames told apart; augmentation is done to spectrograms: times in seconds, levels in dB, `colour` in nats.

    `units` "auto" takes words where there are few, initials and finals with tones for Chinese, else phonemes where espeak-ng says words of the
    language, else characters. `join` is the probability that an utterance is
    made of several recordings, with pauses up to `pause` between and `edge` around, up to `joined` seconds; None joins short ones often.
    With a `step` of 2 the network looks at every second frame.
    `bend` moves bands to and fro, in bands; `accent` nats give each sound a colour of its own, and by `contrast` of themselves peaks and valleys are higher
    or flatter: other speakers than those who were recorded.
    Where all transcripts are one word of few, a second network names the `whole` of what is as short as single words, and both opinions count together.
    """

    optimizer: Literal["adamw", "muon"] = "adamw"
    lr: Rate = 4e-3
    units: Literal["auto", "characters", "words", "pieces", "phonemes", "pinyin", "finals"] = "auto"
    pieces: int = Field(default=300, ge=32, le=4000)
    bands: int = Field(default=40, ge=20, le=128)
    width: int = Field(default=128, ge=16, le=1024)
    layers: int = Field(default=4, ge=1, le=24)
    step: Literal[1, 2] = 1
    dropout: float = Field(default=0.2, ge=0, lt=1)
    join: float | None = Field(default=None, ge=0, le=1)
    joined: float = Field(default=5.0, gt=0, le=60)
    longest: float = Field(default=20.0, gt=0, le=60)
    pause: float = Field(default=0.3, ge=0, le=5)
    edge: float = Field(default=0.15, ge=0, le=5)
    speed: float = Field(default=0.12, ge=0, le=0.7)
    warp: float = Field(default=0.08, ge=0, le=0.3)
    gain: float = Field(default=6.0, ge=0, le=40)
    noise: float = Field(default=0.25, ge=0, le=1)
    snr_low: float = Field(default=10.0, ge=-20, le=80)
    snr_high: float = Field(default=40.0, ge=-20, le=80)
    colour: float = Field(default=0.3, ge=0, le=4)
    bend: float = Field(default=0.0, ge=0, le=3)
    accent: float = Field(default=0.0, ge=0, le=3)
    contrast: float = Field(default=0.0, ge=0, le=0.5)
    time_masks: int = Field(default=1, ge=0, le=16)
    time_width: int = Field(default=6, ge=0, le=200)
    band_masks: int = Field(default=1, ge=0, le=16)
    seconds: float = Field(default=20.0, gt=0, le=3600)
    whole: bool = True


class HybridModel(FrameModel):
    """A network over frames, with how often sounds and tones come [1 + C P] and [6], and what unit follows which [V, V]."""

    recipe = "hybrid"
    options_class: ClassVar[type[Any]] = HybridOptions
    whole: WholeWordNet | None = None

    def __init__(
        self, front: Front, units: Units, network: Any, options: Any, device: str = "cpu", *, decoder: Decoder | None = None,
        sureness: Sureness | None = None, prior: tuple[np.ndarray, np.ndarray], after: np.ndarray, scale: float = SCALES[0],
    ) -> None:  # fmt: skip
        super().__init__(front, units, network, options, device, decoder=decoder, sureness=sureness)
        self.prior, self.after, self.scale = prior, after, scale
        self.sound, self.tone = units.sounds(), tones_of(units)

    @property
    def frame(self) -> float:
        return FRAME * _STEP

    def told(self, parts: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, bool]]:
        """Return log likelihoods of sounds [S, 1 + C P] and of tones [S, 6] of parts, and whether there is but a hum or a hiss."""
        import torch

        quiet = np.zeros(round(PAD * self.front.rate), np.float32)
        around = round(PAD / FRAME)
        toned = bool(self.tone.any())
        out = []
        with torch.inference_mode():
            for part in parts:  # each by itself: rows of other lengths cost more in padding than they save
                samples = np.concatenate([quiet, part, quiet])
                mel = self.front.frames(samples)
                tensors = {
                    "mel": torch.from_numpy(mel[None]).to(self.device),
                    "pitch": torch.from_numpy(heights(samples, self.front, len(mel), toned)[None]).to(self.device),
                    "lengths": torch.tensor([len(mel)], device=self.device),
                }
                found = self.network(tensors)
                sounds, tones = (
                    found[k][0].log_softmax(dim=1).cpu().numpy().astype(np.float64) for k in ("sounds", "tones")
                )
                sounds = sounds - PRIOR * self.prior[0]
                tones = 0.5 * (tones - PRIOR * self.prior[1]) if toned else np.zeros((len(mel), 6))
                out.append((sounds, tones, even(mel[around:-around])))
        return out

    def smoothed(self, told: tuple[np.ndarray, np.ndarray, bool], scale: float | None = None) -> Emitted:
        """Return what `emissions` does of what `told` found in one part [S, ...]; `scale` in place of the model's own."""
        sounds, tones, noise = told
        scale = self.scale if scale is None else scale
        found = shares(sounds, tones, self.after, self.sound, self.tone, PARTS[self.units.kind], scale)
        odd = len(found) % _STEP
        if odd:
            found = np.concatenate([found, found[-1:]])
        found = found.reshape(-1, _STEP, found.shape[1]).mean(axis=1)
        speech = np.zeros(len(found)) if noise else 1 - found[:, 0]
        return Emitted(np.log(np.maximum(found, 1e-9)), speech)

    def emissions(self, parts: Sequence[np.ndarray]) -> list[Emitted]:
        out = [self.smoothed(t) for t in self.told(parts)]
        if self.whole is not None:
            brief = [i for i, told in enumerate(out) if self.is_brief(told.speech)]
            for i, word in zip(brief, self.whole.words([self.front.frames(parts[i]) for i in brief]), strict=True):
                out[i] = out[i]._replace(word=word)
        return out

    def single(self, told: Emitted) -> np.ndarray:
        own = super().single(told)
        return own if told.word is None or self.whole is None else self.whole.together(own, told.word)

    def save(self, folder: Path) -> None:
        super().save(folder)
        write_arrays(
            folder / "pairs.safetensors",
            {"sounds": self.prior[0], "tones": self.prior[1], "after": np.ascontiguousarray(self.after, np.float32)},
        )
        if self.whole is not None:
            write_tensors(folder / "whole.safetensors", self.whole.network.state_dict())

    def state(self, decoder: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **super().state(decoder), "scale": self.scale, "whole": None if self.whole is None else list(self.whole.weights),
        }  # fmt: skip

    @classmethod
    def restored(cls, state: Mapping[str, Any], folder: Path) -> Self:
        options, units = cls.options_class(**state["options"]), Units.restore(state["units"], {})
        front = Front.from_json(state["front"])
        network = network_of(front, units, options)
        network.load_state_dict(read_tensors(folder / "weights.safetensors"))
        network.eval()
        arrays = read_arrays(folder / "pairs.safetensors")
        out = cls(
            front, units, network, options, decoder=Decoder.load(state["decoder"], units, folder),
            sureness=Sureness.from_json(state["sureness"]), prior=(arrays["sounds"], arrays["tones"]), after=arrays["after"],
            scale=float(state["scale"]),
        )  # fmt: skip
        out.extent, out.brief = dict(state["extent"]), float(state.get("brief", 0.0))
        if state.get("whole") is not None:
            whole = net_of(units.size - 1)
            whole.load_state_dict(read_tensors(folder / "whole.safetensors"))
            own, other = (float(w) for w in state["whole"])
            out.whole = WholeWordNet(whole, (own, other))
        return out


def network_of(front: Front, units: Units, options: HybridOptions) -> Any:
    """Return the network for spectra of `front` and sounds of `units`, untrained."""
    from modelwright.models.frame_sounds import FrameSounds

    o = options
    return FrameSounds(front.bands, classes(units), o.width, o.layers, o.dropout, o.step)


def classes(units: Units) -> int:
    """Return how many silence and the parts of all sounds are."""
    return 1 + (int(units.sounds().max()) + 1) * PARTS[units.kind]


def tones_of(units: Units) -> np.ndarray:
    """Return the tone of each unit, int64 [V] with the blank: 1 to 5, or 0 for none."""
    toned = units.pieces is None and units.kind in ("finals", "pinyin")
    return np.array(
        [0, *(int(s[-1]) if toned and s[-1:] in "12345" else 0 for s in units.signs)]
        if units.pieces is None
        else [0] * units.size,
        np.int64,
    )


def heights(samples: np.ndarray, front: Front, frames: int, toned: bool) -> np.ndarray:
    """Return float32 [S, 3]: how high the voice is around its mean, whether it is voiced, and how it rises; zeros where there are no tones to be told."""
    out = np.zeros((frames, 3), np.float32)
    if not toned or not frames:
        return out
    hertz = pitch(samples, front.rate, frames)
    if not (hertz > 0).any():
        return out
    high = filled(hertz)
    high = high - high[hertz > 0].mean()
    out[:, 0], out[:, 1] = 5 * high, hertz > 0
    out[:, 2] = 30 * deltas(high[:, None])[:, 0]
    return out
