"""What an answer of a candidate costs: as measured, all its models together, or one of them where one will serve."""

from __future__ import annotations

import pytest

from modelwright.tune import candidate as candidates
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
