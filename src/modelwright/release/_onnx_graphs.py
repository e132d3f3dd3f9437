"""ONNX graphs of constants, linear models and boosted trees, built node by node.

Legend: N rows, K outputs, S stored features of a row, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError

OPSET = 18
_ML_OPSET = 3


def constant(model: Any) -> Any:
    """The same scores for each row; the input `rows` [N] only says how many."""
    from onnx import helper

    nodes = [
        helper.make_node("Unsqueeze", ["rows", "one"], ["column"]),
        helper.make_node("Mul", ["column", "none"], ["zeros"]),
        helper.make_node("Add", ["zeros", "answer"], ["scores"]),
    ]
    constants: dict[str, np.ndarray] = {
        "one": np.array([1], np.int64),
        "none": np.zeros((1, 1), np.float32),
        "answer": np.asarray(model.answer[None], np.float32),
    }
    return _model("constant", nodes, constants, {"rows": ("float", ["N"])}, len(model.answer))


def linear(model: Any) -> Any:
    """Sum of the weights of a row's stored features: inputs `index` [N, S] int64 and `value` [N, S], padded with 0."""
    from onnx import helper

    weights = np.ascontiguousarray(model.weights, np.float32)  # [D + 1, outputs], the last row is the bias
    nodes = [
        helper.make_node("Gather", ["table", "index"], ["rows"]),
        helper.make_node("Unsqueeze", ["value", "last"], ["value3"]),
        helper.make_node("Mul", ["rows", "value3"], ["parts"]),
        helper.make_node("ReduceSum", ["parts", "one"], ["summed"], keepdims=0),
        helper.make_node("Add", ["summed", "bias"], ["raw"]),
    ]
    constants = {
        "table": weights[:-1],
        "bias": weights[-1],
        "last": np.array([2], np.int64),
        "one": np.array([1], np.int64),
    }
    target = model.target
    if target.link == "identity":
        nodes += _scaled("raw", "scores", target.std, target.mean, constants)
    elif target.link == "logistic":
        nodes.append(helper.make_node("Sigmoid", ["raw"], ["scores"]))
    else:
        nodes += _scaled("raw", "scaled", model.scale, model.shift if weights.shape[1] == 1 else 0.0, constants)
        nodes += _classes("scaled", weights.shape[1], constants)
    inputs = {"index": ("int64", ["N", "S"]), "value": ("float", ["N", "S"])}
    return _model("linear", nodes, constants, inputs, target.outputs)


def trees(model: Any) -> Any:
    """LightGBM's trees as one TreeEnsembleRegressor over the input `features` [N, D] float32, NaN where missing.

    Raises ModelwrightError for trees that ONNX has no nodes for (linear leaves, zeros taken for missing values).
    """
    target = model.target
    grown = _Forest()
    for label, booster in enumerate(model.boosters):
        dump = booster.dump_model()
        per_round = int(dump["num_tree_per_iteration"])
        for number, tree in enumerate(dump["tree_info"]):
            grown.add(tree["tree_structure"], label if len(model.boosters) > 1 else number % per_round)
    return _forest_model("trees", grown, target, int(model.boosters[0].num_feature()))


def catboost(model: Any) -> Any:
    """CatBoost's oblivious trees over the input `features` [N, D] float32, NaN where missing; numbers only.

    Raises ModelwrightError where a tree splits by a category: its statistics have no node in ONNX.
    """
    from modelwright.release._oblivious import as_plain_trees

    target = model.target
    grown = _Forest()
    biases: list[float] = []
    for label, told in enumerate(model.dumped()):
        trees, bias = as_plain_trees(told, model.order())
        biases += bias
        for tree, output in trees:
            grown.add(tree, output + label)
    return _forest_model("catboost", grown, target, model.columns.width, np.array(biases, np.float64))


