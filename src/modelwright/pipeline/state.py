"""What the stages hand on: the rows that were read, how the winner stands to the baselines, and the final word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelwright.core.schema import Table
from modelwright.data.check import Finding
from modelwright.data.coerce import BadValue
from modelwright.privacy.consent import Allowed
from modelwright.privacy.protect import Protected
from modelwright.tune.gate import Verdict
from modelwright.tune.parts import Parts as Parts
from modelwright.tune.parts import split_data as split_data
from modelwright.tune.resumed import Seen


@dataclass
class Data:
    """What `get_data` gives: typed rows, the official test rows if any, and values that could not be read."""

    table: Table
    test: Table | None
    bad: list[BadValue]
    findings: list[Finding] = field(default_factory=list)
    rows_read: int = 0
    seen: Seen = field(
        default_factory=Seen
    )  # digests of what was read, to tell whether a run that goes on reads the same
    allowed: Allowed | None = None  # which rows may be used, where consent or retention were asked for
    allowed_test: Allowed | None = None
    aside: Table | None = None  # rows without an answer, which are never held out
    private: Protected | None = None
    reading: dict[str, Any] = field(default_factory=dict)  # how the source was spelt, for files to be answered


@dataclass
class Beaten:
    """How the winner stands to one baseline on the test rows: difference with interval, signed so that more is better."""

    name: str
    difference: float
    low: float
    high: float
    p: float


@dataclass
class Judgement:
    """The final word: gate verdicts, comparison with baselines, and whether the gate is met; None where there is none."""

    verdicts: list[Verdict]
    beaten: list[Beaten]
    asked: bool
    met: bool | None
