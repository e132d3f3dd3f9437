"""A network whose weights, gradients and optimiser states lie in parts on several processes: torch's fully sharded data parallel.

Zhao et al. 2023 (arXiv 2304.11277), in its second form, which replaces each weight by a DTensor cut along its first axis. What looks at
validation rows, keeps checkpoints and makes the model is written for whole weights: for it the network is put together for a while.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.words import Words
from modelwright.train.blocks import blocks_of
from modelwright.train.distributed_tensors import part_like, whole_of
from modelwright.train.optim import MovingAverage

_HOOKS = "_hooks"


def unshardable(network: nn.Module) -> Words | None:
    """Return why a network cannot be cut into parts, or None."""
    if any(isinstance(m, nn.Embedding) and m.sparse for m in network.modules()):
        return Words("its table of embeddings learns only the rows that a batch touches", "其嵌入表只更新批次涉及的行")
    if any(p.dim() == 0 for p in network.parameters()):
        return Words("one of its weights is a single number", "其中有仅含单个数字的权重")
    return None


class Sharded:
    """A network in parts, under a root that holds it and its loss. All processes make one at the same time, from equal weights."""

    def __init__(
        self, root: nn.Module, network: nn.Module, optimizers: list[Any], average: MovingAverage | None
    ) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        self._network = network
        self._modules = list(root.modules())
        plain = dict(network.named_parameters())
        self._plain = [_form(m) for m in self._modules]
        device = next(iter(plain.values())).device.type
        mesh = init_device_mesh(device, (torch.distributed.get_world_size(),))
        blocks = blocks_of(network)
        inside = {id(p) for b in blocks for p in b.parameters()}
        for block in blocks:
            fully_shard(block, mesh=mesh)
            block.register_forward_pre_hook(_asks_for_gradient, prepend=True, with_kwargs=True)
        fully_shard(root, mesh=mesh)
        self._parts: list[dict[str, Any]] = []
        cut = dict(network.named_parameters())
        self._always = [k for k, p in plain.items() if p.requires_grad and id(p) not in inside]
        by_id = {id(p): cut[k] for k, p in plain.items()}
        for optimizer in optimizers:
            _moved(optimizer, by_id)
        if average is not None:
            average.shadow = {k: part_like(v, cut[k]) if k in cut else v for k, v in average.shadow.items()}

    def touched(self) -> Tensor:
        """Return one number, 0, with a gradient of 0 for every weight outside the blocks: one that has no part in a step of this process may have one
        in another, and all must have gradients of the same weights."""
        named = dict(self._network.named_parameters())
        return torch.stack([named[k].sum() for k in self._always]).sum() * 0.0

    def join(self, average: MovingAverage | None) -> None:
        """Put the network together in all processes, and the average; its parts are kept for `part`."""
        whole = {k: whole_of(v) for k, v in self._network.state_dict().items()}
        self._parts = [_form(m) for m in self._modules]
        if average is not None:
            self._shadow, average.shadow = average.shadow, {k: whole_of(v) for k, v in average.shadow.items()}
        for module, form in zip(self._modules, self._plain, strict=True):
            _take(module, form)
        with torch.no_grad():
            for name, value in self._network.named_parameters():
                value.data = whole[name].detach()

    def part(self, average: MovingAverage | None) -> None:
        """Take the network apart again, as it was when it was put together."""
        for module, form in zip(self._modules, self._parts, strict=True):
            _take(module, form)
        if average is not None:
            average.shadow = self._shadow
        for form in self._plain:  # the whole weights need no memory until the next time
            for value in form["_parameters"].values():
                if value is not None:
                    value.data = torch.empty(0, dtype=value.dtype, device=value.device)


def _asks_for_gradient(_: nn.Module, given: Any, named: Any) -> Any:
    """Let what goes into a block ask for its gradient in all processes where it may in one: it says when the block's own are gathered."""
    if not torch.is_grad_enabled() or any(isinstance(v, Tensor) and v.requires_grad for v in (*given, *named.values())):
        return None
    asks = [v.detach().requires_grad_() if isinstance(v, Tensor) and v.is_floating_point() else v for v in given]
    return tuple(asks), named


def _form(module: nn.Module) -> dict[str, Any]:
    """Return what cutting into parts changes of a module: its class, its weights, and what is called around its passes."""
    kept = {k: v.copy() for k, v in module.__dict__.items() if _HOOKS in k and isinstance(v, dict)}
    own = {k: v for k, v in module.__dict__.items() if "composable" in k}
    return {"class": type(module), "_parameters": dict(module._parameters), "hooks": kept, "own": own}


def _take(module: nn.Module, form: dict[str, Any]) -> None:
    for key in [k for k in module.__dict__ if "composable" in k]:
        del module.__dict__[key]
    module.__class__ = form["class"]
    module.__dict__.update({k: v.copy() for k, v in form["hooks"].items()} | form["own"])
    module._parameters.clear()
    module._parameters.update(form["_parameters"])


def _moved(optimizer: Any, by_id: dict[int, Any]) -> None:
    """Let an optimiser go on with the parts of the weights that it had, and of what it knows of them."""
    state = {}
    for group in optimizer.param_groups:
        own = []
        for p in group["params"]:
            part = by_id[id(p)]
            if p in optimizer.state:
                state[part] = {
                    k: part_like(v, part) if isinstance(v, Tensor) and v.shape == p.shape and v.dim() else v
                    for k, v in optimizer.state[p].items()
                }
            own.append(part)
        group["params"] = own
    optimizer.state.clear()
    optimizer.state.update(state)
