"""Facts of the data: rows, columns, findings."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from modelwright.core.facts.base import Pair


class RowCounts(TypedDict, total=False):
    """How many rows were read, and how many of them served for what."""

    read: int
    train: int  # of the first split, without those beside
    beside: int  # labelled by a teacher
    valid: int  # held out of some fold that the winner was judged on
    develop: int  # all but the test rows and those beside: what a refit trains on
    test: int
    folds: int
    official: bool  # whether the test rows were given, not held out
    unit: list[str]  # what is counted (`core.unit.Unit`); rows where it is absent


class ColumnFact(TypedDict):
    """A column: its modality, and what it is used as."""

    name: str
    modality: str
    role: str
    options: NotRequired[dict[str, Any]]
    reason: NotRequired[Pair]


class FindingFact(TypedDict):
    """What the checks of the data found, and what to do about it."""

    code: str
    severity: str  # info, warning, error
    column: str | None
    words: Pair
    advice: Pair
    rows: list[int]
    drop_column: bool
