"""What is settled before training: the names that were asked for, the task, the time that is left, the gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelwright.core.budget import Deadline, show_duration
from modelwright.core.config import RunConfig
from modelwright.core.device import pick_device
from modelwright.core.errors import BudgetTooSmall, DataError, OptionError, Stopped, unknown
from modelwright.core.pretrained import find, find_causal
from modelwright.core.recipe import has_option, recipe_names
from modelwright.core.schema import MODALITY_WORDS, Table
from modelwright.core.task import Task, get_task, task_names
from modelwright.core.words import Words
from modelwright.pipeline.concerns import consent as permitted
from modelwright.pipeline.decide import interval
from modelwright.pipeline.labels import check_answers
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import Condition, judge_gate
from modelwright.tune.parts import Parts as Parts
from modelwright.tune.parts import split_data as split_data
from modelwright.tune.private import check_private

_ALIASES = {  # other names of the field for the same task
    "ner": "token-classification",
    "named-entity-recognition": "token-classification",
    "feature-extraction": "retrieval",
    "semantic-search": "retrieval",
}


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


def check_time(config: RunConfig, deadline: Deadline, spent: float) -> None:
    """Raise Stopped or BudgetTooSmall where no time is left after the data was read."""
    if deadline.stopped:
        raise Stopped("Stopped while reading the data; nothing was kept.", "读取数据时被终止；没有保留任何结果。")
    if deadline.expired():
        raise BudgetTooSmall(
            f"Reading the data took {show_duration(spent)}; a budget of {config.budget} leaves no time to train. Give more with --budget.",
            f"仅读取数据就用了 {show_duration(spent)}；预算 {config.budget} 没有留下训练时间。请用 --budget 增加时间。",
        )


def good_enough(conditions: list[Condition], validation: Validation) -> Callable[[np.ndarray], bool] | None:
    """Return the gate as a test on validation scores, or None where there is no gate."""
    if not conditions:
        return None
    return lambda scores: all(v.met for v in judge_gate(conditions, validation.judged(scores), interval))
