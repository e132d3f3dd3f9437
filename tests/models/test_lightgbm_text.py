"""LightGBM's text: what the library writes is read whole, what it would not write is refused before it sees it."""

from itertools import pairwise

import lightgbm as lgb
import numpy as np
import pytest

from modelwright.models.lightgbm_text import Forest, read_forest

FEATURES = 4


def rows(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers with gaps, a category of many values, and three classes."""
    rng = np.random.default_rng(0)
    x = rng.random((n, FEATURES))
    x[:, 3] = rng.integers(0, 40, n)
    x[rng.random(n) < 0.1, 0] = np.nan
    return x, (x[:, 1] + (x[:, 3] % 3) > 1.5).astype(int) + (x[:, 2] > 0.8)


def grown(objective: str = "multiclass", rounds: int = 6) -> tuple[lgb.Booster, str]:
    x, y = rows()
    kind = {"objective": objective, "verbosity": -1, "num_leaves": 6, "num_threads": 1, "seed": 0}
    if objective == "multiclass":
        kind["num_class"] = 3
    elif objective == "binary":
        y = y > 0
    booster = lgb.train(kind, lgb.Dataset(x, y.astype(float), categorical_feature=[3]), rounds)
    return booster, booster.model_to_string()


def answered(forest: Forest, x: np.ndarray) -> np.ndarray:
    """Answer rows from the arrays alone, node by node: raw scores [N, classes]."""
    out = np.zeros((len(x), forest.per_round))
    for tree in range(len(forest.starts) - 1):
        for row in range(len(x)):
            node = 0 if forest.starts[tree + 1] > forest.starts[tree] else -1
            while node >= 0:
                at = forest.starts[tree] + node
                value, kind = x[row, forest.feature[at]], forest.decision[at]
                if kind & 1:
                    words = forest.words[slice(*forest.word_starts[forest.category[at] :][:2])]
                    code = -1 if np.isnan(value) else int(value)
                    left = 0 <= code < 32 * len(words) and bool(words[code // 32] >> (code % 32) & 1)
                elif np.isnan(value) and kind >> 2 == 2:
                    left = bool(kind & 2)
                else:
                    left = np.nan_to_num(value) <= forest.threshold[at]
                node = (forest.left if left else forest.right)[at]
            out[row, tree % forest.per_round] += forest.leaf[forest.leaf_starts[tree] - 1 - node]
    return out


@pytest.mark.parametrize("objective", ["multiclass", "binary", "regression"])
def test_the_arrays_and_the_text_answer_as_the_booster(objective):
    booster, text = grown(objective)
    x, _ = rows()
    raw = booster.predict(x[:60], raw_score=True).reshape(60, -1)
    forest = read_forest(text, FEATURES)
    assert forest.objective.startswith(objective)
    np.testing.assert_allclose(answered(forest, x[:60]), raw, atol=1e-12)
    again = lgb.Booster(model_str=forest.text)
    assert np.array_equal(again.predict(x, raw_score=True), booster.predict(x, raw_score=True))
    assert np.array_equal(again.predict(x[:9], pred_contrib=True), booster.predict(x[:9], pred_contrib=True))
    assert "parameters" not in forest.text


def test_a_tree_of_one_leaf_is_a_tree():
    x, _ = rows(50)
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 30}, lgb.Dataset(x, np.r_[np.zeros(49), 1]), 2
    )
    forest = read_forest(booster.model_to_string(), FEATURES)
    np.testing.assert_allclose(answered(forest, x[:5]), booster.predict(x[:5], raw_score=True)[:, None])


_, TEXT = grown()
LINES = TEXT.split("\nend of trees")[0].split("\n")


def put(name: str, change, which: int = 0) -> str:
    """Return the text with the value of its `which`-th line `name=` changed, and the sizes of trees made to fit."""
    head, _, body = TEXT.partition("\n\nTree=0\n")
    trees, end, rest = ("\n\nTree=0\n" + body).partition("\nend of trees")
    lines = (head + trees).split("\n")
    places = [i for i, line in enumerate(lines) if line.startswith(name + "=")]
    lines[places[which]] = name + "=" + change(lines[places[which]].partition("=")[2])
    text = "\n".join(lines)
    starts = [text.index(f"Tree={i}\n") for i in range(text.count("\nTree="))] + [len(text) + 1]
    sizes = " ".join(str(b - a) for a, b in pairwise(starts))
    if name != "tree_sizes":
        old = next(line for line in lines if line.startswith("tree_sizes="))
        text = text.replace(old, "tree_sizes=" + sizes, 1)
    return text + end + rest


def test_the_way_damage_is_made_leaves_whole_text_whole():
    assert read_forest(put("leaf_value", lambda v: v), FEATURES).text == read_forest(TEXT, FEATURES).text


def test_a_split_of_what_is_missing_from_all_else_is_read():
    rng = np.random.default_rng(1)
    x, missing = rng.normal(size=(400, FEATURES)), rng.random(400) < 0.5
    x[missing, 0] = np.nan
    kind = {"objective": "binary", "verbosity": -1, "num_leaves": 4, "num_threads": 1}
    booster = lgb.train(kind, lgb.Dataset(x, missing.astype(float)), 4)
    assert "threshold=inf" in booster.model_to_string()
    forest = read_forest(booster.model_to_string(), FEATURES)
    np.testing.assert_allclose(answered(forest, x)[:, 0], booster.predict(x, raw_score=True))
    again = lgb.Booster(model_str=forest.text)
    np.testing.assert_array_equal(again.predict(x), booster.predict(x))


def first(value: str):
    return lambda v: " ".join([value, *v.split(" ")[1:]])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("split_feature", first("4")),
        ("split_feature", first("-1")),
        ("split_feature", first("99999999999999999999")),
        ("split_feature", lambda v: v + " 1"),
        ("split_feature", lambda v: ""),
        ("left_child", first("0")),  # a circle
        ("left_child", first("700")),
        ("left_child", first("-700")),
        ("right_child", lambda v: v.rsplit(" ", 1)[0]),
        ("right_child", lambda v: " ".join(v.split(" ")[::-1])),
        ("threshold", first("nan")),
        ("threshold", first("1e999")),
        ("threshold", first("-inf")),
        ("threshold", first("infinity")),
        ("threshold", first("0x10")),
        ("leaf_value", first("inf")),
        ("leaf_value", lambda v: v + " 0"),
        ("leaf_count", first("-5")),
        ("decision_type", first("12")),
        ("decision_type", first("16")),
        ("num_leaves", lambda v: "3"),
        ("num_leaves", lambda v: "0"),
        ("num_leaves", lambda v: "999999999"),
        ("num_leaves", lambda v: "-1"),
        ("num_leaves", lambda v: "06"),
        ("num_cat", lambda v: str(int(v) + 1)),
        ("cat_boundaries", first("1")),
        ("cat_boundaries", lambda v: v.rsplit(" ", 1)[0] + " 900"),
        ("cat_threshold", lambda v: v + " 1"),
        ("cat_threshold", first("99999999999")),
        ("is_linear", lambda v: "1"),
        ("shrinkage", lambda v: "nan"),
        ("num_class", lambda v: "2"),
        ("num_tree_per_iteration", lambda v: "1"),
        ("num_tree_per_iteration", lambda v: "0"),
        ("max_feature_idx", lambda v: "9"),
        ("max_feature_idx", lambda v: "-1"),
        ("feature_names", lambda v: v + " more"),
        ("feature_infos", lambda v: "none"),
        ("objective", lambda v: "multiclass num_class:7"),
        ("objective", lambda v: "custom"),
        ("version", lambda v: "v9"),
        ("label_index", lambda v: "1"),
        ("tree_sizes", lambda v: v.rsplit(" ", 1)[0]),
        ("tree_sizes", first("1")),
        ("tree_sizes", first("999999999")),
    ],
)
def test_what_the_library_would_not_write_is_refused(name, change):
    if name in ("cat_boundaries", "cat_threshold"):
        assert f"\n{name}=" in TEXT
    with pytest.raises(ValueError, match=r"\w"):
        read_forest(put(name, change), FEATURES)


def test_any_line_left_out_or_twice_is_refused():
    places = [i for i, line in enumerate(LINES) if "=" in line][:40]
    for i in places:
        for lines in (LINES[:i] + LINES[i + 1 :], [*LINES[: i + 1], *LINES[i:]]):
            with pytest.raises(ValueError, match=r"\w"):
                read_forest("\n".join(lines) + "\nend of trees\n", FEATURES)


@pytest.mark.parametrize(
    "text", ["", "tree", TEXT[:1500], TEXT.replace("\n", "\r\n"), TEXT.replace("tree\n", "树\n"), "\0" * 99]
)
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        read_forest(text, FEATURES)


def test_another_number_of_features_is_refused():
    for features in (0, 3, 5):
        with pytest.raises(ValueError, match="features"):
            read_forest(TEXT, features)
