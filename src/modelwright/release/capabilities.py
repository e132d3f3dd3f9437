"""What predictors can do besides answering rows: explain an answer; those of some tasks search, embed, forecast whole series."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.facts.details import AttributionFact
from modelwright.core.reading import Reading
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Asked, Task
from modelwright.data.coerce import BadValue
from modelwright.privacy.shield import Shield


class Able(ABC):
    """The part of a predictor that asks what its task or its members can do."""

    task: Task
    schema: Schema
    members: list[tuple[float, Model]]
    target: TargetCodec
    shield: Shield
    reading: dict[str, Any]

    @abstractmethod
    def scores(self, table: Table) -> np.ndarray:
        """As `Predictor.scores`."""

    @abstractmethod
    def table(self, rows: Any, folder: Path | None = None) -> tuple[Table, list[BadValue]]:
        """As `Predictor.table`."""

    def explain(
        self, row: Mapping[str, Any], *, top: int = 20, seconds: float = 1.0, folder: Path | None = None
    ) -> list[AttributionFact]:
        """Return what the answer to one row rests on: columns, stretches of text, places in media, with signed weights.

        Paths of media are taken from `folder`, as in `table`.
        """
        table, bad = self.table([row], folder)
        if bad:
            raise ModelwrightError(bad[0].words)
        return self.explain_table(table, top=top, seconds=seconds)

    def explain_table(
        self,
        table: Table,
        *,
        top: int = 20,
        seconds: float = 1.0,
        scores: Callable[[Table], np.ndarray] | None = None,
    ) -> list[AttributionFact]:
        """Do what `explain` does for a typed table of one row; `scores` [N, K] is asked in place of the predictor's own where given."""
        from modelwright.evaluate.explain.rows import explain_row

        strongest = max(self.members, key=lambda m: m[0])[1] if len(self.members) == 1 else None
        found = explain_row(
            scores or self.scores,
            table,
            Schema(tuple(self.schema.inputs)),
            self.target,
            answer=None,
            model=strongest,
            top=top,
            seconds=seconds,
        )
        return [a.to_json() for a in found]

    def asked(self, source: Any, reading: Reading | None = None, *, schema: Schema | None = None) -> Asked | None:
        """Return what a whole source asks, for tasks that do not answer rows as they stand; None for all others.

        `schema` stands for that of the bundle where the source is read in another way.
        """
        models = [m for _, m in self.members]
        how = reading or Reading(usual=self.reading)
        return self.task.asked(schema or self.schema, models, source, how, lambda table: self.shield.apply(table))

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
