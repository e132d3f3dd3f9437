"""How alike a model serves groups of people: metrics by group, the gaps between groups, and conditions on them.

Sources: demographic parity and the others as in Barocas, Hardt & Narayanan, Fairness and Machine Learning (2023);
equal opportunity and equalised odds, Hardt, Price & Srebro 2016, arXiv 1610.02413.
Legend: N rows, G groups, K labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError, unknown
from modelwright.core.facts.privacy import FairnessFacts, GapFact, GroupFact, SensitiveColumn
from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.core.words import Words, chinese
from modelwright.data.groups import group_words, groups_of
from modelwright.evaluate.intervals import bootstrap

LEAST = 20  # rows below which a group is shown, but counts in no gap
_NAME = re.compile(r"^(gap|worst):(\w+)$")


@dataclass
class Groups:
    """The groups of the rows under judgement, by sensitive column. `use` says which rows those are."""

    columns: tuple[str, ...]
    favourable: int | None = None  # the label that is good to get
    table: Table | None = None
    _codes: dict[str, tuple[np.ndarray, list[str]]] = field(default_factory=dict)
    _rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def use(self, table: Table) -> None:
        """Judge rows of this table from now on."""
        self.table = table
        order = np.argsort(table.rows, kind="stable")
        self._rows = table.rows[order]
        self._codes = {}
        for name in self.columns:
            codes, names = groups_of(table.column(name), table.schema[name])
            self._codes[name] = (codes[order], names)

    def of(self, judged: Judged, column: str) -> tuple[np.ndarray, list[str]]:
        """Return the group of each judged row [N], and the groups' names [G]."""
        codes, names = self._codes[column]
        return codes[np.searchsorted(self._rows, judged.rows)], names


def favourable_label(target: TargetCodec, asked: str | None) -> int | None:
    """Return the index of the label that is good to get: the one asked for, else the second of two; None for all alike.

    Raises OptionError for a label that does not occur.
    """
    if asked is not None:
        if asked not in target.labels:
            raise unknown(Words("label", "标签"), asked, target.labels, OptionError)
        return target.labels.index(asked)
    return 1 if target.kind == "classes" and target.outputs == 2 else None


Measure = Callable[[Judged, int | None], float]


def positive_rate(judged: Judged, label: int | None = None) -> float:
    """Share of rows that are answered with the label."""
    return float(_favoured(judged, label).mean()) if len(judged.rows) else float("nan")


def true_positive_rate(judged: Judged, label: int | None = None) -> float:
    """Of the rows that have the label, the share answered with it."""
    true = _true(judged, label)
    return float(_favoured(judged, label)[true].mean()) if true.any() else float("nan")


def false_positive_rate(judged: Judged, label: int | None = None) -> float:
    """Of the rows that do not have the label, the share answered with it."""
    false = ~_true(judged, label)
    return float(_favoured(judged, label)[false].mean()) if false.any() else float("nan")


def mean_error(judged: Judged, label: int | None = None) -> float:
    """Mean of answer minus truth, in the target's unit: whether a group is answered too high or too low."""
    return float((judged.scores[:, 0] - judged.truth).mean()) if len(judged.rows) else float("nan")


def _favoured(judged: Judged, label: int | None) -> np.ndarray:
    if judged.target.kind == "label_sets":
        return np.asarray(judged.chosen[:, label] > 0.5)
    return np.asarray(judged.chosen == label)


def _true(judged: Judged, label: int | None) -> np.ndarray:
    if judged.target.kind == "label_sets":
        return np.asarray(judged.truth[:, label] > 0.5)
    return np.asarray(judged.truth == label)


_RATES: dict[str, tuple[Words, Measure]] = {
    "positive_rate": (Words("share answered with it", "得到该回答的比例"), positive_rate),
    "true_positive_rate": (Words("found of those who have it", "应得者中得到的比例"), true_positive_rate),
    "false_positive_rate": (Words("given to those who have it not", "不应得者中得到的比例"), false_positive_rate),
}
_BIAS = (Words("answer minus truth", "回答减真实值"), mean_error)


