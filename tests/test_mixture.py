"""Five columns of unlike kinds in one table: every recipe answers a row that misses two of them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.recipe import get_recipe, missing_modules, recipe_names
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import kind_of
from modelwright.testing import context

KINDS = ("image", "series", "molecule")
ROWS = 24
TASK = get_task("classification")


@pytest.fixture(scope="module")
def mixture():
    states = [i % 3 for i in range(ROWS)]
    raw, target = TASK.sample(ROWS, 0)
    labels = sorted(set(raw.column(target).to_pylist()))
    states = [labels.index(v) for v in raw.column(target).to_pylist()]
    columns = {n: raw.column(n) for n in ("amount", "message", target)}
    columns |= {kind: pa.array(kind_of(kind).sample(states, 1)) for kind in KINDS}
    table = pa.table(columns)
    schema = infer_schema(table, target=target, overrides={k: k for k in KINDS} | {"message": "text"})
    typed, bad = coerce(table, schema, folder=Path())
    assert not bad
    return typed, TASK.fit_target(typed.column(target), typed.schema[target])


def without(table, *names):
    data = table.data
    for name in names:
        at = data.column_names.index(name)
        data = data.set_column(at, name, pa.nulls(len(table), data.schema.field(at).type))
    return type(table)(data, table.schema, table.rows)


@pytest.mark.parametrize("name", [n for n in recipe_names() if get_recipe(n).tasks is None])
def test_a_row_that_misses_two_columns_is_answered(name, mixture):
    table, target = mixture
    recipe = get_recipe(name)
    if missing_modules(type(recipe)):
        pytest.fail(f"{name} needs modules that the extra `all` should bring: {missing_modules(type(recipe))}")
    refused = recipe.refuses(table.schema, target, len(table))
    if refused is not None:
        assert refused.zh
        return
    options = recipe.variants(table.schema, target, len(table))[0]
    small = {k: v for k, v in {"epochs": 1, "rounds": 8}.items() if k in type(options).model_fields}
    model = recipe.fit(table, None, options.model_copy(update=small), context(TASK, target, seed=1))
    whole = model.scores(table)
    for gone in (("image", "message"), ("series", "amount"), ("molecule", "image")):
        scores = model.scores(without(table.take(np.arange(3)), *gone))
        assert scores.shape == (3, target.outputs)
        assert np.isfinite(scores).all()
    assert np.isfinite(whole).all()
