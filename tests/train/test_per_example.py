"""Gradients of single rows: their norms and weighted sums are those of rows taken one by one, for every network there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from modelwright.core.recipe import get_recipe, recipe_names
from modelwright.core.task import get_task
from modelwright.features.base import codec_class
from modelwright.models.network import ColumnNetwork
from modelwright.models.rowwise import read_singly
from modelwright.recipes.shared.network import NetworkRecipe
from modelwright.testing import sample_table
from modelwright.train.batches import collate, encode
from modelwright.train.per_example import NotPrivate, Tape

NETWORKS = [n for n in recipe_names() if getattr(get_recipe(n), "privacy", "no") != "no" and isinstance(get_recipe(n), NetworkRecipe)]  # fmt: skip
QUICK = {"tabm", "lstm", "resnet1d"}
SMALL = {"base": 8, "blocks": 1, "hidden": 12, "embedding": 16, "filters": 8, "width": 16, "members": 3, "channels": 8}
ROWS = 5


def built(name: str, rows: int = ROWS, **more):
    """Return a small private network of a recipe, a batch, and the answers."""
    recipe, task = get_recipe(name), get_task("classification")
    for need in recipe.needs:
        pytest.importorskip(need)
    table, target = sample_table(task, 24, modality=recipe.leads)
    made = recipe.private_options(table.schema, target, 24).model_dump()
    small = {k: v for k, v in SMALL.items() if made.get(k)}
    options = type(recipe).options(**{**made, **small, **more})
    codecs = {}
    for column in table.schema.inputs:
        cls = codec_class(column.modality, recipe.views.get(column.modality, "tensor"))
        codecs[column.name] = (column, cls.fit(table.column(column.name), column, None, 0))
    torch.manual_seed(0)
    network = ColumnNetwork(codecs, target.outputs, options)
    read_singly(network)
    with torch.no_grad():  # what begins at zero would hide what comes before it
        for p in network.parameters():
            p += 0.05 * torch.randn_like(p)
    some = table.take(np.arange(rows))
    truth = torch.from_numpy(target.encode(some.column(table.schema.target.name)))
    return network, collate(encode(some, codecs), np.arange(rows)), truth


def loss_of(network: nn.Module, tensors, truth) -> torch.Tensor:
    outputs = network(tensors)
    if outputs.dim() == 3:
        truth = truth.repeat_interleave(outputs.shape[1])
        outputs = outputs.flatten(0, 1)
    return nn.functional.cross_entropy(outputs, truth)


def taped(network: nn.Module, tensors, truth) -> Tape:
    tape = Tape(network, len(truth))
    with tape:
        value = loss_of(network, tensors, truth) * len(truth)
    value.backward()
    return tape


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS])
def test_clipped_sums_are_those_of_single_rows(name):
    network, tensors, truth = built(name)
    network.eval()
    factors = torch.linspace(0.2, 1.4, len(truth))
    tape = taped(network, tensors, truth)
    norms, sums = tape.norms(), {id(p): g for p, g in tape.clipped(factors)}
    wanted = {id(p): torch.zeros_like(p) for p in network.parameters()}
    for i, factor in enumerate(factors):
        network.zero_grad()
        loss_of(network, {k: v[i : i + 1] for k, v in tensors.items()}, truth[i : i + 1]).backward()
        own = {id(p): p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in network.parameters()}
        norm = torch.sqrt(sum(g.square().sum() for g in own.values()))
        assert norms[i] == pytest.approx(float(norm), rel=2e-3)
        for key, g in own.items():
            wanted[key] += factor * g
    for key, g in wanted.items():
        assert torch.allclose(sums[key], g, atol=2e-4 * float(norms.max()))


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS])
def test_no_row_changes_the_gradient_of_another(name):
    # played faster, a row would change the length of all, and with it what chance gives to each
    still = {"stretch": 0.0, "slide": 0.0} if "stretch" in type(get_recipe(name)).options.model_fields else {}
    network, tensors, truth = built(name, **still)
    network.train()  # augmentation included
    found = []
    for other in (1, 2):
        changed = {k: torch.cat([v[other : other + 1], v[1:]]) for k, v in tensors.items()}
        network.zero_grad(set_to_none=True)
        torch.manual_seed(3)
        found.append(taped(network, changed, truth).norms()[1:])
    assert torch.allclose(*found, rtol=1e-3)


def test_attention_between_columns_has_single_rows_too():
    network, tensors, truth = built("tabm", fusion="attention", fusion_width=16, fusion_layers=1)
    network.eval()
    norms = taped(network, tensors, truth).norms()
    for i in range(len(truth)):
        network.zero_grad(set_to_none=True)
        loss_of(network, {k: v[i : i + 1] for k, v in tensors.items()}, truth[i : i + 1]).backward()
        norm = torch.sqrt(sum(p.grad.square().sum() for p in network.parameters() if p.grad is not None))
        assert norms[i] == pytest.approx(float(norm), rel=2e-3)


class Odd(nn.Module):
    """Does with its weights what has no rule."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.weight, self.norm = how, nn.Parameter(torch.ones(3, 3)), nn.BatchNorm1d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "norm":
            return self.norm(x)
        return x @ torch.linalg.inv(self.weight) if self.how == "inverse" else x * self.weight


@pytest.mark.parametrize(
    ("how", "word"), [("norm", "mixes the rows"), ("inverse", "linalg_inv"), ("square", "one value for each row")]
)
def test_what_has_no_rule_is_refused_in_words(how, word):
    network = Odd(how)
    with pytest.raises(NotPrivate, match=word) as caught, Tape(network, 3):
        network(torch.randn(3, 3)).sum().backward()
    assert caught.value.words.zh


def test_batch_norm_is_replaced_and_its_weights_kept():
    network, _, _ = built("resnet1d")
    kinds = {type(m).__name__ for m in network.modules()}
    assert "MaskedGroupNorm" in kinds
    assert not any("BatchNorm" in k or k == "MaskedNorm" for k in kinds)
