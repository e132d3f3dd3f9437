"""Extremely randomised trees: the same answers as the library's, damaged files, deadlines, weights, many rows."""

import json

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file, save_file

from modelwright.core.budget import Deadline
from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Schema
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.recipes.columns.extratrees import ExtraTreesOptions, _leaf
from modelwright.recipes.shared.forest import flattened
from modelwright.testing import context

TASK = get_task("classification")
RECIPE = get_recipe("extratrees")


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=600), rng.normal(size=600)
    answer = np.where(a > 0.5, "高", np.where(b > 0, "中", "低"))
    raw = pa.table({"a": [None if i % 17 == 0 else v for i, v in enumerate(a)], "b": b, "y": answer})
    table, _ = coerce(raw, infer_schema(raw, target="y"))
    target = TASK.fit_target(table.column("y"), table.schema["y"])
    train, valid = table.take(np.arange(450)), table.take(np.arange(450, 600))
    options = RECIPE.variants(table.schema, target, 450)[0].model_copy(update={"trees": 60})
    return RECIPE.fit(train, valid, options, context(TASK, target, threads=1)), train, valid, target, options


def test_it_learns_and_bears_missing_values(fitted):
    model, _, valid, target, _ = fitted
    scores = model.scores(valid)
    assert np.allclose(scores.sum(1), 1)
    assert (scores.argmax(1) == target.encode(valid.column("y"))).mean() > 0.9


@pytest.mark.parametrize("kind", ["classes", "value"])
def test_the_arrays_answer_as_the_library_does(kind):
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    rng = np.random.default_rng(1)
    x = rng.integers(0, 12, (300, 5)).astype(np.float32)  # few values: many rows stand exactly on a threshold's side
    x[rng.random(x.shape) < 0.1] = np.nan
    truth = rng.integers(0, 3, 300)
    made = ExtraTreesClassifier if kind == "classes" else ExtraTreesRegressor
    forest = made(20, random_state=0).fit(x[:200], truth[:200])
    trees = [t.tree_ for t in forest.estimators_]
    values = [t.value[:, 0] / (t.value[:, 0].sum(1, keepdims=True) if kind == "classes" else 1) for t in trees]
    mine = flattened(trees, values).answer(x)
    expected = forest.predict_proba(x) if kind == "classes" else forest.predict(x)[:, None]
    assert np.allclose(mine, expected, atol=1e-6)


def test_rows_are_answered_in_parts(fitted, monkeypatch):
    model, _, valid, _, _ = fitted
    whole = model.scores(valid)
    monkeypatch.setattr("modelwright.recipes.shared.forest._TOGETHER", 600)
    assert np.array_equal(model.scores(valid), whole)
    assert model.scores(valid.take(np.arange(0))).shape == (0, 3)


def test_a_deadline_ends_the_fit_with_what_stands(fitted):
    _, train, valid, target, options = fitted
    ctx = context(TASK, target, threads=1)
    ctx.deadline = Deadline.after(0.0)
    model = RECIPE.fit(train, valid, options.model_copy(update={"trees": 9000}), ctx)
    assert model.extent == {"trees": 4}
    again = RECIPE.fit(train, None, options, context(TASK, target, threads=1, extent=model.extent))
    assert len(again.forest.arrays["roots"]) == 4


def test_many_rows_have_larger_leaves():
    assert _leaf(ExtraTreesOptions(), 7000) == 1
    assert _leaf(ExtraTreesOptions(), 80_000) == 20
    assert _leaf(ExtraTreesOptions(leaf=3), 80_000) == 3


