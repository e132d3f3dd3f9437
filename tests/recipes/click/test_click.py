"""Recipes for clicks: statistics leave a row's own answer out, fields are hashed, factors find pairs, models learn and are kept."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.budget import Deadline
from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.recipes.click._factors import Factors
from modelwright.recipes.click._fields import Fields, crossed
from modelwright.recipes.click._statistics import LEAST, KeyMeans
from modelwright.testing import context, judged

TASK = get_task("click-through")
NAMES = [n for n in TASK.recipes if n != "constant"]


def events(count: int = 3000, seed: int = 0) -> Table:
    """Users like the items whose hidden vector is near theirs; nobody is known by a column but by id."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(0, 60, count), rng.integers(0, 40, count)
    hidden = np.random.default_rng(9)
    u, v = hidden.normal(size=(60, 2)), hidden.normal(size=(40, 2))
    value = 2.2 * (u[user] * v[item]).sum(axis=1) + hidden.normal(size=60)[user]
    click = rng.random(count) < 1 / (1 + np.exp(-value))
    schema = Schema(
        (
            Column("user", "category", options={"key": "user"}), Column("item", "category", options={"key": "item"}),
            Column("price", "number"), Column("tags", "category"), Column("at", "timestamp", options={"when": True}),
            Column("click", "boolean", "target"),
        )
    )  # fmt: skip
    columns = {
        "user": [f"u{i}" for i in user], "item": [f"i{i}" for i in item], "price": rng.random(count),
        "tags": np.resize(["a|b", "b|c", "a|c", "c|d", "d", "b|d"], count).tolist(), "at": pa.array(np.arange(count) * 3_600_000_000, pa.timestamp("us")), "click": click,
    }  # fmt: skip
    return Table.of(pa.table(columns), schema)


def auc_of(name: str, train: Table, test: Table, **options) -> float:
    target = TASK.fit_target(train.column("click"), train.schema["click"])
    recipe = get_recipe(name)
    chosen = recipe.variants(train.schema, target, len(train))[0].model_copy(update=options)
    model = recipe.fit(train, None, chosen, context(TASK, target, extent=None))
    return TASK.metric("roc_auc")(judged(test, target, model.scores(test)))


def test_means_leave_out_the_rows_own_fold():
    keys = np.array([[1], [1], [1], [1], [1], [1], [2]], np.uint64)
    values, fold = np.array([1.0, 1, 1, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1, 1, 0])
    found, means, counts = KeyMeans.fit(keys, values, 1.0, fold, 2)
    assert means.tolist() == [0, 0, 0, 0.75, 0.75, 0.75, 0]
    assert counts.tolist() == [3, 3, 3, 3, 3, 3, 0]
    assert found.keys.tolist() == [1]  # what occurs less than three times is not kept
    assert LEAST == 3
    mean, count = found.look(np.array([[1], [2], [7]], np.uint64))
    assert mean.tolist() == [3 / 7, 0, 0]
    assert count.tolist() == [6, 0, 0]


def test_several_keys_of_a_row_are_averaged():
    keys = np.array([[1, 2], [1, 0], [1, 2], [2, 0], [1, 2]], np.uint64)
    found, _, _ = KeyMeans.fit(keys, np.array([1.0, 1, 1, 0, 1]), 0.0)
    mean, _ = found.look(np.array([[1, 2], [1, 0]], np.uint64))
    assert mean.tolist() == [(1 + 0.75) / 2, 1]


def test_fields_split_lists_and_hash_what_they_read():
    table = events(400)
    fields = Fields.fit(table)
    kinds = [(f.column, f.kind) for f in fields.fields]
    assert kinds == [
        ("user", "one"),
        ("item", "one"),
        ("price", "bin"),
        ("tags", "parts"),
        ("at", "hour"),
        ("at", "weekday"),
        ("at", "when"),
    ]
    hashes = fields.hashes(table)
    assert hashes[3].shape == (400, 2)
    assert (hashes[3][:, 1] == 0).sum() == 66
    assert hashes[3][0, 1] == hashes[3][1, 0]  # both are `b`
    assert len(np.unique(hashes[4])) == 24
    alone = Fields.restore(fields.state()).hashes(table.take(np.array([7])))
    assert all((a[0, :1] == b[7, :1]).all() for a, b in zip(alone, hashes, strict=True))
    both = crossed(hashes[0], hashes[3])
    assert both.shape == (400, 2)
    assert ((both == 0) == (hashes[3] == 0)).all()
    with pytest.raises(ValueError, match="fields"):
        Fields.restore([{"column": "x", "kind": "what", "edges": [], "key": ""}])


def test_factors_find_pairs_that_means_cannot():
    rng = np.random.default_rng(0)
    users, items = rng.integers(1, 40, 4000).astype(np.uint64), rng.integers(1, 30, 4000).astype(np.uint64)
    values = np.where(users % 2 == items % 2, 0.5, -0.5)
    half = np.arange(4000) < 2000
    found = Factors.fit(
        users[half], items[half], values[half], rank=3, penalty=0.02, sweeps=6, seed=0, deadline=Deadline.after(60)
    )
    said = found.look(users[~half], items[~half])
    assert np.corrcoef(said, values[~half])[0, 1] > 0.95
    assert found.look(np.array([999], np.uint64), np.array([1], np.uint64)).tolist() == [0]


def test_models_beat_the_means_and_the_means_beat_chance():
    table = events()
    train, test = table.take(np.arange(2600)), table.take(np.arange(2600, 3000))
    means = auc_of("click-means", train, test)
    assert means > 0.55
    assert auc_of("click-trees", train, test) > means + 0.08
    assert auc_of("bayes-fm", train, test, sweeps=40) > means + 0.08


@pytest.mark.parametrize("name", ["fm", "dcnv2", "finalmlp"])
def test_networks_are_no_worse_than_the_means(name):
    table = events(2000)
    train, test = table.take(np.arange(1700)), table.take(np.arange(1700, 2000))
    assert auc_of(name, train, test, epochs=8, batch=128) > auc_of("click-means", train, test) - 0.04


def test_crosses_see_what_two_columns_say_together():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 1500), rng.integers(0, 4, 1500)
    schema = Schema((Column("a", "category"), Column("b", "category"), Column("click", "boolean", "target")))
    click = rng.random(1500) < np.where((a + b) % 2 == 1, 0.9, 0.1)
    table = Table.of(pa.table({"a": a.astype(str), "b": b.astype(str), "click": click}), schema)
    train, test = table.take(np.arange(1200)), table.take(np.arange(1200, 1500))
    assert auc_of("click-crosses", train, test) > 0.85
    assert auc_of("click-crosses", train, test, cross=0.0) < 0.6
    assert auc_of("click-means", train, test) < 0.6


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_model_is_refused(name, tmp_path):
    table = events(200)
    target = TASK.fit_target(table.column("click"), table.schema["click"])
    recipe = get_recipe(name)
    options = recipe.variants(table.schema, target, 200)[0]
    small = {k: v for k, v in {"epochs": 1, "rounds": 3, "sweeps": 4}.items() if k in type(options).model_fields}
    recipe.fit(table, None, options.model_copy(update=small), context(TASK, target)).save(tmp_path)
    state = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(state.replace('"kind": "one"', '"kind": "two"'))
    with pytest.raises(BundleError):
        type(recipe).model.load(tmp_path, target)