def extratrees(model: Any) -> Any:
    """The mean of a forest's leaves over the input `features` [N, D] float32, NaN where missing."""
    from onnx import helper, numpy_helper

    target, leaves = model.target, model.forest.leaves
    feature, threshold, right, missing, roots = (
        model.forest.arrays[k] for k in ("feature", "threshold", "right", "missing", "roots")
    )
    nodes = np.arange(len(feature))
    tree = np.searchsorted(roots, nodes, side="right") - 1
    inner, own = feature >= 0, nodes - roots[tree]
    entry, output = np.nonzero(leaves)
    ending = nodes[~inner][np.argsort(right[~inner])]  # the node of each leaf
    grown = [
        helper.make_node("Cast", ["features"], ["wide"], to=11),
        helper.make_node(
            "TreeEnsembleRegressor", ["wide"], ["mean"], domain="ai.onnx.ml", n_targets=leaves.shape[1],
            aggregate_function="AVERAGE", post_transform="NONE",
            nodes_treeids=tree.tolist(), nodes_nodeids=own.tolist(), nodes_featureids=np.maximum(feature, 0).tolist(),
            nodes_modes=["BRANCH_LEQ" if b else "LEAF" for b in inner],
            nodes_truenodeids=np.where(inner, own + 1, 0).tolist(),
            nodes_falsenodeids=np.where(inner, right - roots[tree], 0).tolist(),
            nodes_missing_value_tracks_true=missing.astype(int).tolist(),
            nodes_values_as_tensor=numpy_helper.from_array(threshold.astype(np.float64), "values"),
            target_treeids=tree[ending[entry]].tolist(), target_nodeids=own[ending[entry]].tolist(),
            target_ids=output.tolist(),
            target_weights_as_tensor=numpy_helper.from_array(leaves[entry, output].astype(np.float64), "weights"),
        ),
        helper.make_node("Cast", ["mean"], ["raw"], to=1),
    ]  # fmt: skip
    constants: dict[str, np.ndarray] = {}
    if target.link == "identity":
        grown += _scaled("raw", "scores", target.std, target.mean, constants)
    else:
        grown.append(helper.make_node("Identity", ["raw"], ["scores"]))
    return _model("extratrees", grown, constants, {"features": ("float", ["N", model.width])}, target.outputs)


