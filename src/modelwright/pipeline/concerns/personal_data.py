"""Personal data in a run: how long it is looked for, what is told, and which rows stay as they are."""

from __future__ import annotations

import time

import pyarrow as pa

from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.events import EventStream
from modelwright.core.facts.run import Facts
from modelwright.core.run import RunFolder, write_json
from modelwright.core.schema import Related
from modelwright.core.stored_data import sealing
from modelwright.core.task import Task
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.related import without
from modelwright.pipeline.state import Data, State
from modelwright.privacy.protect import Protected, protect, safe_values
from modelwright.privacy.shield import Shield
from modelwright.tune import resumed

_SHARE = 0.05  # of the budget, for names
_ALL = 0.2  # of the budget, for reading, checking and this together


class PersonalData(Concern):
    """Personal data is found and replaced before anything else looks at the rows, and told without a single value.

    Documents that are searched and quoted (`Task.keeps_unlabelled`) and transcripts (`Task.tells_personal`) are told of and left as they
    are, unless rules say otherwise: a telephone number in them is what somebody asks for, or said.
    """

    name = "personal_data"
    found: Protected

    def __init__(self, config: RunConfig, events: EventStream, began: RunFolder | None = None) -> None:
        super().__init__(config, events, began)
        self._started = time.monotonic()

    def task_chosen(self, task: Task) -> None:
        """Say that a bundle will hold documents in the open, where a vault is open and the task quotes them."""
        if sealing() and task.keeps_unlabelled:
            self.events.warn(
                "The vault does not cover the bundle, which holds the documents that the model quotes: keep it as you keep them.",
                "加密库不覆盖模型包，而模型包含有模型引用的文档：请像保管文档一样保管它。",
            )

    def data_read(self, data: Data, raw: pa.Table) -> None:
        """Find and replace personal data, and say what was done: names in a twentieth of the budget, all else until a
        fifth of it is gone. A run that goes on leaves out the rows that it left out before."""
        config, task = self.config, data.task
        budget = parse_duration(config.budget)
        seconds = min(60.0, max(0.5, _SHARE * budget))
        most = max(seconds, _ALL * budget - (time.monotonic() - self._started))
        self.found = protect(
            data.table,
            data.test,
            raw,
            rules=config.private or (["keep"] if task.keeps_unlabelled or task.tells_personal else []),
            public=config.public,
            points=task.points,
            seconds=seconds,
            most=most,
            left_out=resumed.left_out(self.began) if self.began else None,
            elsewhere=[n for related, _ in data.related.values() for n in related.table.schema.names],
        )
        self._tell(self.found)
        self._beside(data, seconds)
        data.table, data.test = self.found.table, self.found.test
        data.bad = safe_values(data.bad, config.public)
        if data.aside is not None and not task.keeps_unlabelled:
            data.aside = self.found.shield.apply(data.aside)

    def _beside(self, data: Data, seconds: float) -> None:
        """Find and replace personal data in the tables beside the rows; columns that hold nothing else are taken out."""
        everywhere = [*data.table.schema.names, *(n for r, _ in data.related.values() for n in r.table.schema.names)]
        for name, (related, raw) in data.related.items():
            before = related.table
            found = protect(
                before,
                None,
                raw,
                rules=self.config.private,
                public=self.config.public,
                seconds=seconds / 2,
                most=2 * seconds,
                elsewhere=everywhere,
            )
            self._tell(found)
            shield = found.shield  # rows to be answered may carry columns of the things they name
            columns = {**shield.columns, **self.found.shield.columns}
            self.found.shield = Shield(columns, (*self.found.shield.months, *shield.months))
            gone = [c.name for c in found.table.schema if c.role == "ignored" and before.schema[c.name].role == "input"]
            data.related[name] = without(Related(found.table, related.key), gone), raw

    def _tell(self, found: Protected) -> None:
        events = self.events
        for words, tell in (
            (found.note(), events.note),
            (found.shortened(), events.warn),
            (found.sampled(), events.warn),
        ):
            if words is not None:
                tell(*words)

    def folder_made(self, state: State) -> None:
        found = {**self.found.to_json(), "left_out": self.found.left_out}
        write_json(state.folder.data / "privacy.json", found)

    def predictor_made(self, state: State) -> None:
        state.predictor.shield = self.found.shield

    def facts_told(self, state: State, facts: Facts) -> None:
        facts["private"] = self.found.to_json()
