"""The gate: the declared conditions under which a candidate may be released."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError, unknown
from modelwright.core.facts.scores import ConditionFact
from modelwright.core.judged import Judged, Metric
from modelwright.core.task import Task
from modelwright.core.words import Words

_CONDITION = re.compile(
    r"^\s*((?:(?:gap|worst):)?[A-Za-z_]\w*(?:@\d+)?)\s*(?:\[(.+)\])?\s*(>=|<=|>|<)\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(%?)\s*$"
)


@dataclass(frozen=True)
class Condition:
    """One demand, such as `recall[fraud] >= 0.8`; judged on the unfavourable end of the 95 % interval."""

    metric: Metric
    label: int | None
    text: str
    least: bool
    threshold: float


@dataclass(frozen=True)
class Verdict:
    """What one condition came to: the value with its interval, and whether its unfavourable end suffices."""

    text: str
    value: float
    low: float
    high: float
    met: bool

    def to_json(self) -> ConditionFact:
        """Return the verdict as JSON values."""
        return {"condition": self.text, "value": self.value, "low": self.low, "high": self.high, "met": self.met}


Named = Callable[[str], Metric | None]


def check_gate(text: str | None, task: Task, known: Callable[[str], bool] = lambda name: False) -> None:
    """Refuse a gate that cannot be read, and metrics that neither the task has nor `known` knows, before rows are looked at.

    Raises OptionError.
    """
    for _, name, *_ in _conditions_in(text):
        if not known(name):
            task.metric(name)


def _conditions_in(text: str | None) -> Iterator[tuple[str, str, str | None, str, str, str]]:
    """Yield each condition as it was written, and its metric, label, sign, number and percent sign. Raises OptionError."""
    for part in re.split(r"[,，;；]\s*(?![^\[]*\])", text or ""):
        if not part.strip():
            continue
        found = _CONDITION.match(part.replace("≥", ">=").replace("≤", "<="))
        if not found:
            raise OptionError(
                f"Cannot read the gate condition `{part.strip()}`. Write for example: macro_f1>=0.9, recall[fraud]>=0.8",
                f"无法解读门槛条件 `{part.strip()}`。写法示例：macro_f1>=0.9, recall[fraud]>=0.8",
            )
        name, label, sign, number, percent = found.groups()
        yield part, name, label, sign, number, percent


def parse_gate(text: str | None, task: Task, target: TargetCodec, more: Named = lambda name: None) -> list[Condition]:
    """Parse `macro_f1>=0.9, recall[fraud]>=0.8`. Raises OptionError, naming the part that cannot be read.

    A condition must point the way the metric does: `>=` where more is better, `<=` where less is. `more` knows metrics that
    are not the task's: of groups, of privacy.
    """
    conditions = []
    for part, name, label, sign, number, percent in _conditions_in(text):
        metric = more(name) or task.metric(name)
        index = None
        if label is not None:
            if not metric.per_label:
                per = ", ".join(m.name for m in task.metrics if m.per_label)
                raise OptionError(
                    f"`{name}` is not known per label; these are: {per}.",
                    f"`{name}` 不能按标签给出；可按标签的有：{per}。",
                )
            if label.strip() not in target.labels:
                raise unknown(Words("label", "标签"), label.strip(), target.labels, OptionError)
            index = target.labels.index(label.strip())
        least = sign.startswith(">")
        if least != metric.higher:
            way = ">=" if metric.higher else "<="
            raise OptionError(
                f"`{name}` is better {'higher' if metric.higher else 'lower'}: write `{name}{way}{number}`.",
                f"`{name}` 越{'高' if metric.higher else '低'}越好：请写作 `{name}{way}{number}`。",
            )
        threshold = float(number) / (100 if percent else 1)
        conditions.append(Condition(metric, index, re.sub(r"\s+", "", part), least, threshold))
    return conditions


def judge_gate(
    conditions: list[Condition], judged: Judged, interval: Callable[[Metric, Judged, int | None], Any]
) -> list[Verdict]:
    """Judge every condition on held-out rows. A NaN never meets a condition."""
    out = []
    for c in conditions:
        i = interval(c.metric, judged, c.label)
        met = i.low >= c.threshold if c.least else i.high <= c.threshold
        out.append(Verdict(c.text, i.value, i.low, i.high, bool(met)))
    return out
