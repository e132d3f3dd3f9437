"""`--weight`: rows count in training as a column says, scores count every row once, and what is no weight is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

import modelwright as mw
from modelwright.core.budget import Deadline
from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.recipes.shared.solvers import ridge
from modelwright.testing import context


def rows(count: int = 240) -> pa.Table:
    """Half of the rows are right, with weight 1; the others say the opposite, with weight 0."""
    x = np.random.default_rng(0).normal(size=count)
    right = np.arange(count) % 2 == 0
    label = np.where((x > 0) == right, "yes", "no")
    return pa.table({"x": x, "w": right.astype(float), "label": label, "y": np.where(right, x, -x)})


@pytest.mark.parametrize("task_name", ["classification", "regression"])
@pytest.mark.parametrize("name", ["linear", "trees", "catboost", "extratrees", "tabm"])
def test_rows_without_weight_teach_nothing(name, task_name):
    target = {"classification": "label", "regression": "y"}[task_name]
    raw = rows().select(["x", "w", target])
    table, _ = coerce(raw, infer_schema(raw, target=target, weight="w"))
    task = get_task(task_name)
    codec = task.fit_target(table.column(target), table.schema[target])
    recipe = get_recipe(name)
    options = recipe.variants(table.schema, codec, len(table))[0]
    model = recipe.fit(table, None, options, context(task, codec, 60.0))
    scores = model.scores(table)[:, -1]
    x = np.asarray(table.column("x"))
    assert np.corrcoef(scores, x)[0, 1] > 0.5  # without weights it is about 0


def test_a_weighted_ridge_is_that_of_repeated_rows():
    rng = np.random.default_rng(1)
    x, y, times = rng.normal(size=(30, 4)), rng.normal(size=30), rng.integers(1, 4, 30)
    apart = ridge(csr_matrix(np.repeat(x, times, 0).astype(np.float32)), np.repeat(y, times), 2.0, Deadline.after(9))
    weight = times / times.mean()
    found = ridge(csr_matrix(x.astype(np.float32)), y, 2.0 / times.mean(), Deadline.after(9), weight=weight)
    np.testing.assert_allclose(found, apart, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "error", "said"),
    [
        ([1.0, -1.0], ColumnError, "row 2"),
        ([1.0, None], ColumnError, "row 2"),
        ([0.0, 0.0], ColumnError, "0 in every row"),
    ],
)
def test_what_is_no_weight_is_refused(tmp_path, weights, error, said):
    raw = pa.table({"x": [1.0, 2.0] * 40, "w": weights * 40, "y": ["a", "b"] * 40})
    with pytest.raises(error, match=said):
        mw.fit(raw, "y", weight="w", budget="30s", out=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"weight": "y"}, OptionError, "is the target"),
        ({"weight": "z"}, ColumnError, "z"),
        (
            {"weight": "w", "task": "multi-label-classification", "column": {"y": "labels"}},
            OptionError,
            "one label or one number",
        ),
    ],
)
def test_what_weights_do_not_fit_is_refused(tmp_path, options, error, said):
    raw = pa.table({"x": [i * 0.37 % 5.1 for i in range(80)], "w": [1.0] * 80, "y": ["1|2", "2"] * 40})
    with pytest.raises(error, match=said):
        mw.fit(raw, "y", **options, budget="30s", out=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())
