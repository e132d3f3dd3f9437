"""What baselines share that find nothing in any row: no span, no box."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.recipe import Model
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Table


class NothingModel(Model):
    """An empty list for every row. Derived classes name their recipe."""

    def __init__(self) -> None:
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        return as_objects([[] for _ in range(len(table))])[:, None]

    def save(self, folder: Path) -> None:
        write_state(folder, {})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Self:
        with Loading(folder):
            read_state(folder)
        return cls()
