"""What is chosen: the task and its metric, what the winner must be, and the models that are trained to find it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pyarrow as pa

from modelwright.core.budget import Deadline, duration_words, parse_duration, parse_size, show_duration, told_words
from modelwright.core.config import RunConfig, check_tasks
from modelwright.core.device import pick_device
from modelwright.core.errors import BudgetTooSmall, DataError, OptionError, Stopped, unknown
from modelwright.core.judged import Metric
from modelwright.core.pretrained import find, find_causal
from modelwright.core.recipe import check_recipes, column_recipe_names
from modelwright.core.schema import MODALITY_WORDS, Table
from modelwright.core.task import Task, get_task, task_names
from modelwright.core.task_names import task_named
from modelwright.core.words import Words
from modelwright.data.infer import counts_rows
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.decide import interval
from modelwright.pipeline.rows_not_held import rest_of
from modelwright.pipeline.state import State
from modelwright.tune import ladder
from modelwright.tune.candidate import Validation
from modelwright.tune.cluster import check_cluster, clustered
from modelwright.tune.crew import check_devices, crewed
from modelwright.tune.gate import Condition, check_gate, judge_gate, parse_gate
from modelwright.tune.parts import Parts
from modelwright.tune.planner import Planner

_PER_COLUMN = 1e-3  # seconds that a column takes once more after training: importances, a row answered, codecs written (5,000 columns: 5 s)
_MOST_LABELS = 0.5  # different labels for each row, above which a target is an identifier rather than a label


def check_names(config: RunConfig) -> None:
    """Refuse options of another task, unknown recipes, pretrained encoders and devices before any work is done. Raises OptionError."""
    check_tasks(config)
    if config.recipes:
        task = named_task(config)
        check_recipes(config.recipes, task.recipes if task else column_recipe_names())
    if config.metric:
        _check_metric(config)
    for name in config.pretrained:
        find(name)
    if config.base:
        find_causal(config.base)
    if config.device != "auto":
        pick_device(config.device)
    check_devices(config.devices, config.device, config.shard)
    check_cluster(config.cluster, config.devices)


def _check_metric(config: RunConfig) -> None:
    """Refuse a metric that no task which may be chosen has, before the data is read. Raises OptionError."""
    name, task = str(config.metric), named_task(config)
    if task is not None:
        task.metric(name)
        return
    tasks = [get_task(n) for n in task_names()]
    names: set[str] = set()
    for other in tasks:
        with suppress(OptionError):
            other.metric(name)
            return
        names |= {m.name for m in other.metrics}
    raise unknown(Words("metric", "指标"), name, sorted(names), OptionError)


def named_task(config: RunConfig) -> Task | None:
    """Return the task that the user named; None where it is to be chosen. Raises OptionError for an unknown one."""
    return get_task(task_named(config.task)) if config.task else None


def choose_task(config: RunConfig, table: Table, concerns: Concern) -> tuple[Task, Metric]:
    """Return the task named, or the one that fits the target best, and the metric that ranks.

    Raises OptionError where a named one does not fit, and for names of metrics that the task does not have.
    """
    column = table.schema.target
    if column is None:
        raise DataError("No target column.", "没有目标列。")
    values = table.column(column.name)
    task = named_task(config)
    if task is None:
        task = max((get_task(n) for n in task_names()), key=lambda t: t.accepts(values, column))
    elif task.accepts(values, column) == 0:
        raise OptionError(
            f"Task `{config.task}` cannot predict `{column.name}`, whose kind is {column.modality}: "
            f"leave --task out, or say what the column is with --column {column.name}={min(task.targets)}.",
            f"任务 `{config.task}` 无法预测 `{column.name}`（类型为 {MODALITY_WORDS[column.modality].zh} {column.modality}）："
            f"请去掉 --task，或用 --column {column.name}={min(task.targets)} 指定该列的类型。",
        )
    check_answers(table, task, asked=column.name in config.column)
    metric = task.metric(config.metric) if config.metric else concerns.ranking(task, task.ranks(table))
    check_gate(config.gate, task, concerns.knows_metric)
    concerns.task_chosen(task)
    return task, metric


def check_answers(table: Table, task: Task, *, asked: bool) -> None:
    """Refuse a target of which nothing can be learnt: times of writing, identifiers, labels that nearly all occur once.

    What the user said to be a number (`asked`) may count the rows up. Raises OptionError or DataError.
    """
    column = table.schema.target
    if column is None:
        return
    name, values = column.name, table.column(column.name)
    if task.accepts(values, column) == 0:
        what = Words(f"is of modality {column.modality}", f"的模态为 {column.modality}")
        if column.modality == "timestamp":
            what = Words("holds times", "存放的是时间")
        raise OptionError(
            f"`{name}` {what.en}, which no task predicts. Name the column with the answer; a span of time can be predicted as a number "
            f"of days, say. If `{name}` holds labels: --column {name}=category",
            f"`{name}` {what.zh}，没有任务可以预测。请指定答案所在的列；时间跨度可换算成天数等数值来预测。若 `{name}` 是标签：--column {name}=category",
        )
    numbers = column.modality in ("number", "id") or pa.types.is_floating(values.type)
    if numbers and not asked and task.checks_answers and counts_rows(name, pa.chunked_array([values])):
        raise DataError(
            f"`{name}` numbers the rows, so there is nothing in it to be learnt. Name the column with the answer (--target); if it is a "
            f"quantity all the same: --column {name}=number",
            f"`{name}` 只是行的编号，没有可学的内容。请用 --target 指定答案所在的列；若它确实是数量：--column {name}=number",
        )
    if column.modality in ("number", "labels") or not task.checks_answers or len(values) < 2:
        return
    counts = np.asarray(values.value_counts().field("counts"))
    if len(counts) > 2 and len(counts) > _MOST_LABELS * len(values):
        raise DataError(
            f"`{name}` has {len(counts)} different labels in {len(values)} rows; nothing can be learnt of labels that occur about once. "
            f"Name the column with the answer (--target), merge rare labels, or say what it is: --column {name}=number, "
            f"or --task text2text-generation for sentences.",
            f"`{name}` 在 {len(values)} 行中有 {len(counts)} 个不同标签；几乎只出现一次的标签无从学习。"
            f"请用 --target 指定答案所在的列，或合并罕见标签，或说明其类型：--column {name}=number；句子可用 --task text2text-generation。",
        )


def settle(state: State, concerns: Concern) -> None:
    """Settle what the winner must be, and check that time is left to find it. Raises OptionError, Stopped or BudgetTooSmall."""
    config = state.config
    state.conditions = parse_gate(config.gate, state.task, state.parts.target, concerns.metric)
    state.read_seconds = time.monotonic() - state.started
    # reading is mostly work of one core: what it took beyond that tells how busy the machine is
    state.load = min(3.0, max(1.0, state.read_seconds / max(0.1, time.process_time() - state.worked)))
    check_time(config, state.deadline)


def check_time(config: RunConfig, deadline: Deadline) -> None:
    """Raise Stopped or BudgetTooSmall where no time is left after the data was read."""
    if deadline.stopped:
        raise Stopped("Stopped while reading the data; nothing was kept.", "读取数据时被终止；没有保留任何结果。")
    if deadline.expired():
        spent = time.monotonic() - deadline.at + parse_duration(config.budget)  # the start of the program counts, too
        raise BudgetTooSmall(
            f"Starting and reading the data took {show_duration(spent)}; a budget of {config.budget} leaves no time to train. Give more with --budget.",
            f"启动与读取数据已用 {duration_words(spent).zh}；预算 {told_words(config.budget).zh}没有留下训练时间。请用 --budget 增加时间。",
        )


def good_enough(conditions: list[Condition], validation: Validation) -> Callable[[np.ndarray], bool] | None:
    """Return the gate as a test on validation scores [N, K], or None where there is no gate."""
    if not conditions:
        return None
    return lambda scores: all(v.met for v in judge_gate(conditions, validation.judged(scores), interval))


def climb(state: State) -> None:
    """Train and tune what fits the data until the winner is known. Raises BudgetTooSmall, GateNotMet or Stopped where none is."""
    config, validation = state.config, state.validation
    planner = Planner(
        task=state.task,
        validation=validation,
        config=config,
        deadline=state.deadline,
        events=state.events,
        latency=parse_duration(config.latency) if config.latency else None,
        memory=parse_size(config.memory) if config.memory else None,
        device=config.device,
        reserve=_reserve(config, state.parts),
        good_enough=good_enough(state.conditions, validation),
        folder=state.folder.candidates,
        bases=state.bases,
        private=state.plan,
        load=state.load,
        rest=rest_of(state),
    )
    with crewed(planner, config.devices), clustered(planner, config.cluster):
        state.outcome = ladder.climb(planner)
    state.worker_memory = planner.worker_memory
    state.validation = state.outcome.validation
    state.ladder = [planner.standings.row(c) for c in state.outcome.candidates]


def _reserve(config: RunConfig, parts: Parts) -> Callable[[float], float]:
    """Return how long the end of the run takes: scoring the test rows, intervals, writing the bundle; and slack."""
    columns = _PER_COLUMN * len(parts.develop.schema.inputs)
    fixed = 0.8 + 0.01 * parse_duration(config.budget) + 0.1 * len(parts.splits) + columns
    return lambda batch_ms: fixed + 1.5 * batch_ms * len(parts.test) / 1000
