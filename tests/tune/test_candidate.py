"""Scores of candidates put together from folds, whatever shape a row's scores have."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.config import make_config
from modelwright.core.judged import Metric
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.pipeline.decide import decide
from modelwright.tune import candidate as candidates
from modelwright.tune.candidate import Candidate, Fold, Validation, add_fold
from modelwright.tune.pace import Stopwatch
from tune.made import TASK, SomeModel, rows, validation


class Texts(ObjectsCodec):
    """Texts that are made."""


@pytest.mark.parametrize("shape", [(2,), (3, 2)])
def test_scores_of_folds_stand_at_their_rows(shape: tuple[int, ...]) -> None:
    v = validation(rows(12), 3)
    first, second = (np.full((4, *shape), value) for value in (1.0, 2.0))
    one = v.added(None, (), first, 0)
    two = v.added(one, (0,), second, 1)
    assert two.shape == (12, *shape)
    assert (two[:4] == 1).all()
    assert (two[4:8] == 2).all()
    assert np.isnan(two[8:]).all()
    assert v.target.answered(two).tolist() == [True] * 8 + [False] * 4
    left = v.only(two, v.rows_of((1,)))
    assert np.isnan(left[:4]).all()
    assert (left[4:8] == 2).all()


def test_repeated_rows_get_the_mean() -> None:
    v = validation(rows(12), 3)
    twice = Validation(v.table, v.target, v.metric, [*v.splits, *v.splits])
    one = twice.added(None, (), np.full((4, 2), 1.0), 0)
    assert (twice.added(one, (0,), np.full((4, 2), 4.0), 3)[:4] == 2.5).all()


def test_answers_without_a_mean_stand_as_they_are() -> None:
    v = validation(rows(12), 1)
    v.target = ObjectsCodec("some")
    made = np.full((3, 1), "text", object)
    scores = v.added(None, (), made, 0)
    assert scores.tolist() == made.tolist()
    assert v.only(scores, np.zeros(3, bool)) is scores


class Says(SomeModel):
    """Answers every row with the same text."""

    def __init__(self, text: str, target: TargetCodec) -> None:
        super().__init__(1.0, target)
        self.text = text

    def scores(self, table: Table) -> np.ndarray:
        return as_objects([self.text] * len(table))[:, None]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_the_model_of_the_latest_window_answers_where_answers_have_no_mean(order: tuple[int, ...]) -> None:
    v = validation(rows(12), 3)
    v.target = Texts("some")
    v.metric = Metric("m", Words("m", "m"), True, lambda judged: 1.0)
    made = Candidate("some", "some", {}, [], np.empty(0), 0.0, 0.0, 0.0, 0, folds=())
    for split in order:
        model = Says(f"window {split}", v.target)
        add_fold(made, Fold(split, model, model.scores(v.parts[split][1]), 0.1, 0.01), v)
    assert [m.text for m in made.models] == [f"window {i}" for i in order]
    state = SimpleNamespace(
        outcome=SimpleNamespace(winner=[(1.0, made)]), validation=v, reuses_rows=False, config=make_config(data="d.csv"),
        task=TASK, parts=SimpleNamespace(develop=v.table, test=None), folder=SimpleNamespace(path=SimpleNamespace(name="r")),
        data=SimpleNamespace(reading=None),
    )  # fmt: skip
    decide(state, SimpleNamespace(predictor_made=lambda state: None))
    assert state.predictor.own_scores(v.table)[:, 0].tolist() == ["window 2"] * 12
    assert state.predictor.judge(v.table)[:, 0].tolist() == ["window 2"] * 12
    assert made.answering(TASK.fit_target(v.table.column("y"), v.table.schema["y"])) == made.models
    refitted = replace(made, models=[Says("all rows", v.target)])
    assert refitted.answering(v.target)[0].text == "all rows"


def test_what_metrics_ask_of_rows_is_asked_once() -> None:
    asked: list[int] = []

    def told(table: Table) -> np.ndarray:
        asked.append(len(table))
        return table.rows.astype(float)

    v = validation(rows(12), 3)
    metric = Metric("m", Words("m", "m"), True, lambda judged: float(judged.known["n"].sum()), known_of={"n": told})
    v = Validation(v.table, v.target, metric, v.splits)
    scores = np.full((12, 2), 0.5)
    whole = float(v.table.rows[v.index].sum())
    assert v.value(scores) == v.value(scores + 0.1) == whole
    half = scores.copy()
    half[:6] = np.nan
    assert v.value(half) == float(v.table.rows[v.index][6:].sum())
    assert asked == [12]


def test_scoring_counts_as_on_an_idle_machine() -> None:
    watch = Stopwatch()
    watch.wall, watch.cpu = 10.0, 4.0
    assert candidates._alone(watch) == 4.0  # other programs had the rest
    watch.cpu = 0.5
    assert candidates._alone(watch) == 10.0  # it waited for answers of another service
    watch.cpu = 20.0
    assert candidates._alone(watch) == 10.0  # two cores worked
