"""Models that answer together give what each gives by itself, and sooner."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table
from modelwright.core.task import get_task
from modelwright.features.base import codec_class
from modelwright.features.shared.once import once, sharing
from modelwright.recipes.shared.together import Together
from modelwright.release.bundle import Predictor, load, save

FAST = {"trees": {"rounds": 12, "crosses": True}, "extratrees": {"trees": 12, "crosses": True}, "linear": {"c": 1.0}}
NETWORK = {"epochs": 1, "embedding": 8, "filters": 6, "hidden": 8, "number_width": 4, "width": 16}


def fitted(mixed, context, recipe, kind, labels, text, **more):
    """Return models of three folds, and rows that none of them has seen all of: with gaps, new values, empty texts."""
    table = mixed(kind, rows=240, labels=labels, text=text)
    made = get_recipe(recipe)
    options = made.options(**{**(NETWORK if recipe in ("tabm", "textcnn") else FAST[recipe]), **more})
    models = []
    for fold in range(3):
        train = table.take(np.flatnonzero(np.arange(len(table)) % 3 != fold))
        models.append(made.fit(train, None, options, context(train, kind)))
    rows = table.data.slice(0, 40).to_pylist()
    rows.append(dict.fromkeys(table.data.column_names))
    rows.append({**rows[0], "city": "未见", "金额": 1e9, "old": None, **({"text": ""} if text else {})})
    rows.append({**rows[1], "金额": -1e9, **({"text": "退款退款 refund REFUND ①② 退款"} if text else {})})
    return models, Table.of(pa.Table.from_pylist(rows, table.data.schema), table.schema)


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(("kind", "labels"), [("classes", 2), ("classes", 3), ("label_sets", 3), ("value", 2)])
@pytest.mark.parametrize("recipe", ["linear", "trees", "extratrees", "tabm", "textcnn"])
def test_equal_to_each_alone(mixed, context, recipe, kind, labels, text):
    if recipe == "textcnn" and (not text or kind == "label_sets"):
        return
    models, table = fitted(mixed, context, recipe, kind, labels, text)
    alone = [m.scores(table) for m in models]
    together = Together(models)
    for found, own in zip(together.scores(table), alone, strict=True):
        np.testing.assert_allclose(found, own, rtol=1e-6, atol=1e-6)
    for row in range(len(table)):
        one = table.take(np.array([row]))
        for found, own in zip(together.scores(one), alone, strict=True):
            np.testing.assert_allclose(found, own[row : row + 1], rtol=2e-5, atol=1e-6, err_msg=str(row))


def test_networks_with_other_parts_answer_by_themselves(mixed, context):
    models, table = fitted(mixed, context, "tabm", "classes", 2, False, fusion="attention", fusion_width=8)
    one = table.take(np.array([0]))
    for found, model in zip(Together(models).scores(one), models, strict=True):
        assert np.array_equal(found, model.scores(one))


@pytest.mark.parametrize(
    ("recipe", "more"),
    [
        ("tabm", {"width": 24}), ("tabm", {"depth": 3}), ("tabm", {"number_width": 6}), ("tabm", {"members": 2}),
        ("textcnn", {"filters": 4}), ("textcnn", {"embedding": 4}), ("textcnn", {"hidden": 4}),
        ("trees", {"rounds": 5, "crosses": False}), ("extratrees", {"trees": 5}), ("linear", {"c": 0.01}),
        ("linear", {"pairs": True}),
    ],
)  # fmt: skip
def test_candidates_of_one_recipe_with_other_options_answer_together(mixed, context, recipe, more):
    text = recipe == "textcnn" or "pairs" in more
    models, table = fitted(mixed, context, recipe, "classes", 3, text)
    others, _ = fitted(mixed, context, recipe, "classes", 3, text, **more)
    blend = [models[0], *others, *models[1:]]  # in any order
    for row in range(3):
        one = table.take(np.array([row]))
        assert recipe not in ("tabm", "textcnn") or type(models[0]).together(blend)(one) is not None, "each by itself"
        for found, model in zip(Together(blend).scores(one), blend, strict=True):
            np.testing.assert_allclose(found, model.scores(one), rtol=2e-5, atol=1e-6)


def test_one_row_takes_less_than_half_of_what_all_take_alone(mixed, context):
    models, table = fitted(mixed, context, "linear", "classes", 3, True)
    together, one = Together(models * 2), table.take(np.array([3]))

    def least(call):
        times = []
        for _ in range(15):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    assert least(lambda: together.scores(one)) < 0.5 * least(lambda: [m.scores(one) for m in models * 2])


def test_what_was_found_is_kept_while_sharing_and_no_longer():
    values, calls = pa.array(["a", "b"]), []
    find = lambda: calls.append(1) or len(calls)  # noqa: E731
    with sharing():
        assert once("x", values, find) == once("x", values, find) == 1
        assert once("y", values, find) == 2
        assert once("x", values.slice(1), find) == 3
    assert once("x", values, find) == 4


@pytest.mark.parametrize("modality", ["number", "category", "boolean", "timestamp", "text"])
def test_a_cell_by_itself_has_the_features_that_it_has_in_a_column(mixed, modality):
    table = mixed("classes", rows=200, text=True)
    name = next(c.name for c in table.schema.inputs if c.modality == modality)
    values = table.column(name)
    codec = codec_class(modality, "sparse").fit(values.slice(0, 150), table.schema[name], None, 0)
    values = pa.concat_arrays([values, pa.nulls(1, values.type)])
    whole = codec.encode(values).toarray()
    for i in range(100, len(values)):
        places, data = codec.one(values.slice(i, 1))
        row = np.zeros(whole.shape[1], np.float32)
        row[places] = data
        np.testing.assert_allclose(row, whole[i], rtol=1e-6, atol=1e-7)


def test_long_texts_with_figures(mixed, context):
    table = mixed("classes", rows=240, text=True)
    long = [((t or "") + " 你好 hello world. ") * 40 for t in table.column("text").to_pylist()]
    data = table.data.set_column(table.data.column_names.index("text"), "text", pa.array(long))
    table = Table.of(data, table.schema)
    codec = codec_class("text", "sparse").fit(table.column("text"), table.schema["text"], None, 0)
    assert codec.figures is not None
    places, found = codec.one(table.column("text").slice(4, 1))
    row = np.zeros(codec.encode(table.column("text").slice(0, 1)).shape[1], np.float32)
    row[places] = found
    np.testing.assert_allclose(row, codec.encode(table.column("text")).toarray()[4], rtol=1e-6, atol=1e-7)


def test_a_first_answer_imports_only_what_it_needs(mixed, context, tmp_path: Path):
    models, table = fitted(mixed, context, "linear", "classes", 3, True)
    target = context(table, "classes").target
    save(Predictor(get_task("classification"), table.schema, target, [(1.0, m) for m in models]), tmp_path / "b")
    row = {"text": "refund", "city": "城1", "金额": 3, "old": True, "seen": "2026-01-02"}
    code = (
        "import sys; from pathlib import Path; from modelwright.release.bundle import load; "
        f"print(load(Path({str(tmp_path / 'b')!r})).predict({row!r})[0]['prediction']); "
        "print([m for m in sys.modules if m in ('pandas', 'scipy', 'sklearn', 'torch', 'lightgbm', 'rich')]); "
        "print([m for m in sys.modules if m.startswith('modelwright.recipes.') and m.count('.') == 3 and '._' not in m and '.shared.' not in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer, heavy, recipes = done.stdout.strip().splitlines()
    assert answer == load(tmp_path / "b").predict(row)[0]["prediction"]
    assert heavy == "[]"
    assert recipes == "['modelwright.recipes.columns.linear']"
