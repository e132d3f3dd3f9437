"""What is counted of answers, and what unseen rows tell of them: the base of estimates that need no labels.

The reference is made of rows that the model was not trained on (a run's test rows), answered by the very model that serves; answers to
training rows are surer than others. Legend: N rows, K labels, Q bins of confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import as_label
from modelwright.evaluate.drift.figures import FEW, Figure, ordered, shares

_LABELS = 200  # of a task, from which no confusion matrix is kept
_CONFIDENCE_BINS = 10


@dataclass(frozen=True)
class AnswerReader:
    """The figures of answers; for one label out of K also how often each confidence was right, and the confusion matrix.

    `right` and `asked` [K, Q] count unseen rows by predicted label and bin of confidence, `confusion` [K, K] by predicted and true label.
    """

    figures: tuple[Figure, ...]
    labels: tuple[str, ...] = ()
    right: np.ndarray | None = None
    asked: np.ndarray | None = None
    confusion: np.ndarray | None = None

    def codes(self, answers: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the bins of N answers as the service gives them [N, F]; -1 for answers that are errors."""
        measures = _measures(answers)
        out = [
            f.code(measures[f.part]) if f.kind == "ordered" else f.code_values(measures["label"]) for f in self.figures
        ]
        return np.stack(out, axis=1) if out else np.zeros((len(answers), 0), np.int16)

    def places(self, answers: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
        """Return counts [K, Q] of N answers by label and bin of confidence; None where the task chooses no single label."""
        if self.asked is None:
            return None
        label, bin_ = self._where(answers)
        return _counted(label, bin_, self.asked.shape)

    def _where(self, answers: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        place = {name: i for i, name in enumerate(self.labels)}
        measures = _measures(answers)
        label = np.array([-1 if v is None else place.get(v, -1) for v in measures["label"].to_pylist()], np.int64)
        sure = next(f for f in self.figures if f.part == "confidence").code(measures["confidence"])
        return label, sure.astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the reader as JSON values."""
        out: dict[str, Any] = {"figures": [f.to_json() for f in self.figures], "labels": list(self.labels)}
        for name in ("right", "asked", "confusion"):
            if (value := getattr(self, name)) is not None:
                out[name] = value.tolist()
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AnswerReader:
        """Read what `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        figures = tuple(Figure.from_json(f) for f in data["figures"])
        labels = tuple(str(n) for n in data["labels"])
        found = {n: np.asarray(data[n], np.int64) if n in data else None for n in ("right", "asked", "confusion")}
        asked, right, confusion = found["asked"], found["right"], found["confusion"]
        if asked is not None:
            sure = next((f for f in figures if f.part == "confidence"), None)
            shape = (len(labels), sure.bins if sure is not None else -1)
            if right is None or asked.shape != shape or right.shape != shape or (right > asked).any():
                raise ValueError("counts of confidence")
        if confusion is not None and confusion.shape != (len(labels), len(labels)):
            raise ValueError("a confusion matrix of other labels")
        return cls(figures, labels, right, asked, confusion)


def fit_answers(answers: Sequence[Mapping[str, Any]], labels: Sequence[str] = (), truth: Sequence[str | None] = ()) -> AnswerReader:  # fmt: skip
    """Return the reader of answers from those to N unseen rows, as the service gives them.

    `labels` [K] are those of a task that chooses one of them, `truth` [N] the true ones, None or another where it is none of them.
    """
    good = [i for i, a in enumerate(answers) if "error" not in a]
    answers = [answers[i] for i in good]
    measures = _measures(answers)
    figures = []
    if labels:
        keep = labels if len(labels) <= _LABELS else None
        figures.append(shares("prediction", "label", measures["label"], keep=keep, role="answer"))
    elif not np.isnan(measures["value"]).all():
        figures.append(ordered("prediction", "value", measures["value"], role="answer"))
    elif not np.isnan(measures["length"]).all():
        figures.append(ordered("prediction", "length", measures["length"], role="answer"))
    if not np.isnan(measures["confidence"]).all():
        bins = _CONFIDENCE_BINS  # of a sure model most lie close to 1, so edges are fine
        figures.append(ordered("prediction", "confidence", measures["confidence"], role="answer", bins=bins, digits=9))
    reader = AnswerReader(tuple(figures), tuple(labels))
    sure = any(f.part == "confidence" for f in figures)
    if not labels or not truth or not sure or len(labels) > _LABELS or len(good) < FEW:
        return reader
    true = [truth[i] for i in good]
    place = {name: i for i, name in enumerate(labels)}
    true_at = np.array([-1 if t is None else place.get(t, -1) for t in true], np.int64)
    label, bin_ = reader._where(answers)
    shape = (len(labels), next(f for f in figures if f.part == "confidence").bins)
    right = (label == true_at) & (label >= 0)
    confusion = _counted(label, true_at, (len(labels), len(labels)))
    return AnswerReader(
        reader.figures,
        reader.labels,
        _counted(label[right], bin_[right], shape),
        _counted(label, bin_, shape),
        confusion,
    )


def _counted(a: np.ndarray, b: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, np.int64)
    known = (a >= 0) & (b >= 0)
    np.add.at(out, (a[known], b[known]), 1)
    return out


def _measures(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return of N answers: their label as text, number, length, and confidence; missing where they have none."""
    labels: list[str | None] = []
    values, lengths, sure = (np.full(len(answers), np.nan) for _ in range(3))
    for i, answer in enumerate(answers):
        said = None if "error" in answer else answer.get("prediction")
        scalar = isinstance(said, (str, bool, int, float))
        labels.append(as_label(said) if scalar else None)
        if isinstance(said, (int, float)) and not isinstance(said, bool):
            values[i] = said
        elif isinstance(said, (str, list)):
            lengths[i] = len(said)
        if said is not None and isinstance(answer.get("confidence"), (int, float)):
            sure[i] = answer["confidence"]
    return {"label": pa.array(labels, pa.string()), "value": values, "length": lengths, "confidence": sure}
