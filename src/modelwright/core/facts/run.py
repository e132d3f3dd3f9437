"""What `report.json` holds: all facts of a run, from which report page, model card, leaderboard and terminal lines are made.

The written JSON is the contract, so each class is the shape of a JSON object. Keys may be absent: some parts are found only for
some tasks, a bundle keeps fewer, and runs of earlier versions left fewer.
"""

from __future__ import annotations

from typing import Any, TypedDict

from modelwright.core.facts.base import Pair
from modelwright.core.facts.candidates import CandidateRow, OriginFact, StudentFact, TeacherFact
from modelwright.core.facts.data import ColumnFact, FindingFact, RowCounts
from modelwright.core.facts.details import (
    ColumnDrop,
    ConfusionFact,
    LabelFact,
    PlotFact,
    QuotedRow,
    SectionFact,
    SliceFact,
)
from modelwright.core.facts.privacy import FairnessFacts, MembershipFacts, PersonalFacts, PrivacyFacts
from modelwright.core.facts.scores import (
    BaselineFact,
    ConditionFact,
    CostFacts,
    CoverageFact,
    MetricFact,
    OrderFacts,
    ValidatedFact,
)


class SecondsFact(TypedDict):
    """Seconds that reading took, and all until the bundle was written."""

    read: float
    bundle: float


class MemoryFact(TypedDict):
    """Bytes: the most that the process held, the most that a worker of a cluster did (None without one), and what `--memory` granted to each
    (None where nothing was said)."""

    peak: int
    worker: int | None
    granted: int | None


class TimeFacts(TypedDict):
    """Seconds by stage, and by model and kind of work."""

    stages: dict[str, float]
    models: dict[str, dict[str, float]]


class QuotedFacts(TypedDict, total=False):
    """The facts that quote rows: encrypted in a file of their own where a vault is open."""

    mistakes: list[QuotedRow]
    right: list[QuotedRow]
    sections: list[SectionFact]
    plots: list[PlotFact]


class CardFacts(TypedDict, total=False):
    """The facts that go into a bundle: nothing that quotes a row."""

    name: str
    modelwright: str  # version
    created: str
    task: str
    target: str | None
    metric: str  # that ranks
    value: float
    low: float
    high: float
    asked: bool  # whether there was a gate
    met: bool | None
    gate: list[ConditionFact]
    private: PersonalFacts
    rows: RowCounts
    origins: list[OriginFact]
    winner: list[str]
    refitted: bool
    baselines: list[BaselineFact]
    budget: str
    environment: dict[str, str]
    verdict: Pair
    privacy: PrivacyFacts


class Facts(CardFacts, QuotedFacts, total=False):
    """All facts of a run, as `report.json` holds them."""

    metric_title: Pair
    higher: bool
    validated: ValidatedFact
    ms_per_row: float
    batch_ms: float
    leaderboard: list[CandidateRow]
    columns: list[ColumnFact]
    findings: list[FindingFact]
    labels: list[str]
    config: dict[str, Any]
    plain: Pair | None
    guessing: Pair | None
    conclusive: bool
    advice: list[Pair]
    chosen: Pair
    teacher: TeacherFact | None
    student: StudentFact | None
    card: list[list[Pair]]  # parts that tasks and concerns add: title, text
    seconds: SecondsFact
    memory: MemoryFact
    metrics: list[MetricFact]
    coverage: list[CoverageFact]
    per_class: list[LabelFact]
    confusions: list[ConfusionFact]
    slices: list[SliceFact]
    without: list[ColumnDrop]
    importance: list[ColumnDrop]
    importance_says: Pair
    plots: list[PlotFact]
    time: TimeFacts
    costs: CostFacts | None
    order: OrderFacts | None
    membership: MembershipFacts
    fairness: FairnessFacts
    due: Pair | None  # why the model is to be trained anew; on the page only
