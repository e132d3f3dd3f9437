"""Metrics of speech that is made: how near it comes to recordings of the same texts (`models/spoken_likeness.py`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from modelwright.core.answers.media import cell_bytes, file_bytes
from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.data.kinds.audio import MOST_SECONDS
from modelwright.evaluate.metrics.pictures import figure
from modelwright.features.shared.speech import samples_of
from modelwright.models.spoken_likeness import WORST, figures

_RATE = 16_000


def of_sounds(score: Any, truth: Any) -> dict[str, float]:
    """Return the figures of one row: as its model gave them, else from the sound it made."""
    if score is None:
        return {}
    if "figures" in score:
        found: dict[str, float] = score["figures"]
        return found
    cell = truth.as_py()
    return _compared(file_bytes(score) or b"", cell_bytes(cell))


@lru_cache(maxsize=512)  # each metric asks for the same rows
def _compared(data: bytes, truth: bytes) -> dict[str, float]:
    made, wanted = (
        samples_of({"path": None, "bytes": b, "digest": "", "how": None}, _RATE, MOST_SECONDS) for b in (data, truth)
    )
    return figures(made, wanted, _RATE)


DISTORTION = figure(
    "distortion",
    Words("mel-cepstral distortion (dB)", "梅尔倒谱失真（dB）"),
    WORST,
    higher=False,
    of=of_sounds,
    absent=WORST,
)
LENGTH = figure("length", Words("error of the length", "时长误差"), float("inf"), higher=False, of=of_sounds)
PITCH = figure(
    "pitch",
    Words("error of the pitch, semitones", "音高误差（半音）"),
    float("inf"),
    higher=False,
    of=of_sounds,
    absent=12.0,
)
VOICING = figure("voicing", Words("frames voiced wrongly", "清浊误判的帧"), 1.0, higher=False, of=of_sounds)


def _heard(judged: Judged) -> np.ndarray:
    """Return words heard wrongly, and words, of each row [N, 2]; a row that was not said is a word wrong, one that nobody heard none."""
    out = np.zeros((len(judged.rows), 2))
    for i, score in enumerate(judged.scores[:, 0]):
        told = (score or {"figures": {"heard_wrong": 1.0, "heard_words": 1.0}}).get("figures", {})
        out[i] = told.get("heard_wrong", 0.0), told.get("heard_words", 0.0)
    return out


HEARD = Metric(
    "heard",
    Words("word error rate as heard", "识别词错误率"),
    False,
    lambda s: float(s[0] / s[1]) if s[1] else float("nan"),
    high=float("inf"),
    parts=_heard,
)  # only where a run names who hears
METRICS = (DISTORTION, LENGTH, PITCH, VOICING)
