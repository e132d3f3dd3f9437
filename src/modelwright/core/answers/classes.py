"""One label out of K.

Legend: N rows, K labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TINY, Answers, LabelCodec, TargetCodec, as_label, counted
from modelwright.core.answers.corrections import Form, expected, is_label, unknown_label
from modelwright.core.errors import BundleError, DataError
from modelwright.core.figures import share
from modelwright.core.words import Words

_TINY = 1e-12
_TRIFLE = 1e-9  # of the dearest error


def apply_temperature(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities [N, K] that sum to one with their logits divided by `temperature`."""
    logits = np.log(np.clip(scores, _TINY, 1.0)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)


def _json_scalar(value: object) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)


class ClassesCodec(LabelCodec):
    """One label out of K; labels are sorted (numbers by value). `values` [K] are the labels in JSON types.

    `prices` [K, K], where errors were given one, are what a row of a label (first axis) costs when it is answered with another;
    the answer then is the one with the least expected cost (Elkan, The foundations of cost-sensitive learning, IJCAI 2001).
    """

    kind = "classes"
    link = "softmax"
    one_label = True
    weighs_rows = True
    taught = True
    told_as: ClassVar[Form] = "label"

    def __init__(self, values: Sequence[Any], counts: Sequence[int]) -> None:
        self.values = tuple(values)
        self.counts = tuple(counts)
        self.labels = tuple(as_label(v) for v in self.values)
        self._index = {label: i for i, label in enumerate(self.labels)}

    @classmethod
    def fit(cls, values: pa.Array) -> ClassesCodec:
        """Learn the labels. Raises DataError where fewer than two occur."""
        counts: Counter[Any] = Counter()
        for value, count in counted(values):  # 1 and 1.0 are one label
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

    def strata(self, values: pa.Array) -> np.ndarray:
        return self.encode(values)

    def unseen(self, values: pa.Array) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for value, count in counted(values):
            counts[as_label(value)] += count
        return {label: n for label, n in counts.most_common() if label not in self._index}

    def unseen_rows(self, values: pa.Array) -> np.ndarray:
        return np.flatnonzero(self.extended(values).encode(values) >= self.outputs)

    def untested(self, values: pa.Array) -> list[str]:
        held = set(self.encode(values).tolist())
        return [self.labels[i] for i in np.argsort(self.counts)[::-1] if i not in held]

    def foreign(self, values: pa.Array) -> bool:
        return bool((self.encode(values) < 0).all())

    def extended(self, values: pa.Array) -> TargetCodec:
        new = {as_label(v): _json_scalar(v) for v in values.unique().to_pylist() if v is not None}
        more = [new[label] for label in sorted(new) if label not in self._index]
        return self._with(more) if more else self

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: one label."""
        if not is_label(value):
            raise expected("one label", "一个标签")
        label = as_label(value).strip()
        # yes and no of a file are written in any case
        at = self._index.get(label, self._index.get(label.lower()) if isinstance(self.values[0], bool) else None)
        if at is None:
            at = self._as_number(label)
        if at is not None:
            return self.values[at], False
        if not new:
            raise unknown_label(self.labels)
        return (label if isinstance(value, str) else _json_scalar(value)), True

    def _as_number(self, label: str) -> int | None:
        """Return the label that is the same number, if any: a column with an empty cell holds `1.0` for 1."""
        try:
            return self._index.get(as_label(float(label)))
        except (ValueError, OverflowError):
            return None

    def gist(self, answer: Any) -> Any:
        """Return the label as it is written."""
        return as_label(answer)

    def judging(self, values: pa.Array, encoded: np.ndarray) -> TargetCodec:
        strange = encoded[np.asarray(values.is_valid())] < 0
        return self.extended(values) if strange.any() else self

    def _with(self, more: Sequence[Any]) -> ClassesCodec:
        out = type(self)([*self.values, *more], [*self.counts, *[0] * len(more)])
        return out if self.prices is None else out.priced(_wider(self.prices, len(more)))

    def priced(self, prices: np.ndarray) -> ClassesCodec:
        """Return this codec with what errors cost [K, K], zero where the answer is right."""
        out = copy(self)
        out.prices = np.asarray(prices, np.float64)
        return out

    def paid(self, truth: np.ndarray, chosen: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
        """Return what the answers cost, by row [N]; None where errors have no price."""
        return None if self.prices is None else self.prices[truth, chosen]

    def expected(self, scores: np.ndarray, weights: Sequence[float] | None = None) -> np.ndarray:
        """Return what each answer costs on the average [N, K] under probabilities [N, K], times `weights` [K] where given; of
        answers that cost the same, the likelier one a trifle less."""
        prices = np.ones((self.outputs, self.outputs)) - np.eye(self.outputs) if self.prices is None else self.prices
        weighed = scores if weights is None else scores * np.asarray(weights)
        return np.asarray(weighed @ prices - self.trifle * scores)

    @property
    def trifle(self) -> float:
        """What the likelier of two answers that cost the same costs less."""
        return 0.0 if self.prices is None else _TRIFLE * float(self.prices.max())

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """As TargetCodec.decode; two classes with one threshold answer the second from that probability on. Where errors have
        prices and there are more classes, `thresholds` [K] weigh the probabilities."""
        if thresholds is not None and self.outputs == 2:
            best = (scores[:, 1] >= thresholds[0]).astype(np.int64)
        elif self.prices is not None:
            best = self.expected(scores, thresholds).argmin(axis=1)
        else:
            best = scores.argmax(axis=1)
        confidence = scores[np.arange(len(scores)), best]
        return Answers([self.values[i] for i in best], confidence)

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return self.encode(pa.array(answers.predictions))

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        scores = np.full((len(truth), self.outputs), 0.01 / max(1, self.outputs - 1))
        scores[np.arange(len(truth)), truth] = 0.99
        return scores

    @property
    def thresholded(self) -> bool:
        return self.outputs == 2 or self.prices is not None

    def tempered(self, scores: np.ndarray, temperature: float) -> np.ndarray:
        return scores if temperature == 1.0 else apply_temperature(scores, temperature)

    def losses(self, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the log loss of each row [N]."""
        p = np.clip(scores, TINY, 1 - TINY)
        return np.asarray(-np.log(p[np.arange(len(p)), truth]))

    def faults(self, scores: np.ndarray) -> str | None:
        found = super().faults(scores)
        if found is None and not np.allclose(scores.sum(axis=1), 1, atol=1e-4):
            return "probabilities do not sum to 1"
        return found

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        right, n = int((chosen == truth).sum()), len(truth)
        return Words(
            f"right on {right:,} of {n:,} unseen rows ({share(right, n)} %)",
            f"{n:,} 行未见过的数据中预测正确 {right:,} 行（{share(right, n)}%）",
        )

    def guessing(self, truth: np.ndarray) -> Words | None:
        most, n = int(np.bincount(truth.astype(int)).max()), len(truth)
        return Words(
            f"Always answering the most common label would be right on {share(most, n)} %.",
            f"若一律回答最常见的标签，正确率为 {share(most, n)}%。",
        )

    def answer_fields(self) -> dict[str, Any]:
        named = len(self.values) <= 200 and all(isinstance(v, (str, int, bool)) for v in self.values)
        return super().answer_fields() | {"prediction": (Literal[self.values] if named else Any, ...)}

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return whole numbers as numbers, all other labels as text."""
        if all(isinstance(v, int) and not isinstance(v, bool) for v in predictions if v is not None):
            return pa.array(predictions, pa.int64())
        return pa.array(
            [None if v is None else as_label(v) if isinstance(v, bool) else str(v) for v in predictions], pa.string()
        )

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ClassesCodec:
        out = cls(state["values"], state["counts"])
        return out if state.get("prices") is None else out.priced(_checked(state["prices"], out.outputs))

    def state(self) -> dict[str, Any]:
        told = {} if self.prices is None else {"prices": self.prices.tolist()}
        return {"kind": self.kind, "values": list(self.values), "counts": list(self.counts), **told}


def _wider(prices: np.ndarray, more: int) -> np.ndarray:
    """Return prices with `more` labels that were not learnt: a row of one costs the most that the answer it got can cost."""
    most = prices.max(axis=0) if len(prices) else np.zeros(0)
    out = np.zeros((len(prices) + more, len(prices) + more))
    out[: len(prices), : len(prices)] = prices
    out[len(prices) :, : len(prices)] = most
    return out


def _checked(prices: Any, labels: int) -> np.ndarray:
    """Return prices as a bundle holds them. Raises BundleError where they are not one finite number a pair of labels."""
    try:
        found = np.asarray(prices, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != (labels, labels) or not np.isfinite(found).all() or (found < 0).any():
        raise BundleError("The bundle's prices of errors are damaged.", "模型包中的错误代价已损坏。")
    return found


CODEC = ClassesCodec
