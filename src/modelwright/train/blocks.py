"""The repeated blocks of a network, and activation checkpointing over them: what a block computed is forgotten and computed again.

Chen et al. 2016 (arXiv 1604.06174): memory falls with the number of blocks for about a third more work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

_LISTS = (nn.ModuleList, nn.Sequential)


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """Return the blocks that stand one after the other: members of one class of an innermost list, with parts and weights of their own."""
    found: list[nn.Module] = []
    for part in network.modules():
        if isinstance(part, _LISTS):
            members = [m for m in part if _is_block(m)]
            if len(members) > 1 and len({type(m) for m in members}) == 1:
                found += members
    inner = {id(m) for block in found for m in block.modules() if m is not block}
    outer = [b for b in found if any(id(m) in inner and m in found for m in b.modules() if m is not b)]
    return [b for b in found if b not in outer]


def _is_block(part: nn.Module) -> bool:
    return next(part.children(), None) is not None and any(p.requires_grad for p in part.parameters())


def _counts(block: nn.Module) -> bool:
    """Return whether a pass leaves something behind, as a batch norm does: it must not be gone through twice."""
    return any(getattr(m, "track_running_stats", False) for m in block.modules())


@contextmanager
def recomputed(network: nn.Module, wanted: bool) -> Iterator[int]:
    """While the block lasts, forget what the network's blocks computed until their gradient is asked for; tell how many do."""
    chosen: list[Any] = [b for b in blocks_of(network) if not _counts(b)] if wanted else []
    for block in chosen:
        block.forward = partial(_forward, block, block.forward)
    try:
        yield len(chosen)
    finally:
        for block in chosen:
            del block.forward


def _forward(block: nn.Module, forward: Any, *given: Any, **named: Any) -> Any:
    if not block.training:
        return forward(*given, **named)
    return checkpoint(forward, *given, use_reentrant=False, **named)
