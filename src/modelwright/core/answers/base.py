"""The one target codec of a run: answers to numbers, and scores back to answers.

It is fitted once on the training rows and shared by every recipe, so that label order agrees and scores can be
averaged. Legend: N rows, K outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import BundleError, DataError
from modelwright.core.words import Words

Kind = Literal["classes", "label_sets", "value", "objects"]


@dataclass(frozen=True)
class Answers:
    """Decoded scores: `predictions` [N] in JSON types, and `confidence` [N] in 0..1 (None for values)."""

    predictions: list[Any]
    confidence: np.ndarray | None


class TargetCodec(ABC):
    """Turns the target column into numbers and scores into answers."""

    kind: ClassVar[Kind]
    ordered: ClassVar[bool] = False  # whether the classes stand in an order, as grades do
    labels: tuple[str, ...]

    @property
    @abstractmethod
    def outputs(self) -> int:
        """K: how many scores a row has."""

    @abstractmethod
    def encode(self, values: pa.Array) -> np.ndarray:
        """Return classes: int64 [N], -1 where absent or unknown; label sets: float32 [N, K]; value: float64 [N];
        objects: JSON values [N], None where absent."""

    @abstractmethod
    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """Return the answers to scores [N, K]."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return JSON values from which `target_from_state` makes the same codec."""

    def unseen(self, values: pa.Array) -> dict[str, int]:
        """Return by label how many rows hold one that was not learnt, the most frequent first; none for values."""
        return {}

    def extended(self, values: pa.Array) -> TargetCodec:
        """Return this codec with the labels of `values` that it has not learnt behind its own: what rows are judged by,
        so that one whose label no model can answer counts as wrong. The codec itself where there is none."""
        return self


