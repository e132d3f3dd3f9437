"""What a run was made from, read again, and how a next one is made: handed in by whoever can train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from modelwright.core.words import Words

State = Literal["same", "changed", "gone"]


@dataclass(frozen=True)
class Source:
    """The rows of a run as they stand in its source now. `rows` and `test` are as read, every column with its cells as they came."""

    run: Path  # its folder
    target: str
    state: State  # whether these are the rows that it was made from
    why: Words | None = None  # what is changed or gone
    rows: pa.Table | None = None  # that it learnt from; None where they are gone
    test: pa.Table | None = None  # that it was tested on; None where they cannot be told any more
    modalities: Mapping[str, str] = field(default_factory=dict)  # of the columns that the model reads
    separator: str = "|"  # between several labels of one cell; "" where a cell lists them in JSON
    group: str | None = None  # column of groups that are never split
    time: str | None = None
    subject: str | None = None  # column that says whose row it is
    weight: str | None = None  # column that says how much each row counts
    sensitive: tuple[str, ...] = ()
    epsilon: float | None = None  # budget of differential privacy that it spent
    budget: str = "5m"
    recipes: tuple[str, ...] = ()  # of the model that answers


class Correction(Protocol):
    """A row with its right answer, as the store of feedback gives it (`serve/feedback`, `Labelled`)."""

    @property
    def id(self) -> str: ...
    @property
    def row(self) -> Mapping[str, Any]: ...
    @property
    def answer(self) -> Any: ...
    @property
    def told_at(self) -> float: ...  # seconds since the epoch
    @property
    def answered_at(self) -> float | None: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def votes(self) -> int: ...  # who told an answer
    @property
    def agree(self) -> float: ...  # the share of them who told this one
    @property
    def correct(self) -> bool | None: ...  # whether the answer given was right


class Reads(Protocol):
    """Read again what the run in a folder was made from; `place` is where its source stands now, if it was moved.

    Never raises for a source that is gone or changed: `Source.state` says so.
    """

    def __call__(self, run: Path, place: str | None, /) -> Source: ...


class Trains(Protocol):
    """Make a run from rows, tested on `test` (or on rows of its own where that is None), and return its folder.

    `recipes` are the only ones to be tried; none named: all. `weight` is the column that says how much each row counts. Raises ModelwrightError as a run does.
    """

    def __call__(
        self, source: Source, rows: pa.Table, test: pa.Table | None, *, budget: str, recipes: Sequence[str], name: str,
        weight: str | None,
    ) -> Path: ...  # fmt: skip
