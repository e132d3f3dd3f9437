"""Personal data in a run: how long it is looked for, what is told, and which rows stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.events import EventStream
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.privacy.protect import Protected, protect

_SHARE = 0.05  # of the budget, for names
_ALL = 0.2  # of the budget, for reading, checking and this together


def protected(
    config: RunConfig,
    table: Table,
    test: Table | None,
    raw: pa.Table,
    task: Task | None,
    events: EventStream,
    spent: float,
    left_out: Sequence[int] | None = None,
) -> Protected:
    """Find and replace personal data, and say what was done: names in a twentieth of the budget, all else until a
    fifth of it is gone, of which `spent` seconds are. A run that goes on leaves out the rows that it left out before.

    Documents that are searched and quoted (`Task.keeps_unlabelled`) are told of and left as they are, unless rules say
    otherwise: a telephone number in them is what somebody asks for.
    """
    budget = parse_duration(config.budget)
    seconds = min(60.0, max(0.5, _SHARE * budget))
    most = max(seconds, _ALL * budget - spent)
    quoted = bool(task and task.keeps_unlabelled)
    rules = config.private or (["keep"] if quoted else [])
    points = bool(task and task.points)
    done = protect(
        table,
        test,
        raw,
        rules=rules,
        public=config.public,
        points=points,
        seconds=seconds,
        most=most,
        left_out=left_out,
    )
    for words, tell in ((done.note(), events.note), (done.shortened(), events.warn), (done.sampled(), events.warn)):
        if words is not None:
            tell(*words)
    return done
