"""Any number out of K labels, each by itself.

Legend: N rows, K labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.answers.base import TINY, Answers, LabelCodec, TargetCodec, as_label
from modelwright.core.answers.corrections import MOST, Form, expected, is_label, unknown_label
from modelwright.core.errors import DataError
from modelwright.core.figures import share
from modelwright.core.words import Words

_TINY = 1e-12


def apply_temperature(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities [N, K], each by itself, with their logits divided by `temperature`."""
    logits = np.log(np.clip(scores, _TINY, 1.0)) / temperature
    against = np.log(np.clip(1 - scores, _TINY, 1.0)) / temperature
    return np.asarray(1 / (1 + np.exp(np.clip(against - logits, -500, 500))))


class LabelSetsCodec(LabelCodec):
    """Any number out of K labels, each by itself."""

    kind = "label_sets"
    link = "logistic"
    taught = True
    told_as: ClassVar[Form] = "labels"

    def __init__(self, labels: Sequence[str], counts: Sequence[int], flags: bool = False) -> None:
        self.labels = tuple(labels)
        self.flags = flags  # came as a column of 0 and 1 for each label, and is answered so in files
        self.counts = tuple(counts)
        self._index = {label: i for i, label in enumerate(self.labels)}

    @classmethod
    def fit(cls, values: pa.Array, flags: bool = False) -> LabelSetsCodec:
        """Learn the labels of a list<string> array, which were columns of 0 and 1 where `flags`. Raises DataError where none occurs."""
        counts: Counter[str] = Counter(x for v in values.to_pylist() if v for x in set(v))
        if not counts:
            raise DataError("The target column holds no labels at all.", "目标列中没有任何标签。")
        ordered = sorted(counts)
        return cls(ordered, [counts[v] for v in ordered], flags)

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def encode(self, values: pa.Array) -> np.ndarray:
        out = np.zeros((len(values), self.outputs), np.float32)
        for row, labels in enumerate(values.to_pylist()):
            for label in labels or ():
                at = self._index.get(label)
                if at is not None:
                    out[row, at] = 1.0
        return out

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: a list of labels, each once, in the order of those learnt; it may be empty."""
        if not isinstance(value, list) or len(value) > MOST or not all(is_label(v) for v in value):
            raise expected("a list of labels", "标签列表")
        labels = list(dict.fromkeys(as_label(v).strip() for v in value))
        known = sorted((v for v in labels if v in self._index), key=self._index.__getitem__)
        more = [v for v in labels if v not in self._index]
        if more and not new:
            raise unknown_label(self.labels)
        return [*known, *sorted(more)], bool(more)

    def gist(self, answer: Any) -> Any:
        """Return the labels in one order."""
        return sorted(answer)

    def unseen(self, values: pa.Array) -> dict[str, int]:
        counts = Counter(label for labels in values.to_pylist() for label in set(labels or ()))
        return {label: n for label, n in counts.most_common() if label not in self._index}

    def unseen_rows(self, values: pa.Array) -> np.ndarray:
        return np.flatnonzero(self.extended(values).encode(values)[:, self.outputs :].any(axis=1))

    def untested(self, values: pa.Array) -> list[str]:
        held = np.asarray(self.encode(values).any(axis=0))
        return [self.labels[i] for i in np.argsort(self.counts)[::-1] if not held[i]]

    def extended(self, values: pa.Array) -> TargetCodec:
        more = sorted(set(pc.list_flatten(values).unique().to_pylist()) - {None} - set(self._index))
        return LabelSetsCodec([*self.labels, *more], [*self.counts, *[0] * len(more)], self.flags) if more else self

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        cut = np.asarray(thresholds if thresholds is not None else [0.5] * self.outputs)
        chosen = scores >= cut
        predictions = [[self.labels[i] for i in np.flatnonzero(row)] for row in chosen]
        sure = np.where(chosen, scores, 1 - scores).min(axis=1) if self.outputs else np.ones(len(scores))
        return Answers(predictions, sure)

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return self.encode(pa.array(answers.predictions, pa.list_(pa.string())))

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        return np.where(truth > 0, 0.99, 0.01).astype(np.float64)

    @property
    def thresholded(self) -> bool:
        return True

    def tempered(self, scores: np.ndarray, temperature: float) -> np.ndarray:
        return scores if temperature == 1.0 else apply_temperature(scores, temperature)

    def losses(self, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the log loss of each row [N], its mean over labels."""
        p = np.clip(scores, TINY, 1 - TINY)
        return np.asarray(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)).mean(axis=1))

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        right, n = int((chosen == truth).all(axis=1).sum()), len(truth)
        return Words(
            f"every label right on {right:,} of {n:,} unseen rows ({share(right, n)} %)",
            f"{n:,} 行未见过的数据中，{right:,} 行的标签全部正确（{share(right, n)}%）",
        )

    def answer_fields(self) -> dict[str, Any]:
        return super().answer_fields() | {"prediction": (list[str], ...)}

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As LabelCodec.columns, with 1 or 0 in `prediction_<label>` where the answers came as such columns."""
        found = super().columns(answers, flat=flat, scores=scores)
        if not self.flags:
            return found
        chosen = [a["prediction"] for a in answers]
        each = {
            f"prediction_{label}": pa.array([None if c is None else int(label in c) for c in chosen], pa.int64())
            for label in self.labels
        }
        return {"prediction": found.pop("prediction"), **each, **found}

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return lists of labels, or `a|b` in formats that hold no lists."""
        if flat:
            return pa.array([None if v is None else "|".join(v) for v in predictions], pa.string())
        return pa.array(predictions, pa.list_(pa.string()))

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> LabelSetsCodec:
        return cls(state["labels"], state["counts"], bool(state.get("flags", False)))

    def state(self) -> dict[str, Any]:
        told = {"kind": self.kind, "labels": list(self.labels), "counts": list(self.counts)}
        return {**told, "flags": True} if self.flags else told


CODEC = LabelSetsCodec
