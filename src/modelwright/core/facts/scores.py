"""Facts of scores on the test rows: metrics, the gate, baselines, coverage, costs."""

from __future__ import annotations

from typing import TypedDict

from modelwright.core.facts.base import Pair, Scored


class MetricFact(Scored):
    """A metric on the test rows."""

    name: str
    title: Pair
    higher: bool
    ideal: float | None


class ValidatedFact(Scored):
    """The winner's score on the rows that it was chosen by."""

    rows: int


class ConditionFact(Scored):
    """What a condition of the gate came to."""

    condition: str
    met: bool


class BaselineFact(TypedDict):
    """The winner beside a baseline on the same test rows."""

    name: str
    difference: float
    low: float
    high: float
    p: float


class CoverageFact(TypedDict):
    """The surest `share` of the rows, from which confidence on, and how many of them are right."""

    share: float
    rows: int
    confidence: float
    right: float
    low: float
    high: float


class FixedAnswer(TypedDict):
    """What always giving the cheapest answer would cost."""

    label: str
    per_1000: float


class ErrorCost(TypedDict):
    """What one kind of error cost on the test rows."""

    true: str
    said: str
    count: int
    each: float
    cost: float


class LikeliestCost(TypedDict):
    """What always giving the likeliest answer would cost, and what the chosen answers save of it, with its interval."""

    per_1000: float
    saved: float
    low: float
    high: float


class _CostFacts(TypedDict, total=False):
    """What runs of earlier versions lack."""

    likeliest: LikeliestCost


class CostFacts(_CostFacts):
    """What wrong answers cost, in the unit of `--cost`; `low` and `high` are of `per_1000`."""

    rows: int
    total: float
    per_1000: float
    low: float
    high: float
    fixed: FixedAnswer
    errors: list[ErrorCost]


class OrderFacts(TypedDict):
    """What ordering the quantities of the answers costs a row on the test rows, in the unit of `--too-much`; `plain` is the cost of ordering
    the predictions, `share` of the rows the quantity is to suffice for, `sufficed` what it did for."""

    too_much: float
    too_little: float
    share: float
    sufficed: float
    mean: float
    low: float
    high: float
    plain: float
    saved: float
    saved_low: float
    saved_high: float
