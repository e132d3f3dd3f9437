"""A small run to plan: rows, a task, and recipes whose cost and skill a test sets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.events import Event, EventStream
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.core.words import Words
from modelwright.tune.candidate import Validation
from modelwright.tune.planner import Planner

TASK = get_task("classification")


def rows(count: int = 120) -> Table:
    """Return rows of two classes that the number tells apart."""
    data = pa.table({"x": [float(i % 2) for i in range(count)], "y": [f"k{i % 2}" for i in range(count)]})
    return Table.of(data, Schema((Column("x", "number"), Column("y", "category", "target"))))


def validation(table: Table, folds: int) -> Validation:
    """Return the table split into folds."""
    target = TASK.fit_target(table.column("y"), table.schema["y"])
    parts = np.array_split(np.arange(len(table)), folds) if folds > 1 else [np.arange(len(table) * 3 // 4, len(table))]
    splits = [(np.setdiff1d(np.arange(len(table)), p), p) for p in parts]
    return Validation(table, target, TASK.metrics[0], splits)


class SomeModel(Model):
    """Right on a share of the rows, always the same ones."""

    recipe = "some"

    def __init__(self, right: float, target: TargetCodec) -> None:
        self.right, self.target, self.extent, self.history = right, target, {}, []

    def scores(self, table: Table) -> np.ndarray:
        truth = np.asarray(table.column("x").to_numpy(zero_copy_only=False), int)
        wrong = (table.rows * 7919 % 1000) / 1000 >= self.right
        found = np.where(wrong, 1 - truth, truth)
        out = np.full((len(table), self.target.outputs), 0.1)
        out[np.arange(len(table)), found] = 0.9
        return out

    def save(self, folder: Path) -> None:
        (folder / "model.json").write_text("{}")

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> SomeModel:
        return cls(1.0, target)


class Some(Recipe):
    """A recipe that takes `seconds`, is right on a share of the rows, and fails where it is told to."""

    name, rank = "some", 5
    title = Words("some", "某")
    paper, needs, extra, baseline, seeded = "", (), "", False, False
    options, model = Options, SomeModel
    space: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, right: float, seconds: float, told: float | None, error: BaseException | None, fails_at: int
    ) -> None:
        self.right, self.seconds, self.told = right, seconds, seconds if told is None else told
        self.error, self.fails_at = error, fails_at
        self.ended: list[bool] = []  # of each fit, whether it was a refit

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [Options()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(self.told, 1)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> SomeModel:
        if self.error is not None and len(self.ended) >= self.fails_at:
            raise self.error
        self.ended.append(valid is None)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not ctx.deadline.expired():
            time.sleep(0.005)
        return SomeModel(self.right, ctx.target)


def some(
    name: str, right: float = 0.8, seconds: float = 0.0, *, rank: int = 5, told: float | None = None,
    error: BaseException | None = None, fails_at: int = 0,
) -> Some:  # fmt: skip
    """Make a recipe; `told` is what its estimate says where that is not what it takes."""
    return type("Made", (Some,), {"name": name, "rank": rank})(right, seconds, told, error, fails_at)


def planner(
    monkeypatch: Any, recipes: list[Some], folds: int = 5, seconds: float = 60.0, **more: Any
) -> tuple[Planner, list[Event]]:
    """Return a planner over these recipes and the list that its events go to."""
    from modelwright.core import recipe as contract
    from modelwright.tune import (
        candidate,
        climb,
        finish,
        fits,
        last_resort,
        leaderboard,
        no_model,
        order,
        race,
        student,
        tuning,
        twins,
    )
    from modelwright.tune import planner as plans

    known = {r.name: r for r in recipes}
    for module in (contract, candidate, finish, fits, leaderboard, no_model, order, plans, student, tuning, twins):
        if hasattr(module, "get_recipe"):
            monkeypatch.setattr(module, "get_recipe", known.__getitem__)
    for module in (climb, finish, last_resort, leaderboard, no_model, order, plans, race, student):
        if hasattr(module, "guesses"):
            monkeypatch.setattr(module, "guesses", lambda n: known[n].rank == 0 if n in known else False)
    told: list[Event] = []
    events = EventStream()
    events.listen(told.append)
    task = type("Made", (type(TASK),), {"recipes": tuple(known), "name": "made"})()
    config = make_config(data="x", target="y", search="none", budget=f"{seconds:g}s", **more.pop("config", {}))
    made = Planner(
        task=task, validation=validation(rows(more.pop("count", 120)), folds), config=config,
        deadline=Deadline.after(seconds), events=events, latency=more.pop("latency", None), memory=None, device="cpu",
        reserve=lambda ms: 0.1, good_enough=None, folder=more.pop("folder", None),
    )  # fmt: skip
    assert not more
    return made, told
