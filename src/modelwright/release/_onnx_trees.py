"""LightGBM boosters as ONNX graphs: every tree's nodes in one TreeEnsemble of ai.onnx.ml.

Categorical splits ask whether a code is one of a set; they become a chain of equality tests with the same outcome.
Legend: N rows, D features, K outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError

_MOST_NODES = 400_000


class _Nodes:
    """The node lists of a TreeEnsembleRegressor while they grow."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, str, float, int, int, int]] = []
        self.leaves: list[tuple[int, int, int, float]] = []
        self._next = 0

    def add_tree(self, tree: int, output: int, root: dict[str, Any]) -> None:
        """Add one tree whose leaves count toward `output`."""
        self._next = 0
        self._place(tree, output, root, self._new())

    def _new(self) -> int:
        self._next += 1
        if len(self.rows) > _MOST_NODES:
            raise ModelwrightError("The trees are too many to export.", "树过多，无法导出。")
        return self._next - 1

    def _place(self, tree: int, output: int, node: dict[str, Any], at: int) -> None:
        if "leaf_value" in node:
            self.rows.append((tree, at, 0, "LEAF", 0.0, 0, 0, 0))
            self.leaves.append((tree, at, output, float(node["leaf_value"])))
            return
        feature = int(node["split_feature"])
        if node["decision_type"] == "==":
            codes = sorted(int(c) for c in str(node["threshold"]).split("||"))
            self._member(tree, output, node, at, feature, codes)
            return
        if node["missing_type"] == "Zero":
            raise ModelwrightError("Trees that read zero as missing cannot be exported.", "将零视为缺失的树无法导出。")
        left, right = self._new(), self._new()
        left_if_missing = node["missing_type"] == "NaN" and bool(node["default_left"])
        # without missing values in training LightGBM reads one as zero
        if node["missing_type"] == "None":
            left_if_missing = float(node["threshold"]) >= 0
        threshold = _below(float(node["threshold"]))
        self.rows.append((tree, at, feature, "BRANCH_LEQ", threshold, left, right, int(left_if_missing)))
        self._place(tree, output, node["left_child"], left)
        self._place(tree, output, node["right_child"], right)

    def _member(self, tree: int, output: int, node: dict[str, Any], at: int, feature: int, codes: list[int]) -> None:
        """Place `feature in codes` as a chain: each test's yes goes to a copy of the left side, the last no to the right."""
        for i, code in enumerate(codes):
            yes, no = self._new(), self._new()
            self.rows.append((tree, at, feature, "BRANCH_EQ", float(code), yes, no, 0))
            self._place(tree, output, node["left_child"], yes)
            if i == len(codes) - 1:
                self._place(tree, output, node["right_child"], no)
            at = no


def _below(value: float) -> float:
    """Return the largest float32 not above a float64 threshold, so that `x <= t` holds for the same float32 x."""
    single = np.float32(value)
    return float(single if float(single) <= value else np.nextafter(single, np.float32(-np.inf)))


def trees_to_onnx(model: Any) -> Any:
    """Return an ONNX model from `features` [N, D] float32 to `scores` [N, K].

    Raises ModelwrightError where the trees cannot be put so.
    """
    from onnx import TensorProto, helper, numpy_helper

    kind, count = model.target.kind, model.target.outputs
    outputs = len(model.boosters) if kind == "label_sets" else (count if kind == "classes" and count > 2 else 1)
    nodes = _Nodes()
    number = 0
    for b, booster in enumerate(model.boosters):
        for info in booster.dump_model()["tree_info"]:
            output = b if kind == "label_sets" else (info["tree_index"] % outputs)
            nodes.add_tree(number, output, info["tree_structure"])
            number += 1
    columns = list(zip(*nodes.rows, strict=True))
    leaves = list(zip(*nodes.leaves, strict=True))
    trees, ids, features, modes, values, yes, no, missing = columns
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["raw"],
        domain="ai.onnx.ml",
        n_targets=outputs,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_treeids=trees,
        nodes_nodeids=ids,
        nodes_featureids=features,
        nodes_modes=modes,
        nodes_values=values,
        nodes_truenodeids=yes,
        nodes_falsenodeids=no,
        nodes_missing_value_tracks_true=missing,
        target_treeids=leaves[0],
        target_nodeids=leaves[1],
        target_ids=leaves[2],
        target_weights=leaves[3],
    )
    constants: dict[str, np.ndarray] = {}
    graph = helper.make_graph(
        [ensemble, *_answer(kind, count, constants)],
        "trees",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", "D"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", count])],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _answer(kind: str, count: int, constants: dict[str, np.ndarray]) -> list[Any]:
    """Return the nodes from raw scores to scores, as the trees model answers."""
    from onnx import helper

    if kind == "value":
        return [helper.make_node("Identity", ["raw"], ["scores"])]
    if kind == "label_sets":
        return [helper.make_node("Sigmoid", ["raw"], ["scores"])]
    if count > 2:
        return [helper.make_node("Softmax", ["raw"], ["scores"], axis=1)]
    constants["unit"] = np.ones(1, np.float32)
    return [
        helper.make_node("Sigmoid", ["raw"], ["second"]),
        helper.make_node("Sub", ["unit", "second"], ["first"]),
        helper.make_node("Concat", ["first", "second"], ["scores"], axis=1),
    ]
