"""Facts of a closer look: labels, slices, quoted rows, columns, pictures, tables of a task."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from modelwright.core.facts.base import Pair, Scored


class LabelFact(TypedDict):
    """How well one label is answered."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int


class ConfusionFact(TypedDict):
    """How often one label was answered with another."""

    true: str
    said: str
    count: int


class SliceFact(Scored):
    """Rows with something in common that are answered worse than all rows (`overall`)."""

    metric: Pair
    column: str
    words: Pair
    rows: int
    overall: float


class AttributionFact(TypedDict):
    """What a part of an input spoke for or against the answer; `start` and `end` are None for a whole value."""

    column: str
    start: int | None
    end: int | None
    text: str
    weight: float
    heat: NotRequired[list[list[float]]]
    how: NotRequired[str]


class QuotedRow(TypedDict):
    """A row that the report quotes: what was said, what is true, and the inputs as short texts."""

    row: int
    said: Any
    true: Any
    confidence: float | None
    inputs: dict[str, str]
    explanation: NotRequired[list[AttributionFact]]
    pictures: NotRequired[dict[str, str]]  # data URLs by column


class ColumnDrop(TypedDict):
    """What the metric loses without a column."""

    column: str
    drop: float
    low: float
    high: float
    rows: int


class PlotFact(TypedDict):
    """A picture with the sentence that says what it shows."""

    name: str
    title: Pair
    says: Pair
    svg: str
    private: NotRequired[bool]  # it quotes the data


class PictureFact(TypedDict):
    """Pictures of one row, as data URLs: what was given, if anything, and what was made of it under a slider; what was wanted, or is nearest."""

    title: Pair
    before: NotRequired[str]
    after: str
    wanted: NotRequired[str]


class SoundFact(TypedDict):
    """Sounds of one row, as data URLs: what was made, and what was recorded."""

    title: Pair
    made: str
    recorded: NotRequired[str]


class SectionFact(TypedDict):
    """A table that a task adds, pictures and sounds; `private` where they quote the data."""

    name: str
    title: Pair
    says: Pair
    head: list[Pair]
    rows: list[list[str | Pair]]
    private: bool
    pictures: NotRequired[list[PictureFact]]
    sounds: NotRequired[list[SoundFact]]
