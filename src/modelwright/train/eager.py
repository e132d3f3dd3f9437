"""Optimisers that do not load the compiler of torch.

The first step of an optimiser imports `torch._dynamo`, which takes two seconds of processor time and is of use to compiled
steps only. These run the same code without that. So does torch's `DistributedDataParallel` where it is made `without_compiler`: it would
load the compiler only to ask whether it is to be used, and 78 MB with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

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


@contextmanager
def without_compiler() -> Iterator[None]:
    """While the block lasts, answer what `DistributedDataParallel` asks the compiler of torch, unless that is loaded already."""
    within = getattr(getattr(DistributedDataParallel._inside_ddp_forward, "__wrapped__", None), "__wrapped__", None)
    if "torch._dynamo" in sys.modules or within is None:  # loaded, or a torch that is made otherwise
        yield
        return
    if not hasattr(within, "__dynamo_disable"):
        setattr(within, "__dynamo_disable", within)
    asked: Any = torch
    asked._dynamo = SimpleNamespace(utils=SimpleNamespace(get_optimize_ddp_mode=lambda: "ddp_optimizer"))
    try:
        yield
    finally:
        del asked._dynamo