def by_group(measure: Measure, judged: Judged, codes: np.ndarray, label: int | None) -> np.ndarray:
    """Return a measure of each group's rows [G]; NaN for groups of few rows."""
    out = np.full(int(codes.max()) + 1 if len(codes) else 0, np.nan)
    for g in range(len(out)):
        rows = np.flatnonzero(codes == g)
        if len(rows) >= LEAST:
            out[g] = measure(judged.take(rows), label)
    return out


def gap(measure: Measure, groups: Groups, judged: Judged, label: int | None = None) -> float:
    """Return the largest difference of a measure between two groups, over all sensitive columns; NaN for fewer than two."""
    found = []
    for column in groups.columns:
        values = by_group(measure, judged, groups.of(judged, column)[0], label)
        values = values[np.isfinite(values)]
        if len(values) > 1:
            found.append(float(values.max() - values.min()))
    return max(found) if found else float("nan")


def _label_gap(measure: Measure, groups: Groups, judged: Judged, label: int | None = None) -> float:
    """As `gap`, for the label asked for, else the favourable one, else the label with the largest gap."""
    label = label if label is not None else groups.favourable
    if label is not None:
        return gap(measure, groups, judged, label)
    found = [gap(measure, groups, judged, k) for k in range(judged.target.outputs)]
    known = [v for v in found if np.isfinite(v)]
    return max(known) if known else float("nan")


def _odds_gap(groups: Groups, judged: Judged, label: int | None = None) -> float:
    found = [_label_gap(m, groups, judged, label) for m in (true_positive_rate, false_positive_rate)]
    return max(found) if np.isfinite(found).all() else float("nan")


def _worst(metric: Metric, groups: Groups, judged: Judged, label: int | None = None) -> float:
    measure = partial(_of_metric, metric)
    values = np.concatenate([by_group(measure, judged, groups.of(judged, c)[0], label) for c in groups.columns])
    values = values[np.isfinite(values)]
    return float(values.min() if metric.higher else values.max()) if len(values) else float("nan")


def _of_metric(metric: Metric, judged: Judged, label: int | None) -> float:
    return metric(judged, label) if metric.per_label else metric(judged)


def group_metric(name: str, task: Task, target: TargetCodec, groups: Groups | None) -> Metric | None:
    """Return the metric that a gate calls `gap:NAME` or `worst:NAME`; None for any other name.

    NAME is a metric of the task, or of labels `positive_rate` (demographic parity), `true_positive_rate` (equal
    opportunity), `false_positive_rate`, `equalised_odds`; of values `mean_error`. Raises OptionError where no sensitive
    column was named or the name is not known.
    """
    found = _NAME.match(name)
    if not found:
        return None
    if groups is None:
        raise OptionError(
            f"`{name}` compares groups; name the column they are in with --sensitive.",
            f"`{name}` 用于比较各组；请用 --sensitive 指定分组所在的列。",
        )
    kind, of = found.groups()
    special: dict[str, Measure] = {}
    if target.kind in ("classes", "label_sets"):
        special = {n: partial(_label_gap, m, groups) for n, (_, m) in _RATES.items()}
        special["equalised_odds"] = partial(_odds_gap, groups)
    elif target.kind == "value":
        special = {"mean_error": partial(gap, mean_error, groups)}
    if kind == "gap" and of in special:
        top = 1.0 if target.kind != "value" else np.inf
        return Metric(name, _gap_title(of), False, special[of], per_label=target.kind != "value", high=top)
    known = {m.name: m for m in task.metrics}
    if of not in known:
        names = [*known, *(special if kind == "gap" else ())]
        raise unknown(Words("metric", "指标"), of, names, OptionError)
    metric = known[of]
    if kind == "worst":
        title = Words(f"{metric.title.en}, worst group", f"{metric.title.zh}（最差的组）")
        return Metric(
            name, title, metric.higher, partial(_worst, metric, groups), metric.per_label, metric.low, metric.high
        )
    title = Words(f"gap in {metric.title.en}", chinese(metric.title.zh, "的差距"))
    return Metric(name, title, False, partial(gap, partial(_of_metric, metric), groups), metric.per_label, 0.0, metric.high - min(0.0, metric.low))  # fmt: skip


