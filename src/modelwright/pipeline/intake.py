"""From a source to typed, checked rows: read, infer, coerce, choose the task, protect, and let the data doctor look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import parse_duration, parse_size
from modelwright.core.config import RunConfig
from modelwright.core.device import grant_memory
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.events import EventStream, Note
from modelwright.core.reading import Detected, Reading
from modelwright.core.related import joined
from modelwright.core.schema import Table
from modelwright.core.stored_data import sealing
from modelwright.core.task import Formed, Task
from modelwright.core.words import Words, counted
from modelwright.data.check import apply, apply_to_test, bad_values, check
from modelwright.data.coerce import BadValue, coerce
from modelwright.data.fingerprint import digests, whole
from modelwright.data.infer import infer_schema
from modelwright.data.knowledge import tell_unread
from modelwright.data.nested import flattened, with_fields
from modelwright.data.prodigy import accepted
from modelwright.data.series import gathered, gathered_as_asked, with_layouts
from modelwright.data.sources import folder_of, read_table, source_name
from modelwright.pipeline.choose import choose_task, named_task
from modelwright.pipeline.concerns.base import TEST, TRAINING, Concern
from modelwright.pipeline.concerns.order import Concerns
from modelwright.pipeline.label_spelling import aligned, one_spelling
from modelwright.pipeline.related import read_related
from modelwright.pipeline.rows_not_held import drawn, further
from modelwright.pipeline.state import Data
from modelwright.tune.parts import LEAST_ROWS, too_few
from modelwright.tune.resumed import Seen

_READING = 0.1  # of the budget
_NAMED = 8  # rows that are named
_CHOICES, _FIRST = 30, 20_000  # values of a form's choice at most, and rows in which more are looked for first
_READ_AS = 3  # columns of which is said how their cells are read


def get_data(
    config: RunConfig, source: Any, events: EventStream, concerns: Concern | None = None, held: Any = None
) -> Data:
    """Read, infer types, coerce, choose the task, and let the data doctor look; `concerns` are asked at every step.

    `held` is a source of official test rows, as `config.test` names one; rows in memory too.

    What can be refused without looking through the rows is refused first. Raises DataError, ColumnError or OptionError for what
    cannot work.
    """
    concerns = concerns or Concerns(config, events)
    grant_memory(parse_size(config.memory) if config.memory else None)
    named = named_task(config)
    reading = Reading.of(config, seconds=_READING * parse_duration(config.budget))
    raw, detected = read_rows(named, source, reading, events)
    as_read = raw
    raw = concerns.rows_read(raw, TRAINING, config.data)
    target = config.target or (named.target_of(raw) if named else None) or _own_target(detected, events)
    opens = named is None or named.by_columns or named.opens_objects
    if not target:
        raise no_target((flattened(raw, ())[0] if opens else raw).column_names)
    for flag, name in (("--group", config.group), ("--time", config.time)):
        if name == target:
            raise OptionError(
                f"{flag} names the target `{target}`: give another column, or leave it out.",
                f"{flag} 指定的 `{target}` 正是目标列：请指定其他列，或去掉该选项。",
            )
    column = dict(config.column)
    if named and named.target_read_as:
        column.setdefault(target, named.target_read_as)
    odd: list[BadValue] = []
    if opens:
        apart = (target, config.group, config.time, *(config.ignore or ()), *column)
        raw, told, odd = flattened(raw, frozenset(apart))
        for words in told:
            events.note(words.en, words.zh)
    raw, layouts, ignore = gathered_as_asked(
        raw, reading, target=config.target, group=config.group, time=config.time, ignore=config.ignore
    )
    if named:
        raw, more = named.laid_out(raw, config)
        layouts |= more
    concerns.series_gathered(raw, TRAINING)
    as_read_is = raw is as_read
    schema = infer_schema(
        raw,
        overrides=column,
        target=target,
        group=config.group,
        time=config.time,
        ignore=concerns.columns_ignored(ignore),
        folder=folder_of(source),
        reading=reading,
        detected=detected,
        channel=config.channel,
        na=config.na,
    )
    detected.tell(events)
    schema = concerns.schema_inferred(with_layouts(schema, layouts))
    schema = named.typed(schema, config) if named else schema
    name = source_name(source, "table")
    typed, bad = coerce(raw, schema, source=name, folder=folder_of(source))
    table, bad = concerns.rows_typed(typed, [*odd, *bad], TRAINING)
    seen = Seen(digests(raw, table), None, raw.num_rows)
    formed = _formed(_rows_taken(table, named, config, events), named, config, events)
    as_read_is &= formed.table.data is typed.data
    table, aside = with_answer(
        formed.table, events, bad, keep=bool(config.teacher or (named and named.keeps_unlabelled))
    )
    labelled = table
    table = one_spelling(concerns.rows_labelled(labelled), events)
    as_read_is &= table.data is labelled.data
    task, metric = choose_task(config, table, concerns)
    test, test_findings = None, ()
    held = held if held is not None else config.test or None
    if held is not None:
        raw_test, _ = read_rows(task, held, reading.again(detected), events, test=True)
        raw_test = with_fields(concerns.rows_read(raw_test, TEST, source_name(held)), schema.names)
        raw_test = gathered(raw_test, layouts)
        concerns.series_gathered(raw_test, TEST)
        known = frozenset(raw_test.column_names)
        missing = [c.name for c in schema.inputs if c.name not in known]
        if target not in raw_test.column_names:
            missing.insert(0, target)
        if missing:
            raise ColumnError(
                f"The test file {source_name(held)} misses the columns {', '.join(missing[:8])} of the training data; it has "
                f"{', '.join(raw_test.column_names[:8])}. Name its columns as the training data does.",
                f"测试文件 {source_name(held)} 缺少训练数据中的列：{'、'.join(missing[:8])}；现有的列：{'、'.join(raw_test.column_names[:8])}。"
                "请使其列名与训练数据一致。",
            )
        coerced = coerce(raw_test, schema, source=source_name(held), folder=folder_of(held))
        test, unread = concerns.rows_typed(*coerced, TEST)
        _tell_unread([b for b in unread if b.column != target], source_name(held), events)
        seen = replace(seen, test=digests(raw_test, test))
        test_formed = _formed(_rows_taken(test, named, config, events), named, config, events, table)
        test_findings = test_formed.findings
        test = aligned(with_answer(test_formed.table, events, unread)[0], table, events)
    related = read_related(task, table, config, events)
    for relation, (found, lines) in related.items():
        own = digests(lines, found.table)
        seen = replace(seen, data={**seen.data, **{f"{relation}: {k}": v for k, v in own.items()}})
    seen = replace(
        seen, whole=whole({**seen.data, **{f"test:{k}": v for k, v in (seen.test or {}).items()}}, seen.rows)
    )
    data = Data(
        table,
        test,
        task,
        metric,
        bad,
        rows_read=len(table),
        seen=seen,
        aside=aside,
        reading=detected.kept(),
        related=related,
    )
    data.findings += [*formed.findings, *test_findings]
    concerns.data_read(data, raw)
    if detected.drawn is not None:
        as_read_is &= data.table.data is table.data
        data.findings.append(drawn(detected.drawn))
        data.further = further(config, source, reading.again(detected), detected.drawn) if as_read_is else None
    _stand_beside(data)
    _look(data, raw)
    concerns.data_checked(data)
    return data


def _stand_beside(data: Data) -> None:
    """Let every selection of the rows have the tables beside them, or their columns where the task joins them."""
    found = {name: related for name, (related, _) in data.related.items()}
    if found:
        data.table = _with_lines(data.table.beside(found), data.task)
        data.test = None if data.test is None else _with_lines(data.test.beside(found), data.task)


def _with_lines(table: Table, task: Task) -> Table:
    return joined(table, task.related, table.related) if task.joins else table


def _rows_taken(table: Table, task: Task | None, config: RunConfig, events: EventStream) -> Table:
    """Return the rows that the task takes, and say why it leaves others out."""
    if task is None:
        return table
    table, words = task.kept(table, config)
    if words is not None:
        events.note(words.en, words.zh)
    return table


def _formed(
    table: Table, task: Task | None, config: RunConfig, events: EventStream, trained: Table | None = None
) -> Formed:
    """Return the rows in the form in which the task takes them, and say what is to be said of it."""
    if task is None:
        return Formed(table)
    found = task.formed(table, config, trained)
    if found.words is not None:
        events.note(found.words.en, found.words.zh)
    return found


def _look(data: Data, raw: pa.Table) -> None:
    """Let the data doctor look at the rows, and leave out what it says cannot be used. Raises DataError where nothing is left."""
    task = data.task
    if task.checked:
        data.findings += check(
            data.table, test=data.test, bad=data.bad, raw=raw, answers=task.checks_answers, repeats=task.repeats,
            quote=not sealing(), unit=task.unit,
        )  # fmt: skip
    elif not sealing():  # what could not be read is told all the same
        data.findings += bad_values(data.bad)
    data.rows_read = len(data.table)
    table = apply(data.findings, data.table)
    if data.test is not None:
        data.test = apply_to_test(data.findings, data.test).with_schema(table.schema)
    if not table.schema.inputs and task.needs_inputs:
        if len(table) < LEAST_ROWS and data.test is None:  # every column of one row is a constant
            raise too_few(len(table))
        unread = [b for b in data.bad if b.column == data.bad[0].column]
        if unread and len(unread) >= data.rows_read:  # missing files, say: nothing is wrong with the column itself
            said = _unread(data.table, unread)
            raise DataError(f"{said.en}; no row is left to learn from.", f"{said.zh}；没有可供学习的行。")
        raise DataError(
            "No column is left to predict from: all were identifiers, constants or the target. Give --column NAME=MODALITY to keep one.",
            "没有可用于预测的列：所有列均为标识、常量或目标。可用 --column 列名=模态 强制保留。",
        )
    data.table = _with_choices(table)


def read_rows(
    task: Task | None, source: Any, reading: Reading, events: EventStream, *, test: bool = False
) -> tuple[pa.Table, Detected]:
    """Read rows to train on, or official test rows, as the task reads them; return them with what was detected in their source."""
    own = (task.read_test if test else task.read)(source, reading, events) if task else None
    raw, detected = own or read_table(source, reading, events)
    tell_unread(raw, events)
    kept, words = accepted(raw, reading.asked.get("target"))
    if words is not None:
        events.note(words.en, words.zh)
        detected.drawn = None  # rows that are read later would not be asked whether they were accepted
    return kept, detected


def _with_choices(table: Table) -> Table:
    """Keep, for forms, the values of categories that occur often enough to identify nobody."""
    changes = {}
    for column in table.schema.inputs:
        if column.modality == "category":
            common = _common(table.column(column.name))
            if 0 < len(common) <= _CHOICES:
                changes[column.name] = {"options": {**column.options, "choices": sorted(common.to_pylist())}}
    return table.with_schema(table.schema.with_columns(changes))


def _common(values: pa.Array) -> pa.Array:
    """Return values that occur five times and more: those of the first rows where these are too many for choices already."""
    for some in (values.slice(0, _FIRST), values):
        counts = some.drop_null().value_counts()
        common = counts.field("values").filter(pc.greater_equal(counts.field("counts"), 5))
        if len(common) > _CHOICES or len(some) == len(values):
            break
    return common


def _own_target(detected: Detected, events: EventStream) -> str | None:
    """Return the target that the form of the source has, and say that it is taken."""
    if detected.target is not None:
        events.note(
            f"The target is `{detected.target}`, which the source files its items by; --target names another column.",
            f"目标列取数据来源自带的类别列 `{detected.target}`；可用 --target 指定其他列。",
        )
    return detected.target


def no_target(names: Sequence[str]) -> OptionError:
    """Return the error for a run that does not say what to predict, with the columns that there are."""
    more = " ..." if len(names) > 20 else ""
    return OptionError(
        f"Name the column to predict with --target. The columns are: {', '.join(names[:20])}{more}",
        f"请用 --target 指定要预测的列。现有的列：{'、'.join(names[:20])}{more}",
    )


def data_note(data: Data) -> Note:
    """Return the line that says what the data is."""
    task = data.task
    inputs = task.named_inputs(data.table.schema)
    names = f"  {', '.join(inputs[:6])}{' ...' * (len(inputs) > 6)}" if inputs else ""
    grave = [f for f in data.findings if f.severity != "info"]
    beside = len(data.aside) if data.aside is not None else 0
    more = f"  + {beside:,} {task.beside.en}" if beside else ""
    more_zh = f"  + {beside:,} {task.beside.zh}" if beside else ""
    target = data.table.schema.target
    what, what_zh = task.title
    if target and not task.makes_files:
        what, what_zh = f"{target.name}: {what}", f"{target.name}：{what_zh}"
    look = f"   {len(grave)} finding{'s' * (len(grave) != 1)} to look at" if grave else ""
    look_zh = f"   {len(grave)} 处需要留意" if grave else ""
    many = task.unit.counted(len(data.table))
    en = f"data      {many.en}{names}{more}  -> {what}{look}"
    zh = f"数据      {many.zh}{names}{more_zh}  -> {what_zh}{look_zh}"
    first = [f for f in data.findings if f.drop_rows or f.severity == "error"]
    read_as = [f for f in data.findings if f.code == "read-as"][:_READ_AS]
    for f in first + [f for f in grave[:3] if f not in first] + read_as:
        en += f"\n          {f.words.en}"
        zh += f"\n          {f.words.zh}"
    return Note(Words(en, zh))


def _unread(table: Table, bad: Sequence[BadValue]) -> Words:
    """Return what is said of values of one column that cannot be read."""
    first = bad[0]
    return Words(
        f"{counted(len(bad), 'value')} of `{first.column}` in {table.source} cannot be read (row {first.row:,}: {first.words.en})",
        f"{table.source} 的列 `{first.column}` 中有 {len(bad)} 个取值无法读取（第 {first.row:,} 行：{first.words.zh}）",
    )


def _tell_unread(bad: Sequence[BadValue], source: str, events: EventStream) -> None:
    """Warn of inputs of official test rows that could not be read: they count as missing, as those of training rows do."""
    for found in [] if sealing() else bad_values(bad):
        events.warn(
            f"Test rows of {source}, {found.words.en} They count as missing.",
            f"测试数据 {source}，{found.words.zh}按缺失处理。",
        )


def with_answer(
    table: Table, events: EventStream, bad: Sequence[BadValue] = (), keep: bool = False
) -> tuple[Table, Table | None]:
    """Return the rows with an answer, and those without one where they are to be kept; else say that they are left out, and why.

    `bad` are cells that could not be read. Raises DataError where no row has an answer.
    """
    target = table.schema.target
    valid = np.asarray(table.column(target.name if target else "").is_valid())
    unread = {b.row: b for b in bad if target is not None and b.column == target.name}
    unread = {row: b for row, b in unread.items() if row in set(table.rows[~valid].tolist())}
    gone = int((~valid).sum())
    aside = table.take(np.flatnonzero(~valid)) if gone and keep else None
    first = next(iter(unread.values()), None)
    said = Words("", "")
    if first is not None:
        said = _unread(table, list(unread.values()))
    if unread and not keep and len(table) > gone:
        events.note(f"{said.en}; the rows are left out.", f"{said.zh}；已略去这些行。")
    empty = gone - len(unread)
    if empty and not keep and len(table) > gone:
        verb = "has no target and is" if empty == 1 else "have no target and are"
        rows = [int(r) for r in table.rows[~valid] if int(r) not in unread]
        shown = ", ".join(f"{r:,}" for r in rows[:_NAMED]) + (" ..." if empty > _NAMED else "")
        which, which_zh = (f"row{'s' * (empty > 1)} {shown}", f"第 {shown.replace(', ', '、')} 行")
        events.note(
            f"{counted(empty, 'row')} of {table.source} {verb} left out: {which}" + "." * (empty <= _NAMED),
            f"{table.source} 中有 {empty} 行没有目标值，已略去：{which_zh}。",
        )
    table = table.take(np.flatnonzero(valid)) if gone else table
    if len(table) == 0 and unread:
        raise DataError(f"{said.en}; no row is left to learn from.", f"{said.zh}；没有可供学习的行。")
    if len(table) == 0:
        name = target.name if target else ""
        raise DataError(
            f"{table.source} has no row with a target value: `{name}` is empty in all of them. Fill it in, or name another column with --target.",
            f"{table.source} 中没有任何含目标值的行：`{name}` 全部为空。请填写，或用 --target 指定其他列。",
        )
    return table, aside
