"""What recipes that trace knowledge share: answers of learners in sequences, and chances of each from those before it.

Legend: N rows, E answers (and questions not answered yet), L sequences, K skills.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.right_wrong import RightWrongCodec
from modelwright.core.recipe import FitContext, Model, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.learners import GOES_ON, HISTORY, in_order, learner_column, skill_column
from modelwright.features.shared.learners import Answers, Skills
from modelwright.models.bkt import Bkt, fit_bkt


def answers_of(table: Table, skills: Skills) -> tuple[Answers, np.ndarray]:
    """Return the answers of a table by learner in the order of time, and the row of each [E]."""
    order, learner = in_order(table)
    target = table.schema.target
    assert target is not None
    right = np.asarray(table.column(target.name).cast(pa.int8()).fill_null(0), np.int64)
    who = learner[order]
    begins = np.r_[np.flatnonzero(np.r_[True, who[1:] != who[:-1]]), len(who)] if len(who) else np.zeros(1, int)
    places = skills.encode(table.column(skill_column(table.schema).name))
    return Answers(places[order], right[order], begins.astype(np.int64), len(skills)), order


def told_history(cells: Sequence[str], skills: Skills) -> tuple[list[int], list[int]]:
    """Return the skills and right or wrong of a history in a request; cells that `strange_in` names tell nothing."""
    places, right = [], []
    for cell in cells:
        name, sign, value = str(cell).rpartition("=")
        if sign and value.strip() in ("0", "1"):
            places.append(skills.places.get(name.strip(), len(skills)))
            right.append(int(value))
    return places, right


class TraceModel(Model):
    """Tells chances of right answers. Derived classes say how in `chances`, and what is stored of that.

    Beside what it answers stands `bkt`, from which mastery is told, whatever the recipe.
    """

    extent: dict[str, Any]
    history: list[dict[str, float]]

    def __init__(self, skills: Skills, bkt: Bkt) -> None:
        self.skills, self.bkt = skills, bkt
        self.extent, self.history = {}, []
        self.before: Table | None = None  # the answers it learnt from, where their learners are met again; never stored

    @abstractmethod
    def chances(self, answers: Answers) -> np.ndarray:
        """Return the chance of a right answer [E], each from the answers before it in its sequence."""

    @abstractmethod
    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is stored of the model: JSON values and arrays, each in a shape of its own."""

    @classmethod
    @abstractmethod
    def made(cls, skills: Skills, bkt: Bkt, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TraceModel:
        """Make the model from its parts, arrays in their shapes. Raises ValueError where they do not fit together."""

    def judge(self, table: Table) -> np.ndarray:
        """As Model.judge: each row from the rows of its learner before it, and their truth."""
        count = len(table)
        if self.before is not None:
            names = table.data.column_names
            both = pa.concat_tables([self.before.data.select(names), table.data])
            table = Table(both, table.schema, np.arange(both.num_rows), table.source)
        answers, rows = answers_of(table, self.skills)
        out = np.empty(len(table))
        out[rows] = self.chances(answers)
        return _scores(out[len(table) - count :])

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: each row by itself, from the answers in its own history."""
        asked = self.skills.encode(table.column(skill_column(table.schema).name))
        names = table.data.column_names
        given = table.column(HISTORY).to_pylist() if HISTORY in names else [None] * len(table)
        told = [told_history(cells or [], self.skills) for cells in given]
        skills = [place for (before, _), ask in zip(told, asked.tolist()) for place in (*before, ask)]
        right = [value for _, before in told for value in (*before, -1)]
        begins = np.r_[0, np.cumsum([len(before) + 1 for before, _ in told])].astype(np.int64)
        answers = Answers(np.array(skills, np.int64), np.array(right, np.int64), begins, len(self.skills))
        last = begins[1:] - 1
        return _scores(self.chances(answers)[last] if len(answers) else np.empty(0))

    def left_out(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Model.left_out: skills that no training row practises."""
        name = skill_column(table.schema).name
        asked = table.column(name).to_pylist()
        given = table.cells(HISTORY)
        out = []
        for row, (ask, history) in enumerate(zip(asked, given)):
            met = [(HISTORY, str(cell).rpartition("=")[0].strip()) for cell in history or []]
            met += [] if ask is None else [(name, str(ask))]
            for column, skill in dict.fromkeys(m for m in met if m[1] and m[1] not in self.skills.places):
                words = Words(
                    f"no training row practises the skill `{skill[:60]}`: answered by what is usual of skills that are not known",
                    f"训练数据中没有人练习过技能 `{skill[:60]}`：按未知技能的一般情况给出预测",
                )
                out.append((row, column, words))
        return out

    def after(self, skills: Sequence[int], right: Sequence[int], asked: Sequence[int]) -> np.ndarray:
        """Return the chance of a right answer to each of `asked` [A], after one learner's answers."""
        whole = np.array([*skills, *asked], np.int64)
        told = np.array([*right, *[-1] * len(asked)], np.int64)
        begins = np.array([0, len(whole)], np.int64)
        return self.chances(Answers(whole, told, begins, len(self.skills)))[len(skills) :]

    def save(self, folder: Path) -> None:
        state, arrays = self.parts()
        write_state(folder, {**state, "skills": list(self.skills.names)})
        write_arrays(folder / "arrays.safetensors", {**arrays, **{f"bkt_{k}": v for k, v in self.bkt.arrays().items()}})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        with Loading(folder):
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            skills = Skills([str(n) for n in state["skills"]])
            bkt = Bkt.restored(
                {k.removeprefix("bkt_"): v for k, v in arrays.items() if k.startswith("bkt_")}, len(skills)
            )
            return cls.made(skills, bkt, state, arrays)


def _scores(chances: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(chances, np.float64), 1e-6, 1 - 1e-6)
    return np.stack([1 - p, p], axis=1)


@dataclass(frozen=True)
class Learnt:
    """What every fit begins with: skills, the answers in sequences, and the parameters of mastery."""

    skills: Skills
    answers: Answers
    bkt: Bkt
    before: Table | None

    def done(self, model: TraceModel) -> TraceModel:
        """Return the model, with the answers it learnt from where their learners are met again."""
        model.before = self.before
        return model


def watched(valid: Table, found: Learnt) -> tuple[Answers, np.ndarray]:
    """Return held-out answers, with those before them where learners are met again, and which of them are held out [E]."""
    count, table = len(valid), valid
    if found.before is not None:
        both = pa.concat_tables([found.before.data, valid.data.select(found.before.data.column_names)])
        table = Table(both, valid.schema, np.arange(both.num_rows), valid.source)
    answers, rows = answers_of(table, found.skills)
    return answers, rows >= len(table) - count


class TraceRecipe(Recipe):
    """A recipe that traces knowledge."""

    tasks: ClassVar[frozenset[str] | None] = frozenset({"knowledge-tracing"})
    baseline = False
    seeded = False
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if isinstance(target, RightWrongCodec):
            return None
        return Words("it tells right from wrong answers of learners", "仅用于预测学习者作答的对错")


def learnt(train: Table, ctx: FitContext) -> Learnt:
    """Return what every fit begins with, made once for the same rows."""
    key = ("learnt", len(train), int(train.rows[0]) if len(train) else 0)
    if key not in ctx.cache:
        skills = Skills.fit(train.column(skill_column(train.schema).name))
        answers, _ = answers_of(train, skills)
        goes_on = bool(learner_column(train.schema).options.get(GOES_ON))
        bkt = fit_bkt(answers.by_skill, answers.skills, answers.right, len(skills))
        ctx.cache[key] = Learnt(skills, answers, bkt, train if goes_on else None)
    found: Learnt = ctx.cache[key]
    return found
