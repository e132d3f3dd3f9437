"""What is known of a run so far: every stage reads what stands here and adds its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from modelwright.core.bases import BaseModels
from modelwright.core.budget import Deadline
from modelwright.core.config import RunConfig
from modelwright.core.events import EventStream
from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.facts.scores import BaselineFact
from modelwright.core.judged import Judged, Metric
from modelwright.core.run import RunFolder
from modelwright.core.schema import Related, Table
from modelwright.core.task import Task
from modelwright.data.check import Finding
from modelwright.data.coerce import BadValue
from modelwright.data.rows_not_held import Further
from modelwright.release.bundle import Predictor
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import Condition, Verdict
from modelwright.tune.leaderboard import Outcome
from modelwright.tune.parts import Parts
from modelwright.tune.private import PrivatePlan
from modelwright.tune.resumed import Seen


@dataclass
class Data:
    """What `get_data` gives: typed rows, the official test rows if any, the task that they are for, and values that could not
    be read."""

    table: Table
    test: Table | None
    task: Task
    metric: Metric  # that ranks
    bad: list[BadValue]
    findings: list[Finding] = field(default_factory=list)
    rows_read: int = 0
    seen: Seen = field(
        default_factory=Seen
    )  # digests of what was read, to tell whether a run that goes on reads the same
    further: Further | None = None  # the rows of the source that are not held
    aside: Table | None = None  # rows without an answer, which are never held out
    reading: dict[str, Any] = field(default_factory=dict)  # how the source was spelt, for files to be answered
    related: dict[str, tuple[Related, pa.Table]] = field(
        default_factory=dict
    )  # tables beside the rows, with their lines as they were read


@dataclass(frozen=True)
class Beaten:
    """How the winner stands to one baseline on the test rows: difference with interval, signed so that more is better."""

    name: str
    difference: float
    low: float
    high: float
    p: float

    def to_json(self) -> BaselineFact:
        """Return the comparison as JSON values."""
        return {"name": self.name, "difference": self.difference, "low": self.low, "high": self.high, "p": self.p}


@dataclass(frozen=True)
class Judgement:
    """The final word: gate verdicts, comparison with baselines, and whether the gate is met; None where there is none."""

    verdicts: list[Verdict]
    beaten: list[Beaten]
    asked: bool
    met: bool | None


@dataclass
class State:
    """A run on its way, from what was asked for to the judgement; what a later stage finds is not there before it."""

    config: RunConfig
    events: EventStream
    folder: RunFolder
    deadline: Deadline
    resume: bool = False
    begun: bool = False  # whether this run has written into its folder
    started: float = field(default_factory=time.monotonic)
    worked: float = field(default_factory=time.process_time)  # processor time at the start

    # reading and splitting
    data: Data = field(init=False)
    bases: BaseModels = field(init=False)
    parts: Parts = field(init=False)
    validation: Validation = field(init=False)
    plan: PrivatePlan | None = None  # under differential privacy alone
    reuses_rows: bool = (
        True  # whether development rows may serve again once a model is trained: calibration, importances
    )

    # what was asked of the winner, and the time that reading took
    conditions: list[Condition] = field(init=False)
    read_seconds: float = 0.0
    load: float = 1.0  # how busy the machine is: 1 where it has nothing else to do

    worker_memory: int | None = None  # the most bytes that a worker of a cluster held; None without one

    # the winner
    outcome: Outcome = field(init=False)
    ladder: list[CandidateRow] = field(init=False)  # the leaderboard's rows of all candidates
    predictor: Predictor = field(init=False)
    judged: Judged = field(init=False)
    judgement: Judgement = field(init=False)

    @property
    def task(self) -> Task:
        """The task of the run."""
        return self.data.task

    @property
    def metric(self) -> Metric:
        """The metric that ranks."""
        return self.data.metric
