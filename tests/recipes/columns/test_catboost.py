"""CatBoost: damaged files, categories, deadlines."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.budget import Deadline
from modelwright.core.errors import BundleError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Schema
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.testing import context

TASK = get_task("classification")


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    shop = rng.integers(0, 40, 1200)
    good = rng.random(40) < 0.5
    answer = np.where(rng.random(1200) < 0.9, good[shop], ~good[shop])
    raw = pa.table(
        {"shop": [f"店{s}" for s in shop], "n": rng.normal(size=1200), "y": [("no", "yes")[int(a)] for a in answer]}
    )
    table, _ = coerce(raw, infer_schema(raw, target="y"))
    target = TASK.fit_target(table.column("y"), table.schema["y"])
    recipe = get_recipe("catboost")
    train, valid = table.take(np.arange(900)), table.take(np.arange(900, 1200))
    options = recipe.variants(table.schema, target, 900)[0].model_copy(update={"rounds": 60})
    return recipe, recipe.fit(train, valid, options, context(TASK, target, threads=1)), train, valid, target, options


def test_a_category_that_carries_the_answer_is_used(fitted):
    _, model, _, valid, target, _ = fitted
    right = model.scores(valid).argmax(1) == target.encode(valid.column("y"))
    assert right.mean() > 0.82
    assert model.contributions(valid.take(np.array([0])))[0][0].column == "shop"


def test_a_refit_repeats_the_rounds(fitted):
    recipe, model, train, _, target, options = fitted
    again = recipe.fit(train, None, options, context(TASK, target, threads=1, extent=model.extent))
    assert again.boosters[0].tree_count_ == max(1, round(model.extent["rounds"][0] * 1.05))


def test_a_deadline_ends_the_fit_with_what_stands(fitted):
    recipe, _, train, valid, target, options = fitted
    ctx = context(TASK, target, threads=1)
    ctx.deadline = Deadline.after(0.0)
    model = recipe.fit(train, valid, options.model_copy(update={"rounds": 5000}), ctx)
    assert model.boosters[0].tree_count_ <= 3


def test_a_split_out_of_range_is_refused_though_the_checksum_fits(fitted, tmp_path):
    _, model, _, _, target, _ = fitted
    model.save(tmp_path)
    data = json.loads((tmp_path / "catboost-0.json").read_text())
    tree = next(t for t in data["oblivious_trees"] if t["splits"])
    tree["splits"][0]["split_index"] = 100_000
    (tmp_path / "catboost-0.json").write_text(json.dumps(data))
    state = json.loads((tmp_path / "model.json").read_text())
    state["sha256"] = [hashlib.sha256((tmp_path / "catboost-0.json").read_bytes()).hexdigest()]
    (tmp_path / "model.json").write_text(json.dumps(state))
    with pytest.raises(BundleError, match="out of range"):
        type(model).load(tmp_path, target)


def test_half_a_file_is_refused(fitted, tmp_path):
    _, model, _, _, target, _ = fitted
    model.save(tmp_path)
    text = (tmp_path / "catboost-0.json").read_bytes()
    (tmp_path / "catboost-0.json").write_bytes(text[: len(text) // 2])
    with pytest.raises(BundleError, match="checksum"):
        type(model).load(tmp_path, target)
    assert json.loads((tmp_path / "model.json").read_text())["sha256"]


def test_text_alone_is_left_to_others(fitted):
    recipe, _, _, _, target, _ = fitted
    words = recipe.refuses(Schema(()), target, 10)
    assert words.en
    assert words.zh
