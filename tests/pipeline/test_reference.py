"""What a run keeps in its bundle to notice drift by."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.evaluate.drift.reference import Reference
from modelwright.pipeline.decide import judge_test
from modelwright.pipeline.reference import reference_of
from modelwright.release.bundle import Predictor
from modelwright.testing import context, sample_table


def _state(task_name: str, *, reuses_rows: bool = True) -> Any:
    task = get_task(task_name)
    table, target = sample_table(task, 150)
    recipe = get_recipe("linear")
    model = recipe.fit(
        table, table.take(np.arange(40)), recipe.variants(table.schema, target, 150)[0], context(task, target)
    )
    predictor = Predictor(task, table.schema, target, [(1.0, model)])
    return SimpleNamespace(
        reuses_rows=reuses_rows, config=SimpleNamespace(seed=0, budget="1m"), parts=SimpleNamespace(develop=table),
        deadline=SimpleNamespace(stopped=False),
        predictor=predictor, judged=judge_test(predictor, table.take(np.arange(100, 150))),
    )  # fmt: skip


@pytest.mark.parametrize("task", ["classification", "regression", "multi-label-classification"])
def test_columns_of_development_rows_and_answers_to_test_rows(task):
    state = _state(task)
    made = Reference.from_json(reference_of(state))
    assert [r.column for r in made.readers] == [c.name for c in state.predictor.schema.inputs]
    assert made.rows == 150
    assert made.answers.figures[0].rows == 50
    assert (made.answers.confusion is not None) == (task == "classification")


def test_nothing_is_kept_under_differential_privacy():
    assert reference_of(_state("classification", reuses_rows=False)) is None
