"""What is kept: feedback, requests, and both together as something to learn from. Times are seconds since the epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["answer", "thumb", "outcome"]
KINDS: tuple[Kind, ...] = ("answer", "thumb", "outcome")


@dataclass(frozen=True)
class Told:
    """One piece of feedback: the right answer, a thumb (true: up), or an outcome (a number or an ISO date)."""

    id: str  # of the answer; `row-...` where it is for a row that no service answered
    kind: Kind
    value: Any  # JSON; a right answer as the answer type gives it back
    by: str  # name of the key or of the reviewer; each has one word for each answer and kind
    version: str = ""
    answered_at: float | None = None
    told_at: float = field(default_factory=time.time)
    new: bool = False  # whether it holds a label that the version had not learnt
    source: str = "service"  # service, file, review, label-studio
    correct: bool | None = None  # whether the answer given was right; None: not known
    error: float | None = None  # of numbers: told minus given
    row: Mapping[str, Any] | None = None
    subject: str | None = None  # keyed digest of whose row it is
    expires_at: float | None = None


@dataclass(frozen=True)
class Kept:
    """A request that was kept, with its answer."""

    id: str
    version: str
    answered_at: float
    expires_at: float
    row: Mapping[str, Any]
    prediction: Any
    scores: Mapping[str, float] | None = None
    confidence: float | None = None
    margin: float | None = None  # between the two best scores
    drift: float | None = None  # how unlike the training data
    challenger: Any = None  # what another version predicted
    contested: bool = False  # whether that was something else
    subject: str | None = None


@dataclass(frozen=True)
class Labelled:
    """A row with its right answer: the one most people told, of equally many the latest."""

    id: str
    version: str
    row: Mapping[str, Any]
    answer: Any
    new: bool
    told_at: float
    answered_at: float | None
    subject: str | None
    votes: int  # who told an answer
    agree: float  # the share of them who told this one
    source: str
    prediction: Any = None  # what was answered, where the request was kept
    correct: bool | None = None


@dataclass
class Counts:
    """What was told of a version's answers."""

    right: int = 0
    wrong: int = 0
    answers: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    outcomes: int = 0
    new_labels: int = 0
    numbers: int = 0  # right answers that are numbers, with what was answered known
    absolute_error: float = 0.0  # their sum of |told - given|

    def to_json(self) -> dict[str, Any]:
        """Return the counts, with the mean absolute error of numbers where there are any."""
        out = {k: v for k, v in self.__dict__.items() if k not in ("numbers", "absolute_error")}
        return out | ({"mean_absolute_error": self.absolute_error / self.numbers} if self.numbers else {})
