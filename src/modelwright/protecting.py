"""Personal data in a run: how long it is looked for, what is told, and which rows stay as they are."""

from __future__ import annotations

import pyarrow as pa

from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.events import EventStream
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.privacy.protect import Protected, protect

_SHARE = 0.05  # of the budget


def protected(
    config: RunConfig, table: Table, test: Table | None, raw: pa.Table, task: Task | None, events: EventStream
) -> Protected:
    """Find and replace personal data, within a twentieth of the budget, and say what was done.

    Documents that are searched and quoted (`Task.keeps_unlabelled`) are told of and left as they are, unless rules say
    otherwise: a telephone number in them is what somebody asks for.
    """
    seconds = min(60.0, max(0.5, _SHARE * parse_duration(config.budget)))
    quoted = bool(task and task.keeps_unlabelled)
    rules = config.private or (["keep"] if quoted else [])
    points = bool(task and task.points)
    done = protect(table, test, raw, rules=rules, public=config.public, points=points, seconds=seconds)
    for words, tell in ((done.note(), events.note), (done.sampled(), events.warn)):
        if words is not None:
            tell(*words)
    return done
