"""Speech written down while it is spoken, and long recordings part by part: the memory stays that of a few seconds.

What was said up to now is read again every `EVERY` seconds; words on which two readings agree are told as settled (Liu et al. 2020, local
agreement, arXiv 2005.11185), and a pause ends an utterance. Legend: T samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from modelwright.features.shared.speech import Front
from modelwright.features.shared.transcript_rules import joined

EVERY = 0.3  # seconds of new sound between two readings
PAUSE = 0.5  # seconds of silence that end an utterance
DELAY = 2 * EVERY  # seconds after which a word is settled at the latest, once it has been said
_LONGEST, _EARLIEST = (
    15.0,
    6.0,
)  # seconds after which an utterance is cut at its quietest place, and where that may be at the earliest
_KEPT = 0.3  # seconds of silence that are kept before somebody speaks
_PART = 20.0  # seconds of a part of a long recording
Word = Mapping[str, Any]


class Hears(Protocol):
    """What a model of speech offers: see `recipes/speech/_speech.py`."""

    front: Front

    def look(self, samples: np.ndarray) -> tuple[list[dict[str, Any]], np.ndarray, float]:
        """Return the words of samples [T], the probability that somebody speaks at each frame, and the seconds of a frame."""

    def parts(self, samples: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        """Yield samples [T] in parts, each with the second at which it begins."""

    def hear(self, parts: list[np.ndarray]) -> list[list[dict[str, Any]]]:
        """Return the words of each part [T]."""


class Listener:
    """Takes sound as it comes and tells {"type": "partial" | "final", "text", "words", "settled"} of it, times from the beginning on."""

    def __init__(self, model: Hears) -> None:
        self.model, self.rate = model, model.front.rate
        self.held = np.zeros(0, np.float32)
        self.start = 0.0  # seconds of sound before what is held
        self.fresh = 0  # samples since the last reading
        self.before: list[str] = []

    def feed(self, samples: np.ndarray) -> list[dict[str, Any]]:
        """Take samples [T] at the model's rate, in -1..1; return what is to be told now."""
        self.held = np.concatenate([self.held, samples.astype(np.float32)])
        self.fresh += len(samples)
        if self.fresh < EVERY * self.rate:
            return []
        self.fresh = 0
        return self._hear(last=False)

    def finish(self) -> list[dict[str, Any]]:
        """Return the last utterance, once no more sound will come."""
        return self._hear(last=True) if len(self.held) else []

    def _hear(self, last: bool) -> list[dict[str, Any]]:
        words, speech, frame = self.model.look(self.held)
        seconds = len(self.held) / self.rate
        spoken = np.flatnonzero(speech >= 0.5)
        if not len(spoken):
            if seconds > 1.0 + _KEPT:
                self._drop(seconds - _KEPT)
            return []
        silent = (len(speech) - 1 - int(spoken[-1])) * frame
        if last or silent >= PAUSE:
            told = self._result("final", words)
            self._drop(seconds if last else seconds - max(0.0, silent - _KEPT))
            return told
        if seconds > _LONGEST:
            return self._cut(words, speech, frame)
        texts = [str(w["word"]) for w in words]
        settled = next(
            (k for k, (a, b) in enumerate(zip(texts, self.before)) if a != b), min(len(texts), len(self.before))
        )
        changed, self.before = texts != self.before, texts
        return self._result("partial", words, settled) if changed else []

    def _cut(self, words: list[dict[str, Any]], speech: np.ndarray, frame: float) -> list[dict[str, Any]]:
        """End an utterance that has no pause where it is quietest."""
        first = int(_EARLIEST / frame)
        cut = (first + int(speech[first:].argmin())) * frame
        told = self._result("final", [w for w in words if w["end"] <= cut + frame])
        self._drop(cut)
        return told

    def _result(self, kind: str, words: list[dict[str, Any]], settled: int = 0) -> list[dict[str, Any]]:
        if not words:
            return []
        text = joined([str(w["word"]) for w in words])
        return [
            {
                "type": kind,
                "text": text,
                "words": placed(words, self.start),
                "settled": len(words) if kind == "final" else settled,
            }
        ]

    def _drop(self, seconds: float) -> None:
        count = min(len(self.held), int(seconds * self.rate))
        self.held, self.start, self.before = self.held[count:], self.start + count / self.rate, []


def in_turn(model: Hears, blocks: Iterable[np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    """Yield a recording that comes in blocks [T] as parts to be heard, each with the second at which it begins."""
    rate, start = model.front.rate, 0.0
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > 2 * _PART * rate:
            at, part = next(iter(model.parts(held)))
            yield start + at, part
            held, start = held[len(part) :], start + len(part) / rate
    for at, part in model.parts(held):
        yield start + at, part


def placed(words: Iterable[Word], start: float) -> list[dict[str, Any]]:
    """Return words with their times moved by `start` seconds."""
    return [{**w, "start": round(w["start"] + start, 3), "end": round(w["end"] + start, 3)} for w in words]
