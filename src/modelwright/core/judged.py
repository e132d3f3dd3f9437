"""Rows judged: their truth beside what a model answered, and the metrics that read both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import Answers, TargetCodec
from modelwright.core.schema import Table
from modelwright.core.words import Words


@dataclass(frozen=True)
class Judged:
    """Held-out rows with their truth and what a model answered: what metrics and plots take.

    `target` may hold labels behind those that were learnt, see `judge`; `truth` as its `encode` gives it, `scores` [N, K], `answers` decoded from them, `chosen` the answers
    encoded again as `truth` is. `rows` [N] are source row numbers, `units` numbers [N] of what a row belongs to (user, series) by
    the name of that unit; `known` [N, ...] what else metrics ask of each row, by name.
    """

    target: TargetCodec
    truth: np.ndarray
    scores: np.ndarray
    answers: Answers
    chosen: np.ndarray
    rows: np.ndarray
    units: Mapping[str, np.ndarray] = field(default_factory=dict)
    known: Mapping[str, np.ndarray] = field(default_factory=dict)

    def take(self, index: np.ndarray) -> Judged:
        """Return the judged rows at `index` [M], for bootstraps and slices; the decoded answers are not carried along."""
        return Judged(
            self.target, self.truth[index], self.scores[index], Answers([], None), self.chosen[index], self.rows[index],
            {name: codes[index] for name, codes in self.units.items()},
            {name: values[index] for name, values in self.known.items()},
        )  # fmt: skip

    def unit(self, name: str) -> np.ndarray:
        """Return the unit of each row [N], numbered from 0 on; every row is one by itself where none of that name are known."""
        if name not in self.units:
            return np.arange(len(self.rows))
        return np.unique(self.units[name], return_inverse=True)[1]

    def in_units(self, table: Table, metrics: Iterable[Metric]) -> Judged:
        """Return these rows with the units that metrics ask for; `table` holds the rows, and perhaps others, with all columns."""
        return Beside.of(table, metrics).beside(self)


@dataclass(frozen=True)
class Beside:
    """What metrics must know of the rows of a table: the units that rows belong to [T] and what else they ask of them [T, ...], by
    name. Made once where the same rows are judged often."""

    rows: np.ndarray
    order: np.ndarray
    units: Mapping[str, np.ndarray]
    known: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, table: Table, metrics: Iterable[Metric]) -> Beside:
        """Ask a table for what metrics need."""
        metrics = list(metrics)
        units = {m.unit: m.unit_of(table) for m in metrics if m.unit_of is not None}
        known = {name: of(table) for m in metrics for name, of in m.known_of.items()}
        order = np.argsort(table.rows, kind="stable") if units or known else np.empty(0, np.int64)
        return cls(table.rows, order, units, known)

    def beside(self, judged: Judged) -> Judged:
        """Return judged rows, all of them in the table, with what is known of them."""
        if not self.units and not self.known:
            return judged
        at = self.order[np.searchsorted(self.rows, judged.rows, sorter=self.order)]
        units = {name: values[at] for name, values in self.units.items()}
        return replace(judged, units=units, known={name: values[at] for name, values in self.known.items()})


@dataclass(frozen=True)
class Metric:
    """A named pure function of judged rows. `higher` says which way is better.

    `per_label` metrics may be asked for one label in a gate: `recall[fraud]`; their function takes the label's
    index as second argument, or None for the average over labels.

    A metric over made answers (BLEU, span F1) declares `parts`: the statistics [N, S] of each row, float64. Its
    `function` then takes their sum over rows [S] (and the label's index, where `per_label`), so that a bootstrap reads
    every row only once.

    `unit` names what an interval draws anew: rows, or users, series, pictures, whose rows rise and fall together; `unit_of` gives
    the number of each row's unit [N] from a table, and is left out where every row is one. A metric that is no sum over rows
    (average precision of boxes, a mean over users) declares `by_unit`: of judged rows, what must be known of each unit, in the order of
    `Judged.unit`. Its `function` then takes a list of these, a unit as often as it was drawn (and the label's index).

    `known_of` are further things that it must know of each row, from the table (how large the errors of a simple forecast were, say):
    they stand in `Judged.known` [N, ...] by name.
    """

    name: str
    title: Words
    higher: bool
    function: Callable[..., float]
    per_label: bool = False
    low: float = 0.0
    high: float = 1.0
    ideal: float | None = None  # the best value where neither end is, as of a ratio; for show

    parts: Callable[[Judged], np.ndarray] | None = None
    unit: str = "row"
    unit_of: Callable[[Table], np.ndarray] | None = None
    by_unit: Callable[[Judged], Sequence[Any]] | None = None
    known_of: Mapping[str, Callable[[Table], np.ndarray]] = field(default_factory=dict)
    finer: Metric | None = (
        None  # of the same judged rows and with less chance in it: what epochs of one training are compared by
    )

    def signed(self, judged: Judged) -> tuple[float, float]:
        """Return the metric's value and that of its finer one (the same where there is none), each signed so that more is better."""
        found = [m(judged) if m.higher else -m(judged) for m in (self, self.finer) if m is not None]
        return found[0], found[-1]

    def __call__(self, judged: Judged, label: int | None = None) -> float:
        """Return the metric's value; NaN where it is undefined (one class only, say)."""
        told = (label,) if self.per_label else ()
        if self.by_unit is not None:
            return float(self.function(list(self.by_unit(judged)), *told))
        if self.parts is not None:
            return float(self.function(self.parts(judged).sum(axis=0), *told))
        return float(self.function(judged, *told))


def judge(target: TargetCodec, truth: pa.Array, scores: np.ndarray, rows: np.ndarray,
          thresholds: Sequence[float] | None = None) -> Judged:  # fmt: skip
    """Decode scores [N, K] and put them beside the truth; rows whose truth is absent are left out.

    A truth that the codec has not learnt counts, and as wrong: `target` of what is returned has its label behind the
    others, and its scores are zero.
    """
    encoded = target.encode(truth)
    wide = target.judging(truth, encoded)
    if wide is not target:
        encoded = wide.encode(truth)
    known = wide.known(truth, encoded)
    scores = scores[known]
    answers = target.decode(scores, thresholds)
    return Judged(wide, encoded[known], wide.widened(scores), answers, wide.chosen(answers, scores), rows[known])
