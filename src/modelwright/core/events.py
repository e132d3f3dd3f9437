"""The one stream of typed events to which terminal, log, page and tests listen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from modelwright.core import plain_json
from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.words import Words


@dataclass(frozen=True)
class Event:
    """Root of all events; `at` is seconds since the epoch."""

    at: float = field(default_factory=time.time, kw_only=True)


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage of the pipeline began: `data`, `check`, `train`, `tune`, `ensemble`, `student`, `evaluate`, `bundle`, `report`."""

    stage: str
    words: Words | None = None


@dataclass(frozen=True)
class Step(Event):
    """Work moved on: `done` of `total` (0 where unknown), with the latest scores by name."""

    who: str
    done: int
    total: int
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned(Event):
    """What the run will try, in this order: recipes by name, and over how many parts each is compared."""

    recipes: tuple[str, ...]
    folds: int


@dataclass(frozen=True)
class Probing(Event):
    """A recipe runs for some moments, to tell what a fit of it takes."""

    who: str
    recipe: str


@dataclass(frozen=True)
class Working(Event):
    """A fit begins: `what` is `fit`, `score`, `refit` or `twin` (once more under another seed).

    `fold` counts from 1, 0 where the rows are not folded; `seconds` are those it is expected to take, and `share` those it
    may take at most (0 where unknown). Steps of it follow as `Step` events of the same `who`.
    """

    who: str
    recipe: str
    what: str
    fold: int = 0
    folds: int = 0
    seconds: float = 0.0
    share: float = 0.0


@dataclass(frozen=True)
class CandidateDone(Event):
    """A candidate stands on the leaderboard; `row` is what the leaderboard shows of it."""

    name: str
    row: CandidateRow


@dataclass(frozen=True)
class CandidateFailed(Event):
    """A candidate could not be trained; the leaderboard keeps the reason."""

    name: str
    reason: Words


@dataclass(frozen=True)
class Note(Event):
    """Something worth saying that is neither a warning nor a score."""

    words: Words


@dataclass(frozen=True)
class Warned(Event):
    """Something the user should know or mend."""

    words: Words


@dataclass(frozen=True)
class Done(Event):
    """The run is over; `result` is the machine-readable summary."""

    result: dict[str, Any]


Listener = Callable[[Event], None]


class EventStream:
    """Hands each event to every listener, in the order in which they were added."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._told: set[Words] = set()

    def listen(self, listener: Listener) -> None:
        """Add a listener."""
        self._listeners.append(listener)

    def forget(self, listener: Listener) -> None:
        """Remove a listener that was added."""
        self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Tell all listeners."""
        for listener in list(self._listeners):
            listener(event)

    def note(self, en: str, zh: str) -> None:
        """Emit a Note."""
        self.emit(Note(Words(en, zh)))

    def warn(self, en: str, zh: str) -> None:
        """Emit a Warned."""
        self.emit(Warned(Words(en, zh)))

    def warn_once(self, en: str, zh: str) -> None:
        """Emit a Warned, if it was not emitted so before: for what every fold, candidate or refit would say again."""
        words = Words(en, zh)
        if words not in self._told:
            self._told.add(words)
            self.emit(Warned(words))


def to_json(event: Event) -> str:
    """Return one line of JSON: the event's type under `event`, then its fields."""
    return plain_json.dumps({"event": type(event).__name__, **asdict(event)})


def log_to(file: TextIO) -> Listener:
    """Return a listener that writes each event as a line of JSON."""

    def write(event: Event) -> None:
        file.write(to_json(event) + "\n")
        file.flush()

    return write
