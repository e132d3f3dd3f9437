"""What recipes that turn recordings into text share: the column, the rows, long recordings in parts, the answer's form.

Legend: T samples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext, Model, Recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.kinds.audio import MOST_SECONDS, blocks, facts, span_of
from modelwright.data.kinds.base import Unreadable
from modelwright.features.shared.speech import FRAME, Front, samples_of, speaking
from modelwright.features.shared.transcript_rules import joined
from modelwright.recipes.shared.listening import in_turn, placed
from modelwright.recipes.shared.rows import known_rows

TASKS = frozenset({"automatic-speech-recognition"})
_WINDOW, _LEAST = 20.0, 8.0  # seconds of a part of a long recording, at most and at least
_ROWS = 32  # recordings that are held at a time
_LONG = 120.0  # seconds from which on one is not held as a whole


def column_of(schema: Schema) -> str | None:
    """Return the name of the column of recordings."""
    return next((c.name for c in schema.inputs if c.modality == "audio"), None)


class SpeechModel(Model):
    """A model that writes down what is said in recordings; `front` says how it hears them."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def hear(self, parts: Sequence[np.ndarray]) -> list[list[dict[str, Any]]]:
        """Return the words of each part, samples [T] at `front.rate`: {"word", "start", "end", "confidence"}, times in seconds."""

    def look(self, samples: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray, float]:
        """Return the words of samples [T], the probability that somebody speaks at each frame, and the seconds of a frame."""
        frames = self.front.frames(samples)
        return self.hear([samples])[0], speaking(frames).astype(np.float64), FRAME

    def parts(self, samples: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        """Yield samples [T] in parts of at most 20 s, each with the second at which it begins, cut where it is quietest."""
        yield from in_parts(samples, self.front)

    def transcribe(self, recordings: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        """Return {"text", "words", "seconds"} of recordings, samples [T] in -1..1 at `front.rate`, however long."""
        parts: list[np.ndarray] = []
        places: list[tuple[int, float]] = []
        for i, samples in enumerate(recordings):
            for start, part in self.parts(samples):
                parts.append(part)
                places.append((i, start))
        words: list[list[dict[str, Any]]] = [[] for _ in recordings]
        for (i, start), found in zip(places, self.hear(parts) if parts else [], strict=True):
            words[i] += [{**w, "start": round(w["start"] + start, 3), "end": round(w["end"] + start, 3)} for w in found]
        return [
            {"text": joined([w["word"] for w in found]), "words": found, "seconds": round(len(s) / self.front.rate, 3)}
            for found, s in zip(words, recordings, strict=True)
        ]

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: what `transcribe` tells of each row; a missing recording has an empty text."""
        name = column_of(table.schema)
        cells = table.column(name).to_pylist() if name else [None] * len(table)
        out: list[dict[str, Any]] = []
        for start in range(0, len(cells), _ROWS):
            some = cells[start : start + _ROWS]
            long = [_is_long(c) for c in some]
            short = self.transcribe(
                [samples_of(c, self.front.rate, MOST_SECONDS) for c, at in zip(some, long, strict=True) if not at]
            )
            rest = iter(short)
            out += [self.transcribe_long(c) if at else next(rest) for c, at in zip(some, long, strict=True)]
        return as_objects(out)[:, None]

    def transcribe_long(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `transcribe` tells of a recording, which is read and heard part by part: memory does not grow with its length."""
        words: list[dict[str, Any]] = []
        until = 0.0
        try:
            for start, part in in_turn(self, blocks(cell, self.front.rate)):
                words += placed(self.hear([part])[0], start)
                until = start + len(part) / self.front.rate
        except Unreadable:  # its file has changed since it was checked
            words, until = [], 0.0
        return {"text": joined([w["word"] for w in words]), "words": words, "seconds": round(until, 3)}


class SpeechRecipe(Recipe):
    """A recipe for recordings and their transcripts."""

    tasks = TASKS
    leads = ""
    needs: ClassVar[tuple[str, ...]] = ("soundfile", "soxr")
    extra = "audio"
    baseline = False

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None if column_of(schema) else Words("there is no column of recordings", "没有录音列")


def _is_long(cell: Mapping[str, Any] | None) -> bool:
    """Return whether a recording, of which no part is named, is too long to be held as a whole."""
    if cell is None or span_of(cell) is not None:
        return False
    try:
        return facts(cell)[1] > _LONG
    except Unreadable:
        return False


def transcribed(table: Table, ctx: FitContext) -> tuple[Table, list[str]]:
    """Return the rows with a recording and a transcript, and the transcripts by the run's rules. Raises DataError for none."""
    table, truth = known_rows(table, ctx.target)
    name = column_of(table.schema)
    there = np.asarray(table.column(name).is_valid()) if name else np.zeros(len(table), bool)
    if not there.any():
        raise DataError("There is no recording with a transcript to learn from.", "没有可学习的带转写文本的录音。")
    index = np.flatnonzero(there)
    return table.take(index), [str(truth[i]) for i in index]


def in_parts(samples: np.ndarray, front: Front, longest: float = _WINDOW) -> Iterator[tuple[float, np.ndarray]]:
    """Yield samples [T] in parts of at most `longest` seconds, each with the second at which it begins, cut where it is quietest."""
    rate = front.rate
    at = 0
    while len(samples) - at > longest * rate:
        loud = front.frames(samples[at : at + int(longest * rate)]).mean(axis=1)
        smooth = np.convolve(loud, np.ones(15) / 15, mode="same")
        low = int(min(_LEAST, 0.4 * longest) / FRAME)
        cut = at + int((low + int(smooth[low:-8].argmin())) * FRAME * rate)
        yield at / rate, samples[at:cut]
        at = cut
    if len(samples) > at:
        yield at / rate, samples[at:]
