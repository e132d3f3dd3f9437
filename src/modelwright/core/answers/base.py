"""The contract of answer types: what a run predicts, from the target column to numbers and from scores back to answers.

One file per type in this folder, its name is the type's kind. It defines `CODEC`, a subclass of `TargetCodec`; what shared
code must know of an answer it asks here, so that a new type is a new file and no edit elsewhere. A codec is fitted once, on
the training rows, and shared by every recipe of a run, so that label order agrees and scores can be averaged.

Legend: N rows, K outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays

from modelwright.core.answers.corrections import Form, expected, is_text
from modelwright.core.errors import BundleError
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

ANSWERS = "modelwright.core.answers"
TINY = 1e-9  # what probabilities are kept away from 0 and 1 by in a log loss
TOLERANCE = 1e-5

# What makes scores of a model's raw outputs; the empty one where scores are no numbers.
Link = Literal["identity", "softmax", "logistic", ""]


@dataclass(frozen=True)
class Answers:
    """Decoded scores: `predictions` [N] in JSON types, and `confidence` [N] in 0..1 (None where there is none).

    `beside` holds further fields of each answer by name [N], in JSON types: how unusual a row is, how much to order.
    """

    predictions: list[Any]
    confidence: np.ndarray | None
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class TargetCodec(ABC):
    """An answer type: turns the target column into numbers, scores into answers, and says what may be done with them.

    Scores are a float array [N, K] (more axes are allowed behind N) or an object array [N, 1] of JSON values.
    """

    kind: ClassVar[str]
    link: ClassVar[Link]
    ordered: ClassVar[bool] = False  # whether the classes stand in an order, as grades do
    one_label: ClassVar[bool] = False  # whether a row has one label out of `labels`
    blends_within: ClassVar[float | None] = (
        None  # share by which an error may exceed the least one for a part in a blend
    )
    # standard errors by which a model must be better than one of a lower rank, where held-out rows stand for others than will come
    plainer: ClassVar[float] = 0.0
    averages: ClassVar[bool] = True  # whether scores of several models may be averaged: folds, twins, ensembles
    # whether columns explain an answer: attributions, importances, slices, what a row must hold
    explains: ClassVar[bool] = True
    compares_groups: ClassVar[bool] = True  # whether groups of rows are compared by how they are answered (fairness)
    taught: ClassVar[bool] = False  # whether one model may learn the scores of a blend, to stand for it
    weighs_rows: ClassVar[bool] = False  # whether a column may say how much each row counts in training
    media: ClassVar[bool] = False  # whether answers are files, which are written beside a table and answered as such
    rows_at_once: ClassVar[int] = 4096  # rows of a file that are answered together, before they are written
    told_as: ClassVar[Form] = "text"  # how a person writes an answer
    scales: Mapping[str, Sequence[str]] | None = None  # of answers that are several marks: the labels of each
    agrees_from: ClassVar[float] = 0.75  # the agreement on its training rows from which a model has learnt them
    quick: ClassVar[float] = 0.02  # seconds that a blend may take for an answer where nobody asks for less
    labels: tuple[str, ...]
    prices: np.ndarray | None = None  # what errors cost, where they were given a price, in the type's own form

    # The target column

    @property
    @abstractmethod
    def outputs(self) -> int:
        """K: how many scores a row has."""

    @abstractmethod
    def encode(self, values: pa.Array) -> np.ndarray:
        """Return classes: int64 [N], -1 where absent or unknown; label sets: float32 [N, K]; value: float64 [N];
        objects: JSON values [N], None where absent."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return JSON values from which `target_from_state` makes the same codec."""

    @classmethod
    @abstractmethod
    def restore(cls, state: Mapping[str, Any]) -> TargetCodec:
        """Make the codec that `state` describes."""

    def strata(self, values: pa.Array) -> np.ndarray | None:
        """Return class numbers [N] that splits keep the shares of; None where there are none."""
        return None

    def unseen(self, values: pa.Array) -> dict[str, int]:
        """Return by label how many rows hold one that was not learnt, the most frequent first; none for values."""
        return {}

    def unseen_rows(self, values: pa.Array) -> np.ndarray:
        """Return the indices int64 [M] of the rows that `unseen` counts, in order."""
        return np.flatnonzero([bool(self.unseen(values.slice(i, 1))) for i in range(len(values))])

    def untested(self, values: pa.Array) -> list[str]:
        """Return the labels that were learnt and that no row holds, the most frequent first; none for values."""
        return []

    def foreign(self, values: pa.Array) -> bool:
        """Return whether no row at all holds an answer that was learnt, so that nothing could be judged."""
        return False

    # What rows are judged by

    def extended(self, values: pa.Array) -> TargetCodec:
        """Return this codec with the labels of `values` that it has not learnt behind its own: what rows are judged by,
        so that one whose label no model can answer counts as wrong. The codec itself where there is none."""
        return self

    def judging(self, values: pa.Array, encoded: np.ndarray) -> TargetCodec:
        """Return what rows are judged by: `extended`, which is asked for only where `encoded` [N] shows that it is needed."""
        return self.extended(values)

    def known(self, values: pa.Array, encoded: np.ndarray) -> np.ndarray:
        """Return which rows [N] have a truth to be judged by, from the target column and what `encode` made of it."""
        return np.asarray(values.is_valid())

    def widened(self, scores: np.ndarray) -> np.ndarray:
        """Return scores [N, K] of models that know fewer labels than an extended codec, with none for the others."""
        return scores

    @abstractmethod
    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        """Return the decoded answers of scores [N, K], encoded again as `encode` does the truth [N]."""

    # Scores

    @abstractmethod
    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """Return the answers to scores [N, K]."""

    @abstractmethod
    def perfect(self, truth: np.ndarray) -> np.ndarray:
        """Return the scores [N, K] of a model that is always right, for encoded truth [N]; for tests."""

    @property
    def probabilities(self) -> bool:
        """Whether scores are probabilities of `labels`, which can be calibrated and shown."""
        return self.link in ("softmax", "logistic")

    @property
    def thresholded(self) -> bool:
        """Whether thresholds may be found that choose better than the likeliest answer."""
        return False

    def tempered(self, scores: np.ndarray, temperature: float) -> np.ndarray:
        """Return probabilities [N, K] with their logits divided by `temperature`: above 1 softer, below 1 sharper.

        What is no probability passes unchanged.
        """
        return scores

    @property
    def stretches(self) -> bool:
        """Whether scores are intervals, which `tempered` makes wider or narrower."""
        return False

    def stretch(self, truth: np.ndarray, scores: np.ndarray) -> float:
        """Return the temperature by which intervals [N, ...] cover as much of the truth as they say; 1 where too little is known."""
        return 1.0

    def losses(self, truth: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
        """Return a smooth loss for each row [N], less is better; None where only a metric tells answers apart."""
        return None

    def paid(self, truth: np.ndarray, chosen: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
        """Return what the answers cost, in the unit that errors were priced in, by row [N]; None where they have no price."""
        return None

    def agreement(self, truth: np.ndarray, chosen: np.ndarray) -> float | None:
        """Return how much of the truth [N] answers hold, up to 1; None where only a metric tells. For tests."""
        return None

    def faults(self, scores: np.ndarray) -> str | None:
        """Return what a model's scores [N, K] break of the contract, in English for a test; None where they are sound."""
        return None if self.finite(scores) else "scores are not finite"

    def finite(self, scores: np.ndarray) -> bool:
        """Return whether scores [N, K] are usable numbers throughout: those of a diverged training are not."""
        return bool(np.isfinite(scores).all())

    def answered(self, scores: np.ndarray) -> np.ndarray:
        """Return which rows [N] have scores: those that no fold has held out yet are NaN."""
        return ~np.isnan(scores.reshape(len(scores), -1)[:, 0]) if len(scores) else np.zeros(0, bool)

    def blend(self, weights: Sequence[float], scores: Sequence[np.ndarray]) -> np.ndarray:
        """Return the weighted mean of scores [N, K] of several models; weights need not sum to one."""
        if len(scores) == 1:
            return scores[0]
        total = sum(weights)
        out = np.zeros_like(scores[0], dtype=np.float64)
        for w, s in zip(weights, scores):
            out += (w / total) * s
        return out

    # Right answers that people tell

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """Return a right answer as `predictions` hold it, and whether it has a label that was not learnt.

        Such a label is taken where `new` says so. A text, where a type says no other. Raises Unfit for an answer of the
        wrong kind or an unknown label.
        """
        if not is_text(value) or not value.strip():
            raise expected("a text", "文本")
        return value, False

    def gist(self, answer: Any) -> Any:
        """Return the part of a prediction, or of an answer that `told` gave, by which both are the same: JSON values."""
        return answer

    # In reports, in files and at the service

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        """Return in one clause how good the answers to unseen rows [N], N > 0, are; None where only metrics tell."""
        return None

    def guessing(self, truth: np.ndarray) -> Words | None:
        """Return what always giving the same answer would reach on the same rows [N], N > 0; None where that says little."""
        return None

    def answer_fields(self) -> dict[str, Any]:
        """Return the fields of one answer as the service gives it, as pydantic's `create_model` takes them."""
        return {"prediction": (Any, ...)}

    def save_scores(self, folder: Path, scores: np.ndarray) -> None:
        """Write the validation scores [N, K] of a candidate into its folder: JSON and safetensors, or files of their own."""
        save_arrays({"scores": np.ascontiguousarray(scores)}, str(folder / "validation.safetensors"))

    def load_scores(self, folder: Path) -> np.ndarray:
        """Read what `save_scores` wrote, in its shape."""
        found: np.ndarray = load_arrays(str(folder / "validation.safetensors"))["scores"]
        return found

    def by_label(self, scores: np.ndarray) -> list[dict[str, float]] | None:
        """Return for each row of scores [N, K] that of every label, for who asks for them; None where there are no such scores."""
        return None

    def quantity(self, scores: np.ndarray) -> np.ndarray | None:
        """Return how much to order [N, ...], where answers are amounts and have prices [too much, too little]; None elsewhere."""
        return None

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """Return answers [N], as the service gives them, as columns of a file. One with an error has `prediction` None.

        `flat` is for formats that hold no lists; `scores` asks for a column for each label.
        """
        return {"prediction": self.column([a["prediction"] for a in answers], flat)}

    @abstractmethod
    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return predictions, None where there is none, as one column of a file."""


class LabelCodec(TargetCodec):
    """What classes and label sets share: scores are probabilities of labels, which a temperature calibrates."""

    def widened(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores [N, K] with zeros for labels that were added behind those learnt."""
        return np.pad(scores, ((0, 0), (0, self.outputs - scores.shape[1])))

    def agreement(self, truth: np.ndarray, chosen: np.ndarray) -> float:
        """Return the share of labels [N, ...] that are right."""
        return float(np.mean(chosen == truth))

    def faults(self, scores: np.ndarray) -> str | None:
        """As TargetCodec.faults: probabilities lie between 0 and 1."""
        if (found := super().faults(scores)) is not None:
            return found
        if scores.min() < -TOLERANCE:
            return "a probability is below 0"
        return "a probability is above 1" if scores.max() > 1 + TOLERANCE else None

    def answer_fields(self) -> dict[str, Any]:
        """As TargetCodec.answer_fields, with how sure the answer is, and the scores when they were asked for."""
        sure = {"confidence": (float, Field(ge=0, le=1)), "scores": (dict[str, float] | None, None)}
        return super().answer_fields() | sure

    def by_label(self, scores: np.ndarray) -> list[dict[str, float]]:
        """Return for each row of scores [N, K] the probability of every label."""
        return [dict(zip(self.labels, row)) for row in scores.tolist()]

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, with `confidence`, and `score_<label>` where asked for."""
        found = super().columns(answers, flat=flat)
        found["confidence"] = pa.array([a.get("confidence") for a in answers], pa.float64())
        for label in self.labels if scores else ():
            found[f"score_{label}"] = pa.array([a.get("scores", {}).get(label) for a in answers], pa.float64())
        return found


def as_label(value: object) -> str:
    """Return how a target value is written as a label: integers without a point, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def counted(values: pa.Array) -> Iterator[tuple[Any, int]]:
    """Yield every distinct value but the missing one, in the order in which they come, and how often it occurs."""
    for pair in values.value_counts().to_pylist():
        if pair["values"] is not None:
            yield pair["values"], pair["counts"]


def as_objects(values: Sequence[Any]) -> np.ndarray:
    """Return any values as an object array [N], lists left whole."""
    out = np.empty(len(values), object)
    for i, value in enumerate(values):
        out[i] = value
    return out


def target_from_state(state: Mapping[str, Any]) -> TargetCodec:
    """Make the codec that `state` describes. Raises BundleError for an unknown kind."""
    # ordered classes are classes to every recipe, so their state names that kind too
    kind = "ordered" if state.get("kind") == "classes" and state.get("ordered") else str(state.get("kind"))
    if kind.replace("_", "-") not in names_in(ANSWERS):
        raise BundleError(f"Unknown kind of target `{kind}` in the bundle.", f"模型包中的目标类型 `{kind}` 未知。")
    codec: type[TargetCodec] = load_file(ANSWERS, kind.replace("_", "-"), Words("answer type", "答案类型")).CODEC
    return codec.restore(state)
