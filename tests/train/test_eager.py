"""Training must not wait for the compiler of torch to be imported."""

import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from modelwright.train.eager import eager

_TRAIN = """
    import sys
    import torch
    from torch import nn
    from modelwright.train.optim import make_optimizers
    for kind in ("adamw", "muon", "sgd"):
        network = nn.Sequential(nn.Embedding(5, 8, sparse=True), nn.Flatten(), nn.Linear(16, 8), nn.Linear(8, 2))
        optimizers = make_optimizers(network, 0.1, 0.01, kind)
        network(torch.zeros(6, 2, dtype=torch.int64)).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            optimizer.load_state_dict(optimizer.state_dict())
    print("torch._dynamo" in sys.modules)
"""


def test_no_optimiser_loads_the_compiler():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(_TRAIN)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("name", "options"), [("AdamW", {"foreach": True}), ("SGD", {"momentum": 0.9})])
def test_steps_are_those_of_torch(name, options):
    weights = []
    for made in (eager(name), getattr(torch.optim, name)):
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        optimizer = made(network.parameters(), lr=0.1, weight_decay=0.1, **options)
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
        weights.append(network.weight.detach())
    assert torch.equal(*weights)
