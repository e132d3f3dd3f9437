"""The stages of the pipeline, each a function of what came before; `pipeline/walk.py` puts them in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.budget import Deadline, parse_duration, parse_size, show_duration
from modelwright.core.config import RunConfig
from modelwright.core.device import grant_memory, pick_device
from modelwright.core.errors import BudgetTooSmall, ColumnError, DataError, OptionError, Stopped, unknown
from modelwright.core.events import EventStream
from modelwright.core.kept import sealing
from modelwright.core.pretrained import find, find_causal
from modelwright.core.recipe import has_option, recipe_names
from modelwright.core.schema import MODALITY_WORDS, Schema, Table
from modelwright.core.task import Judged, Metric, Task, get_task, judge, task_names
from modelwright.core.words import Words
from modelwright.data.check import Finding, apply, check
from modelwright.data.coerce import BadValue, coerce
from modelwright.data.fingerprint import digests, whole
from modelwright.data.infer import infer_schema
from modelwright.data.knowledge import tell_unread
from modelwright.data.reading import Reading
from modelwright.data.series import SERIES_OPTIONS, gathered, gathered_as_asked, with_layouts
from modelwright.data.sources import folder_of, read
from modelwright.pipeline.concerns import consent as permitted
from modelwright.pipeline.concerns.personal_data import protected
from modelwright.pipeline.concerns.trust import grouped, marked
from modelwright.pipeline.labels import aligned, check_answers, labelled
from modelwright.privacy.consent import Allowed
from modelwright.privacy.protect import Protected, safe_values
from modelwright.privacy.shield import Shield
from modelwright.release.bundle import Predictor
from modelwright.release.needs import Needs, needs_of
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import Condition, Verdict, judge_gate
from modelwright.tune.parts import Parts as Parts
from modelwright.tune.parts import split_data as split_data
from modelwright.tune.private import check_private
from modelwright.tune.resumed import Seen
from modelwright.tune.standings import Outcome

_READING = 0.1  # of the budget
_ALIASES = {  # other names of the field for the same task
    "ner": "token-classification",
    "named-entity-recognition": "token-classification",
    "feature-extraction": "retrieval",
    "semantic-search": "retrieval",
}


@dataclass
class Data:
    """What `get_data` gives: typed rows, the official test rows if any, and values that could not be read."""

    table: Table
    test: Table | None
    bad: list[BadValue]
    findings: list[Finding] = field(default_factory=list)
    rows_read: int = 0
    seen: Seen = field(
        default_factory=Seen
    )  # digests of what was read, to tell whether a run that goes on reads the same
    allowed: Allowed | None = None  # which rows may be used, where consent or retention were asked for
    allowed_test: Allowed | None = None
    aside: Table | None = None  # rows without an answer, which are never held out
    private: Protected | None = None
    reading: dict[str, Any] = field(default_factory=dict)  # how the source was spelt, for files to be answered


def check_names(config: RunConfig) -> None:
    """Refuse unknown recipes, pretrained encoders and devices before any work is done. Raises OptionError."""
    permitted.check(config)
    for name in config.recipes:
        if name not in recipe_names():
            raise unknown(Words("recipe", "方案"), name, recipe_names(), OptionError)
    for name in config.pretrained:
        find(name)
    if config.base:
        find_causal(config.base)
    check_private(config)
    if config.wrong is not None and not ((task := named_task(config)) and has_option(task.recipes, "wrong")):
        raise OptionError(
            f"--wrong goes with a task that may refuse to answer, received {config.task or 'no task'}: add --task question-answering.",
            f"--wrong 只用于可以拒绝回答的任务，收到的是{config.task or '未指定任务'}：请加上 --task question-answering。",
        )
    if config.device != "auto":
        pick_device(config.device)


def get_data(config: RunConfig, source: Any, events: EventStream, left_out: Sequence[int] | None = None) -> Data:
    """Read, infer types, coerce, and let the data doctor look. A run that goes on says which rows it left out. Raises DataError or ColumnError for what cannot work."""
    begun = time.monotonic()
    memory = parse_size(config.memory) if config.memory else None
    grant_memory(memory)
    task = named_task(config)
    raw, how = task.read(source) if task else None, Reading.of(config)
    tell_unread(raw, events)
    if raw is None:
        limit = _READING * parse_duration(config.budget)
        raw = read(source, reading=how, memory=memory, seed=config.seed, seconds=limit, events=events)
    raw, allowed = permitted.permit(config, raw, config.data, events)
    target = config.target or (task.target_of(raw) if task else None)
    if not target:
        raise no_target(raw.column_names)
    column = dict(config.column)
    if task and task.free and len(task.targets) == 1:
        column.setdefault(target, min(task.targets))
    raw, layouts, ignore = gathered_as_asked(raw, **config.model_dump(include=set(SERIES_OPTIONS)))
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
        reading=how,
        channel=config.channel,
    )
    how.tell(events)
    schema = marked(with_layouts(schema, layouts), config)
    schema = task.typed(schema) if task else schema
    name = config.data if isinstance(source, (str, Path)) else "table"
    table, bad = permitted.renumbered(*coerce(raw, schema, source=name, folder=folder_of(source)), allowed)
    seen = Seen(digests(raw, table), None, raw.num_rows)
    table, aside = labelled(table, events, keep=bool(config.teacher or (task and task.keeps_unlabelled)))
    table = grouped(table, config)
    test, allowed_test = None, None
    if config.test:
        raw_test = task.read_test(config.test) if task else None
        if raw_test is None:
            raw_test = read(config.test, reading=how.again(), seed=config.seed, events=events)
        raw_test, allowed_test = permitted.permit(config, raw_test, config.test, events)
        raw_test = gathered(raw_test, layouts)
        allowed_test = permitted.regathered(config, raw_test, allowed_test)
        missing = [c.name for c in schema.inputs if c.name not in raw_test.column_names]
        if target not in raw_test.column_names:
            missing.insert(0, target)
        if missing:
            raise ColumnError(
                f"The test file {config.test} misses the columns {', '.join(missing[:8])} of the training data.",
                f"测试文件 {config.test} 缺少训练数据中的列：{'、'.join(missing[:8])}。",
            )
        coerced = coerce(raw_test, schema, source=config.test, folder=folder_of(config.test))
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
    free = bool(task and task.free)
    findings = check(table, test=test, bad=bad, raw=raw, free=free, quote=not sealing()) if looked else []
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
    more = (allowed, allowed_test, aside, private, how.kept())
    table = table if config.epsilon else _with_choices(table)
    return Data(table, test, bad, findings, rows, seen, *more)


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


def named_task(config: RunConfig) -> Task | None:
    """Return the task that the user named; None where it is to be chosen. Raises OptionError for an unknown one."""
    name = config.task
    if not name:
        return None
    name = _ALIASES.get(name, name)
    for prefix in ("text-", "tabular-", "table-"):  # the field's names for what the columns imply
        if name not in task_names() and name.startswith(prefix) and name[len(prefix) :] in task_names():
            name = name[len(prefix) :]
    return get_task(name)


def choose_task(config: RunConfig, table: Table) -> Task:
    """Return the task named, or the one that fits the target best. Raises OptionError where a named one does not."""
    column = table.schema.target
    if column is None:
        raise DataError("No target column.", "没有目标列。")
    values = table.column(column.name)
    task = named_task(config)
    if task is not None:
        if task.accepts(values, column) == 0:
            raise OptionError(
                f"Task `{config.task}` cannot predict `{column.name}`, whose kind is {column.modality}: "
                f"leave --task out, or say what the column is with --column {column.name}={min(task.targets)}.",
                f"任务 `{config.task}` 无法预测 `{column.name}`（类型为 {MODALITY_WORDS[column.modality].zh} {column.modality}）："
                f"请去掉 --task，或用 --column {column.name}={min(task.targets)} 指定该列的类型。",
            )
        check_answers(table, task, asked=column.name in config.column)
        return task
    tasks = [get_task(n) for n in task_names()]
    task = max(tasks, key=lambda t: t.accepts(values, column))
    check_answers(table, task, asked=column.name in config.column)
    return task


def decide(
    outcome: Outcome,
    validation: Validation,
    task: Task,
    schema: Schema,
    name: str,
    shield: Shield | None = None,
    *,
    plain: bool = False,
) -> Predictor:
    """Turn the winner into a predictor: members, and unless `plain` a calibrated temperature, and thresholds where they help."""
    from modelwright.evaluate.calibration import best_thresholds, fit_temperature
    from modelwright.release.bundle import tempered

    target = validation.target
    members = [(w / len(c.models), m) for w, c in outcome.winner for m in c.models]
    predictor = Predictor(task, task.served(schema), target, members, name=name, shield=shield or Shield())
    if plain or target.kind in ("value", "objects"):
        return predictor
    judged = validation.judged(outcome.scores)
    before = validation.fine(outcome.scores)
    temperature = fit_temperature(judged.scores, judged.truth, multi_label=target.kind == "label_sets")
    if validation.fine(tempered(outcome.scores, temperature, target.kind)) > before:
        predictor.temperature = temperature
    if target.kind == "label_sets" or target.outputs == 2 or target.ordered:
        warm = judge(
            target,
            validation.truth,
            tempered(outcome.scores, predictor.temperature, target.kind),
            validation.table.rows[validation.index],
        )
        thresholds = best_thresholds(validation.metric, warm)
        if thresholds is not None:
            predictor.thresholds = tuple(float(t) for t in thresholds)
    return predictor


def needs_for(config: RunConfig, predictor: Predictor, parts: Parts, metric: Metric) -> Needs:
    """Return what rows must hold to be answered, from a quick look at what the model rests on, on development rows."""
    from modelwright.evaluate.explain.importance import permutation

    task, schema = predictor.task, predictor.schema
    if task.free:  # a query needs no tenant, a text no title: what is absent is told
        return Needs()
    found = None
    remote = any(m.remote for _, m in predictor.members)
    if len(schema.inputs) > 1 and not remote and config.epsilon is None:
        some = parts.develop.take(np.random.default_rng(config.seed).permutation(len(parts.develop))[:400])
        seconds = min(0.5, 0.005 * parse_duration(config.budget))
        found = permutation(predictor.scores, some, predictor.target, metric, seconds=seconds, repeats=2, rows=400)
    return needs_of(schema, parts.develop, found, config.missing, config.sensitive)


def judge_test(predictor: Predictor, test: Table) -> Judged:
    """Read the test rows, once."""
    column = test.schema.target
    scores = predictor.judge(test)
    truth = test.column(column.name if column else "")
    return judge(predictor.target, truth, scores, test.rows, predictor.thresholds)


def check_time(config: RunConfig, deadline: Deadline, spent: float) -> None:
    """Raise Stopped or BudgetTooSmall where no time is left after the data was read."""
    if deadline.stopped:
        raise Stopped("Stopped while reading the data; nothing was kept.", "读取数据时被终止；没有保留任何结果。")
    if deadline.expired():
        raise BudgetTooSmall(
            f"Reading the data took {show_duration(spent)}; a budget of {config.budget} leaves no time to train. Give more with --budget.",
            f"仅读取数据就用了 {show_duration(spent)}；预算 {config.budget} 没有留下训练时间。请用 --budget 增加时间。",
        )


def interval(metric: Metric, judged: Judged, label: int | None = None) -> Any:
    """Return a metric with its 95 % bootstrap interval."""
    from modelwright.evaluate.intervals import bootstrap

    return bootstrap(metric, judged, label=label, resamples=1000, seconds=0.4)


def good_enough(conditions: list[Condition], validation: Validation) -> Callable[[np.ndarray], bool] | None:
    """Return the gate as a test on validation scores, or None where there is no gate."""
    if not conditions:
        return None
    return lambda scores: all(v.met for v in judge_gate(conditions, validation.judged(scores), interval))


@dataclass
class Beaten:
    """How the winner stands to one baseline on the test rows: difference with interval, signed so that more is better."""

    name: str
    difference: float
    low: float
    high: float
    p: float


@dataclass
class Judgement:
    """The final word: gate verdicts, comparison with baselines, and whether the gate is met; None where there is none."""

    verdicts: list[Verdict]
    beaten: list[Beaten]
    asked: bool
    met: bool | None
