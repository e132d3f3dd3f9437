"""The splits that a run began with, found again among the rows that are there when it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.schema import Table
from modelwright.core.words import counted
from modelwright.tune.candidate import Splits


@dataclass(frozen=True)
class Began:
    """The splits that a run began with, by row numbers of the source; None stands for all other rows."""

    folder: Path
    test: list[int]
    develop: list[int] | None
    kept: int
    trains: list[list[int] | None]
    valids: list[list[int]]

    def parts(self, table: Table, official: Table | None) -> tuple[Table, Table, Splits]:
        """Return development rows, test rows and splits as they were. Raises DataError where a row of them is gone."""
        if len(table) != self.kept:
            raise self._gone(len(table))
        if official is not None:
            if official.rows.tolist() != self.test:
                raise self._gone(len(official))
            develop, test = table, official
        else:
            outer = self._places(table, self.test)
            rest = np.setdiff1d(np.arange(len(table)), outer)
            inner = rest if self.develop is None else self._places(table, self.develop)
            develop, test = table.take(inner), table.take(outer)
        splits = []
        for train, valid in zip(self.trains, self.valids, strict=True):
            held = self._places(develop, valid)
            others = np.setdiff1d(np.arange(len(develop)), held)
            splits.append((others if train is None else self._places(develop, train), held))
        return develop, test, splits

    def _places(self, table: Table, numbers: list[int]) -> np.ndarray:
        order = np.argsort(table.rows, kind="stable")
        wanted = np.asarray(numbers, np.int64)
        at = np.searchsorted(table.rows, wanted, sorter=order)
        found = order[np.minimum(at, len(order) - 1)]
        if (table.rows[found] != wanted).any():
            raise self._gone(len(table))
        return found

    def _gone(self, rows: int) -> DataError:
        return DataError(
            f"The run {self.folder} began with {counted(self.kept, 'row')} that could be used, and now there are others ({rows}). Start a new run.",
            f"运行 {self.folder} 开始时可用的行有 {self.kept} 行，现在可用的行已不同（{rows} 行）。请重新开始运行。",
        )
