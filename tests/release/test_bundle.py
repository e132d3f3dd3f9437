"""A predictor answers the same rows the same way, whatever holds them."""

import pandas as pd
import polars as pl
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.testing import context, sample_table
from modelwright.tune.timing import AnswerTime

ROWS = [
    {"message": "my parcel has not moved", "channel": "mail", "amount": 4.5},
    {"message": "charged twice", "channel": "chat", "amount": None},
]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 120)
    recipe = get_recipe("linear")
    model = recipe.fit(
        table, table.take(range(40)), recipe.variants(table.schema, target, len(table))[0], context(task, target)
    )
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame, lambda rows: pd.DataFrame(rows).iloc[::-1].iloc[::-1]])
def test_frames_and_mappings_are_answered_alike(predictor: Predictor, make) -> None:
    assert predictor.predict(make(ROWS)) == predictor.predict(ROWS)
    coded = pl.DataFrame(ROWS).with_columns(pl.col("channel").cast(pl.Categorical))
    assert predictor.predict(coded) == predictor.predict(ROWS)


def test_what_is_known_to_take_seconds_is_not_timed_again(predictor: Predictor, monkeypatch) -> None:
    table, _ = sample_table(predictor.task, 20)
    asked = []
    monkeypatch.setattr(Predictor, "predict", lambda self, rows: asked.append(1))
    assert predictor.answer_time(table, AnswerTime(3000.0, 2000.0)) == AnswerTime(3000.0, 2000.0)
    assert not asked
    predictor.answer_time(table, AnswerTime(3.0, 2.0))
    assert asked
