"""From a source to typed, checked rows: read, infer, coerce, permit, protect, and let the data doctor look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from modelwright.core.budget import parse_duration, parse_size
from modelwright.core.config import RunConfig
from modelwright.core.device import grant_memory
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.kept import sealing
from modelwright.core.reading import Detected, Reading
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.data.check import apply, check
from modelwright.data.coerce import coerce
from modelwright.data.fingerprint import digests, whole
from modelwright.data.infer import infer_schema
from modelwright.data.knowledge import tell_unread
from modelwright.data.series import gathered, gathered_as_asked, with_layouts
from modelwright.data.sources import folder_of, read_table, source_name
from modelwright.pipeline.choose import named_task
from modelwright.pipeline.concerns import consent as permitted
from modelwright.pipeline.concerns.personal_data import protected
from modelwright.pipeline.concerns.trust import grouped, marked
from modelwright.pipeline.labels import aligned, labelled
from modelwright.pipeline.state import Data
from modelwright.privacy.protect import safe_values
from modelwright.tune.parts import Parts as Parts
from modelwright.tune.parts import split_data as split_data
from modelwright.tune.resumed import Seen

_READING = 0.1  # of the budget


def get_data(config: RunConfig, source: Any, events: EventStream, left_out: Sequence[int] | None = None) -> Data:
    """Read, infer types, coerce, and let the data doctor look. A run that goes on says which rows it left out. Raises DataError or ColumnError for what cannot work."""
    begun = time.monotonic()
    grant_memory(parse_size(config.memory) if config.memory else None)
    task = named_task(config)
    reading = Reading.of(config, seconds=_READING * parse_duration(config.budget))
    raw, detected = read_rows(task, source, reading, events)
    raw, allowed = permitted.permit(config, raw, config.data, events)
    target = config.target or (task.target_of(raw) if task else None)
    if not target:
        raise no_target(raw.column_names)
    column = dict(config.column)
    if task and task.target_read_as:
        column.setdefault(target, task.target_read_as)
    raw, layouts, ignore = gathered_as_asked(
        raw, reading, target=config.target, group=config.group, time=config.time, ignore=config.ignore
    )
    allowed = permitted.regathered(config, raw, allowed)
    ignore = permitted.ignored(config, ignore)
    schema = infer_schema(
        raw,
        overrides=column,
        target=target,
        group=config.group,
        time=config.time,
        ignore=ignore,
        folder=folder_of(source),
        reading=reading,
        detected=detected,
        channel=config.channel,
    )
    detected.tell(events)
    schema = marked(with_layouts(schema, layouts), config)
    schema = task.typed(schema) if task else schema
    name = source_name(source, "table")
    table, bad = permitted.renumbered(*coerce(raw, schema, source=name, folder=folder_of(source)), allowed)
    seen = Seen(digests(raw, table), None, raw.num_rows)
    table, aside = labelled(table, events, keep=bool(config.teacher or (task and task.keeps_unlabelled)))
    table = grouped(table, config)
    test, allowed_test = None, None
    if config.test:
        raw_test, _ = read_rows(task, config.test, reading.again(detected), events, test=True)
        raw_test, allowed_test = permitted.permit(config, raw_test, config.test, events)
        raw_test = gathered(raw_test, layouts)
        allowed_test = permitted.regathered(config, raw_test, allowed_test)
        missing = [c.name for c in schema.inputs if c.name not in raw_test.column_names]
        if target not in raw_test.column_names:
            missing.insert(0, target)
        if missing:
            raise ColumnError(
                f"The test file {source_name(config.test)} misses the columns {', '.join(missing[:8])} of the training data.",
                f"测试文件 {source_name(config.test)} 缺少训练数据中的列：{'、'.join(missing[:8])}。",
            )
        coerced = coerce(raw_test, schema, source=source_name(config.test), folder=folder_of(config.test))
        test, _ = permitted.renumbered(*coerced, allowed_test)
        seen = replace(seen, test=digests(raw_test, test))
        test = aligned(labelled(test, events)[0], table, events)
    seen = replace(
        seen, whole=whole({**seen.data, **{f"test:{k}": v for k, v in (seen.test or {}).items()}}, seen.rows)
    )
    bad = safe_values(bad, config.public)
    private = protected(config, table, test, raw, task, events, time.monotonic() - begun, left_out)
    table, test = private.table, private.test
    aside = aside if aside is None or (task and task.keeps_unlabelled) else private.shield.apply(aside)
    looked = task is None or task.checked
    answers = task is None or task.checks_answers
    findings = check(table, test=test, bad=bad, raw=raw, answers=answers, quote=not sealing()) if looked else []
    findings += permitted.findings(allowed)
    rows = len(table)
    table = apply(findings, table)
    if test is not None:
        test = test.with_schema(table.schema)
    if not table.schema.inputs and (task is None or task.needs_inputs):
        raise DataError(
            "No column is left to predict from: all were identifiers, constants or the target. Give --column NAME=MODALITY to keep one.",
            "没有可用于预测的列：所有列均为标识、常量或目标。可用 --column 列名=模态 强制保留。",
        )
    more = (allowed, allowed_test, aside, private, detected.kept())
    table = table if config.epsilon else _with_choices(table)
    return Data(table, test, bad, findings, rows, seen, *more)


def read_rows(
    task: Task | None, source: Any, reading: Reading, events: EventStream, *, test: bool = False
) -> tuple[pa.Table, Detected]:
    """Read rows to train on, or official test rows, as the task reads them; return them with what was detected in their source."""
    own = (task.read_test if test else task.read)(source, reading, events) if task else None
    raw, detected = own or read_table(source, reading, events)
    tell_unread(raw, events)
    return raw, detected


def _with_choices(table: Table) -> Table:
    """Keep, for forms, the values of categories that occur often enough to identify nobody."""
    changes = {}
    for column in table.schema.inputs:
        if column.modality == "category":
            counts = table.column(column.name).value_counts().to_pylist()
            common = [c["values"] for c in counts if c["values"] is not None and c["counts"] >= 5]
            if 0 < len(common) <= 30:
                changes[column.name] = {"options": {**column.options, "choices": sorted(common)}}
    return table.with_schema(table.schema.with_columns(changes))


def no_target(names: Sequence[str]) -> OptionError:
    """Return the error for a run that does not say what to predict, with the columns that there are."""
    more = " ..." if len(names) > 20 else ""
    return OptionError(
        f"Name the column to predict with --target. The columns are: {', '.join(names[:20])}{more}",
        f"请用 --target 指定要预测的列。现有的列：{'、'.join(names[:20])}{more}",
    )
