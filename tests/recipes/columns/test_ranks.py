"""Recipes for values on ordered labels."""

import numpy as np
import pytest

from modelwright.core.answers.base import target_from_state
from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.testing import context, judged, sample_table


@pytest.fixture(scope="module")
def fitted():
    task = get_task("ordinal")
    table, target = sample_table(task, 120)
    recipe = get_recipe("rankridge")
    train, valid = table.take(np.arange(80)), table.take(np.arange(80, 120))
    options = recipe.variants(table.schema, target, 80)[0]
    return task, table, target, recipe, options, recipe.fit(train, valid, options, context(task, target))


def test_the_deviation_is_that_of_held_out_rows(fitted):
    _, table, target, _, _, model = fitted
    held = table.take(np.arange(80, 120))
    ranks = target.encode(held.column("stars"))
    wanted = np.sqrt(np.mean((model.model.scores(held)[:, 0] - ranks) ** 2))
    assert model.sigma == pytest.approx(max(0.25, wanted))
    assert get_task("ordinal").metrics[0](judged(held, target, model.scores(held))) > 0.8


def test_a_refit_repeats_the_extent(fitted):
    task, table, target, recipe, options, model = fitted
    again = recipe.fit(table, None, options, context(task, target, extent=model.extent))
    assert again.sigma == model.sigma
    assert again.model.extent["c"] == model.model.extent["c"]


def test_plain_labels_are_refused(fitted):
    _, table, _, recipe, _, _ = fitted
    plain = target_from_state({"kind": "classes", "values": ["a", "b"], "counts": [1, 1]})
    assert "ordinal" in recipe.refuses(table.schema, plain, 100).en
    assert recipe.refuses(table.schema, OrderedCodec(["1", "2"], [1, 1]), 100) is None


def test_only_the_ordinal_task_lists_them():
    assert "ranktrees" in get_task("ordinal").recipes
    assert "ranktrees" not in get_task("classification").recipes
    assert get_task("ordinal").recipes[:3] == ("constant", "rankridge", "ranktrees")


def test_a_damaged_model_is_named(fitted, tmp_path):
    *_, target, _, _, model = fitted
    model.save(tmp_path)
    (tmp_path / "ranks.json").write_text("{}")
    with pytest.raises(BundleError, match="KeyError"):
        type(model).load(tmp_path, target)


@pytest.mark.parametrize("name", ["constant", "rankridge", "ranktrees", "linear", "trees", "catboost"])
def test_a_label_that_no_training_row_has_still_has_a_score(name):
    import pyarrow as pa

    from modelwright.core.schema import Table

    task = get_task("ordinal")
    table, _ = sample_table(task, 120)
    stars = [{"3": "4"}.get(v, v) for v in table.column("stars").to_pylist()]
    data = table.data.set_column(table.data.column_names.index("stars"), "stars", pa.array(stars))
    table = Table(data, table.schema, table.rows)
    target = task.fit_target(table.column("stars"), table.schema["stars"])
    assert target.labels == ("1", "2", "3", "4")
    recipe = get_recipe(name)
    train, valid = table.take(np.arange(90)), table.take(np.arange(90, 120))
    scores = recipe.fit(
        train, valid, recipe.variants(table.schema, target, 90)[0], context(task, target, 30)
    ).scores(table)  # fmt: skip
    assert scores.shape == (120, 4)
    assert np.allclose(scores.sum(1), 1)
    if not name.startswith("rank"):
        assert scores[:, 2].max() < 0.2
