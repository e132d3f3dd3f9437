"""Targets whose labels stand in an order: whole numbers, labels with a number in them, or words of a known scale.

Legend: N rows, K labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import Answers, TargetCodec, as_label
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import DataError
from modelwright.core.figures import share
from modelwright.core.words import Words

MOST = 100  # labels
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_CHINESE = {c: i for i, c in enumerate("零一二三四五六七八九十")}
# from the least to the most; a target may use any part of one
_SCALES = (
    ("none", "minimal", "mild", "moderate", "severe", "critical"),
    ("very low", "low", "medium low", "medium", "medium high", "high", "very high"),
    ("low", "mid", "high"),
    ("low", "normal", "high", "urgent", "critical"),
    ("trivial", "minor", "moderate", "major", "critical", "blocker"),
    ("very poor", "poor", "fair", "average", "good", "very good", "excellent", "outstanding"),
    ("terrible", "bad", "okay", "good", "great", "excellent"),
    ("very bad", "bad", "neutral", "good", "very good"),
    ("very negative", "negative", "neutral", "positive", "very positive"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("very unlikely", "unlikely", "neutral", "likely", "very likely"),
    ("never", "rarely", "sometimes", "often", "usually", "always"),
    ("beginner", "elementary", "intermediate", "advanced", "expert"),
    ("bronze", "silver", "gold", "platinum", "diamond"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("small", "medium", "large"),
    ("f", "e", "d-", "d", "d+", "c-", "c", "c+", "b-", "b", "b+", "a-", "a", "a+"),
    ("d", "c", "cc", "ccc", "b", "bb", "bbb", "a", "aa", "aaa"),
    ("很差", "较差", "差", "及格", "一般", "中", "中等", "较好", "良", "良好", "好", "很好", "优", "优秀"),
    ("很低", "低", "较低", "中", "较高", "高", "很高"),
    ("非常不满意", "不满意", "一般", "满意", "非常满意"),
    ("非常不同意", "不同意", "中立", "同意", "非常同意"),
    ("从不", "很少", "有时", "经常", "总是"),
    ("轻度", "中度", "重度"),
    ("轻微", "一般", "严重", "特别严重"),
)  # fmt: skip


def in_order(values: Sequence[Any]) -> list[Any] | None:
    """Return different target values from the least to the most, or None where their order is not known.

    Known are numbers, labels that each hold one number (`4 stars`, `Grade 2`, `三级`), and words of one known scale.
    """
    numbers = [_number(v) for v in values]
    if all(n is not None for n in numbers) and len(set(numbers)) == len(values):
        return [v for _, v in sorted(zip(numbers, values, strict=True), key=lambda p: p[0] or 0.0)]
    plain = [
        re.sub(r"[\s_-]+", " ", as_label(v).strip().lower()) if len(as_label(v)) > 2 else as_label(v).lower()
        for v in values
    ]
    for scale in _SCALES:
        if set(plain) <= set(scale) and len(set(plain)) == len(plain):
            return [v for _, v in sorted(zip(map(scale.index, plain), values, strict=True), key=lambda p: p[0])]
    return None


def _number(value: Any) -> float | None:
    """Return a value as a number, or the one number that a label holds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    text = str(value)
    found = _NUMBER.findall(text)
    if len(found) == 1:
        return float(found[0])
    han = [c for c in text if c in _CHINESE]
    return float(_CHINESE[han[0]]) if not found and len(han) == 1 else None


def _without_gaps(ordered: list[Any]) -> list[Any]:
    """Return whole numbers with those between that no row has, so that steps are of one size; others as they are."""
    try:
        numbers = [int(str(v)) for v in ordered]
    except ValueError:
        return ordered
    size = numbers[-1] - numbers[0] + 1
    if size == len(numbers) or size > min(MOST, 2 * len(numbers)):
        return ordered
    plain = any(isinstance(v, str) for v in ordered)
    have = dict(zip(numbers, ordered, strict=True))
    return [have.get(n, str(n) if plain else n) for n in range(numbers[0], numbers[-1] + 1)]


