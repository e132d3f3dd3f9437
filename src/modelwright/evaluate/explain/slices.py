"""Where a model is weak: the worst slices of the held-out rows, its surest mistakes, and each label by itself.

Legend: N rows, K labels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.answers.base import as_label
from modelwright.core.facts.details import ConfusionFact, LabelFact, QuotedRow, SliceFact
from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Column, Table
from modelwright.core.words import Words, shortened
from modelwright.evaluate.explain.lenses.base import shown
from modelwright.evaluate.intervals import bootstrap
from modelwright.evaluate.metrics.chosen import (
    CLASSIFICATION,
    MULTI_LABEL,
    OF_CONFUSION,
    OF_COUNTS,
    confusion,
    label_counts,
)

_VALUES = 30  # values of a category that are looked at, the most frequent
_SHOWN = 200  # characters of an input
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Slice:
    """Rows with something in common, and how well they are answered beside all rows (`overall`), by `metric`."""

    metric: Words
    column: str
    words: Words
    rows: int
    value: float
    low: float
    high: float
    overall: float

    def to_json(self) -> SliceFact:
        """Return the slice as JSON values."""
        return {
            "metric": list(self.metric), "column": self.column, "words": list(self.words), "rows": self.rows,
            "value": self.value, "low": self.low, "high": self.high, "overall": self.overall,
        }  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """An answer that is shown, most often a wrong one: the source row, what was said, what is true, and the inputs as short texts.

    `confidence` is None for values, whose mistakes are ranked by their size.
    """

    row: int
    said: Any
    true: Any
    confidence: float | None
    inputs: dict[str, str]

    def to_json(self) -> QuotedRow:
        """Return the mistake as JSON values."""
        return {
            "row": self.row, "said": self.said, "true": self.true, "confidence": self.confidence, "inputs": dict(self.inputs),
        }  # fmt: skip


@dataclass(frozen=True)
class LabelScore:
    """How well one label is answered; `rows` have it in truth."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int

    def to_json(self) -> LabelFact:
        """Return the scores as JSON values."""
        return {
            "label": self.label, "precision": self.precision, "recall": self.recall, "f1": self.f1, "rows": self.rows,
        }  # fmt: skip


@dataclass(frozen=True)
class Confusion:
    """How often rows of the label `true` were answered with `said`."""

    true: str
    said: str
    count: int

    def to_json(self) -> ConfusionFact:
        """Return the pair as JSON values."""
        return {"true": self.true, "said": self.said, "count": self.count}


