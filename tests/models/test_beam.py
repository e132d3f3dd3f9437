"""The encoder-decoder and its beam search: one path for training and answering."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from modelwright.features.base import Ragged
from modelwright.features.shared.subwords import BEGIN, END
from modelwright.models.beam import answer, search
from modelwright.models.quick import Dropout, attend
from modelwright.models.seq2seq import Seq2Seq

SHAPE = {
    "width": 32,
    "heads": 2,
    "wide": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "dropout": 0.1,
    "token_dropout": 0.0,
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Seq2Seq(23, SimpleNamespace(**SHAPE)).eval()


def total(network, source, pieces):
    """The log probability of an answer as training sees it."""
    before = torch.tensor([[BEGIN, *pieces]])
    inputs = {"source": source, "before": before, "keep": torch.ones_like(before, dtype=torch.bool)}
    logits = network(inputs).detach().clone()
    logits[:, :2] = -torch.inf  # padding and begin are never answered
    return float(logits.log_softmax(-1)[torch.arange(len(pieces) + 1), [*pieces, END]].sum())


def test_steps_give_what_training_gives(network):
    source = torch.tensor([[4, 5, 6, 0], [7, 8, 9, 10]])
    said = torch.tensor([[[1, 11, 12, 13]], [[1, 14, 15, 16]]])
    with torch.inference_mode():
        state = network.start(source)
        steps = torch.stack([network.step(said[:, :, t], state) for t in range(4)], 2)[:, 0]
        keep = torch.ones(2, 4, dtype=torch.bool)
        whole = network({"source": source, "before": said[:, 0], "keep": keep}).view(2, 4, -1)
    assert torch.allclose(steps, whole, atol=1e-5)


def test_scores_are_those_of_training_and_more_beams_are_no_worse(network):
    source = torch.tensor([[4, 5, 6]])
    with torch.inference_mode():
        found = {k: search(network, source, [12], beams=k, penalty=0.0)[0] for k in (1, 4, 16)}
    for several in found.values():
        for score, pieces in several:
            if len(pieces) < 12:
                assert score == pytest.approx(total(network, source, pieces), abs=1e-3)
        assert [s for s, _ in several] == sorted((s for s, _ in several), reverse=True)
    assert found[16][0][0] >= found[4][0][0] - 1e-4
    assert found[4][0][0] >= found[1][0][0] - 1e-4


def test_a_row_is_answered_alone_as_among_others(network):
    rows = [[4, 5], [6, 7, 8, 9, 10], [11], [12, 13, 14], []]
    ids = Ragged(np.array([i for r in rows for i in r]), np.cumsum([0, *map(len, rows)]))
    limits = np.array([5, 9, 4, 7, 3])
    together = answer(network, ids, limits, beams=3, penalty=1.0)
    for i, row in enumerate(rows):
        alone = answer(
            network, Ragged(np.array(row, np.int64), np.array([0, len(row)])), limits[i : i + 1], beams=3, penalty=1.0
        )
        assert alone[0][0][1] == together[i][0][1]
        assert len(together[i][0][1]) <= limits[i]


def test_runs_are_not_repeated(network):
    source = torch.tensor([[4, 5, 6]])
    with torch.inference_mode():
        for _, pieces in search(network, source, [20], beams=2, penalty=0.0, ngram=2)[0]:
            runs = list(pairwise(pieces))
            assert len(runs) == len(set(runs))


def test_plain_attention_is_the_fused_one():
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 2, n, 8, requires_grad=True) for n in (5, 5, 5))
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()[:, None, None]
    for kind in ({"mask": mask}, {"causal": True}):
        fused = attend(q.detach(), k.detach(), v.detach(), **kind)
        assert torch.allclose(attend(q, k, v, **kind), fused, atol=1e-5)


def test_quick_dropout():
    drop = Dropout(0.25)
    x = torch.ones(200, 300)
    torch.manual_seed(1)
    a = drop(x)
    torch.manual_seed(1)
    assert torch.equal(a, drop(x))
    assert not torch.equal(a, drop(x))
    assert float((a == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(a.mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal(drop.eval()(x), x)
