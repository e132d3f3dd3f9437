"""Many rows are encoded a part at a time: the same matrix as at once, less memory, and a stop is heard between the parts."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.task import get_task
from modelwright.recipes.shared import columns
from modelwright.recipes.shared.columns import ColumnCodecs, encoded
from modelwright.testing import sample_table


@pytest.mark.parametrize("view", ["sparse", "dense"])
def test_parts_give_what_all_rows_at_once_give(view, monkeypatch):
    table, _ = sample_table(get_task("classification"), 90)
    codecs, whole = ColumnCodecs.fit(table, view, None, 0)
    again = codecs.encode(table)
    monkeypatch.setattr(columns, "_AT_ONCE", 16)
    _, parts = ColumnCodecs.fit(table, view, None, 0)
    for one, other in ((whole, parts), (again, codecs.encode(table))):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        if view == "dense":
            np.testing.assert_array_equal(one, other)
        else:
            assert (one != other).nnz == 0


@pytest.mark.parametrize("view", ["sparse", "dense"])
def test_a_stop_is_heard_between_two_parts(view, monkeypatch):
    monkeypatch.setattr(columns, "_AT_ONCE", 16)
    table, _ = sample_table(get_task("classification"), 90)
    run = Deadline.after(1000)
    codecs, _ = ColumnCodecs.fit(table, view, None, 0, run.sub(0.0))
    run.stop()
    with pytest.raises(ModelwrightError, match="stopped"):
        codecs.encode(table, run.sub(10.0))
    assert codecs.encode(table).shape[0] == 90  # answers are given to the end


def test_encodings_are_kept_as_long_as_there_is_room(monkeypatch, mixed, context):
    table = mixed("classes", 80)
    ctx = context(table, "classes")
    for seed in range(4):  # as further trials see other rows
        encoded(table.take(np.arange(seed, 70)), None, "dense", None, ctx)
    assert len(ctx.cache) == 4
    monkeypatch.setattr(columns, "for_cache", lambda most, share: 1)
    encoded(table, None, "dense", None, ctx)
    assert len(ctx.cache) == 1


def test_a_logistic_regression_ends_within_a_step_once_the_run_was_ended_by_hand(monkeypatch):
    from scipy.sparse import csr_matrix

    from modelwright.recipes.shared import solvers

    rng = np.random.default_rng(0)
    matrix, start = csr_matrix(rng.normal(size=(300, 4)).astype(np.float32)), np.zeros((5, 1), np.float32)
    truth = (matrix.toarray()[:, :1] > 0).astype(float)
    run = Deadline.after(1000)
    run.stop()
    quick = solvers.logistic(matrix, truth, 1.0, None, run, start, False)
    assert ((matrix @ quick[:-1] + quick[-1] > 0) == truth).mean() > 0.9  # a step costs nothing here
    monkeypatch.setattr(solvers, "_SLOW", -1.0)
    with pytest.raises(ModelwrightError, match="stopped"):
        solvers.logistic(matrix, truth, 1.0, None, run, start, False)
    assert (
        solvers.logistic(matrix, truth, 1.0, None, run, quick, False) == quick
    ).all()  # what was learnt before stays
