"""Tests of the suppression of boxes in an exported detector: it gives what the bundle gives, on crowded and empty pictures too."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from modelwright.models.overlap import CONSIDERED, MOST, suppress
from modelwright.recipes.boxes._detector_model import LEAST, TOGETHER

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


class Crowd(torch.nn.Module):
    """Answers boxes [1, A, 4] of 3 labels that do not hang on the pixels, but for their sum, which lowers all scores."""

    def __init__(self, places: int, side: float, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        corner = rng.uniform(0, 400, (1, places, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(side / 2, side, (1, places, 2))], 2)
        self.register_buffer("boxes", torch.from_numpy(boxes).float())
        self.register_buffer("logits", torch.from_numpy(rng.uniform(-6, 3, (1, places, 3))).float())

    def forward(self, inputs):
        shift = inputs["pixels"].float().sum()
        return SimpleNamespace(boxes=self.boxes + 0 * shift, logits=self.logits - shift)


@pytest.mark.parametrize(("places", "side", "seed"), [(700, 9, 0), (700, 60, 1), (700, 300, 2), (40, 60, 3)])
def test_a_graph_gives_the_boxes_that_the_network_gives(places, side, seed):
    from modelwright.recipes.boxes._onnx import graph_of, run

    network = Crowd(places, side, seed)
    graph = graph_of(network, 64, 64, TOGETHER, LEAST).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    view = np.zeros((64, 64, 3), np.uint8)
    boxes, scores, labels = run(session, view)
    raw = network({"pixels": torch.zeros(1, 64, 64, 3)})
    sure, found = raw.logits[0].sigmoid().numpy(), raw.boxes[0].numpy()
    at, kinds = np.nonzero(sure >= LEAST)
    keep = suppress(found[at], sure[at, kinds], kinds, TOGETHER)
    assert len(at) > CONSIDERED or places == 40
    assert len(keep) == MOST or side > 9
    assert labels.tolist() == kinds[keep].tolist()
    assert np.allclose(boxes, found[at][keep], atol=1e-3)
    assert np.allclose(scores, sure[at, kinds][keep], atol=1e-6)
    assert [len(x) for x in run(session, view + 9)] == [0, 0, 0], "nothing is found, and nothing is raised"