def _gap_title(of: str) -> Words:
    return {
        "positive_rate": Words("demographic parity gap", "人口均等差距"),
        "true_positive_rate": Words("equal opportunity gap", "机会均等差距"),
        "false_positive_rate": Words("gap in false positives", "误报率差距"),
        "equalised_odds": Words("equalised odds gap", "均等几率差距"),
        "mean_error": Words("gap in the mean error", "平均误差差距"),
    }[of]


@dataclass(frozen=True)
class GroupScore:
    """One group: its name, rows, and measures by name, each (value, low, high)."""

    name: str
    words: Words
    rows: int
    scores: dict[str, tuple[float, float, float]]
    few: bool

    def to_json(self) -> GroupFact:
        """Return the group as JSON values."""
        return {
            "name": self.name, "words": list(self.words), "rows": self.rows, "scores": self.scores, "few": self.few,
        }  # fmt: skip


def judge_groups(
    task: Task, metric: Metric, judged: Judged, groups: Groups, table: Table, *, seconds: float = 2.0
) -> FairnessFacts:
    """Return what the report shows of groups: measures by group and gaps with 95 % intervals, for every sensitive column."""
    groups.use(table)
    label = groups.favourable
    measures: dict[str, tuple[Words, Metric]] = {metric.name: (metric.title, metric)}
    if judged.target.kind == "value":
        measures["mean_error"] = (_BIAS[0], Metric("mean_error", _BIAS[0], False, mean_error, True, -np.inf, np.inf))
    elif label is not None:
        for name, (title, measure) in _RATES.items():
            measures[name] = (title, Metric(name, title, True, measure, True))
    each = seconds / max(1, 2 * len(groups.columns))
    columns: list[SensitiveColumn] = []
    for column in groups.columns:
        codes, names = groups.of(judged, column)
        one = Groups((column,), label)
        one.use(table)
        found = []
        for g, name in enumerate(names):
            part = judged.take(np.flatnonzero(codes == g))
            few = len(part.rows) < LEAST
            scores = {}
            for key, (_, m) in measures.items():
                if len(part.rows):
                    i = bootstrap(m, part, label=label if key in _RATES else None, resamples=200, seconds=each / (len(names) * len(measures)))  # fmt: skip
                    scores[key] = (i.value, i.low, i.high)
            found.append(GroupScore(name, group_words(name), len(part.rows), scores, few).to_json())
        gaps: list[GapFact] = []
        for name in _gaps_of(judged.target, metric):
            made = group_metric(name, task, judged.target, one)
            if made is not None:
                i = bootstrap(made, judged, resamples=200, seconds=each / 4)
                gaps.append({"name": name, "title": list(made.title), "value": i.value, "low": i.low, "high": i.high})
        columns.append({"column": column, "groups": found, "gaps": gaps})
    return {
        "columns": columns,
        "measures": {key: list(title) for key, (title, _) in measures.items()},
        "favourable": None if label is None else judged.target.labels[label],
    }


def _gaps_of(target: TargetCodec, metric: Metric) -> Sequence[str]:
    if target.kind == "value":
        return (f"gap:{metric.name}", "gap:mean_error", f"worst:{metric.name}")
    return ("gap:positive_rate", "gap:true_positive_rate", "gap:equalised_odds", f"gap:{metric.name}", f"worst:{metric.name}")  # fmt: skip
