"""The rows of a run in parts: what trains and validates, what tests, and the splits that candidates are compared on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.errors import DataError, ModelwrightError, OptionError
from modelwright.core.option_groups.declared import options
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Split, Task
from modelwright.core.words import Words, counted
from modelwright.data.finding import Finding
from modelwright.data.near_duplicates import finding, near
from modelwright.data.split import folds, holdout, row_codes
from modelwright.tune.candidate import Splits
from modelwright.tune.stored_splits import Began

_SMALL = 20_000  # rows up to which a table without text is cross-validated by default
_SMALL_TEXT = 2_000  # the same where there is text, or media
LEAST_ROWS = 3  # one to train, one to validate, one to test
_VALID_SHARE = 0.15
_TEST_MOST = 100_000  # test rows where nothing was said: an accuracy's interval of 95 % is then .006 wide, and scoring more takes from training
_PER_ROW = 5e-5  # seconds that looking for near-duplicates takes, by row


@dataclass
class Parts:
    """Development rows (train and validation), test rows, and the validation splits into the former."""

    develop: Table
    test: Table
    splits: Splits
    target: TargetCodec
    official: bool
    found: list[Finding] = field(default_factory=list)  # what is to be told of rows that belong together
    aside: int = 0  # the last rows of `develop`: never held out, in the training part of every split

    def join(self, rows: Table | None) -> Parts:
        """Return these parts with rows added that are trained on and never held out."""
        if rows is None or len(rows) == 0:
            return self
        more = np.arange(len(self.develop), len(self.develop) + len(rows))
        splits = [(np.concatenate([t, more]), v) for t, v in self.splits]
        whole = self.develop.concat(rows.with_schema(self.develop.schema))
        return replace(self, develop=whole, splits=splits, aside=self.aside + len(rows))


def split_data(
    config: RunConfig, table: Table, official: Table | None, aside: Table | None, task: Task, seconds: float,
    began: Began | None = None,
) -> Parts:  # fmt: skip
    """Split so that nothing leaks; the target codec is fitted on development rows only.

    A run that goes on (`began`) keeps the splits that it began with, whatever time it has now.
    """
    units, found = _together(config, table, task)
    if began is not None:
        develop, test, splits = began.parts(table, official)
        target = _target(task, develop, test, official is not None)
    else:
        chosen = task.split(table, config, official is not None)
        if chosen is None:
            develop, test, inner = _held_out(config, table, official, task, units)
        else:
            check_split(chosen, len(table), official is not None)
            inner = chosen.develop
            develop, test = table.take(inner), table.take(chosen.test) if official is None else official
        target = _target(task, develop, test, official is not None)
        if chosen is not None and chosen.windows:
            splits = _windows(chosen, len(table))
        else:
            always = np.isin(inner, chosen.always) if chosen is not None else np.zeros(len(inner), bool)
            splits = _with(always, config, develop, target, task, seconds, None if units is None else units[inner])
    apart = bool(config.group) or config.split != "random"
    if (official is not None or apart) and task.keeps_near_rows and task.checked:
        found = found + _kin_of(config, develop, test, official is not None)
    left_out = len(table) + (0 if official is None else len(test)) - len(develop) - len(test)
    if left_out:
        found = [*found, _left_out(config, left_out, len(table), task)]
    parts = Parts(develop, test, splits, target, official is not None, found)
    return parts.join(aside) if task.keeps_unlabelled else parts


def _most(config: RunConfig) -> int:
    """Return how many rows are looked at for near-duplicates: what takes about 3 % of the budget. No clock is asked, so that the
    same command splits alike on a busy machine."""
    return int(np.clip(0.03 * parse_duration(config.budget) / _PER_ROW, 2_000, 200_000))


def _together(config: RunConfig, table: Table, task: Task) -> tuple[np.ndarray | None, list[Finding]]:
    """Return a number per row [N], the same for rows that must stay together, and what is told of them."""
    looks = task.keeps_near_rows and task.checked and table.schema.inputs
    if config.group or config.split != "random" or not looks:
        return task.units(table), []
    found = near(table, row_codes(table), most=_most(config), seed=config.seed)
    # where nothing is near, equal rows stay together as they do of themselves
    return found.units if found.texts or found.rows else None, finding(found, len(table))


def check_split(split: Split, rows: int, official: bool) -> None:
    """Check the rows that a task chose from a table. Raises ModelwrightError, since that is an error in the task."""

    def wrong(what: str) -> ModelwrightError:
        return ModelwrightError(f"The task splits its rows wrongly: {what}.", f"任务划分数据有误：{what}。")

    for name, index in (("develop", split.develop), ("test", split.test), ("always", split.always)):
        if len(index) and (index.min() < 0 or index.max() >= rows or len(np.unique(index)) < len(index)):
            raise wrong(f"`{name}` holds rows that the table lacks, or one twice")
    if np.isin(split.develop, split.test).any():
        raise wrong("a row is in `develop` and in `test`")
    if len(split.develop) == 0 or (len(split.test) == 0) != official:
        raise wrong("`develop` or `test` is empty" if not official else "`test` has rows beside official test rows")
    if not np.isin(split.always, split.develop).all():
        raise wrong("a row of `always` is not in `develop`")
    for train, valid in split.windows:
        if len(train) == 0 or len(valid) == 0:
            raise wrong("a window trains or validates on no row")
        if not np.isin(np.concatenate([train, valid]), split.develop).all() or np.isin(valid, train).any():
            raise wrong("a window has a row in both parts, or one that is not in `develop`")
        if np.isin(valid, split.always).any() or not np.isin(split.always, train).all():
            raise wrong("a row of `always` is not trained on in every window")


def _windows(split: Split, rows: int) -> Splits:
    """Return the windows that a task chose as positions in its development rows."""
    place = np.full(rows, -1)
    place[split.develop] = np.arange(len(split.develop))
    return [(place[train], place[valid]) for train, valid in split.windows]


def _with(
    always: np.ndarray, config: RunConfig, develop: Table, target: TargetCodec, task: Task, seconds: float,
    units: np.ndarray | None,
) -> Splits:  # fmt: skip
    """Return the usual splits of the rows that may be held out; those of `always` [N] are in every training part."""
    if not always.any():
        return _splits(config, develop, target, task, seconds, units)
    others = np.flatnonzero(~always)
    rest = None if units is None else units[others]
    splits = _splits(config, develop.take(others), target, task, seconds, rest)
    return [(np.sort(np.concatenate([others[t], np.flatnonzero(always)])), others[v]) for t, v in splits]


def _kin_of(config: RunConfig, table: Table, test: Table, official: bool) -> list[Finding]:
    """Find test rows that are nearly the same as a training row (where groups or molecules are kept apart: or just the same): they
    stay, and are told."""
    names = [c.name for c in table.schema.inputs]
    if len(names) < 2 and not any(c.modality == "text" for c in table.schema.inputs):
        return []
    data = pa.concat_tables([table.data.select(names), test.data.select(names)])
    both = Table(data, Schema(tuple(table.schema.inputs)), np.arange(len(table) + len(test)))
    codes = row_codes(both)
    units = near(both, codes, most=_most(config), seed=config.seed).units
    n = len(table)
    same = np.isin(codes[n:], codes[:n])
    rows = np.flatnonzero(np.isin(units[n:], units[:n]) & ~same if official else np.isin(units[n:], units[:n]) | same)
    if len(rows) <= 0.01 * len(test):
        return []
    return [
        Finding(
            "test-near", "warning" if len(rows) > 0.1 * len(test) else "info", None,
            Words(f"{len(rows):,} of {len(test):,} test rows are nearly the same as a training row.", f"{len(test):,} 行测试数据中有 {len(rows):,} 行与某一训练行几乎相同。"),
            Words("The test score may flatter; take them out of one of the files for a strict test.", "测试得分可能偏高；如需严格测试，请从其中一个文件移除它们。")
            if official
            else Words("The test score may flatter: what is kept apart does not keep these apart.", "测试得分可能偏高：当前的划分方式没有把它们分开。"),
            rows=tuple(int(r) for r in test.rows[rows[:20]]),
        )
    ]  # fmt: skip


def _left_out(config: RunConfig, count: int, rows: int, task: Task) -> Finding:
    words = Words(
        f"{count:,} of {rows:,} rows neither train nor test: they are earlier, and nearly the same as test rows.",
        f"{rows:,} 行中有 {count:,} 行既不训练也不测试：它们较早，且与测试行几乎相同。",
    )
    if type(task).split is not Task.split:
        words = Words(
            f"{count:,} of {rows:,} rows neither train nor test: the task {task.title.en} leaves a gap before what it tests on.",
            f"{rows:,} 行中有 {count:,} 行既不训练也不测试：任务“{task.title.zh}”在测试部分之前留有间隔。",
        )
    elif config.group:
        words = Words(
            f"{count:,} of {rows:,} rows neither train nor test: their `{config.group}` began before the test does, and they fall into its time.",
            f"{rows:,} 行中有 {count:,} 行既不训练也不测试：其 `{config.group}` 在测试期之前已开始，而这些行落在测试期内。",
        )
    advice = Words("So nothing of the test was known beforehand.", "这样测试内容没有被提前得知。")
    return Finding("left-out", "info", None, words, advice)


def _test_fraction(config: RunConfig, rows: int) -> float:
    """Return the share of the rows that test: of very many no more than tell a score to three thousandths, unless the user said how many."""
    usual = options()["test_fraction"].option.default
    return min(usual, _TEST_MOST / rows) if config.test_fraction == usual else config.test_fraction


def _held_out(
    config: RunConfig, table: Table, official: Table | None, task: Task, units: np.ndarray | None
) -> tuple[Table, Table, np.ndarray]:
    """Return the rows to develop on, those to test on, and where the former stand in the table."""
    if official is not None:
        return table, official, np.arange(len(table))
    inner, outer = holdout(
        table,
        _codes(task, table),
        fraction=_test_fraction(config, len(table)),
        units=units,
        group=config.group,
        time=config.time,
        seed=config.seed,
        split=config.split,
    )
    if len(outer) == 0 or len(inner) < 2:
        raise too_few(len(table))
    return table.take(inner), table.take(outer), inner


def too_few(rows: int) -> DataError:
    """Return the error that says how many rows a run takes at least."""
    return DataError(
        f"{counted(rows, 'row')} cannot be split: at least one must train, one validate and one test. Give at least {LEAST_ROWS}, or, for a score "
        "that says something, 50 and more.",
        f"{rows} 行数据无法划分：至少各需一行用于训练、验证和测试。请至少提供 {LEAST_ROWS} 行；要让得分有意义，请提供 50 行以上。",
    )


def _target(task: Task, develop: Table, test: Table, official: bool) -> TargetCodec:
    column = develop.schema.target
    name = column.name if column else ""
    target = task.fit_codec(develop)
    if official and target.foreign(test.column(name)):
        raise DataError(
            f"None of the {len(test)} test rows has an answer that occurs in the training rows. Check the labels' spelling.",
            f"{len(test)} 行测试数据的答案均未在训练数据中出现。请检查标签写法。",
        )
    return target


def _splits(
    config: RunConfig, develop: Table, target: TargetCodec, task: Task, seconds: float, units: np.ndarray | None
) -> Splits:
    """Return the folds, or the one split, that candidates are compared on."""
    keys: dict[str, Any] = {"group": config.group, "time": config.time, "seed": config.seed, "split": config.split}
    column = develop.schema.target
    codes = target.strata(develop.column(column.name if column else ""))
    count = config.folds or (1 if not target.averages or config.epsilon else _default_folds(develop, seconds))
    if not target.averages and count > 1:
        raise OptionError(
            f"Task `{task.name}` is judged on one held-out part; leave --folds out.",
            f"任务 `{task.name}` 只用一份留出数据评估；请去掉 --folds。",
        )
    if count > len(develop):
        raise OptionError(
            f"{count} folds need at least {count} rows to train on; there are {len(develop)}.",
            f"{count} 折至少需要 {count} 行训练数据，实际只有 {len(develop)} 行。",
        )
    if count > 1:
        splits = folds(develop, codes, k=count, repeats=config.repeats, units=units, **keys)
    else:
        share = min(_VALID_SHARE, task.held_out / len(develop))
        splits = [holdout(develop, codes, fraction=share, units=units, **keys)]
    if any(len(t) == 0 or len(v) == 0 for t, v in splits):
        raise DataError(
            "The rows cannot be split into a training and a validation part; give more rows or groups.",
            "无法把数据划分为训练与验证两部分；请提供更多行或更多分组。",
        )
    return splits


def told_of(parts: Parts) -> list[Finding]:
    """Return what is to be said of the parts: labels that only training or only test rows have, rows that belong together."""
    column = parts.test.schema.target
    if column is None:
        return parts.found
    truth = parts.test.column(column.name)
    return [*_unseen(parts, column.name, truth), *_untested(parts, column.name, truth), *parts.found]


def _untested(parts: Parts, name: str, truth: pa.Array) -> list[Finding]:
    labels = parts.target.untested(truth)
    if not labels:
        return []
    shown = ", ".join(f"`{label}`" for label in labels[:6]) + (" ..." if len(labels) > 6 else "")
    count = len(labels)
    which = "label stands" if count == 1 else "labels stand"
    return [
        Finding(
            "untested-labels", "warning", name,
            Words(f"{count} {which} in training rows only ({shown}): no test row says how well {'it is' if count == 1 else 'they are'} told.", f"{count} 个标签只出现在训练数据中（{shown}）：测试数据无法说明其识别效果。"),
            Words("Collect more rows with these labels, or merge rare ones.", "请收集更多带有这些标签的数据，或合并罕见标签。"),
        )
    ]  # fmt: skip


def _unseen(parts: Parts, name: str, truth: pa.Array) -> list[Finding]:
    new = parts.target.unseen(truth)
    if not new:
        return []
    rows = parts.target.unseen_rows(truth)
    shown = ", ".join(f"`{label}` {n}" for label, n in list(new.items())[:6]) + (" ..." if len(new) > 6 else "")
    return [
        Finding(
            "unseen-labels", "error", name,
            Words(f"{len(rows)} of {len(truth)} test rows have labels that no training row has ({shown}): they count as wrong.", f"{len(truth)} 行测试数据中有 {len(rows)} 行的标签在训练数据中从未出现（{shown}）：一律计为错误。"),
            Words("Collect training rows with these labels; a model answers only what it was shown.", "请收集带有这些标签的训练数据；模型只能回答它见过的标签。"),
            rows=tuple(int(r) for r in parts.test.rows[rows[:20]]),
        )
    ]  # fmt: skip


def _codes(task: Task, table: Table) -> np.ndarray | None:
    """Return class numbers to stratify by; None where the target is no class."""
    column = table.schema.target
    name = column.name if column else ""
    if not task.stratifies or "labels" in task.targets or task.targets == {"number"}:
        return None
    return np.unique(np.asarray(table.column(name).cast(pa.string()).to_pylist()), return_inverse=True)[1]


def _default_folds(develop: Table, seconds: float) -> int:
    plain = {"number", "category", "boolean", "timestamp"}
    most = _SMALL if all(c.modality in plain for c in develop.schema.inputs) else _SMALL_TEXT
    if len(develop) < 10:
        return 2
    return 5 if len(develop) <= most and seconds >= 30 else 1
