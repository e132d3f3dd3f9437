"""Tensors that lie in parts on several processes (torch's DTensor), and plain ones, by the same words."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def whole_of(value: Tensor) -> Tensor:
    """Return a tensor in its full shape with the parts of all processes, which all must ask for; one that is not in parts as it is."""
    full = getattr(value, "full_tensor", None)
    return value if full is None else full()


def local_of(value: Tensor) -> Tensor:
    """Return this process's part of a tensor, in the part's shape and sharing its memory; one that is not in parts as it is."""
    local = getattr(value, "to_local", None)
    return value if local is None else local()


def part_like(whole: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor, of the full shape of `like` and equal in all processes, in parts as `like` is."""
    placements = getattr(like, "placements", None)
    if placements is None:
        return whole
    from torch.distributed.tensor import distribute_tensor

    mesh = like.device_mesh  # type: ignore[attr-defined]
    return distribute_tensor(whole.to(like.device), mesh, placements, src_data_rank=None)


def with_local(like: Tensor, local: Tensor) -> Tensor:
    """Return a tensor of the full shape of `like`, in parts as that is, of which this process's part is `local`."""
    placements = getattr(like, "placements", None)
    if placements is None:
        return local
    from torch.distributed.tensor import DTensor

    kind: Any = DTensor
    mesh = like.device_mesh  # type: ignore[attr-defined]
    made: Tensor = kind.from_local(
        local,
        mesh,
        placements,
        run_check=False,
        shape=like.shape,
        stride=like.stride(),
    )
    return made
