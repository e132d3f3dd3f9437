"""What wrong answers cost, in the user's own money: `--cost fraud:missed=500,false_alarm=5`.

A row of label t answered with p costs `missed` of t plus `false_alarm` of p. Legend: N rows, K labels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import OptionError, unknown
from modelwright.core.facts.scores import CostFacts
from modelwright.core.judged import Judged
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import confusion

KINDS = ("missed", "false_alarm")
_FORM = "LABEL:missed=500,false_alarm=5"


def split(text: str) -> tuple[str, dict[str, float]]:
    """Read one `--cost`: the label, and its costs by kind. Raises OptionError where it has another form."""
    label, colon, rest = text.rpartition(":")
    costs: dict[str, float] = {}
    for part in rest.split(",") if colon and label.strip() else [""]:
        name, equals, value = (x.strip() for x in part.partition("="))
        if not equals or not re.fullmatch(r"\d+(\.\d+)?", value):
            raise OptionError(
                f"Expected --cost {_FORM}, received `{text}`.", f"应写作 --cost {_FORM}，收到的是 `{text}`。"
            )
        if name not in KINDS:
            raise unknown(Words("kind of cost", "代价类型"), name, KINDS, OptionError)
        costs[name] = float(value)
    return label.strip(), costs


@dataclass(frozen=True)
class Costs:
    """What it costs to miss each label [K], and to raise a false alarm of it [K]."""

    missed: np.ndarray
    false_alarm: np.ndarray

    def matrix(self) -> np.ndarray:
        """Return the cost of a true label (rows) answered with another (columns) [K, K]; right answers cost nothing."""
        out = self.missed[:, None] + self.false_alarm[None, :]
        np.fill_diagonal(out, 0.0)
        return np.asarray(out)


def parse_costs(texts: Sequence[str], target: TargetCodec) -> Costs | None:
    """Return what `--cost` says for the labels of a target; None where nothing was said. Raises OptionError."""
    if not texts:
        return None
    if target.kind != "classes":
        raise OptionError(
            "--cost is for targets with one label a row; leave it out here.",
            "--cost 仅用于每行一个标签的目标；请去掉它。",
        )
    found = {kind: np.zeros(len(target.labels)) for kind in KINDS}
    for text in texts:
        label, costs = split(text)
        if label not in target.labels:
            raise unknown(Words("label", "标签"), label, target.labels, OptionError)
        for kind, value in costs.items():
            found[kind][target.labels.index(label)] = value
    return Costs(**found)


def cost_facts(costs: Costs | None, judged: Judged) -> CostFacts | None:
    """Return what the answers on test rows cost in all and per 1,000 rows, by error, and what the cheapest fixed answer would."""
    if costs is None or not len(judged.truth):
        return None
    counts, prices = confusion(judged), costs.matrix()
    paid = counts * prices
    n, labels = int(counts.sum()), judged.target.labels
    fixed = counts.sum(axis=1) @ prices  # [K]: always answering one label
    best = int(fixed.argmin())
    per_row = prices[judged.truth.astype(int), judged.chosen.astype(int)]
    error = 1.96 * float(per_row.std()) / math.sqrt(len(per_row))
    order = np.argsort(-paid, axis=None, kind="stable")
    pairs = [(int(i) // len(labels), int(i) % len(labels)) for i in order]
    return {
        "rows": n,
        "total": float(paid.sum()),
        "per_1000": 1000 * float(per_row.mean()),
        "low": 1000 * max(0.0, float(per_row.mean()) - error),
        "high": 1000 * (float(per_row.mean()) + error),
        "fixed": {"label": labels[best], "per_1000": 1000 * float(fixed[best]) / n},
        "errors": [
            {"true": labels[t], "said": labels[p], "count": int(counts[t, p]), "each": float(prices[t, p]), "cost": float(paid[t, p])}
            for t, p in pairs[:12]
            if paid[t, p] > 0
        ],
    }  # fmt: skip
