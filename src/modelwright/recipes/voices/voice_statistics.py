"""Means and deviations of cepstra and the pitch of a voice, turned so that what changes within a speaker counts least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.speech import Front, tones
from modelwright.recipes.voices._voices import VoiceModel, VoiceRecipe, front_of, spoken, voiced

_BANDS = 40
_LOW, _HIGH = 60.0, 400.0  # hertz of voices
_FRAME = 0.04  # seconds in which a pitch is looked for
_PERIODIC = 0.4  # the autocorrelation from which on there is one


class VoiceStatisticsOptions(Options):
    """`cepstra` of a frame; `shrink`, how far the spread within speakers is drawn to its mean, as few recordings tell little of it.

    `parts` "means" leaves out how loud a recording is and how far cepstra vary, which tell of microphones and of words more than of voices.
    """

    cepstra: int = Field(default=20, ge=4, le=40)
    shrink: float = Field(default=0.05, ge=0.001, le=1)
    parts: Literal["means", "all"] = "means"


class VoiceStatisticsModel(VoiceModel):
    """Mean and scale of statistics [F], and the turn [F, D] that weighs them by how little they vary within a speaker."""

    recipe = "voice-statistics"

    def __init__(self, front: Front, cepstra: int, mean: np.ndarray, turn: np.ndarray) -> None:
        super().__init__(front)
        self.cepstra, self.mean, self.turn = cepstra, mean, turn

    def vectors(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        out = np.zeros((len(parts), self.turn.shape[1]))
        for i, samples in enumerate(parts):
            heard = voiced(samples, self.front)
            if len(heard):
                out[i] = (statistics(heard, self.front, self.cepstra) - self.mean) @ self.turn
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)

    def save(self, folder: Path) -> None:
        write_state(folder, {**self.told(), "cepstra": self.cepstra})
        write_arrays(folder / "statistics.safetensors", {"mean": self.mean, "turn": self.turn})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> VoiceStatisticsModel:
        with Loading(folder):
            state, arrays = read_state(folder), read_arrays(folder / "statistics.safetensors")
            return cls(front_of(state), int(state["cepstra"]), arrays["mean"], arrays["turn"]).take_up(state)


class VoiceStatistics(VoiceRecipe):
    """No network: seconds for thousands of recordings."""

    name = "voice-statistics"
    title = Words("statistics of cepstra and pitch", "倒谱与基频统计")
    rank = 5
    paper = "Hatch, Kajarekar & Stolcke 2006 (within-class covariance normalisation)"
    seeded = False
    options = VoiceStatisticsOptions
    model = VoiceStatisticsModel
    space: ClassVar[Mapping[str, Axis]] = {
        "cepstra": Choice((13, 20, 30)),
        "shrink": Choice((0.05, 0.2, 0.5)),
        "parts": Choice(("means", "all")),
    }

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(0.5 + 0.01 * len(train), 300 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, VoiceStatisticsOptions)
        front, parts, who = spoken(train, ctx, _BANDS)
        found = np.stack([statistics(p, front, options.cepstra) for p in parts])
        mean, count = found.mean(axis=0), options.cepstra
        kept = np.arange(len(mean)) if options.parts == "all" else np.r_[1:count, len(mean) - 2, len(mean) - 1]
        found = found[:, kept]
        means = np.stack([found[who == s].mean(axis=0) for s in range(int(who.max()) + 1)])
        within = (found - means[who]).T @ (found - means[who]) / max(1, len(found) - len(means))
        scale = np.diag(within).mean()
        # measured per dimension: what hardly varies at all must not be blown up without bound
        plain = np.diag(np.diag(within)) + 1e-3 * scale * np.eye(len(within))
        within = (1 - options.shrink) * within + options.shrink * plain + 1e-4 * scale * np.eye(len(within))
        values, vectors = np.linalg.eigh(within)
        turn = np.zeros((len(mean), len(kept)))  # what is left out has no weight
        turn[kept] = vectors / np.sqrt(np.maximum(values, 1e-9))
        model = VoiceStatisticsModel(front, options.cepstra, mean, turn)
        model.settle(valid, ctx)
        return model


def statistics(samples: np.ndarray, front: Front, count: int) -> np.ndarray:
    """Return means and deviations of cepstra and their slopes, and of the pitch in octaves, of speech [T], float64 [3 Q + 2]."""
    mel = front.frames(samples)
    tone, slope = tones(mel, count)
    pitch = pitches(samples, front.rate)
    octaves = np.log2(pitch) if len(pitch) else np.zeros(1)
    # pitch tells much: it stands there once, as large as the cepstra that vary most
    own = [float(np.median(octaves)), float(octaves.std())]
    return np.concatenate([tone.mean(0), tone.std(0), slope.std(0), np.array(own) * 10]).astype(np.float64)


def pitches(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the pitch in hertz of each frame of samples [T], `rate` a second, that has one, by the highest peak of its autocorrelation: [F], F at
    most the number of frames."""
    size, hop = round(_FRAME * rate), round(_FRAME / 2 * rate)
    if len(samples) < size:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(frames, 2 * size)
    lags = np.fft.irfft(np.abs(spectrum) ** 2)[:, :size]
    lags = lags / np.maximum(lags[:, :1], 1e-9)
    low, high = int(rate / _HIGH), min(size - 1, int(rate / _LOW))
    best = lags[:, low:high].argmax(axis=1) + low
    sure = lags[np.arange(len(best)), best] > _PERIODIC
    found: np.ndarray = rate / best[sure]
    return found


RECIPE = VoiceStatistics
