"""CatBoost's JSON: what the library writes passes, what it would not write is refused before it sees it."""

import copy
import json

import numpy as np
import pytest

from modelwright.models.catboost_json import checked

catboost = pytest.importorskip("catboost")


def pool(label: np.ndarray | None = None):
    """Return 300 rows of two numbers, a category of many values and one of three."""
    rng = np.random.default_rng(1)
    numbers = rng.random((300, 2)).astype(np.float32)
    numbers[:20, 0] = np.nan
    words = np.array(
        [[str(rng.integers(0, 30)).encode(), str(rng.integers(0, 2)).encode()] for _ in range(300)], object
    )
    data = catboost.FeaturesData(num_feature_data=numbers, cat_feature_data=words)
    truth = (words[:, 0].astype(int) % 3 + words[:, 1].astype(int) + (numbers[:, 1] > 0.5)) % 3
    return catboost.Pool(data, truth if label is None else label)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made") / "model.json"
    booster = catboost.CatBoost(
        {
            "iterations": 25, "depth": 4, "loss_function": "MultiClass", "thread_count": 1, "verbose": 0,
            "allow_writing_files": False, "bootstrap_type": "MVS", "random_seed": 0,
        }
    )  # fmt: skip
    booster.fit(pool())
    booster.save_model(str(place), format="json", pool=pool())
    return booster, json.loads(place.read_text())


def check(data):
    return checked(data, 2, 2, 3, "MultiClass")


def test_what_passed_answers_as_the_model_did(made, tmp_path, capfd):
    booster, data = made
    kinds = {s["split_type"] for t in data["oblivious_trees"] for s in t["splits"]}
    assert kinds == {"FloatFeature", "OneHotFeature", "OnlineCtr"}
    (tmp_path / "m.json").write_text(json.dumps(check(data)))
    again = catboost.CatBoost()
    again.load_model(str(tmp_path / "m.json"), format="json")
    raw = booster.predict(pool(), "RawFormulaVal")
    np.testing.assert_allclose(again.predict(pool(), "RawFormulaVal"), raw, atol=1e-12)
    again.get_feature_importance(pool(), type="ShapValues")
    assert capfd.readouterr().out == ""


def at(data, path):
    for step in path[:-1]:
        data = next(iter(data.values())) if step == "*" else data[step]
    return data, path[-1]


TREE, INFO = ("oblivious_trees", 0), ("features_info",)
FLOAT, CAT, CTR = (*INFO, "float_features", 1), (*INFO, "categorical_features", 0), (*INFO, "ctrs", 0)
TABLE = ("ctr_data", "*")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*TREE, "splits", 0, "split_index"), 10**6),
        ((*TREE, "splits", 0, "split_index"), -1),
        ((*TREE, "splits", 0, "split_index"), 1.0),
        ((*TREE, "splits", 0, "split_index"), True),
        ((*TREE, "splits", 0, "border"), 0.123),
        ((*TREE, "splits", 0, "split_type"), "Other"),
        ((*TREE, "splits"), [{}] * 40),
        ((*TREE, "splits"), None),
        ((*TREE, "leaf_values"), [0.0]),
        ((*TREE, "leaf_values", 0), float("nan")),
        ((*TREE, "leaf_values", 0), "0"),
        ((*TREE, "leaf_weights"), [1]),
        (TREE, 3),
        (("oblivious_trees",), []),
        (("oblivious_trees",), None),
        ((*FLOAT, "borders"), [0.5, 0.5]),
        ((*FLOAT, "borders", 0), float("inf")),
        ((*FLOAT, "feature_index"), 7),
        ((*FLOAT, "flat_feature_index"), 0),
        ((*FLOAT, "nan_value_treatment"), "Other"),
        ((*INFO, "float_features"), []),
        ((*CAT, "flat_feature_index"), 9),
        ((*INFO, "categorical_features"), None),
        ((*INFO, "categorical_features", 1, "values", 0), 1 << 40),
        ((*CTR, "identifier"), "other"),
        ((*CTR, "ctr_type"), "Counter"),
        ((*CTR, "elements", 0, "cat_feature_index"), 5),
        ((*CTR, "elements", 0, "combination_element"), "float_feature"),
        ((*CTR, "target_border_idx"), 40),
        ((*CTR, "scale"), float("nan")),
        ((*TABLE, "hash_stride"), 0),
        ((*TABLE, "hash_stride"), 7),
        ((*TABLE, "hash_map"), []),
        ((*TABLE, "hash_map", 0), "-1"),
        ((*TABLE, "hash_map", 0), str(1 << 64)),
        ((*TABLE, "hash_map", 1), "9"),
        ((*TABLE, "counter_denominator"), -1),
        (("ctr_data",), {}),
        (("scale_and_bias",), [1, [0]]),
        (("scale_and_bias", 0), float("nan")),
        (("features_info",), None),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_library_would_not_write_is_refused(made, path, value):
    data = copy.deepcopy(made[1])
    place, last = at(data, path)
    place[last] = value
    with pytest.raises(ValueError, match=r"\w"):
        check(data)


@pytest.mark.parametrize("data", [None, [], 3, "x", {}, {"oblivious_trees": []}])
def test_other_json_is_refused(data):
    with pytest.raises(ValueError, match=r"\w"):
        check(data)


def test_only_what_was_looked_at_passes(made):
    data = {**made[1], "trees": [1], "more": "x"}
    assert set(check(data)) == {"features_info", "oblivious_trees", "scale_and_bias", "ctr_data", "model_info"}
    for numbers, categories, outputs in ((1, 2, 3), (2, 1, 3), (2, 2, 1)):
        with pytest.raises(ValueError, match=r"\w"):
            checked(made[1], numbers, categories, outputs, "MultiClass")
