"""Facts of candidates: the rows of the leaderboard, pretrained parts, a teacher, a student."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from modelwright.core.facts.base import Pair


class CandidateRow(TypedDict):
    """A row of the leaderboard; figures are of the validation rows, and absent where a candidate did not finish or was never begun."""

    name: str
    recipe: str
    metric: NotRequired[str]
    metric_title: NotRequired[Pair]
    value: NotRequired[float]
    low: NotRequired[float]
    high: NotRequired[float]
    ms_per_row: NotRequired[float]
    batch_ms: NotRequired[float]
    seconds: NotRequired[float]
    learnt: NotRequired[
        int
    ]  # rows that it learnt from, where these are not the training rows; `learnt_of` all that there were for it
    learnt_of: NotRequired[int]
    folds: NotRequired[list[float]]
    options: NotRequired[dict[str, Any]]
    cost: NotRequired[float]
    tokens: NotRequired[int]
    status: NotRequired[str]  # ok, failed, untried, unfit
    winner: NotRequired[bool]
    weight: NotRequired[float | None]
    epsilon: NotRequired[float]
    reason: NotRequired[Pair]
    fault: NotRequired[bool]


class OriginFact(TypedDict, total=False):
    """Where a pretrained part comes from."""

    name: str
    kind: str
    revision: str
    sha256: str
    licence: str
    paper: str
    endpoint: str


class StudentFact(TypedDict):
    """What came of one model that learnt what a blend answers: the names of the blend's members, whether it stands for them, and why."""

    of: list[str]
    shipped: bool
    why: Pair


class TeacherFact(TypedDict):
    """What labelling by a large model took: `rows` labelled `of` those without a label."""

    model: str
    rows: int
    of: int
    spent: dict[str, Any]
