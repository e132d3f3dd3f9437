"""Distillation: a large model labels the rows that nobody has, small ones are trained on them; only people's labels judge.

Labelled rows stand in the training part of every split and never in a held-out one. The teacher is a candidate itself, so
the leaderboard, the test and the gate compare both on rows that people labelled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.bases import BaseModels
from modelwright.core.config import RunConfig
from modelwright.core.device import free_cores, pick_device
from modelwright.core.errors import DataError, ModelwrightError, OptionError
from modelwright.core.facts.base import Pair
from modelwright.core.facts.candidates import TeacherFact
from modelwright.core.facts.run import Facts
from modelwright.core.recipe import FitContext, get_recipe
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.tune.bases import ENDPOINT
from modelwright.tune.parts import Parts

_SHARE = 0.45  # of the time at hand that labelling may take
_ROWS = 64  # labelled between two looks at the clock


class Teacher(Concern):
    """A teacher, where one was named, labels the rows that have no answer; the card tells of large models in the winner."""

    name = "teacher"
    told: TeacherFact | None = None  # what labelling took

    def parts_split(self, state: State) -> None:
        """Add rows that the teacher labelled to the training rows. Raises OptionError where the task has no classes, DataError
        where every row has a label."""
        if self.config.teacher:
            state.parts, self.told = _taught(self.config, self.config.teacher, state)

    def facts_told(self, state: State, facts: Facts) -> None:
        facts["teacher"] = self.told
        facts["card"] = [*facts.get("card", []), *_card(facts)]


def _taught(config: RunConfig, teacher: str, state: State) -> tuple[Parts, TeacherFact]:
    """Return the parts with rows without a label labelled by the teacher, and what that took."""
    data, task, parts, events = state.data, state.task, state.parts, state.events
    if not parts.target.one_label:
        raise OptionError(
            f"A teacher labels classes; `{task.name}` has none.", f"教师模型只标注类别；任务 `{task.name}` 没有类别。"
        )
    if data.aside is None:
        raise DataError(
            "Every row has a label, so there is nothing for a teacher to label. Add rows whose target is empty.",
            "所有行都已有标签，教师模型无可标注。请加入目标列为空的行。",
        )
    name = "few-shot" if state.bases.public else "zero-shot"
    recipe = get_recipe(name)
    hosted = teacher == ENDPOINT
    bases = state.bases
    recipe.bases = BaseModels(
        hosted=bases.hosted if hosted else (), causal=() if hosted else bases.causal, public=bases.public
    )
    train = parts.develop.take(parts.splits[0][0])
    why = recipe.refuses(train.schema, parts.target, len(train))
    if why is not None:
        raise OptionError(Words(f"The teacher cannot label: {why.en}.", f"教师模型无法标注：{why.zh}。"))
    until = state.deadline.sub(_SHARE * state.deadline.remaining())
    ctx = FitContext(task.loss, parts.target, until, events, state.metric, name="teacher", seed=config.seed,
                     threads=free_cores(), device="cpu" if hosted else pick_device(config.device))  # fmt: skip
    model = recipe.fit(train, None, recipe.variants(train.schema, parts.target, len(train))[0], ctx)
    rows = data.aside.with_schema(parts.develop.schema)
    scores: list[np.ndarray] = []
    for start in range(0, len(rows), _ROWS):
        if until.expired():
            break
        part = rows.take(np.arange(start, min(start + _ROWS, len(rows))))
        try:
            scores.append(model.scores(part))
        except OptionError:
            raise
        except ModelwrightError as e:
            if not scores:
                raise
            events.warn(e.words.en, e.words.zh)
            break
    if not scores:
        raise ModelwrightError(
            "Time ran out before the teacher had labelled a row; raise --budget.",
            "教师模型尚未标注任何行，时间已用尽；请用 --budget 增加时间。",
        )
    labelled = _labelled(rows.take(np.arange(sum(map(len, scores)))), np.concatenate(scores), parts)
    spent = model.extent.get("spent") or {}
    events.note(
        f"teacher   {len(labelled):,} of {len(rows):,} rows labelled" + _price(spent),
        f"教师模型  已标注 {len(rows):,} 行中的 {len(labelled):,} 行" + _price(spent),
    )
    told: TeacherFact = {"model": model.origins[0]["name"], "rows": len(labelled), "of": len(rows), "spent": spent}
    return parts.join(labelled), told


def _labelled(rows: Table, scores: np.ndarray, parts: Parts) -> Table:
    """Return rows with their likeliest label; those of which the teacher says nothing are left out."""
    sure = scores.max(axis=1) > 1 / scores.shape[1] + 1e-6
    column = rows.schema.target
    name = column.name if column else ""
    labels = [str(parts.target.labels[i]) for i in scores.argmax(axis=1)]
    at = rows.data.column_names.index(name)
    kind = rows.data.schema.field(name).type
    data = rows.data.set_column(at, name, pa.array(labels, pa.string()).cast(kind))
    return rows.with_data(data).take(np.flatnonzero(sure))


def _price(spent: dict[str, Any]) -> str:
    return f"  {spent['tokens_in'] + spent['tokens_out']:,} tokens, {spent['cost']:.4g}" if spent else ""


def _card(facts: Facts) -> list[list[Pair]]:
    """Return what the model card says of large models: teachers, examples, the connection that a bundle opens."""
    out = []
    teacher = facts.get("teacher")
    if teacher:
        out.append(
            [
                f"{teacher['rows']} training rows were labelled by {teacher['model']}; test and validation rows only by people.",
                f"{teacher['rows']} 行训练数据由 {teacher['model']} 标注；验证和测试数据仅用人工标签。",
            ]
        )
    for origin in facts.get("origins") or []:
        if origin.get("kind") == "hosted":
            out.append(
                [
                    f"It sends every row that it answers to {origin['name']} at {origin['endpoint']}.",
                    f"它会把每一行待回答的数据发送到 {origin['endpoint']} 的 {origin['name']}。",
                ]
            )
    if any(w.startswith("few-shot") for w in facts.get("winner") or []):
        out.append(
            ["The bundle holds training rows as examples; the data was declared public.",
             "模型包中含有作为示例的训练数据；该数据已声明为公开。"]
        )  # fmt: skip
    return [[["Large models", "大模型"], [" ".join(en for en, _ in out), "".join(zh for _, zh in out)]]] if out else []
