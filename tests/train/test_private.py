"""Private steps: no row counts for more than the bound, noise stands in every weight, and the budget ends the fit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from modelwright.core.privacy_budget import Look, Spending, epsilon_of
from modelwright.core.task import get_task
from modelwright.testing import context
from modelwright.train.batches import RowFeed
from modelwright.train.loop import train
from modelwright.train.private import PrivateFeed, PrivateSteps, private_steps

ROWS = 240


class Small(nn.Module):
    """Numbers and a word each, to two classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.table, self.hidden, self.head = nn.Embedding(9, 4), nn.Linear(7, 12), nn.Linear(12, 2)
        self.row_weight, self.mix = None, None

    def forward(self, tensors):
        x = torch.cat([tensors["x"], self.table(tensors["ids"])], dim=1)
        return self.head(torch.tanh(self.hidden(x)))


def loss(outputs, truth):
    return nn.functional.cross_entropy(outputs, truth)


def data(seed=0, rows=ROWS):
    rng = np.random.default_rng(seed)
    arrays = {"x": rng.normal(size=(rows, 3)).astype(np.float32), "ids": rng.integers(0, 8, rows)}
    truth = (arrays["x"][:, 0] + 0.5 * (arrays["ids"] % 2) > 0.2).astype(np.int64)
    return arrays, torch.from_numpy(truth)


def steps_of(network, noise=0.0, **more):
    given = {"rate": 0.1, "steps": 100, "batch": 1.0, "chunk": 7, "clip": 0.5, **more}
    return PrivateSteps(network, loss, noise, random=np.random.default_rng(3), **given)


def gradient(network, steps, index, arrays, truth):
    network.zero_grad(set_to_none=True)
    steps.gradients({k: torch.from_numpy(v[index]) for k, v in arrays.items()}, truth[index])
    return torch.cat([p.grad.flatten() for p in network.parameters()])


@pytest.mark.parametrize("automatic", [False, True])
def test_one_row_changes_the_sum_by_no_more_than_the_bound(automatic):
    network, (arrays, truth) = Small(), data()
    arrays["x"][5] = 1e6  # a planted row with huge gradients
    truth[5] = 1 - truth[5]
    with torch.no_grad():
        network.hidden.weight *= 1e-5
        network.head.weight *= 100
    most = 0.0
    for row in range(20):
        others = np.delete(np.arange(20), row)
        with_it = gradient(network, steps_of(network, automatic=automatic), np.arange(20), arrays, truth)
        without = gradient(network, steps_of(network, automatic=automatic), others, arrays, truth)
        most = max(most, float((with_it - without).norm()))
    assert 0.4 < most <= 0.5 * 1.0001


def test_a_row_that_is_no_number_is_as_if_it_were_not_there():
    network, (arrays, truth) = Small(), data()
    arrays["x"][2] = np.nan
    whole = gradient(network, steps_of(network), np.arange(12), arrays, truth)
    assert torch.allclose(whole, gradient(network, steps_of(network), np.delete(np.arange(12), 2), arrays, truth))


def test_noise_stands_in_every_weight_and_a_batch_without_rows_is_noise_alone():
    network, (arrays, truth) = Small(), data()
    steps = steps_of(network, noise=4.0)
    found = torch.cat([gradient(network, steps, np.arange(0), arrays, truth) for _ in range(60)])
    assert float(found.std()) == pytest.approx(4.0 * 0.5, rel=0.05)
    network.zero_grad(set_to_none=True)
    steps.gradients({k: torch.from_numpy(v[:5]) for k, v in arrays.items()}, truth[:5])
    assert bool((network.table.weight.grad != 0).all())  # words that no row holds, too
    again = [gradient(network, steps_of(network, noise=4.0), np.arange(9), arrays, truth) for _ in range(2)]
    assert torch.equal(*again)  # by a seed of the test; a run draws its own


def test_views_of_a_row_count_as_one_row():
    network, (arrays, truth) = Small(), data()
    one = gradient(network, steps_of(network), np.arange(6), arrays, truth)
    assert torch.allclose(one, gradient(network, steps_of(network, views=3), np.arange(6), arrays, truth), atol=1e-6)


def test_batches_are_drawn_row_by_row():
    feed = PrivateFeed(RowFeed(*data(), 60), 60, np.random.default_rng(0))
    drawn = [b for _ in range(60) for b in feed.epoch(np.random.default_rng(0))]
    sizes = np.array([len(b) for b in drawn])
    assert sizes.mean() == pytest.approx(60, rel=0.05)
    assert sizes.std() == pytest.approx(np.sqrt(ROWS * 0.25 * 0.75), rel=0.2)
    times = np.bincount(np.concatenate(drawn), minlength=ROWS)
    assert times.min() > 0.5 * times.mean()
    assert feed.load(np.arange(0), "cpu")[0] == {}


def options(**changes):
    plain = {
        "lr": 0.05, "weight_decay": 0.0, "optimizer": "adamw", "ema": 0.9, "precision": "float32", "patience": 2, "clip": 1.0,
        "clipping": "flat", "views": 1, "noise": 0.0, "batch": 60,
    }  # fmt: skip
    return SimpleNamespace(**{**plain, **changes})


def fit(epochs, seed=5, **changes):
    pytest.importorskip("opacus")
    task, spending = get_task("classification"), Spending(4.0, 1e-4, {"small": 1.0}, seed=seed)
    network, chosen = Small(), options(**changes)
    feed = PrivateFeed(RowFeed(*data(), 60), 60, spending.random)
    steps = private_steps(network, feed, loss, spending, "small", chosen, epochs)
    done = train(network, feed, loss, None, chosen, context(task, None), epochs=epochs, private=steps)
    return network, done, steps


def test_it_learns_within_its_budget_and_its_plan():
    network, done, steps = fit(8)
    arrays, truth = data(7)
    with torch.no_grad():
        right = network({k: torch.from_numpy(v) for k, v in arrays.items()}).argmax(1) == truth
    assert float(right.float().mean()) > 0.8
    assert done.steps == steps.taken == 32
    assert 3.8 < epsilon_of([steps.look("small")], 1e-4) <= 4.0


def test_the_loop_stops_when_the_budget_is_spent():
    _, done, steps = fit(500, noise=1.2)
    assert done.steps == steps.taken < 2000
    assert not steps.left
    assert epsilon_of([steps.look("small")], 1e-4) <= 4.0
    assert epsilon_of([Look("small", 1.2, 0.25, steps.taken + 2)], 1e-4) > 4.0
