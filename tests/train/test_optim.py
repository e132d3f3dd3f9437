"""Which parameter learns by which optimiser, and filters as matrices."""

import pytest
import torch
from torch import nn

from modelwright.train import muon
from modelwright.train.muon import Muon
from modelwright.train.optim import make_optimizers


def test_filters_learn_as_the_matrices_that_they_are():
    torch.manual_seed(0)
    filters = nn.Parameter(torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last))
    matrix = nn.Parameter(filters.detach().reshape(8, 36).clone())
    told = torch.randn(8, 4, 3, 3)
    filters.grad, matrix.grad = told.to(memory_format=torch.channels_last), told.reshape(8, 36)
    before = matrix.detach().clone()
    for p in (filters, matrix):
        optimizer = Muon([(p, 1)], lr=0.1, weight_decay=0.1)
        for _ in range(3):
            optimizer.step()
    assert torch.equal(filters.detach().reshape(8, 36), matrix.detach())
    assert not torch.equal(matrix, before)


@pytest.mark.parametrize("kind", ["adamw", "muon", "sgd"])
def test_every_parameter_that_learns_has_one_optimiser(kind):
    network = nn.Sequential(nn.Conv2d(3, 4, 2), nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))
    network[0].weight.requires_grad_(False)
    optimizers = make_optimizers(network, 1e-3, 0.01, kind)
    held = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in network.parameters() if p.requires_grad)
    own = [o for o in optimizers if isinstance(o, Muon)]
    assert bool(own) == (kind == "muon")
    assert all(g["base"] == g["lr"] for o in optimizers for g in o.param_groups)


def test_filters_of_unit_size_only_turn():
    torch.manual_seed(0)
    told = torch.randn(8, 4, 3, 3)
    made = []
    for size in (1.0, 50.0):
        torch.manual_seed(1)
        p = nn.Parameter(size * torch.randn(8, 4, 3, 3))
        before = p.detach() * 8**0.5 / p.detach().norm()
        p.grad = told
        Muon([(p, 1)], lr=0.1, unit=True).step()
        made.append(p.detach())
        assert torch.allclose((p.detach() - before).norm(), torch.tensor(0.1 * 8**0.5), rtol=0.25)
    assert torch.allclose(made[0], made[1], atol=1e-5)  # how large they were counts for nothing


def test_a_processor_that_imitates_bf16_is_spared_it(monkeypatch):
    seen = []
    monkeypatch.setattr(muon, "bf16_helps", lambda device: seen.append(device) or False)
    made = muon.orthogonal(torch.randn(2, 6, 4))
    assert seen == ["cpu"]
    assert made.dtype == torch.float32
    monkeypatch.setattr(muon, "bf16_helps", lambda device: True)
    assert muon.orthogonal(torch.randn(2, 6, 4)).dtype == torch.bfloat16