def worst_slices(
    table: Table,
    judged: Judged,
    metric: Metric,
    *,
    top: int = 8,
    support: int | None = None,
    seed: int = 0,
    seconds: float = 2.0,
) -> list[Slice]:
    """Return the slices that are worse than all rows for certain, the worst first.

    Many slices are looked at, and by chance some look weak: of those returned, one in twenty may be so (Benjamini &
    Hochberg 1995, over all slices with enough rows).

    Slices are the values of categories and booleans, quartiles of numbers, timestamps and text lengths, and
    missingness. Means over labels (macro F1 and the like) sink in any small part that lacks some labels, so parts are
    judged by accuracy then, and sets of labels by micro F1. `support` is the least number of rows, by default 2 % of them but at least 20. `judged` may leave out
    rows of `table` (those without a truth); they are matched by row number. After `seconds` no more slices are tried.
    """
    least = support if support is not None else max(20, len(judged.rows) // 50)
    metric = _fair(metric, judged)
    overall = metric(judged)
    if not np.isfinite(overall) or len(judged.rows) < 2 * least:
        return []
    own = _match(table, judged)
    sign = 1.0 if metric.higher else -1.0
    worse: list[tuple[float, str, Words, Judged]] = []
    looked = 0
    for column in table.schema.inputs:
        for words, member in _members(own.column(column.name), column):
            if least <= member.sum() <= 0.9 * len(member):
                looked += 1
                part = judged.take(np.flatnonzero(member))
                gap = sign * (overall - metric(part))
                if gap > 0:
                    worse.append((gap, column.name, words, part))
    found: list[tuple[float, Slice]] = []
    until = time.monotonic() + seconds
    for gap, name, words, part in sorted(worse, key=lambda w: -w[0])[: 3 * top]:
        if time.monotonic() > until:
            break
        i = bootstrap(metric, part, resamples=200, seed=seed, seconds=0.2)
        error = (i.high - i.low) / (2 * _NORMAL.inv_cdf(0.975))
        chance = 1 - _NORMAL.cdf(gap / error) if error > 0 else 1.0
        found.append((chance, Slice(metric.title, name, words, len(part.rows), i.value, i.low, i.high, overall)))
    kept = _certain([chance for chance, _ in found], looked)
    return [s for (_, s), k in zip(found, kept) if k][:top]


def _certain(chances: list[float], looked: int, share: float = 0.05) -> list[bool]:
    """Return which of `looked` tests hold when that share of those that do may be false; tests not given do not."""
    order = np.argsort(chances)
    passed = [n for n, i in enumerate(order, 1) if chances[i] <= share * n / looked]
    bound = chances[order[passed[-1] - 1]] if passed else -1.0
    return [c <= bound for c in chances]


def _fair(metric: Metric, judged: Judged) -> Metric:
    if metric.function not in OF_COUNTS and metric.function not in OF_CONFUSION:
        return metric
    known, name = (MULTI_LABEL, "micro_f1") if judged.target.kind == "label_sets" else (CLASSIFICATION, "accuracy")
    return next(m for m in known if m.name == name)


def _match(table: Table, judged: Judged) -> Table:
    """Return the rows of the table that were judged, in that order."""
    if len(table) == len(judged.rows) and np.array_equal(table.rows, judged.rows):
        return table
    at = {int(r): i for i, r in enumerate(table.rows)}
    return table.take(np.array([at[int(r)] for r in judged.rows], np.int64))


def _members(values: pa.Array, column: Column) -> Iterator[tuple[Words, np.ndarray]]:
    """Yield for each slice of a column its name and which rows belong to it [N]."""
    name = column.name
    missing = np.asarray(values.is_null())
    yield Words(f"{name} is missing", f"{name} 缺失"), missing
    if column.modality in ("category", "boolean"):
        counted = sorted(values.drop_null().value_counts().to_pylist(), key=lambda v: -v["counts"])
        for entry in counted[:_VALUES]:
            shown = as_label(entry["values"])[:60]
            same = pc.equal(values, pa.scalar(entry["values"], values.type)).fill_null(False)
            yield Words(f"{name} = {shown}", f"{name} = {shown}"), np.asarray(same)
    elif column.modality == "text":
        yield from _quartiles(pc.utf8_length(values), missing, Words(f"length of {name}", f"{name} 的长度"), "{:.0f}")
    elif column.modality == "number":
        yield from _quartiles(values, missing, Words(name, name), "{:.4g}")
    elif column.modality == "timestamp":
        days = values.cast(pa.int64())
        for _, member in _quartiles(days, missing, Words(name, name), "{}"):
            inside = pc.min_max(values.filter(pa.array(member)))
            first, last = (str(inside[k].as_py())[:10] for k in ("min", "max"))
            yield Words(f"{name} {first} to {last}", f"{name} {first} 至 {last}"), member


def _quartiles(values: pa.Array, missing: np.ndarray, name: Words, form: str) -> Iterator[tuple[Words, np.ndarray]]:
    numbers = np.asarray(values.cast(pa.float64(), safe=False).fill_null(float("nan")), np.float64)
    known = ~missing & np.isfinite(numbers)
    if known.sum() < 8:
        return
    cuts = np.unique(np.quantile(numbers[known], [0, 0.25, 0.5, 0.75, 1]))
    if len(cuts) < 3:
        return
    for i, (low, high) in enumerate(pairwise(cuts)):
        last = i == len(cuts) - 2
        member = known & (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        span = f"{form.format(low)} - {form.format(high)}"
        yield Words(f"{name.en} {span}", f"{name.zh} {span}"), member


def confident_mistakes(table: Table, judged: Judged, top: int = 12) -> list[Mistake]:
    """Return the wrong answers that the model was surest of; of values, those furthest off."""
    kind = judged.target.kind
    if kind == "value":
        size = np.abs(judged.scores[:, 0] - judged.truth)
        order = np.argsort(-size, kind="stable")[:top]
        order = order[size[order] > 0]
    else:
        wrong = judged.truth != judged.chosen
        wrong = wrong.any(1) if kind == "label_sets" else wrong
        sure = judged.answers.confidence if judged.answers.confidence is not None else judged.scores.max(1)
        order = np.flatnonzero(wrong)
        order = order[np.argsort(-sure[order], kind="stable")][:top]
    return _quoted(table, judged, order.tolist())


def _quoted(table: Table, judged: Judged, index: list[int]) -> list[Mistake]:
    own = _match(table, judged)
    out = []
    for i in index:
        inputs = {c.name: _short(own.column(c.name)[i].as_py(), c.modality) for c in table.schema.inputs}
        confidence = None if judged.answers.confidence is None else float(judged.answers.confidence[i])
        out.append(Mistake(int(judged.rows[i]), judged.answers.predictions[i], _true(judged, i), confidence, inputs))
    return out


def typical(table: Table, judged: Judged, top: int = 4) -> list[Mistake]:
    """Return everyday answers: of each frequent label the right row of middle confidence; for values rows of middling error."""
    kind, n = judged.target.kind, len(judged.rows)
    if kind == "value":
        off = np.abs(judged.scores[:, 0] - judged.truth)
        picked = np.argsort(np.abs(off - np.median(off)), kind="stable")[: min(3, n)].tolist() if n else []
    else:
        right = judged.truth == judged.chosen
        right = right.all(1) if kind == "label_sets" else right
        sure = judged.answers.confidence if judged.answers.confidence is not None else judged.scores.max(1)
        groups = [np.flatnonzero(right)]
        if kind == "classes":
            counts = np.bincount(judged.truth.astype(int), minlength=judged.target.outputs)
            groups = [np.flatnonzero(right & (judged.truth == k)) for k in np.argsort(-counts, kind="stable")[:top]]
        picked = [int(g[np.argsort(sure[g], kind="stable")[len(g) // 2]]) for g in groups if len(g)]
    return _quoted(table, judged, picked)


def _true(judged: Judged, row: int) -> Any:
    if judged.target.kind == "value":
        return float(judged.truth[row])
    if judged.target.kind == "label_sets":
        return [judged.target.labels[k] for k in np.flatnonzero(judged.truth[row] > 0.5)]
    return getattr(judged.target, "values", judged.target.labels)[int(judged.truth[row])]


def _short(value: Any, modality: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        text = value.isoformat(" ", "seconds")
    else:
        text = f"{value:.6g}" if isinstance(value, float) else shown(value, modality)
    return shortened(text, _SHOWN)


def per_class(judged: Judged) -> list[LabelScore]:
    """Return precision, recall and F1 of each label that occurs, the lowest F1 first; empty for values."""
    if judged.target.kind == "value":
        return []
    hit, truth, said = label_counts(judged)
    out = [
        LabelScore(
            label,
            float(hit[k] / said[k]) if said[k] else 0.0,
            float(hit[k] / truth[k]) if truth[k] else 0.0,
            float(2 * hit[k] / (truth[k] + said[k])),
            int(truth[k]),
        )
        for k, label in enumerate(judged.target.labels)
        if truth[k] or said[k]
    ]
    return sorted(out, key=lambda s: s.f1)


def confusion_pairs(judged: Judged, top: int = 15) -> list[Confusion]:
    """Return the most frequent pairs of a true label and a wrong answer; empty unless answers are one label each."""
    if judged.target.kind != "classes":
        return []
    counts = confusion(judged)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:top]
    labels = judged.target.labels
    pairs = [(int(i) // len(labels), int(i) % len(labels)) for i in order]
    return [Confusion(labels[a], labels[b], int(counts[a, b])) for a, b in pairs if counts[a, b]]
