"""ONNX graphs: what the export writes passes; what reads from elsewhere or leads astray is refused before a runtime sees it."""

import numpy as np
import pytest

from modelwright.release.onnx_check import check_onnx

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

TREES = {
    "nodes_treeids": [0, 0, 0, 0, 0, 1],
    "nodes_nodeids": [0, 1, 2, 3, 4, 0],
    "nodes_featureids": [0, 1, 0, 0, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "BRANCH_EQ", "LEAF", "LEAF", "LEAF", "LEAF"],
    "nodes_truenodeids": [1, 2, 0, 0, 0, 0],
    "nodes_falsenodeids": [4, 3, 0, 0, 0, 0],
    "nodes_values": [0.5, 2.0, 0.0, 0.0, 0.0, 0.0],
    "target_treeids": [0, 0, 0, 1],
    "target_nodeids": [2, 3, 4, 0],
    "target_ids": [0, 0, 0, 0],
    "target_weights": [1.0, 2.0, 3.0, 4.0],
    "n_targets": 1,
}


def graph(**changed):
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **{**TREES, **changed})
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])]
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph([node], "trees", inputs, outputs), opset_imports=sets, ir_version=9)


def put(model, path):
    path.write_bytes(model.SerializeToString())
    return path


def test_a_whole_graph_passes(tmp_path):
    check_onnx(put(graph(), tmp_path / "m.onnx"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nodes_truenodeids", [0, 2, 0, 0, 0, 0]),  # a circle
        ("nodes_falsenodeids", [9, 3, 0, 0, 0, 0]),
        ("nodes_falsenodeids", [4, 3, 0, 0, 0]),
        ("nodes_nodeids", [0, 1, 2, 2, 4, 0]),
        ("nodes_nodeids", [0, 1, 2, 3, -4, 0]),
        ("nodes_featureids", [-1, 1, 0, 0, 0, 0]),
        ("nodes_modes", ["OTHER", "BRANCH_EQ", "LEAF", "LEAF", "LEAF", "LEAF"]),
        ("nodes_values", [float("nan"), 2.0, 0.0, 0.0, 0.0, 0.0]),
        ("target_nodeids", [0, 3, 4, 0]),  # no leaf
        ("target_treeids", [0, 0, 0, 7]),
        ("target_ids", [0, 0, 0, 1]),
        ("target_weights", [1.0, 2.0, 3.0]),
        ("target_weights", [1.0, 2.0, 3.0, float("inf")]),
    ],
)
def test_trees_that_do_not_hold_together_are_refused(tmp_path, name, value):
    with pytest.raises(ValueError, match=r"trees|leaf|leaves"):
        check_onnx(put(graph(**{name: value}), tmp_path / "m.onnx"))


def test_what_is_outside_of_the_file_is_not_read(tmp_path):
    model = graph()
    tensor = numpy_helper.from_array(np.ones(2, np.float32), "w")
    onnx.external_data_helper.set_external_data(tensor, location="elsewhere.bin")
    tensor.ClearField("raw_data")
    model.graph.initializer.append(tensor)
    with pytest.raises(ValueError, match="outside"):
        check_onnx(put(model, tmp_path / "m.onnx"))


def test_foreign_operators_and_foreign_bytes_are_refused(tmp_path):
    model = graph()
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    model.graph.node.append(helper.make_node("Other", ["x"], ["z"], domain="com.example"))
    with pytest.raises(ValueError, match="not known"):
        check_onnx(put(model, tmp_path / "m.onnx"))
    for data in (b"", b"\x00" * 100, b"hello", graph().SerializeToString()[:100]):
        (tmp_path / "m.onnx").write_bytes(data)
        with pytest.raises(ValueError, match=r"\w"):
            check_onnx(tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="ordinary"):
        check_onnx(tmp_path)