def as_label(value: object) -> str:
    """Return how a target value is written as a label: integers without a point, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _json_scalar(value: object) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _counted(values: pa.Array) -> Iterator[tuple[Any, int]]:
    """Yield every distinct value but the missing one, in the order in which they come, and how often it occurs."""
    for pair in values.value_counts().to_pylist():
        if pair["values"] is not None:
            yield pair["values"], pair["counts"]


class ClassesCodec(TargetCodec):
    """One label out of K; labels are sorted (numbers by value). `values` [K] are the labels in JSON types."""

    kind = "classes"

    def __init__(self, values: Sequence[Any], counts: Sequence[int]) -> None:
        self.values = tuple(values)
        self.counts = tuple(counts)
        self.labels = tuple(as_label(v) for v in self.values)
        self._index = {label: i for i, label in enumerate(self.labels)}

    @classmethod
    def fit(cls, values: pa.Array) -> ClassesCodec:
        """Learn the labels. Raises DataError where fewer than two occur."""
        counts: Counter[Any] = Counter()
        for value, count in _counted(values):  # 1 and 1.0 are one label
            counts[_json_scalar(value)] += count
        if len(counts) < 2:
            only = Words("none", "实际没有标签")
            if counts:
                only = Words(f"only `{next(iter(counts))}`", f"实际只有 `{next(iter(counts))}`")
            raise DataError(
                f"A classification needs at least two different labels, received {only.en}. "
                "Add rows with other labels (for pictures and sounds, a folder for each), or name another column with --target.",
                f"分类至少需要两个不同的标签，{only.zh}。"
                "请补充带有其他标签的数据（图片和音频：每个标签一个文件夹），或用 --target 指定其他列。",
            )
        ordered = sorted(counts, key=lambda v: (isinstance(v, str), v if not isinstance(v, str) else 0, str(v)))
        return cls(ordered, [counts[v] for v in ordered])

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def encode(self, values: pa.Array) -> np.ndarray:
        coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.unify_dictionaries().combine_chunks()
        places = [-1 if v is None else self._index.get(as_label(v), -1) for v in coded.dictionary.to_pylist()]
        codes = np.asarray(coded.indices.fill_null(len(places)), np.int64)
        return np.array([*places, -1], np.int64)[codes]

    def unseen(self, values: pa.Array) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for value, count in _counted(values):
            counts[as_label(value)] += count
        return {label: n for label, n in counts.most_common() if label not in self._index}

    def extended(self, values: pa.Array) -> TargetCodec:
        new = {as_label(v): _json_scalar(v) for v in values.unique().to_pylist() if v is not None}
        more = [new[label] for label in sorted(new) if label not in self._index]
        return self._with(more) if more else self

    def _with(self, more: Sequence[Any]) -> ClassesCodec:
        return ClassesCodec([*self.values, *more], [*self.counts, *[0] * len(more)])

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """As TargetCodec.decode; two classes with one threshold answer the second from that probability on."""
        if thresholds is not None and self.outputs == 2:
            best = (scores[:, 1] >= thresholds[0]).astype(np.int64)
        else:
            best = scores.argmax(axis=1)
        confidence = scores[np.arange(len(scores)), best]
        return Answers([self.values[i] for i in best], confidence)

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "values": list(self.values), "counts": list(self.counts)}


class LabelSetsCodec(TargetCodec):
    """Any number out of K labels, each by itself."""

    kind = "label_sets"

    def __init__(self, labels: Sequence[str], counts: Sequence[int]) -> None:
        self.labels = tuple(labels)
        self.counts = tuple(counts)
        self._index = {label: i for i, label in enumerate(self.labels)}

    @classmethod
    def fit(cls, values: pa.Array) -> LabelSetsCodec:
        """Learn the labels of a list<string> array. Raises DataError where none occurs."""
        counts: Counter[str] = Counter(x for v in values.to_pylist() if v for x in set(v))
        if not counts:
            raise DataError("The target column holds no labels at all.", "目标列中没有任何标签。")
        ordered = sorted(counts)
        return cls(ordered, [counts[v] for v in ordered])

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

    def unseen(self, values: pa.Array) -> dict[str, int]:
        counts = Counter(label for labels in values.to_pylist() for label in set(labels or ()))
        return {label: n for label, n in counts.most_common() if label not in self._index}

    def extended(self, values: pa.Array) -> TargetCodec:
        more = sorted(set(pc.list_flatten(values).unique().to_pylist()) - {None} - set(self._index))
        return LabelSetsCodec([*self.labels, *more], [*self.counts, *[0] * len(more)]) if more else self

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        cut = np.asarray(thresholds if thresholds is not None else [0.5] * self.outputs)
        chosen = scores >= cut
        predictions = [[self.labels[i] for i in np.flatnonzero(row)] for row in chosen]
        sure = np.where(chosen, scores, 1 - scores).min(axis=1) if self.outputs else np.ones(len(scores))
        return Answers(predictions, sure)

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "labels": list(self.labels), "counts": list(self.counts)}


class ValueCodec(TargetCodec):
    """A number. `mean` and `std` (never zero) serve models that want it standardised; `low` and `high` its range."""

    kind = "value"
    labels = ()

    def __init__(self, mean: float, std: float, low: float, high: float) -> None:
        self.mean, self.std, self.low, self.high = mean, std, low, high

    @classmethod
    def fit(cls, values: pa.Array) -> ValueCodec:
        """Learn mean and deviation. Raises DataError where no number, or only one different number, occurs."""
        numbers = np.asarray(values.drop_null(), np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers) == 0 or numbers.min() == numbers.max():
            raise DataError(
                "The target column must hold at least two different numbers.",
                "目标列至少需要两个不同的数值。",
            )
        return cls(float(numbers.mean()), float(numbers.std()), float(numbers.min()), float(numbers.max()))

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, values: pa.Array) -> np.ndarray:
        return np.asarray(values.cast(pa.float64()).fill_null(float("nan")), np.float64)

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        return Answers([float(v) for v in scores[:, 0]], None)

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "mean": self.mean, "std": self.std, "low": self.low, "high": self.high}


class ObjectsCodec(TargetCodec):
    """Answers that are made, not chosen: sentences, spans, ranked lists. A task derives its own codec from this.

    `scores` are JSON values in an object array [N, 1]; they pass through metrics, and `decode` turns each into what is
    answered. `task` names the task whose `restore_target` reads `state` back.
    """

    kind = "objects"
    labels = ()

    def __init__(self, task: str) -> None:
        self.task = task

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects(values.to_pylist())

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        return Answers(list(scores[:, 0]), None)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        """Return the scores [N, 1] of a model that is always right, for encoded truth [N]."""
        return truth[:, None]

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "task": self.task}


def as_objects(values: Sequence[Any]) -> np.ndarray:
    """Return any values as an object array [N], lists left whole."""
    out = np.empty(len(values), object)
    for i, value in enumerate(values):
        out[i] = value
    return out


def target_from_state(state: Mapping[str, Any]) -> TargetCodec:
    """Make the codec that `state` describes. Raises BundleError for an unknown kind."""
    kind = state.get("kind")
    if kind == "objects":
        from modelwright.core.task import get_task

        return get_task(str(state["task"])).restore_target(state)
    if kind == "classes" and state.get("ordered"):
        from modelwright.core.answers.ordered import OrderedCodec

        return OrderedCodec(state["values"], state["counts"])
    if kind == "classes":
        return ClassesCodec(state["values"], state["counts"])
    if kind == "label_sets":
        return LabelSetsCodec(state["labels"], state["counts"])
    if kind == "value":
        return ValueCodec(state["mean"], state["std"], state["low"], state["high"])
    raise BundleError(f"Unknown kind of target `{kind}` in the bundle.", f"模型包中的目标类型 `{kind}` 未知。")
