"""Keywords found in sound that goes on: a classifier of short recordings asked about windows, smoothed, with a rest after each find.

Chen, Parada & Heigold 2014 (doi 10.1109/ICASSP.2014.6854370) smooth posteriors over windows in this way. Legend: T samples, K labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WINDOW, EVERY = 1.0, 0.25  # seconds of a window, and from one to the next
REST = 0.5  # seconds after a find in which nothing is found
_OVER = 3  # windows whose mean counts
_QUIET = 1e-4  # of full scale: what is never loud needs no model
_NEAR = 0.75  # seconds by which a find may miss its keyword and still is one
_NONE = frozenset("unknown silence background noise other none garbage filler 未知 静音 噪声 背景 其他 无".split())

Scores = Callable[[np.ndarray], np.ndarray]  # a window, samples [T] -> probabilities [K]


def is_keyword(label: str) -> bool:
    """Return whether a label is of a keyword: not of silence, noise or other words, however it is written (`_silence_`, `Unknown`)."""
    return re.sub(r"[\W_]", "", label).lower() not in _NONE


@dataclass(frozen=True)
class Found:
    """A keyword, how sure it is, and the second at which its window ends."""

    label: str
    probability: float
    at: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"label": self.label, "probability": round(self.probability, 4), "at": round(self.at, 3)}


class Spotter:
    """Takes sound as it comes and tells the keywords in it; holds no more than a window."""

    def __init__(self, scores: Scores, labels: Sequence[str], rate: int, threshold: float = 0.7) -> None:
        self.scores, self.labels, self.rate, self.threshold = scores, list(labels), rate, threshold
        self.wanted = np.array([is_keyword(label) for label in self.labels])
        self.held = np.zeros(0, np.float32)
        self.seen = 0  # samples
        self.due = round(WINDOW * rate)
        self.last: list[np.ndarray] = []
        self.rests = 0.0
        self.heard: int | None = None  # the keyword that was found last, until it has faded: one that goes on is one

    def feed(self, samples: np.ndarray) -> list[Found]:
        """Take samples [T] in -1..1 and return what was found up to them."""
        out = []
        size, step = round(WINDOW * self.rate), round(EVERY * self.rate)
        at = 0
        while at < len(samples):
            part = samples[at : at + max(1, self.due - self.seen)]
            self.held = np.concatenate([self.held, part.astype(np.float32)])[-size:]
            self.seen += len(part)
            at += len(part)
            if self.seen >= self.due:
                self.due += step
                found = self._look()
                out += [found] if found is not None else []
        return out

    def _look(self) -> Found | None:
        seconds = self.seen / self.rate
        loud = float(np.sqrt(np.mean(np.square(self.held, dtype=np.float64)))) >= _QUIET
        told = self.scores(self.held) if loud else np.zeros(len(self.labels))
        self.last = [*self.last, np.where(self.wanted, told, 0.0)][-_OVER:]
        mean = np.mean(self.last, axis=0)
        if self.heard is not None and mean[self.heard] < self.threshold / 2:
            self.heard = None
        best = int(mean.argmax())
        if best == self.heard or seconds < self.rests or len(self.last) < _OVER or mean[best] < self.threshold:
            return None
        self.rests, self.heard = seconds + REST, best
        return Found(self.labels[best], float(mean[best]), seconds)


def alarms(found: Sequence[Found], said: Sequence[tuple[str, float, float]], seconds: float) -> dict[str, float]:
    """Return "missed" (share of the keywords that were said: label, start, end), "false_alarms_an_hour", and the counts of both.

    A find is right where its label was said, and not found before, within `_NEAR` seconds of the find's window.
    """
    left = list(said)
    false = 0
    for f in sorted(found, key=lambda f: f.at):
        hit = next(
            (
                s
                for s in left
                if s[0] == f.label and s[1] - _NEAR <= f.at and f.at - WINDOW - (_OVER - 1) * EVERY <= s[2] + _NEAR
            ),
            None,
        )
        if hit is None:
            false += 1
        else:
            left.remove(hit)
    return {
        "missed": len(left) / max(1, len(said)), "said": len(said), "false_alarms": false,
        "false_alarms_an_hour": 3600 * false / max(1e-9, seconds),
    }  # fmt: skip


def scores_of(predictor: Any) -> tuple[Scores, Sequence[str]] | None:
    """Return how a predictor is asked about a window at 16 kHz, and its labels; None for one that does not tell short recordings apart."""
    inputs = list(predictor.schema.inputs)
    if (
        len(inputs) != 1
        or inputs[0].modality != "audio"
        or not predictor.target.one_label
        or not predictor.target.probabilities
    ):
        return None
    from modelwright.data.wav import as_wav

    def scores(samples: np.ndarray) -> np.ndarray:
        row: Mapping[str, Any] = {inputs[0].name: as_wav(samples, RATE)}
        found: np.ndarray = np.asarray(predictor.scores(predictor.table([row])[0]))[0]
        return found

    return scores, predictor.target.labels


RATE = 16_000
