"""What can be said of a run's sources from their first rows: whether they are there, and have the columns that the options name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.errors import ColumnError, unknown
from modelwright.core.reading import Reading
from modelwright.core.words import Words
from modelwright.data.flag_columns import flags_named
from modelwright.data.infer import infer_schema
from modelwright.data.sources import batches, folder_of
from modelwright.pipeline.choose import check_names, named_task
from modelwright.pipeline.intake import no_target

_ROWS = 64


def look(config: RunConfig) -> set[str]:
    """Refuse what is bound to fail where it is started elsewhere: unknown names, a file that is not there, a column that it lacks.
    Return the modalities of the columns that were seen, and of those that options name.

    What lies behind a URL is not asked for, as another machine may have the credentials for it; of sources that a task reads in a form of
    its own it is only seen that they are there. Raises DataError, ColumnError, OptionError.
    """
    check_names(
        config.model_copy(update={"devices": 1, "shard": False, "device": "auto", "cluster": None})
    )  # those of the other machine
    reading, task = Reading.of(config), named_task(config)
    seen = set(config.column.values())
    for source, test in ((config.data, False), (config.test, True)):
        if source is None or "://" in source:
            continue
        own = None
        if task is not None and Path(source).exists():
            own = (task.read_test if test else task.read)(source, reading, None)
        first = own[0] if own else next(batches(source, reading=reading, rows=_ROWS), None)
        if first is not None:
            _columns(first, config, task.target_of(first) if task else None)
            schema = infer_schema(first, overrides=config.column, folder=folder_of(source), reading=reading)
            seen |= {c.modality for c in schema.columns}
    return seen


def _columns(rows: pa.Table, config: RunConfig, usual: str | None) -> None:
    target = config.target or usual
    if target is None:
        raise no_target(rows.column_names)
    named = [*(flags_named(target, rows.column_names) or [target]), config.group, config.time, *config.ignore]
    for name in (
        [] if getattr(config, "series", None) else [n for n in named if n]
    ):  # those are gathered from several columns
        if name not in rows.column_names:
            raise unknown(Words("column", "列"), name, rows.column_names, ColumnError)
