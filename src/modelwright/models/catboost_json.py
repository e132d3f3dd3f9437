"""Checking CatBoost's JSON model before the library sees it: sizes, indices, kinds and numbers, all as the library writes them.

The library takes half a file without a word and trusts what indices say: a split out of range is read from elsewhere.
`checked` returns only what was looked at, so that a key that stands twice, or one that is not known, reaches nobody.

Legend: N numbers, C categories, K outputs. Binary features are counted in this order: borders of numbers, values of
categories that are told apart by themselves, borders of statistics of categories.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

_DEEPEST = 16
_STATISTICS = {"Borders": 1, "Buckets": 1, "BinarizedTargetMeanValue": 0, "FloatTargetMeanValue": 0, "Counter": 0, "FeatureFreq": 0}  # fmt: skip
_STRIDES = {"BinarizedTargetMeanValue": 3, "FloatTargetMeanValue": 3, "Counter": 2, "FeatureFreq": 2}
_MISSING = ("AsIs", "AsFalse", "AsTrue")
_PARTS = ("features_info", "oblivious_trees", "scale_and_bias", "ctr_data")


def checked(data: Any, numbers: int, categories: int, outputs: int, loss: str) -> dict[str, Any]:
    """Return the parts of a model of N numbers, C categories and K outputs that the library needs, `loss` among them.

    Raises ValueError for anything that the library would not write.
    """
    model = _map(data, "the model")
    info = _map(model.get("features_info"), "features_info")
    binary = _floats(_list(info.get("float_features"), "float_features"), numbers)
    coded = _list(info.get("categorical_features"), "categorical_features")
    binary += _categories(coded, numbers, categories)
    tables = _map(model.get("ctr_data") or {}, "ctr_data")
    strides = {name: _table(name, _map(table, "a table of statistics")) for name, table in tables.items()}
    binary += _statistics(_list(info.get("ctrs"), "ctrs"), strides, numbers, categories)
    trees = _list(model.get("oblivious_trees"), "oblivious_trees")
    if not trees:
        raise ValueError("there are no trees")
    for tree in trees:
        _tree(_map(tree, "a tree"), binary, outputs)
    scale = _list(model.get("scale_and_bias"), "scale_and_bias")
    if len(scale) != 2 or len(_list(scale[1], "the bias")) != outputs:
        raise ValueError("scale and bias do not fit")
    _finite([scale[0], *scale[1]], "scale and bias")
    parts = {name: model[name] for name in _PARTS if model.get(name) is not None}
    # what the library asks for, lest it print that it is missing
    told = {"loss_function": {"type": loss, "params": {}}, "flat_params": {"loss_function": loss}}
    return {**parts, "model_info": {"params": told}}


def _floats(features: list[Any], numbers: int) -> list[dict[str, Any]]:
    """Return what a split by each border of each number must say."""
    if len(features) != numbers:
        raise ValueError("it was made for another number of numbers")
    out = []
    for i, raw in enumerate(features):
        feature = _map(raw, "a feature")
        if feature.get("feature_index") != i or feature.get("flat_feature_index") != i:
            raise ValueError("a number is out of place")
        if feature.get("nan_value_treatment") not in _MISSING or not isinstance(feature.get("has_nans"), bool):
            raise ValueError("a number is read in no known way")
        for border in _borders(feature.get("borders")):
            out.append({"split_type": "FloatFeature", "float_feature_index": i, "border": border})
    return out


def _categories(features: list[Any], numbers: int, categories: int) -> list[dict[str, Any]]:
    """Return what a split by each value of each category must say."""
    if len(features) != categories:
        raise ValueError("it was made for another number of categories")
    out = []
    for i, raw in enumerate(features):
        feature = _map(raw, "a feature")
        if feature.get("feature_index") != i or feature.get("flat_feature_index") != numbers + i:
            raise ValueError("a category is out of place")
        values = _list(feature.get("values"), "the values of a category")
        words = _list(feature.get("string_values"), "the values of a category")
        if (words and len(words) != len(values)) or not all(isinstance(w, str) for w in words):
            raise ValueError("the values of a category do not fit")
        for value in values:
            _integer_within(value, -(1 << 31), (1 << 32) - 1)
            out.append({"split_type": "OneHotFeature", "cat_feature_index": i, "value": value})
    return out


def _element(place: dict[str, Any], numbers: int, categories: int) -> None:
    """Check a part of what a statistic is made of: a category, one value of it, or whether a number lies above a border."""
    kind = place.get("combination_element")
    if kind == "float_feature":
        _integer_within(place.get("float_feature_index"), 0, numbers - 1)
        _finite([place.get("border")], "a statistic")
        return
    if kind not in ("cat_feature_value", "cat_feature_exact_value"):
        raise ValueError("a statistic is made of something unknown")
    _integer_within(place.get("cat_feature_index"), 0, categories - 1)
    if kind == "cat_feature_exact_value":
        _integer_within(place.get("value"), -(1 << 31), (1 << 32) - 1)


def _statistics(ctrs: list[Any], strides: dict[str, int], numbers: int, categories: int) -> list[dict[str, Any]]:
    """Return what a split by each border of each statistic must say."""
    out = []
    for raw in ctrs:
        ctr = _map(raw, "a statistic")
        name, kind = ctr.get("identifier"), ctr.get("ctr_type")
        elements = _list(ctr.get("elements"), "what a statistic is made of")
        if name not in strides or kind not in _STATISTICS or json.loads(name) != {"identifier": elements, "type": kind}:
            raise ValueError("a statistic has no table of its own")
        for element in elements:
            place = _map(element, "what a statistic is made of")
            _element(place, numbers, categories)
        classes = strides[name] - 1
        _integer_within(ctr.get("target_border_idx"), 0, max(0, classes - 1 - (kind == "Borders")))
        _finite([ctr.get(k) for k in ("prior_numerator", "prior_denomerator", "scale", "shift")], "a statistic")
        for border in _borders(ctr.get("borders")):
            out.append({"split_type": "OnlineCtr", "ctr_target_border_idx": ctr["target_border_idx"], "border": border})
    return out


def _table(name: str, table: dict[str, Any]) -> int:
    """Check a table of statistics and return its stride: a hash and the counts that belong to it."""
    kind = json.loads(name).get("type")
    stride = _integer_within(table.get("hash_stride"), 2, 10_001)
    values = _list(table.get("hash_map"), "a table of statistics")
    _integer_within(table.get("counter_denominator"), 0, (1 << 31) - 1)
    if not values or len(values) % stride or kind not in _STATISTICS or stride != _STRIDES.get(kind, stride):
        raise ValueError("a table of statistics is not whole")
    for i in range(0, len(values), stride):
        if not isinstance(values[i], str) or not values[i].isdecimal() or int(values[i]) >= 1 << 64:
            raise ValueError("a table of statistics holds a hash that is none")
        _finite(values[i + 1 : i + stride], "a table of statistics", whole=kind not in ("BinarizedTargetMeanValue", "FloatTargetMeanValue"))  # fmt: skip
    return stride


def _tree(tree: dict[str, Any], binary: list[dict[str, Any]], outputs: int) -> None:
    splits = _list(tree.get("splits"), "the splits of a tree")
    if len(splits) > _DEEPEST:
        raise ValueError("a tree is too deep")
    for raw in splits:
        split = _map(raw, "a split")
        at = _integer_within(split.get("split_index"), 0, len(binary) - 1)
        if any(split.get(name) != value for name, value in binary[at].items()):
            raise ValueError("a split is out of place")
    leaves = 1 << len(splits)
    values, weights = _list(tree.get("leaf_values"), "leaf_values"), _list(tree.get("leaf_weights"), "leaf_weights")
    if len(values) != outputs * leaves or len(weights) not in (0, leaves):
        raise ValueError("a tree has another number of leaves than its splits make")
    _finite(values, "leaf_values")
    _finite(weights, "leaf_weights")


def _map(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    """Return a list; the library writes null for an empty one, or leaves it out."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{what} is no list")
    return value


def _borders(value: Any) -> list[float]:
    borders = _list(value, "borders")
    _finite(borders, "borders")
    if any(b <= a for a, b in pairwise(borders)):
        raise ValueError("borders are out of order")
    return borders


def _finite(values: list[Any], what: str, whole: bool = False) -> None:
    for value in values:
        kind = type(value)
        if kind is int and -(1 << 63) <= value < 1 << 63:
            continue
        if whole or kind is not float or not math.isfinite(value):
            raise ValueError(f"{what} holds what is no finite number")


def _integer_within(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("an index or a count is out of range")
    return value
