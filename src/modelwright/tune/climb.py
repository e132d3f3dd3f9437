"""What all that takes part in a climb looks at: what is asked, what there is, and what came of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.bases import BaseModels
from modelwright.core.budget import Deadline
from modelwright.core.config import RunConfig
from modelwright.core.crew import Crew
from modelwright.core.device import free_cores
from modelwright.core.events import CandidateFailed, EventStream
from modelwright.core.recipe import guesses
from modelwright.core.rows_not_held import Rest
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.tune.candidate import Candidate, Validation
from modelwright.tune.leaderboard import Failure, Standings, compared
from modelwright.tune.pace import Pace
from modelwright.tune.private import PrivatePlan


@dataclass
class Climb:
    """A climb as it stands. `good_enough(scores)` says whether the gate is met on validation rows; None where there is no gate.

    `reserve(ms_per_row)` gives the seconds to keep on an idle machine for what follows training, from the winner's batched
    cost; `pace` stretches it where the machine is busy. `latency` is in seconds a row, `memory` in bytes.
    """

    task: Task
    validation: Validation
    config: RunConfig
    deadline: Deadline
    events: EventStream
    latency: float | None
    memory: int | None
    device: str
    reserve: Callable[[float], float]
    good_enough: Callable[[np.ndarray], bool] | None
    folder: Path | None
    bases: BaseModels = field(default_factory=BaseModels)
    private: PrivatePlan | None = None
    load: float = 1.0  # how many times as long as on an idle machine the run took so far
    rest: Rest | None = None  # rows of the source that are not held
    crew: Crew | None = None  # the processes that train networks together with this one
    cluster: Any = None  # what fits on other machines (`tune/cluster.py`), if anything
    worker_memory: int | None = None  # the most bytes that a worker of a cluster held
    width: int = 1  # fits that are handed out at once: so many seconds of a cluster pass in one
    standings: Standings = field(init=False)
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(free_cores(), max(1.0, self.load))
        self.standings = Standings(self.validation, self.latency, self.config.ensemble, self.deadline)
        self.standings.load = lambda: self.pace.load

    @property
    def candidates(self) -> list[Candidate]:
        """What has been trained so far."""
        return self.standings.candidates

    @property
    def failures(self) -> list[Failure]:
        """What could not be trained so far."""
        return self.standings.failures

    def fail(self, name: str, reason: Words, **how: bool) -> None:
        """Keep and tell why a recipe or candidate has no score; `how` are the flags of `Failure`."""
        self.standings.fail(Failure(name, reason, **how))
        self.events.emit(CandidateFailed(name, reason))

    def left(self) -> float:
        """Return the seconds until training must end, so that the bundle is there in time on a machine as busy as now; those of
        all places of a cluster together while fits are handed out to it."""
        return self.until_end() * self.width

    def until_end(self) -> float:
        """Return the same in seconds of the clock."""
        if all(guesses(c.recipe) for c in self.candidates):  # nothing worth keeping time for stands yet
            return max(0.0, self.deadline.remaining() - self.reserve(0.0))
        winner = self.standings.best()[0]
        scored = [c for _, c in winner] + compared(self.candidates, winner)
        return max(0.0, self.deadline.remaining() - self.reserve(sum(c.batch_ms for c in scored)) * self.pace.load)
