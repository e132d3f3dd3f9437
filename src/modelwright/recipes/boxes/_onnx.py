"""A detector as an ONNX graph with the suppression of boxes inside, and a detector that answers with one.

Legend: H height, W width of the canvas, A places, D boxes, K labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.models.overlap import CONSIDERED, MOST
from modelwright.recipes.shared.traced import onnx_of


def graph_of(network: Any, width: int, height: int, together: float, least: float) -> Any:
    """Return the graph: `pixels` uint8 [1, H, W, 3] to `boxes` [D, 4] in pixels of the canvas, `scores` [D] and `labels` [D] int64.

    Raises ModelwrightError where the network cannot be traced.
    """
    import torch

    class Plain(torch.nn.Module):
        """Boxes [1, A, 4] and how sure they are [1, K, A]."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            raw = self.network({"pixels": pixels})
            return raw.boxes, raw.logits.sigmoid().transpose(1, 2)

    fed = (torch.zeros(1, height, width, 3, dtype=torch.uint8),)
    traced = onnx_of(Plain().eval(), fed, ["pixels"], ["all_boxes", "all_scores"])
    return _suppressed(traced, together, least)


def _suppressed(model: Any, together: float, least: float) -> Any:
    """Put the suppression of boxes of one label behind the network, and give what stays, the best first: as many boxes are looked at,
    and as many given, as `overlap.suppress` does."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    nodes = [
        helper.make_node("Reshape", ["all_scores", "flat"], ["flat_scores"]),
        *_best(helper, "flat_scores", "considered", ["best_scores", "best_at"]),
        helper.make_node("ReduceMin", ["best_scores"], ["lowest"], keepdims=0),
        helper.make_node("Less", ["all_scores", "lowest"], ["is_lower"]),
        helper.make_node("Where", ["is_lower", "none", "all_scores"], ["looked_at"]),
        helper.make_node("NonMaxSuppression", ["all_boxes", "looked_at", "considered", "together", "least"], ["kept"]),
        helper.make_node("GatherND", ["all_scores", "kept"], ["kept_scores"]),
        *_best(helper, "kept_scores", "most", ["scores", "order"]),
        helper.make_node("Gather", ["kept", "order"], ["given"], axis=0),
        helper.make_node("Gather", ["given", "one"], ["labels"], axis=1),
        helper.make_node("Gather", ["given", "two"], ["place"], axis=1),
        helper.make_node("Squeeze", ["all_boxes", "first"], ["flat_boxes"]),
        helper.make_node("Gather", ["flat_boxes", "place"], ["boxes"], axis=0),
    ]
    held: dict[str, np.ndarray] = {
        "considered": np.array([CONSIDERED], np.int64), "most": np.array([MOST], np.int64), "flat": np.array([-1], np.int64),
        "none": np.array(0, np.float32), "together": np.array([together], np.float32), "least": np.array([least], np.float32),
        "one": np.array(1, np.int64), "two": np.array(2, np.int64), "first": np.array([0], np.int64),
    }  # fmt: skip
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in held.items())
    del graph.output[:]
    graph.output.extend([
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["D", 4]), helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["D"]),
        helper.make_tensor_value_info("labels", TensorProto.INT64, ["D"]),
    ])  # fmt: skip
    return model


def _best(helper: Any, scores: str, most: str, out: list[str]) -> list[Any]:
    """Return the nodes that give the best `most` of scores [N], or all where they are fewer, and where they stand."""
    return [
        helper.make_node("Shape", [scores], [f"{scores}_count"]),
        helper.make_node("Min", [f"{scores}_count", most], [f"{scores}_some"]),
        helper.make_node("TopK", [scores, f"{scores}_some"], out, axis=0, largest=1, sorted=1),
    ]


def run(session: Any, view: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes [D, 4], scores [D] and labels [D] of a canvas uint8 [H, W, 3]."""
    boxes, scores, labels = session.run(["boxes", "scores", "labels"], {"pixels": np.ascontiguousarray(view)[None]})
    return boxes.astype(np.float64).reshape(-1, 4), scores.astype(np.float64), labels.astype(np.int64)


ABOUT = """It takes `pixels` uint8 [1, {height}, {width}, 3]: a picture in RGB,
scaled (at most twice as large) until it fits {width} x {height}, laid at the top left, with 114 beside it. It gives `boxes` float32 [D, 4] (left,
top, right, bottom in those pixels), `scores` float32 [D] and `labels` int64 [D], which count the labels of `ensemble.json` from 0: the best
{most} boxes, the best first; of boxes of one label that overlap the best one stays. The `model.json` beside it holds a threshold for each label under `extent`; where its `canvas` says that
`across` or `down` are more than 1, pictures are cut into so many overlapping tiles.
"""
