"""What the data doctor says of one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.core.facts.data import FindingFact
from modelwright.core.words import Words


@dataclass(frozen=True)
class Finding:
    """One thing found: what it is, what to do, and what is done about it by itself.

    `drop_column` sets the column to ignored, `drop_rows` are positions [M] of rows to leave out, `drop_test_rows` of rows to test on.
    """

    code: str
    severity: str  # info, warning, error
    column: str | None
    words: Words
    advice: Words
    rows: tuple[int, ...] = ()
    drop_column: bool = False
    drop_rows: tuple[int, ...] = ()
    drop_test_rows: tuple[int, ...] = ()

    def to_json(self) -> FindingFact:
        """Return the finding as JSON values; row positions to drop are not kept."""
        return {
            "code": self.code,
            "severity": self.severity,
            "column": self.column,
            "words": list(self.words),
            "advice": list(self.advice),
            "rows": list(self.rows[:20]),
            "drop_column": self.drop_column,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """Read what `to_json` wrote."""
        return cls(
            data["code"],
            data["severity"],
            data["column"],
            Words(*data["words"]),
            Words(*data["advice"]),
            tuple(data["rows"]),
            data["drop_column"],
        )
