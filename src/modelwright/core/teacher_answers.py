"""What a teacher answers to rows, for a student that learns from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.core.schema import Table


@dataclass(frozen=True)
class Taught:
    """A teacher's scores [N, K] of rows, by their numbers in the source [N] in rising order."""

    rows: np.ndarray
    scores: np.ndarray

    @classmethod
    def by_row(cls, rows: np.ndarray, scores: np.ndarray) -> Taught:
        """Make it of scores [N, K] in the order of `rows` [N]."""
        order = np.argsort(rows, kind="stable")
        return cls(rows[order], scores[order])

    def of(self, table: Table) -> np.ndarray:
        """Return the scores [M, K] of a table's rows. Raises ValueError where one of them was never answered."""
        at = np.minimum(np.searchsorted(self.rows, table.rows), max(0, len(self.rows) - 1))
        if len(table) and not (len(self.rows) and np.array_equal(self.rows[at], table.rows)):
            raise ValueError("the teacher has not answered all of these rows")
        return self.scores[at]
