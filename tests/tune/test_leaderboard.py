"""What an answer of a candidate costs: as measured, all its models together, or one of them where one will serve."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from modelwright.core.budget import Deadline
from modelwright.tune import candidate as candidates
from modelwright.tune.ensemble import Blend
from modelwright.tune.ladder import climb
from modelwright.tune.timing import AnswerTime

from .made import planner, some


@pytest.mark.parametrize(("refit", "expected"), [(False, 4.0), (None, 3.0)])
def test_models_of_one_candidate_are_timed_together(monkeypatch, refit, expected):
    asked = []

    def timed(models, table, target, *, known=None):
        asked.append(len(models))
        return AnswerTime(2.75 + 0.25 * len(models), 0.1)  # they share nearly all of the work

    monkeypatch.setattr(candidates, "answer_time", timed)
    plan, _ = planner(monkeypatch, [some("one", right=0.9)], config={} if refit is None else {"refit": refit})
    plan.choose_recipes()
    recipe = plan._recipes[0]
    found = plan.train(recipe, recipe.variants(None, None, 0)[0], "one", 30.0)
    assert asked == [1, 2, 3, 4, 5]
    assert found.ms_per_row == 4.0
    assert 1000 * plan.standings.cost(found) == pytest.approx(expected)


@pytest.mark.parametrize(("done", "stays"), [((0,), False), ((0, 1), False), ((0, 1, 2), True)])
def test_what_was_judged_on_few_of_the_leaders_rows_has_no_part_in_a_blend(monkeypatch, done, stays):
    plan, _ = planner(monkeypatch, [some("lead", right=0.9, rank=2), some("late", right=0.8, rank=3)])
    plan.choose_recipes()
    lead, late = plan._recipes
    plan.train(lead, lead.variants(None, None, 0)[0], "lead", 30.0)
    plan.train(late, late.variants(None, None, 0)[0], "late", 30.0, folds=done)
    pool = plan.standings.field()
    assert [c.name for c in plan.standings._judged_alike(pool)] == ["lead", *(["late"] if stays else [])]
    alone = [c for c in pool if c.name == "late"]
    assert plan.standings._judged_alike(alone) == alone


def test_errors_far_above_the_least_have_no_part_in_a_blend(monkeypatch):
    plan, _ = planner(monkeypatch, [some("one", right=0.9)])
    board, asked = plan.standings, []
    value = {1.0: -1.0, 1.05: -1.05, 1.2: -1.2}
    monkeypatch.setattr(type(board.validation), "value", lambda self, scores: value[float(scores.flat[0])])
    monkeypatch.setattr(type(board.validation), "only", lambda self, scores, rows: scores)
    monkeypatch.setattr(
        "modelwright.tune.leaderboard.select",
        lambda scores, *a, **k: asked.append([float(s.flat[0]) for s in scores]) or Blend({0: 1.0}, -1.0),
    )
    pool = [SimpleNamespace(name=str(v), scores=np.full((4, 2), v), folds=(0,), value=-v, ms_per_row=1, models=[1], single_ms=1) for v in value]  # fmt: skip
    monkeypatch.setattr(type(plan.validation.target), "blends_within", 0.1)
    board._among(pool, Deadline.after(5))
    monkeypatch.setattr(type(plan.validation.target), "blends_within", None)
    board._among(pool, Deadline.after(5))
    assert asked == [[1.0, 1.05], [1.0, 1.05, 1.2]]


def test_where_held_out_rows_stand_for_others_the_plainer_of_two_like_models_is_chosen(monkeypatch):
    first, deep, far = (
        some("first", right=0.845, rank=1),
        some("deep", right=0.85, rank=3),
        some("far", right=0.99, rank=4),
    )

    def chosen(*recipes):
        plan, _ = planner(
            monkeypatch,
            [some("guess", right=0.5, rank=0), *recipes],
            count=400,
            config={"refit": False, "ensemble": False},
        )
        return [c.name for _, c in climb(plan).winner], plan

    _, plan = chosen(first, deep)
    monkeypatch.setattr(type(plan.validation.target), "plainer", 2.0)
    assert chosen(first, deep)[0] == ["first"]  # half a point on 400 rows is no difference
    assert chosen(first, deep, far)[0] == ["far"]
    monkeypatch.setattr(type(plan.validation.target), "plainer", 0.0)
    assert chosen(first, deep)[0] == ["deep"]


@pytest.mark.parametrize(
    ("learnt", "told"), [(90, {}), (50, {"learnt": 50, "learnt_of": 90}), (120, {"learnt": 120, "learnt_of": 120})]
)
def test_a_row_tells_from_how_many_rows_where_these_are_not_the_training_rows(monkeypatch, learnt, told):
    plan, _ = planner(monkeypatch, [some("guess", right=0.5, rank=0), some("good")], folds=1, config={"refit": False})
    candidate = next(c for c in climb(plan).candidates if c.name == "good")
    assert len(plan.validation.parts[0][0]) == 90
    candidate.models[0].extent = {"learnt": learnt}
    plan.standings._rows.clear()
    row = plan.standings.row(candidate)
    assert {k: v for k, v in row.items() if k.startswith("learnt")} == told


@pytest.mark.parametrize(("ships", "wins"), [(True, "guess"), (False, "filter")])
def test_a_plain_answer_of_use_wins_where_it_is_better_on_validation_rows(monkeypatch, ships, wins):
    plain, other = some("guess", right=0.9, rank=0), some("filter", right=0.7, rank=1)
    type(plain).ships = ships
    plan, _ = planner(monkeypatch, [plain, other], config={"refit": False, "ensemble": False})
    assert [c.name for _, c in climb(plan).winner] == [wins]
