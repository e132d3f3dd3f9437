"""Blocks of a network are found, and computing them again gives the gradients of holding them."""

import pytest
import torch
from torch import nn

from modelwright.train.blocks import blocks_of, recomputed


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)

    def forward(self, x):
        return self.layers(x).sum()


def gradients(network, wanted):
    network.zero_grad()
    torch.manual_seed(0)
    with recomputed(network, wanted) as blocks:
        network(torch.ones(2, 5, 8)).backward()
    return blocks, [p.grad.clone() for p in network.parameters()]


def test_gradients_are_those_of_holding_all_with_dropout_too():
    network = Encoder().train()
    none, held = gradients(network, False)
    blocks, again = gradients(network, True)
    assert (none, blocks) == (0, 3)
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(held, again, strict=True))
    assert not any("forward" in vars(m) for m in network.modules())


def test_less_is_held():
    network = Encoder().train()
    sizes = []
    for wanted in (False, True):
        held = []
        with (
            torch.autograd.graph.saved_tensors_hooks(lambda t, held=held: held.append(t.numel()) or t, lambda t: t),
            recomputed(network, wanted),
        ):
            network(torch.ones(4, 50, 8))
        sizes.append(sum(held))
    assert sizes[1] < sizes[0] / 3


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (nn.Linear(3, 3), 0),
        (nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), 0),
        (
            nn.ModuleList(
                nn.Sequential(nn.Sequential(nn.Linear(3, 3)), nn.Sequential(nn.Linear(3, 3))) for _ in range(2)
            ),
            4,
        ),
    ],
)
def test_blocks_are_the_innermost_that_have_parts(network, count):
    assert len(blocks_of(network)) == count


def test_what_counts_as_it_goes_is_not_gone_through_twice():
    network = nn.ModuleList(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)) for _ in range(2))
    assert len(blocks_of(network)) == 2
    with recomputed(network, True) as blocks:
        assert blocks == 0
