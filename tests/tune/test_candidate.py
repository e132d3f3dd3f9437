"""Scores of candidates put together from folds, whatever shape a row's scores have."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.core.answers.objects import ObjectsCodec
from modelwright.tune.candidate import Validation
from tune.made import rows, validation


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