@pytest.fixture(scope="module")
def by_pairs():
    """A model of ten numbers of which two tell by their difference, and the halves that it learnt and did not learn from."""
    rng = np.random.default_rng(3)
    numbers = rng.normal(size=(1000, 10))
    answer = np.where(np.floor(numbers[:, 2] - numbers[:, 7]) % 2, "odd", "even")
    raw = pa.table({**{f"n{k}": numbers[:, k] for k in range(10)}, "y": answer})
    table, _ = coerce(raw, infer_schema(raw, target="y"))
    target = TASK.fit_target(table.column("y"), table.schema["y"])
    train, valid = table.take(np.arange(700)), table.take(np.arange(700, 1000))
    first, paired, *_ = (o.model_copy(update={"trees": 60}) for o in RECIPE.variants(table.schema, target, 700))
    assert (first.crosses, paired.crosses) == (False, True)
    ctx = context(TASK, target, threads=1)
    return RECIPE.fit(train, valid, first, ctx), RECIPE.fit(train, valid, paired, ctx), train, valid, target, paired


def test_pairs_of_many_numbers_tell_more(by_pairs, tmp_path):
    plain, paired, train, valid, target, options = by_pairs
    truth = target.encode(valid.column("y"))
    right = [(m.scores(valid).argmax(1) == truth).mean() for m in (plain, paired)]
    assert right[1] > right[0] + 0.05, right
    paired.save(tmp_path)
    again = type(paired).load(tmp_path, target)
    assert np.array_equal(again.scores(valid), paired.scores(valid))
    assert (again.extent, again.width) == (paired.extent, paired.width)
    refit = RECIPE.fit(train, None, options, context(TASK, target, threads=1, extent=paired.extent))
    assert refit.crosses.numbers == paired.crosses.numbers


def test_pairs_of_numbers_that_are_not_there_are_refused(by_pairs, tmp_path):
    _, model, _, _, target, _ = by_pairs
    model.save(tmp_path)
    state = json.loads((tmp_path / "model.json").read_text())
    state["crosses"]["numbers"][0] = 99
    (tmp_path / "model.json").write_text(json.dumps(state))
    with pytest.raises(BundleError, match="ValueError"):
        type(model).load(tmp_path, target)


def test_a_model_saved_before_there_were_pairs_is_read(fitted, tmp_path):
    model, _, valid, target, _ = fitted
    model.save(tmp_path)
    state = json.loads((tmp_path / "model.json").read_text())
    del state["crosses"]
    (tmp_path / "model.json").write_text(json.dumps(state))
    (tmp_path / "crosses.safetensors").unlink()
    assert np.array_equal(type(model).load(tmp_path, target).scores(valid), model.scores(valid))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("right", lambda a: np.zeros_like(a)),  # a walk that never ends
        ("right", lambda a: a + 10_000_000),
        ("feature", lambda a: np.where(a >= 0, 99, a).astype(a.dtype)),
        ("feature", lambda a: np.zeros_like(a)),  # no leaf at the end
        ("roots", lambda a: a - 5),
        ("missing", lambda a: a[:-1]),
        ("leaves", lambda a: a[:, :2].copy()),
    ],
)
def test_damaged_trees_are_refused(fitted, tmp_path, name, harm):
    model, _, _, target, _ = fitted
    model.save(tmp_path)
    arrays = load_file(str(tmp_path / "forest.safetensors"))
    save_file({**arrays, name: harm(arrays[name])}, str(tmp_path / "forest.safetensors"))
    with pytest.raises(BundleError, match="ValueError"):
        type(model).load(tmp_path, target)


def test_half_a_file_is_refused(fitted, tmp_path):
    model, _, _, target, _ = fitted
    model.save(tmp_path)
    place = tmp_path / "forest.safetensors"
    place.write_bytes(place.read_bytes()[:500])
    with pytest.raises(BundleError):
        type(model).load(tmp_path, target)


def test_it_says_why_it_is_not_for_this(fitted):
    _, _, _, target, _ = fitted
    words = RECIPE.refuses(Schema(()), target, 10)
    assert "table" in words.en
    assert "表格" in words.zh
    many = type(target)([str(i) for i in range(80)], [1] * 80)
    assert "80" in RECIPE.refuses(Schema(()), many, 10).en