def minirocket(model: Any) -> Any:
    """Decision values of the input `features` [N, D], then the scales that make them probabilities."""
    from onnx import helper

    target = model.target
    weights = np.ascontiguousarray(model.weights, np.float32)
    constants = {"table": weights[:-1], "bias": weights[-1]}
    nodes = [
        helper.make_node("MatMul", ["features", "table"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["raw"]),
    ]
    if target.link == "identity":
        nodes += _scaled("raw", "scores", target.std, target.mean, constants)
    else:
        constants["slopes"] = np.array([a for a, _ in model.scales], np.float32)
        constants["shifts"] = np.array([b for _, b in model.scales], np.float32)
        nodes += [
            helper.make_node("Mul", ["raw", "slopes"], ["grown"]),
            helper.make_node("Add", ["grown", "shifts"], ["scaled"]),
        ]
        if target.link == "logistic":
            nodes.append(helper.make_node("Sigmoid", ["scaled"], ["scores"]))
        else:
            nodes += _classes("scaled", weights.shape[1], constants)
    return _model("minirocket", nodes, constants, {"features": ("float", ["N", len(weights) - 1])}, target.outputs)


def ranked(inner: Any, outputs: int, sigma: float) -> Any:
    """Return a graph whose value is a rank made one of probabilities: what a normal about it gives each label's step."""
    from onnx import helper, numpy_helper

    graph = inner.graph
    for own in graph.node:
        own.output[:] = ["rank" if name == "scores" else name for name in own.output]
    told: dict[str, np.ndarray] = {
        "steps": np.arange(outputs - 1, dtype=np.float32)[None] + 0.5, "width": np.array([sigma * 2**0.5], np.float32),
        "half": np.array([0.5], np.float32), "whole": np.ones(1, np.float32), "nothing": np.zeros(1, np.float32),
        "first": np.array([0], np.int64), "last": np.array([outputs], np.int64), "next": np.array([1], np.int64),
        "end": np.array([outputs + 1], np.int64), "axis": np.array([1], np.int64),
    }  # fmt: skip
    graph.initializer.extend(numpy_helper.from_array(v, f"rank.{k}") for k, v in told.items())

    def node(kind: str, given: list[str], out: str, **more: Any) -> Any:
        return helper.make_node(kind, [f"rank.{g}" if g in told else g for g in given], [out], **more)

    graph.node.extend([
        node("Sub", ["steps", "rank"], "apart"), node("Div", ["apart", "width"], "deviations"),
        node("Erf", ["deviations"], "erf"), node("Add", ["erf", "whole"], "raised"), node("Mul", ["raised", "half"], "below"),
        node("Mul", ["rank", "nothing"], "none"), node("Add", ["none", "whole"], "all"),
        node("Concat", ["none", "below", "all"], "ends", axis=1),
        node("Slice", ["ends", "next", "end", "axis"], "upper"), node("Slice", ["ends", "first", "last", "axis"], "lower"),
        node("Sub", ["upper", "lower"], "scores"),
    ])  # fmt: skip
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = outputs
    return inner


def _forest_model(name: str, grown: _Forest, target: Any, width: int, bias: np.ndarray | None = None) -> Any:
    """Return the graph of trees, their sums [N, raw] with a bias each, and what makes scores of them."""
    from onnx import helper, numpy_helper

    raw = 1 if target.link == "softmax" and target.outputs == 2 else target.outputs
    # in double precision: sums over thousands of trees keep the booster's own answer, thresholds its own splits
    nodes = [
        helper.make_node("Cast", ["features"], ["wide"], to=11),
        helper.make_node(
            "TreeEnsembleRegressor", ["wide"], ["sums"], domain="ai.onnx.ml", n_targets=raw, post_transform="NONE",
            nodes_values_as_tensor=numpy_helper.from_array(np.array(grown.values, np.float64), "values"),
            target_weights_as_tensor=numpy_helper.from_array(np.array(grown.weights, np.float64), "weights"),
            **grown.attributes(),
        ),
    ]  # fmt: skip
    constants: dict[str, np.ndarray] = {"bias": np.zeros(raw, np.float32) if bias is None else bias.astype(np.float32)}
    nodes.append(helper.make_node("Add", ["sums", "bias"], ["raw"]))
    if target.link == "identity":
        nodes.append(helper.make_node("Identity", ["raw"], ["scores"]))
    elif target.link == "logistic":
        nodes.append(helper.make_node("Sigmoid", ["raw"], ["scores"]))
    else:
        nodes += _classes("raw", raw, constants)
    return _model(name, nodes, constants, {"features": ("float", ["N", width])}, target.outputs)


class _Forest:
    """The flat lists of a TreeEnsembleRegressor, filled tree by tree."""

    def __init__(self) -> None:
        self.tree, self.node, self.feature = [], [], []  # type: list[int], list[int], list[int]
        self.mode: list[str] = []
        self.values: list[float] = []
        self.yes, self.no, self.missing = [], [], []  # type: list[int], list[int], list[int]
        self.leaf_tree, self.leaf_node, self.leaf_target = [], [], []  # type: list[int], list[int], list[int]
        self.weights: list[float] = []
        self._trees = 0

    def add(self, root: dict[str, Any], target: int) -> None:
        """Add one tree whose leaves count towards `target`."""
        start = len(self.tree)
        pending: list[tuple[dict[str, Any], list[tuple[list[int], int]]]] = [(root, [])]
        while pending:
            here, parents = pending.pop()
            number = len(self.tree) - start
            for places, at in parents:
                places[at] = number
            if "leaf_value" in here:
                self._node("LEAF", number, 0, 0.0, 0)
                self.leaf_tree.append(self._trees)
                self.leaf_node.append(number)
                self.leaf_target.append(target)
                self.weights.append(float(here["leaf_value"]))
                if "leaf_const" in here:
                    raise _unknown("linear leaves")
                continue
            left: list[tuple[list[int], int]] = []
            if here["decision_type"] == "==":
                # a set of categories is a chain of equalities whose true branches meet at the left child
                codes = [int(c) for c in str(here["threshold"]).split("||")]
                for k, code in enumerate(codes):
                    self._node("BRANCH_EQ", number + k, here["split_feature"], float(code), 0)
                    left.append((self.yes, len(self.tree) - 1))
                    if k + 1 < len(codes):
                        self.no[-1] = number + k + 1
            elif here["decision_type"] == "<=":
                if here["missing_type"] == "Zero":
                    raise _unknown("zeros taken for missing values")
                # without a branch of their own, LightGBM reads missing values as 0
                goes_left = here["default_left"] if here["missing_type"] == "NaN" else here["threshold"] >= 0
                self._node("BRANCH_LEQ", number, here["split_feature"], float(here["threshold"]), int(goes_left))
                left.append((self.yes, len(self.tree) - 1))
            else:
                raise _unknown(f"splits by {here['decision_type']}")
            pending.append((here["right_child"], [(self.no, len(self.tree) - 1)]))
            pending.append((here["left_child"], left))
        self._trees += 1

    def _node(self, mode: str, number: int, feature: int, value: float, missing: int) -> None:
        self.mode.append(mode)
        self.tree.append(self._trees)
        self.node.append(number)
        self.feature.append(int(feature))
        self.values.append(value)
        self.yes.append(0)
        self.no.append(0)
        self.missing.append(missing)

    def attributes(self) -> dict[str, Any]:
        """Return the lists by the names that ONNX gives them."""
        return {
            "nodes_treeids": self.tree,
            "nodes_nodeids": self.node,
            "nodes_featureids": self.feature,
            "nodes_modes": self.mode,
            "nodes_truenodeids": self.yes,
            "nodes_falsenodeids": self.no,
            "nodes_missing_value_tracks_true": self.missing,
            "target_treeids": self.leaf_tree,
            "target_nodeids": self.leaf_node,
            "target_ids": self.leaf_target,
        }


def _unknown(what: str) -> ModelwrightError:
    return ModelwrightError(
        f"These trees cannot be exported: ONNX has no node for {what}.",
        f"这些树无法导出：ONNX 没有对应的节点（{what}）。",
    )


def _scaled(source: str, out: str, factor: float, shift: float, constants: dict[str, np.ndarray]) -> list[Any]:
    from onnx import helper

    constants["factor"], constants["shift"] = np.array([factor], np.float32), np.array([shift], np.float32)
    return [
        helper.make_node("Mul", [source, "factor"], ["grown"]),
        helper.make_node("Add", ["grown", "shift"], [out]),
    ]


def _classes(source: str, width: int, constants: dict[str, np.ndarray]) -> list[Any]:
    """Return the nodes from decision values [N, width] to `scores`: softmax, or a sigmoid where one value says both."""
    from onnx import helper

    if width > 1:
        return [helper.make_node("Softmax", [source], ["scores"], axis=1)]
    constants["unit"] = np.ones(1, np.float32)
    return [
        helper.make_node("Sigmoid", [source], ["second"]),
        helper.make_node("Sub", ["unit", "second"], ["first"]),
        helper.make_node("Concat", ["first", "second"], ["scores"], axis=1),
    ]


def _model(
    name: str,
    nodes: list[Any],
    constants: dict[str, np.ndarray],
    inputs: dict[str, tuple[str, list[Any]]],
    outputs: int,
) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    kinds = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64}
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(k, kinds[kind], shape) for k, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", outputs])],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    sets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    return helper.make_model(graph, opset_imports=sets, ir_version=9)
