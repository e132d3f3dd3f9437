"""CatBoost's trees as plain binary ones: every level of an oblivious tree asks one question of all rows.

Source of the format: CatBoost's JSON models. Legend: D features, K outputs of a booster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.core.errors import ModelwrightError


def as_plain_trees(
    told: Mapping[str, Any], order: Sequence[int]
) -> tuple[list[tuple[dict[str, Any], int]], list[float]]:
    """Return the trees of a JSON model as nested nodes in LightGBM's words, each with its output, and the outputs' biases.

    `order` [D] tells the feature that stands at each place of a pool. Raises ModelwrightError where a tree splits by a
    category.
    """
    floats = told["features_info"].get("float_features", [])
    missing = {int(f["feature_index"]): str(f.get("nan_value_treatment", "AsIs")) for f in floats}
    scale, bias = told["scale_and_bias"]
    trees: list[tuple[dict[str, Any], int]] = []
    for tree in told["oblivious_trees"]:
        splits = tree["splits"] or []
        if any(s["split_type"] != "FloatFeature" for s in splits):
            raise ModelwrightError(
                "A `catboost` model that splits by categories cannot be exported: ONNX has no node for their statistics. "
                "Train with --recipe trees, or leave the category columns out with --ignore.",
                "按类别分裂的 `catboost` 模型无法导出：ONNX 没有类别统计的节点。请使用 --recipe trees，或用 --ignore 略去类别列。",
            )
        count = len(tree["leaf_values"]) >> len(splits)
        for output in range(count):
            values = [float(scale) * float(v) for v in tree["leaf_values"][output::count]]
            trees.append((_node(splits, values, 0, len(splits), order, missing), output))
    return trees, [float(b) for b in bias]


def _node(
    splits: list[Any], values: list[float], place: int, level: int, order: Sequence[int], missing: dict[int, str]
) -> dict[str, Any]:
    """Return the tree below a place: the question of level `level` - 1 sets that bit of the leaf's number."""
    if level == 0:
        return {"leaf_value": values[place]}
    split = splits[level - 1]
    feature = int(split["float_feature_index"])
    return {
        "split_feature": order[feature], "decision_type": "<=", "threshold": float(split["border"]), "missing_type": "NaN",
        "default_left": missing.get(feature, "AsIs") != "AsTrue",
        "left_child": _node(splits, values, place, level - 1, order, missing),
        "right_child": _node(splits, values, place | 1 << (level - 1), level - 1, order, missing),
    }  # fmt: skip
