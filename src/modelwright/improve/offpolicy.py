"""Logs of what was shown, and the policy that is to be judged by them: a column's choice, a column's chance, or a model.

Legend: N rows, A actions, K items of a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.errors import ColumnError, DataError, OptionError, unknown
from modelwright.core.reading import Reading
from modelwright.core.words import Words
from modelwright.data.sources import read_table, source_name
from modelwright.evaluate.offpolicy import Found, evaluate, expected_by_action
from modelwright.release.bundle import Predictor

_FOLDS = 5
_MOST_CELLS = 20_000_000  # answers of a model for every action of every row


@dataclass(frozen=True)
class Asked:
    """The columns of a log, and the policy: exactly one of `chosen`, `chance` and `model`."""

    action: str
    reward: str
    propensity: str
    chosen: str | None = None  # what the new policy would have shown
    chance: str | None = None  # with which probability it would have shown what was shown
    k: int = 1  # a list of a recommending model: each of its first k is shown as often as the others
    clip: float | None = None
    unit: str | None = None


def judged(source: Any, asked: Asked, model: Predictor | None, reading: Reading) -> tuple[Found, Words | None]:
    """Return what a policy is worth by a log, and why there is no doubly robust estimate where there is none.

    Raises ColumnError for an absent column, DataError for cells that are no numbers, OptionError where no policy, or more than one,
    is named.
    """
    named = [n for n, given in (("--chosen", asked.chosen), ("--chance", asked.chance), ("--model", model)) if given]
    if len(named) != 1:
        got = Words(", ".join(named) or "none", "、".join(named) or "没有")
        raise OptionError(
            f"Say what the new policy does with one of --chosen COLUMN, --chance COLUMN, --model RUN; received {got.en}.",
            f"请用 --chosen 列、--chance 列、--model 运行 之一说明新策略；收到的是：{got.zh}。",
        )
    raw, _ = read_table(source, reading)
    name = source_name(source)
    for column in (asked.action, asked.reward, asked.propensity, asked.chosen, asked.chance, asked.unit):
        if column is not None and column not in raw.column_names:
            raise unknown(Words("column", "列"), column, raw.column_names, ColumnError)
    if raw.num_rows == 0:
        raise DataError(f"{name} has no row.", f"{name} 中没有数据。")
    reward, propensity = (_numbers(raw, c, name) for c in (asked.reward, asked.propensity))
    shown = _texts(raw, asked.action, name)
    units = None if asked.unit is None else np.asarray(_texts(raw, asked.unit, name).dictionary_encode().indices)
    given: dict[str, Any] = {"clip": asked.clip, "unit": units}
    if asked.chance is not None:
        chance = _numbers(raw, asked.chance, name)
        return evaluate(reward, propensity, chance, **given), Words(
            "There is no doubly robust estimate: it needs what the new policy would show (--chosen or --model).",
            "没有双重稳健估计：它需要知道新策略会展示什么（--chosen 或 --model）。",
        )
    if asked.chosen is not None:
        lists: list[list[str]] = [[a] for a in _texts(raw, asked.chosen, name).to_pylist()]
    else:
        assert model is not None
        lists = _lists(model, raw, shown, asked)
    actions = sorted({*shown.unique().to_pylist(), *(a for some in lists for a in some)})
    place = {a: i for i, a in enumerate(actions)}
    action = np.array([place[a] for a in shown.to_pylist()])
    width = max(1, max(map(len, lists)))
    new = np.full((len(lists), width), -1)
    for row, some in enumerate(lists):
        new[row, : len(some)] = [place[a] for a in some]
    many = np.maximum((new >= 0).sum(axis=1), 1)
    chance = (new == action[:, None]).sum(axis=1) / many
    fold = np.random.default_rng(0).integers(0, _FOLDS, len(action))
    expected = expected_by_action(action, reward, fold, len(actions))
    rows = np.arange(len(action))
    direct = np.where(new >= 0, expected[rows[:, None], np.maximum(new, 0)], 0).sum(axis=1) / many
    found = evaluate(reward, propensity, chance, expected=expected[rows, action], expected_new=direct, **given)
    return found, None


def _lists(model: Predictor, raw: pa.Table, shown: pa.Array, asked: Asked) -> list[list[str]]:
    """Return what a model would show for each row: the first `k` of a ranked list, or the `k` actions with the best answers."""
    if isinstance(model.target, RankedCodec):
        scores = model.scores(model.table(raw)[0])
        items = model.target.items
        return [[items[i] for i in ranking.items[: asked.k].tolist()] for ranking in scores[:, 0]]
    if model.target.kind == "classes" and model.target.outputs == 2:
        column = 1
    elif model.target.kind == "value":
        column = 0
    else:
        raise OptionError(
            f"A policy is made of a model that ranks items, says yes or no, or gives a value; this one's task is `{model.task.name}`.",
            f"可作为策略的模型：排序物品、回答是否、或给出数值；该模型的任务为 `{model.task.name}`。",
        )
    if asked.action not in [c.name for c in model.schema.inputs]:
        raise OptionError(
            f"The model does not read `{asked.action}`, so it cannot choose between actions.",
            f"模型不读取 `{asked.action}`，无法在动作之间选择。",
        )
    actions = sorted(shown.unique().to_pylist())
    if len(actions) * raw.num_rows > _MOST_CELLS:
        raise OptionError(
            f"{len(actions):,} actions for {raw.num_rows:,} rows are too many to ask the model for; give fewer rows, or what it "
            "chooses as a column (--chosen).",
            f"{len(actions):,} 个动作 × {raw.num_rows:,} 行过多；请减少行数，或把模型的选择作为一列给出（--chosen）。",
        )
    at = raw.column_names.index(asked.action)
    values = np.stack(
        [
            model.scores(model.table(raw.set_column(at, asked.action, pa.array([a] * raw.num_rows, pa.string())))[0])[
                :, column
            ]
            for a in actions
        ],
        axis=1,
    )
    best = np.argsort(-values, axis=1, kind="stable")[:, : asked.k]
    return [[actions[i] for i in row] for row in best.tolist()]


def _numbers(raw: pa.Table, column: str, name: str) -> np.ndarray:
    """Return a column of numbers [N]. Raises DataError that names the first row that holds none."""
    values = raw.column(column).combine_chunks()
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    try:
        numbers = np.array(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        wrong = np.flatnonzero(~np.isfinite(numbers))
    except pa.ArrowInvalid:
        wrong = np.array([i for i, v in enumerate(values.to_pylist()) if not _is_number(v)])
    if len(wrong):
        row = int(wrong[0])
        cell = values[row].as_py()
        raise DataError(
            f"{name}, row {row + 1}, column `{column}`: expected a number, received `{cell}`.",
            f"{name} 第 {row + 1} 行，列 `{column}`：应为数字，收到的是 `{cell}`。",
        )
    return numbers


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError):
        return False


def _texts(raw: pa.Table, column: str, name: str) -> pa.Array:
    """Return a column as text. Raises DataError for an empty cell."""
    values = raw.column(column).combine_chunks()
    if pa.types.is_floating(values.type) and pc.all(pc.equal(values, pc.round(values))).as_py():
        values = values.cast(pa.int64())
    values = values.cast(pa.string())
    if values.null_count:
        row = int(np.flatnonzero(np.asarray(values.is_null()))[0])
        raise DataError(
            f"{name}, row {row + 1}, column `{column}` is empty.", f"{name} 第 {row + 1} 行，列 `{column}` 为空。"
        )
    return values
