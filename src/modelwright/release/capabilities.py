"""What predictors of some tasks can do besides answering rows: search, embed, forecast whole series."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.reading import Reading
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Asked, Task
from modelwright.privacy.shield import Shield


class Able(ABC):
    """The part of a predictor that asks what its task or its members can do."""

    task: Task
    schema: Schema
    members: list[tuple[float, Model]]
    shield: Shield
    reading: dict[str, Any]

    @abstractmethod
    def scores(self, table: Table) -> np.ndarray:
        """As `Predictor.scores`."""

    def asked(self, source: Any, reading: Reading | None = None) -> Asked | None:
        """Return what a whole source asks, for tasks that do not answer rows as they stand; None for all others."""
        models = [m for _, m in self.members]
        how = reading or Reading(usual=self.reading)
        return self.task.asked(self.schema, models, source, how, lambda table: self.shield.apply(table))

    def forecast(self, rows: Any = None) -> Any:
        """Return what comes next, as an Arrow table of series, time, prediction and quantiles.

        `rows` are new rows in the form of the training table: values that continue known series, or series of their own; rows
        without a value say what is known ahead. None, or nothing of a series, goes on from the values that the bundle keeps.
        Raises OptionError for other tasks, DataError for rows that cannot be answered.
        """
        asked = self.asked(rows)
        if asked is None:
            raise OptionError(
                f"A model of task `{self.task.name}` cannot forecast; train one with --task time-series-forecasting.",
                f"任务 `{self.task.name}` 的模型不支持预测序列；请用 --task time-series-forecasting 训练。",
            )
        return asked.written(self.scores(asked.table))

    def search(self, query: str, k: int = 10) -> list[dict[str, Any]]:
        """Return the best `k` documents of a query: `{"text", "score", "id"}`. Raises OptionError for other tasks."""
        return self._able("search").search(query, k)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return vectors of unit length [N, D] float32. Raises OptionError where the model makes none."""
        return self._able("embed").embed(texts)

    def _able(self, what: str) -> Any:
        """Return the heaviest member that can do something."""
        for _, model in sorted(self.members, key=lambda m: -m[0]):
            if hasattr(model, what):
                return model
        raise OptionError(
            f"A model of task `{self.task.name}` cannot {what}; train one with --task retrieval.",
            f"任务 `{self.task.name}` 的模型不支持 {what}；请用 --task retrieval 训练。",
        )
