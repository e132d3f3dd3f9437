"""What recipes that tell voices apart share: the column, what is heard of a recording, the threshold, the answer's form.

Legend: N rows, D numbers of a vector, T samples, P pairs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext, Model, Recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.speech import FRAME, NOBODY, Front, samples_of, speaking
from modelwright.recipes.shared.rows import known_rows

TASKS = frozenset({"speaker-verification"})
LONGEST = 30.0  # seconds of a recording that are heard
LEAST = 0.1  # seconds of speech, below which there is no voice to be told
_AT_ONCE = 64
_ROWS, _PAIRS = 1500, 200_000  # that the threshold is chosen by
_STEPS, _RIDGE = 30, 1.0
_DIGITS = 6


def columns_of(schema: Schema) -> tuple[str | None, str | None]:
    """Return the column of recordings and that of those to compare with, as `SpeakerVerification.served` has them."""
    names = [c.name for c in schema.inputs if c.modality == "audio"]
    return (names[0] if names else None), (names[1] if len(names) > 1 else None)


class VoiceModel(Model):
    """A model of voices. `threshold` is the cosine from which on two are one voice; `scale` and `shift` make log odds of cosines."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.threshold, self.scale, self.shift = 0.5, 10.0, -5.0
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def vectors(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return vectors of unit length [N, D] of recordings, samples [T] at `front.rate`; zeros where nobody speaks."""

    def heard(self, cells: Sequence[Mapping[str, Any] | None]) -> np.ndarray:
        """Return the vectors [N, D] of cells of recordings."""
        found = [
            self.vectors([samples_of(c, self.front.rate, LONGEST) for c in cells[at : at + _AT_ONCE]])
            for at in range(0, len(cells), _AT_ONCE)
        ]
        return np.concatenate(found) if found else np.zeros((0, 1))

    def compared(self, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
        """Return "score" (the cosine), "probability" that both are of one voice, and whether they are taken for "same", of two vectors [D]."""
        if not a.any() or not b.any():
            return {"score": None, "probability": 0.0, "same": False}
        score = float(a @ b)
        odds = 1 / (1 + np.exp(-np.clip(self.scale * score + self.shift, -40, 40)))
        return {"score": round(score, 4), "probability": round(float(odds), 4), "same": bool(score >= self.threshold)}

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Model.refused: recordings in which nobody speaks, of whom nothing could be said."""
        out = []
        for name in columns_of(table.schema):
            for row, cell in enumerate(
                table.column(name).to_pylist() if name and name in table.data.column_names else []
            ):
                if cell is not None and not len(voiced(samples_of(cell, self.front.rate, LONGEST), self.front)):
                    out.append((row, str(name), NOBODY))
        return out

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: {"voice": [D numbers]}, and what `compared` tells where there is a recording to compare with."""
        name, other = columns_of(table.schema)
        cells = table.column(name).to_pylist() if name else [None] * len(table)
        voices = self.heard(cells)
        out = [{"voice": [round(float(v), _DIGITS) for v in row]} for row in voices]
        if other is not None and other in table.data.column_names:
            beside = table.column(other).to_pylist()
            asked = [i for i, c in enumerate(beside) if c is not None]
            for i, vector in zip(asked, self.heard([beside[i] for i in asked]), strict=True):
                out[i] |= self.compared(voices[i], vector)
        return as_objects(out)[:, None]

    def settle(self, valid: Table | None, ctx: FitContext) -> None:
        """Choose the threshold that accepts at most the asked share of other speakers, and the scale of probabilities; a refit takes them over."""
        if valid is None or not len(valid):
            known = {k: float(v) for k, v in (ctx.extent or {}).items() if k in ("threshold", "scale", "shift")}
            for key, value in known.items():
                setattr(self, key, value)
        else:
            valid, truth = known_rows(valid, ctx.target)
            index = np.sort(np.random.default_rng(0).permutation(len(valid))[:_ROWS])
            name, _ = columns_of(valid.schema)
            voices = self.heard(valid.column(name).take(index).to_pylist() if name else [])
            cosines, same = pairs(voices, truth[index])
            if same.any() and (~same).any():
                rate = float(getattr(ctx.target, "rate", 0.01))
                self.threshold = float(np.quantile(cosines[~same], 1 - rate, method="higher")) + 1e-6
                self.scale, self.shift = _odds(cosines, same)
        self.extent |= {"threshold": self.threshold, "scale": self.scale, "shift": self.shift}

    def told(self) -> dict[str, Any]:
        """Return what every such model keeps, as JSON values."""
        return {
            "front": self.front.to_json(), "threshold": self.threshold, "scale": self.scale, "shift": self.shift,
        }  # fmt: skip

    def take_up(self, state: Mapping[str, Any]) -> Self:
        """Take up what `told` gave; the model is returned."""
        self.threshold, self.scale, self.shift = (float(state[k]) for k in ("threshold", "scale", "shift"))
        return self


class VoiceRecipe(Recipe):
    """A recipe for recordings and who speaks in them."""

    tasks = TASKS
    needs: ClassVar[tuple[str, ...]] = ("soundfile", "soxr")
    extra = "audio"
    baseline = False

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None if columns_of(schema)[0] else Words("there is no column of recordings", "没有录音列")


def front_of(state: Mapping[str, Any]) -> Front:
    """Return the front end that `told` gave."""
    return Front.from_json(state["front"])


def spoken(table: Table, ctx: FitContext, bands: int) -> tuple[Front, list[np.ndarray], np.ndarray]:
    """Return the front end, the recordings with speech in them, samples [T], and their speakers [N]. Raises DataError for fewer than two."""
    table, truth = known_rows(table, ctx.target)
    name = columns_of(table.schema)[0] or ""
    column = table.column(name)
    front = Front.fit(column, table.schema[name].options, bands)
    found, who = [], []
    for cell, speaker in zip(column.to_pylist(), truth, strict=True):
        samples = voiced(samples_of(cell, front.rate, LONGEST), front)
        if len(samples):
            found.append(samples)
            who.append(str(speaker))
    if len(set(who)) < 2:
        raise DataError(
            "There are no two speakers whose speech can be heard in the recordings.",
            "录音中听不到至少两位说话人的语音。",
        )
    return front, found, np.unique(who, return_inverse=True)[1]


def voiced(samples: np.ndarray, front: Front) -> np.ndarray:
    """Return the samples [T] in which somebody speaks; none where there is less than `LEAST` seconds."""
    if not len(samples):
        return samples
    hop = round(FRAME * front.rate)
    on = speaking(front.frames(samples))
    if on.sum() * FRAME < LEAST:
        return samples[:0]
    return samples[: len(on) * hop][np.repeat(on, hop)[: len(samples[: len(on) * hop])]]


def pairs(voices: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines [P] of pairs of vectors [N, D] and which of them are of one speaker, by chance at most `_PAIRS`."""
    a, b = np.triu_indices(len(voices), 1)
    if len(a) > _PAIRS:
        some = np.sort(np.random.default_rng(0).permutation(len(a))[:_PAIRS])
        a, b = a[some], b[some]
    names = np.unique([str(t) for t in truth], return_inverse=True)[1]
    return np.einsum("pd,pd->p", voices[a], voices[b]), names[a] == names[b]


def _odds(cosines: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Return scale and shift of log odds by logistic regression in which both kinds of pairs weigh alike (Newton's steps)."""
    x = np.stack([cosines, np.ones_like(cosines)], axis=1)
    y = same.astype(np.float64)
    each = np.where(same, 0.5 / max(1, same.sum()), 0.5 / max(1, (~same).sum())) * len(y)
    w = np.zeros(2)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (each * (p - y)) + _RIDGE * np.array([1e-3 * w[0], 0.0])
        bend = (x * (each * p * (1 - p))[:, None]).T @ x + _RIDGE * np.diag([1e-3, 1e-6])
        w = w - np.linalg.solve(bend, slope)
    return float(w[0]), float(w[1])