class OrderedCodec(ClassesCodec):
    """One of K labels in an order. Scores are probabilities of the labels; the answer is the label nearest the mean rank.

    `thresholds` are K - 1 ascending cut points on the mean rank (0 to K - 1), half-way between ranks where not given.
    """

    ordered = True
    taught = False  # its loss takes labels, not shares of them

    @property
    def ranks(self) -> np.ndarray:
        """Where each label stands in the order, float64 [K]; labels that were not learnt stand between or beside those that were."""
        return self._ranks if self._ranks is not None else np.arange(self.outputs, dtype=np.float64)

    _ranks: np.ndarray | None = None

    def _with(self, more: Sequence[Any]) -> ClassesCodec:
        out = cast("OrderedCodec", super()._with(more))
        out._ranks = np.r_[self.ranks, _ranks_between(self.values, more)]
        return out

    @classmethod
    def fit(cls, values: pa.Array) -> OrderedCodec:
        """Learn labels and order. Raises DataError where there are fewer than two or more than 100, or no known order."""
        plain = ClassesCodec.fit(values)
        if plain.outputs > MOST:
            raise DataError(
                f"The target has {plain.outputs} different values; ordered labels are at most {MOST}. "
                "Predict it as a number with --task regression.",
                f"目标列有 {plain.outputs} 个不同取值；有序标签最多 {MOST} 个。可用 --task regression 作为数值预测。",
            )
        ordered = in_order(plain.values)
        if ordered is None:
            shown = ", ".join(f"`{label}`" for label in plain.labels[:8])
            raise DataError(
                f"The order of the labels {shown} is not known. Write them as whole numbers (1, 2, 3) or put a number "
                "into each (`1 low`, `2 high`), or leave out --task ordinal.",
                f"无法确定标签 {shown} 的次序。请改用整数（1、2、3），或在每个标签中写入序号（`1 低`、`2 高`），"
                "或不使用 --task ordinal。",
            )
        counts = dict(zip(plain.values, plain.counts, strict=True))
        whole = _without_gaps(ordered)
        return cls(whole, [counts.get(v, 0) for v in whole])

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """As TargetCodec.decode, by cut points on the mean rank; by what errors cost where they have prices."""
        if self.prices is not None:
            return super().decode(scores, thresholds)
        cuts = np.arange(self.outputs - 1) + 0.5 if thresholds is None else np.asarray(thresholds, float)
        best = np.searchsorted(cuts, mean_rank(scores), side="right")
        return Answers([self.values[i] for i in best], scores[np.arange(len(scores)), best])

    @property
    def thresholded(self) -> bool:
        return True

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        words, near = super().plainly(truth, chosen), int((np.abs(chosen - truth) <= 1).sum())
        return words and Words(
            f"{words.en}, at most one step off on {share(near, len(truth))} %",
            f"{words.zh}，相差不超过一级的占 {share(near, len(truth))}%",
        )

    def state(self) -> dict[str, Any]:
        return {**super().state(), "ordered": True}


def _ranks_between(known: Sequence[Any], more: Sequence[Any]) -> np.ndarray:
    """Return the ranks [M] of further labels among those known, 0 to K - 1; far from all where their order is not known."""
    every = in_order([*known, *more])
    if every is None:
        return np.full(len(more), 2.0 * len(known))
    at = {as_label(v): i for i, v in enumerate(known)}
    places = [at.get(as_label(v)) for v in every]
    ranks: dict[str, float] = {}
    for i, value in enumerate(every):
        if places[i] is None:
            before = next(((p, i - j) for j in range(i, -1, -1) if (p := places[j]) is not None), None)
            after = next(((p, j - i) for j in range(i, len(every)) if (p := places[j]) is not None), None)
            if before and after:
                ranks[as_label(value)] = before[0] + before[1] / (before[1] + after[1])
            else:
                ranks[as_label(value)] = float(before[0] + before[1] if before else -after[1] if after else 0)
    return np.array([ranks[as_label(v)] for v in more])


def mean_rank(scores: np.ndarray) -> np.ndarray:
    """Return the mean rank [N], from 0, under probabilities [N, K]."""
    found: np.ndarray = scores @ np.arange(scores.shape[1])
    return found


class RankCodec(ValueCodec):
    """Ordered labels as a number, their rank from 0: lets recipes for values answer them."""

    def __init__(self, target: TargetCodec) -> None:
        counts = np.array(getattr(target, "counts", [1] * target.outputs), float)
        ranks = np.arange(target.outputs)
        mean = float((counts * ranks).sum() / counts.sum())
        std = float(np.sqrt((counts * (ranks - mean) ** 2).sum() / counts.sum()))
        super().__init__(mean, max(std, 1e-6), 0.0, float(target.outputs - 1))
        self.of = target

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return ranks float64 [N], NaN where absent or unknown."""
        found = self.of.encode(values)
        return np.where(found < 0, np.nan, found.astype(np.float64))


CODEC = OrderedCodec
