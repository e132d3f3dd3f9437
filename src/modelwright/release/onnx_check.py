"""Checking an ONNX graph before a runtime sees it: nothing outside the file, known operators, trees whose indices lead on.

A runtime reads external data from where a graph says, and takes the indices of a tree ensemble as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_TREES = ("TreeEnsembleRegressor", "TreeEnsembleClassifier")
_MODES = (b"LEAF", b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ")


def check_onnx(path: Path) -> None:
    """Raise ValueError for a graph that reads from elsewhere, is malformed, or whose trees do not hold together."""
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise ValueError("no ordinary file")
    try:
        model = onnx.load_model(str(path), load_external_data=False)
        for tensor in _tensors(model.graph):
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
                raise ValueError("it reads data from outside the file")
        if model.functions or any(s.domain not in _DOMAINS for s in model.opset_import):
            raise ValueError("it holds operators that are not known")
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, DecodeError) as e:
        raise ValueError((str(e).splitlines() or [type(e).__name__])[0][:120]) from e
    for node in _nodes(model.graph):
        if node.domain not in _DOMAINS:
            raise ValueError("it holds operators that are not known")
        if node.op_type in _TREES:
            _check_trees({a.name: _value(a) for a in node.attribute})


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _tensors(inner)


def _value(attribute: Any) -> Any:
    import onnx

    return onnx.helper.get_attribute_value(attribute)


def _check_trees(of: dict[str, Any]) -> None:
    """Every child stands in its tree after its parent, every leaf that is weighed is one, every number is finite."""
    from onnx import numpy_helper

    def whole(name: str) -> np.ndarray:
        return np.asarray(of.get(name, ()), np.int64)

    def numbers(name: str) -> np.ndarray:
        given = of.get(f"{name}_as_tensor")
        return np.asarray(of.get(name, ()) if given is None else numpy_helper.to_array(given), np.float64)

    tree, node, feature = whole("nodes_treeids"), whole("nodes_nodeids"), whole("nodes_featureids")
    yes, no, modes = whole("nodes_truenodeids"), whole("nodes_falsenodeids"), of.get("nodes_modes", ())
    values = numbers("nodes_values")
    if not len(tree) or {len(x) for x in (node, feature, yes, no, modes, values)} != {len(tree)}:
        raise ValueError("the lists of its trees differ in length")
    if any(m not in _MODES for m in modes) or not np.isfinite(values).all() or feature.min() < 0:
        raise ValueError("its trees ask what is not known")
    if min(tree.min(), node.min()) < 0 or max(tree.max(), node.max()) >= 1 << 31:
        raise ValueError("a node of its trees is out of range")
    known = (tree << 32) | node
    if len(np.unique(known)) != len(known):
        raise ValueError("a node of its trees stands twice")
    inner = np.array([m != b"LEAF" for m in modes])
    for child in (yes, no):
        if (child[inner] <= node[inner]).any() or not np.isin((tree[inner] << 32) | child[inner], known).all():
            raise ValueError("a child in its trees is out of place")
    kind = "target" if "target_treeids" in of else "class"
    at, of_node, ids, weights = (
        whole(f"{kind}_treeids"),
        whole(f"{kind}_nodeids"),
        whole(f"{kind}_ids"),
        numbers(f"{kind}_weights"),
    )
    if not {len(at)} == {len(x) for x in (of_node, ids, weights)} or not np.isfinite(weights).all():
        raise ValueError("the leaves of its trees do not fit")
    if len(at) and not np.isin((at << 32) | of_node, known[~inner]).all():
        raise ValueError("a leaf of its trees is none")
    if kind == "target" and len(ids) and (ids.min() < 0 or ids.max() >= int(of.get("n_targets", 1))):
        raise ValueError("a leaf of its trees answers what is not asked")
