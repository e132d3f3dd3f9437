"""All concerns of a run, in their fixed order, as one."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.events import EventStream
from modelwright.core.facts.run import Facts
from modelwright.core.judged import Metric
from modelwright.core.run import RunFolder
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Task
from modelwright.data.coerce import BadValue
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.concerns.consent import Consent
from modelwright.pipeline.concerns.costs import Costs
from modelwright.pipeline.concerns.differential_privacy import DifferentialPrivacy
from modelwright.pipeline.concerns.fairness import Fairness
from modelwright.pipeline.concerns.heard import Heard
from modelwright.pipeline.concerns.looked_at import LookedAt
from modelwright.pipeline.concerns.opened_files import OpenedFiles
from modelwright.pipeline.concerns.personal_data import PersonalData
from modelwright.pipeline.concerns.rare_labels import RareLabels
from modelwright.pipeline.concerns.teacher import Teacher
from modelwright.pipeline.concerns.weights import Weights
from modelwright.pipeline.state import Data, State

# Whose rows may be used comes before what stands in them; answers have their prices before groups are given thresholds; groups are checked before a privacy budget is spent on counts;
# the teacher labels rows that are protected by then, and labels are counted when all rows have theirs.
ORDER: tuple[type[Concern], ...] = (
    Consent,
    OpenedFiles,
    PersonalData,
    Weights,
    Costs,
    Fairness,
    DifferentialPrivacy,
    Teacher,
    RareLabels,
    Heard,
    LookedAt,
)


class Concerns(Concern):
    """Hands every hook on to each concern, in order; what one returns, the next one is given."""

    def __init__(self, config: RunConfig, events: EventStream, began: RunFolder | None = None) -> None:
        super().__init__(config, events, began)
        self.each = [make(config, events, began) for make in ORDER]

    def options_checked(self) -> None:
        for concern in self.each:
            concern.options_checked()

    def rows_read(self, raw: pa.Table, part: str, source: str) -> pa.Table:
        for concern in self.each:
            raw = concern.rows_read(raw, part, source)
        return raw

    def series_gathered(self, raw: pa.Table, part: str) -> None:
        for concern in self.each:
            concern.series_gathered(raw, part)

    def columns_ignored(self, names: Sequence[str]) -> list[str]:
        for concern in self.each:
            names = concern.columns_ignored(names)
        return list(names)

    def schema_inferred(self, schema: Schema) -> Schema:
        for concern in self.each:
            schema = concern.schema_inferred(schema)
        return schema

    def rows_typed(self, table: Table, bad: list[BadValue], part: str) -> tuple[Table, list[BadValue]]:
        for concern in self.each:
            table, bad = concern.rows_typed(table, bad, part)
        return table, bad

    def rows_labelled(self, table: Table) -> Table:
        for concern in self.each:
            table = concern.rows_labelled(table)
        return table

    def knows_metric(self, name: str) -> bool:
        return any(concern.knows_metric(name) for concern in self.each)

    def ranking(self, task: Task, metric: Metric) -> Metric:
        for concern in self.each:
            metric = concern.ranking(task, metric)
        return metric

    def task_chosen(self, task: Task) -> None:
        for concern in self.each:
            concern.task_chosen(task)

    def data_read(self, data: Data, raw: pa.Table) -> None:
        for concern in self.each:
            concern.data_read(data, raw)

    def data_checked(self, data: Data) -> None:
        for concern in self.each:
            concern.data_checked(data)

    def parts_split(self, state: State) -> None:
        for concern in self.each:
            concern.parts_split(state)

    def target_fitted(self, state: State) -> None:
        for concern in self.each:
            concern.target_fitted(state)

    def metric(self, name: str) -> Metric | None:
        return next((m for concern in self.each if (m := concern.metric(name)) is not None), None)

    def folder_made(self, state: State) -> None:
        for concern in self.each:
            concern.folder_made(state)

    def predictor_made(self, state: State) -> None:
        for concern in self.each:
            concern.predictor_made(state)

    def test_begins(self, state: State) -> None:
        for concern in self.each:
            concern.test_begins(state)

    def facts_told(self, state: State, facts: Facts) -> None:
        for concern in self.each:
            concern.facts_told(state, facts)

    def report_deepened(self, state: State, facts: Facts) -> None:
        for concern in self.each:
            concern.report_deepened(state, facts)
