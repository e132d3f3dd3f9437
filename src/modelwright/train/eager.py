"""Optimisers that do not load the compiler of torch.

The first step of an optimiser imports `torch._dynamo`, which takes two seconds of processor time and is of use to compiled
steps only. These run the same code without that. Processes that train together load it all the same: `DistributedDataParallel` asks it
for a mode when it is made, and torch has no switch for that.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

_PREPARED = (
    "add_param_group",
    "load_state_dict",
    "state_dict",
    "zero_grad",
)  # these load it so as to tell it to leave them alone


@cache
def eager(name: str) -> Any:
    """Return torch's optimiser of that name with a step that is never compiled; torch's own where it is made otherwise."""
    for method in _PREPARED:
        plain = getattr(getattr(torch.optim.Optimizer, method), "__wrapped__", None)
        if plain is not None and not hasattr(plain, "__dynamo_disable"):
            setattr(plain, "__dynamo_disable", plain)
    base = getattr(torch.optim, name)
    step = getattr(base.step, "__wrapped__", None)
    if step is None:
        return base
    return type(name, (base,), {"step": torch.no_grad()(step), "__doc__": base.__doc__})
