"""The protocol of concerns: what a run owes beside a good model, to the people in its rows or to its user.

A concern is a class with hooks along the walk. The stages call every hook of every concern, in the order of `order.py`, and
ask for none by name; a concern that was not asked for does nothing. The hooks stand here in the order in which they are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.events import EventStream
from modelwright.core.facts.run import Facts
from modelwright.core.judged import Metric
from modelwright.core.run import RunFolder, read_json, write_json
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Task
from modelwright.data.coerce import BadValue
from modelwright.pipeline.state import Data, State

TRAINING, TEST = "data", "test"  # the sources of rows


class Concern:
    """One concern of one run. `began` is the folder of a run that goes on."""

    name: ClassVar[str] = ""

    def __init__(self, config: RunConfig, events: EventStream, began: RunFolder | None = None) -> None:
        self.config, self.events, self.began = config, events, began

    def options_checked(self) -> None:
        """Refuse options that do not go together, before any row is read. Raises OptionError, VaultError."""

    def rows_read(self, raw: pa.Table, part: str, source: str) -> pa.Table:
        """Return the rows of a source that may be used; `part` says whether they are for training or for the test."""
        return raw

    def series_gathered(self, raw: pa.Table, part: str) -> None:
        """Learn that several rows may have become one series. Raises OptionError."""

    def columns_ignored(self, names: Sequence[str]) -> list[str]:
        """Return the columns to leave out."""
        return list(names)

    def schema_inferred(self, schema: Schema) -> Schema:
        """Return the schema with what is known of its columns. Raises ColumnError, OptionError."""
        return schema

    def rows_typed(self, table: Table, bad: list[BadValue], part: str) -> tuple[Table, list[BadValue]]:
        """Return typed rows and the values that could not be read, their numbers being those of the source."""
        return table, bad

    def rows_labelled(self, table: Table) -> Table:
        """Return the training rows that have an answer. Raises ColumnError."""
        return table

    def knows_metric(self, name: str) -> bool:
        """Whether a gate may ask for a metric of this name, which is no metric of the task."""
        return False

    def ranking(self, task: Task, metric: Metric) -> Metric:
        """Return the metric that ranks where the user named none; `metric` is the task's own choice."""
        return metric

    def task_chosen(self, task: Task) -> None:
        """Refuse what the task cannot do. Raises OptionError."""

    def data_read(self, data: Data, raw: pa.Table) -> None:
        """Change the rows before anything but their types is looked at; `raw` are the training rows as they were read."""

    def data_checked(self, data: Data) -> None:
        """Change or add to what the data doctor has looked at."""

    def parts_split(self, state: State) -> None:
        """Change the parts that train, validate and test. Raises OptionError, DataError."""

    def target_fitted(self, state: State) -> None:
        """Settle what is to be held to, now that rows and answers are known. Raises OptionError, DataError."""

    def metric(self, name: str) -> Metric | None:
        """Return a metric for the gate that is not the task's; None for others. Raises OptionError."""
        return None

    def folder_made(self, state: State) -> None:
        """Write down what the run begins with: its folder is there from now on."""

    def predictor_made(self, state: State) -> None:
        """Change the predictor, before it meets a test row."""

    def test_begins(self, state: State) -> None:
        """Learn that test rows are judged from now on."""

    def facts_told(self, state: State, facts: Facts) -> None:
        """Add to the facts of the report, the card and the bundle."""

    def report_deepened(self, state: State, facts: Facts) -> None:
        """Add to the report what takes longer; the bundle is written."""


class KeepsSome(Concern):
    """A concern that may leave out some of what there is; how many it keeps stands in `file` of the run's data, and a run that goes on keeps
    as many as when it began."""

    file: ClassVar[str]

    def __init__(self, config: RunConfig, events: EventStream, began: RunFolder | None = None) -> None:
        super().__init__(config, events, began)
        self.kept: int | None = None  # where some are left out

    def kept_before(self, whole: int) -> int | None:
        """Return how many of `whole` a run that goes on kept when it began; None for a run that begins."""
        if self.began is None:
            return None
        place = self.began.data / self.file
        return int(read_json(place)["kept"]) if place.is_file() else whole

    def folder_made(self, state: State) -> None:
        if self.kept is not None:
            write_json(state.folder.data / self.file, {"kept": self.kept})
