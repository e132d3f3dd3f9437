"""Template matching: the transcript whose mean recording is nearest under time warping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.kinds.audio import MOST_SECONDS
from modelwright.features.shared.speech import FRAME, Front, cepstral, even, samples_of, speaking
from modelwright.features.shared.transcript_rules import words_of
from modelwright.models.warping import barycentre, distances
from modelwright.recipes.speech._speech import SpeechModel, SpeechRecipe, column_of, transcribed

_LEAST = 3  # recordings of a transcript from which a mean is made: a single one would be kept as it is
_LONGEST = 4.0  # seconds of a template
_MOST = 200  # different transcripts


class DtwOptions(Options):
    """`templates` a transcript at most, each the mean of the recordings nearest to it, of `most` that are looked at."""

    templates: int = Field(default=4, ge=1, le=32)
    most: int = Field(default=40, ge=3, le=1000)
    cepstra: int = Field(default=13, ge=4, le=40)


class DtwModel(SpeechModel):
    """Templates [S, 2 Q] and their transcripts."""

    recipe = "dtw"

    def __init__(self, front: Front, cepstra: int, templates: Sequence[np.ndarray], texts: Sequence[str]) -> None:
        super().__init__(front)
        self.cepstra, self.templates, self.texts = cepstra, list(templates), list(texts)

    def hear(self, parts: Sequence[np.ndarray]) -> list[list[dict[str, Any]]]:
        return [self._words_in(p) for p in parts]

    def _words_in(self, samples: np.ndarray) -> list[dict[str, Any]]:
        frames, start = looked(samples, self.front, self.cepstra)
        if not len(frames) or not self.templates:
            return []
        apart = distances(frames, self.templates)
        best = int(apart.argmin())
        words = words_of(self.texts[best])
        others = [a for a, t in zip(apart, self.texts, strict=True) if t != self.texts[best]]
        sure = 1.0 - float(apart[best]) / min(others) if others else 1.0
        sure = float(np.clip(0.5 + sure, 0.0, 1.0))
        size = len(frames) * FRAME / max(1, len(words))
        return [
            {"word": w, "start": start + k * size, "end": start + (k + 1) * size, "confidence": round(sure, 4)}
            for k, w in enumerate(words)
        ]

    def save(self, folder: Path) -> None:
        write_state(folder, {"front": self.front.to_json(), "cepstra": self.cepstra, "texts": self.texts})
        write_arrays(folder / "templates.safetensors", {str(i): t for i, t in enumerate(self.templates)})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> DtwModel:
        with Loading(folder):
            state, arrays = read_state(folder), read_arrays(folder / "templates.safetensors")
            front = Front.from_json(state["front"])
            texts = [str(t) for t in state["texts"]]
            return cls(front, int(state["cepstra"]), [arrays[str(i)] for i in range(len(texts))], texts)


class Dtw(SpeechRecipe):
    """Mean recordings of transcripts that come again and again; others are never answered."""

    name = "dtw"
    title = Words("nearest template by time warping", "动态时间规整模板匹配")
    rank = 2
    paper = "Sakoe & Chiba 1978, doi 10.1109/TASSP.1978.1163055"
    baseline = True
    seeded = False
    options = DtwOptions
    model = DtwModel
    space: ClassVar[Mapping[str, Axis]] = {"templates": Choice((2, 4, 8))}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1.0 + 4e-3 * min(len(train), 4000), 300 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, DtwOptions)
        train, texts = transcribed(train, ctx)
        name = column_of(train.schema) or ""
        front = Front.fit(train.column(name), train.schema[name].options, 40)
        places: dict[str, list[int]] = {}
        for i, text in enumerate(texts):
            places.setdefault(text, []).append(i)
        often = sorted((t for t in places if len(places[t]) >= _LEAST), key=lambda t: (-len(places[t]), t))[:_MOST]
        rng = np.random.default_rng(ctx.seed)
        templates: list[np.ndarray] = []
        said: list[str] = []
        for text in often:
            if ctx.deadline.expired():
                break
            index = np.sort(rng.permutation(places[text])[: options.most])
            cells = train.column(name).take(index).to_pylist()
            rows = [looked(samples_of(c, front.rate, MOST_SECONDS), front, options.cepstra)[0] for c in cells]
            rows = [r for r in rows if 3 < len(r) <= _LONGEST / FRAME]
            if len(rows) >= _LEAST:
                means = _means(rows, options.templates)
                templates += means
                said += [text] * len(means)
        return DtwModel(front, options.cepstra, templates, said)


def _means(rows: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Return up to `count` means of sequences: each of the rows that are nearest to it, three at least."""
    count = max(1, min(count, len(rows) // _LEAST))
    order = np.argsort([len(r) for r in rows], kind="stable")
    means = [rows[int(order[(2 * k + 1) * len(order) // (2 * count)])] for k in range(count)]
    for _ in range(2):
        near = np.stack([distances(m, rows) for m in means]).argmin(axis=0)
        means = [
            barycentre([r for r, n in zip(rows, near, strict=True) if n == k], m, 2)
            if (near == k).sum() >= _LEAST
            else m
            for k, m in enumerate(means)
        ]
    # a template that few are nearest to would be one recording: it is left out
    kept = [m for k, m in enumerate(means) if (near == k).sum() >= _LEAST]
    return kept or [barycentre(rows, means[0], 2)]


def looked(samples: np.ndarray, front: Front, cepstra: int) -> tuple[np.ndarray, float]:
    """Return cepstra and their slopes [S, 2 Q] of where somebody speaks, and the second at which that begins."""
    if not len(samples):
        return np.zeros((0, 2 * cepstra), np.float32), 0.0
    mel = front.frames(samples[: int(_LONGEST * 4 * front.rate)])
    on = np.flatnonzero(speaking(mel))
    if not len(on) or even(mel):  # nobody, or a hum or a hiss
        return np.zeros((0, 2 * cepstra), np.float32), 0.0
    first, last = int(on[0]), int(on[-1]) + 1
    return cepstral(mel[first:last], cepstra), first * FRAME


RECIPE = Dtw
