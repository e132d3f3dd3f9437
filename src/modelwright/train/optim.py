"""Optimisers, the time-aware schedule, and the moving average of weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.train.distributed_tensors import local_of
from modelwright.train.eager import eager
from modelwright.train.muon import Muon

_FILTERS, _FILTERS_MOMENTUM = 30, 0.6  # times the learning rate of AdamW is that of Muon for filters; see docs/log.md


def make_optimizers(network: nn.Module, lr: float, weight_decay: float, kind: str) -> list[torch.optim.Optimizer]:
    """Return the optimisers: AdamW for all, Muon for hidden matrices and filters of pictures and AdamW for the rest, or SGD with momentum.

    Embeddings with sparse gradients get Adam on the rows a batch touched, since a step over the whole table would cost
    more than the network. Biases, norms and scaling vectors are not decayed. A parameter with an attribute `lr_scale`
    learns at that share of `lr`, as the layers of pretrained encoders do; one with `plain` is a table of embeddings, a
    last layer or a filter that was pretrained, for which Muon is not made. A network with a method `stacked` names its matrices itself; all else in it
    learns by AdamW, undecayed. Muon: Jordan et al. 2024.
    """
    stacked = getattr(network, "stacked", None)
    if callable(stacked) and kind in ("muon", "adamw"):
        return _stacked(network, stacked(), lr, weight_decay, kind)
    tables = {id(m.weight) for m in network.modules() if isinstance(m, nn.Embedding) and m.sparse}
    sorts: dict[str, dict[float, list[Any]]] = {"decayed": {}, "plain": {}, "matrices": {}, "filters": {}, "sparse": {}}
    for p in network.parameters():
        if not p.requires_grad:
            continue
        mapped = p.dim() == 2 and not getattr(p, "plain", False)
        sort = "plain" if p.dim() < 2 else "matrices" if kind == "muon" and mapped else "decayed"
        sort = "filters" if kind == "muon" and p.dim() == 4 and not getattr(p, "plain", False) else sort
        sort = "sparse" if id(p) in tables else sort
        sorts[sort].setdefault(float(getattr(p, "lr_scale", 1.0)), []).append(p)

    def groups_of(sort: str, rate: float, **more: float) -> list[dict[str, Any]]:
        return [{"params": found, "lr": rate * scale, **more} for scale, found in sorts[sort].items()]

    groups = groups_of("decayed", lr, weight_decay=weight_decay) + groups_of("plain", lr, weight_decay=0.0)
    matrices, sparse = groups_of("matrices", 10 * lr), groups_of("sparse", lr)
    out: list[torch.optim.Optimizer] = []
    if groups and kind == "sgd":
        out.append(eager("SGD")(groups, lr=lr, momentum=0.9, nesterov=True, foreach=True))
    elif groups:
        out.append(eager("AdamW")(groups, lr=lr, betas=(0.9, 0.98), foreach=True))
    for group in matrices:
        out.append(Muon([(p, 1) for p in group["params"]], lr=group["lr"], weight_decay=weight_decay))
    for scale, filters in sorts["filters"].items():
        unit = [(p, 1) for p in filters]
        out.append(Muon(unit, lr=_FILTERS * lr * scale, momentum=_FILTERS_MOMENTUM, unit=True))
    if sparse:
        out.append(eager("SparseAdam")(sparse, lr=lr, betas=(0.9, 0.98)))
    for optimizer in out:
        for group in optimizer.param_groups:
            group["base"] = group["lr"]
    return out


def _stacked(
    network: nn.Module, matrices: list[tuple[nn.Parameter, int]], lr: float, weight_decay: float, kind: str
) -> list[torch.optim.Optimizer]:
    """Return Muon over a network's named matrices, many at a time, or AdamW for all, in one pass over the weights."""
    named = {id(p) for p, _ in matrices}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in named]
    groups: list[dict[str, Any]] = [{"params": rest, "lr": lr, "weight_decay": 0.0}]
    if kind == "adamw":
        groups.append({"params": [p for p, _ in matrices], "lr": lr, "weight_decay": weight_decay})
    out: list[torch.optim.Optimizer] = [eager("AdamW")(groups, lr=lr, betas=(0.9, 0.98), eps=1e-10, fused=True)]
    if kind == "muon":
        out.append(Muon(matrices, lr=10 * lr, weight_decay=weight_decay))
    for optimizer in out:
        for group in optimizer.param_groups:
            group["base"] = group["lr"]
    return out


def schedule(progress: float, warm: float = 0.05, floor: float = 0.02) -> float:
    """Return the share of the learning rate at a progress of 0..1: linear warm-up, then half a cosine to `floor`."""
    if progress < warm:
        return max(0.02, progress / warm)
    turn = min(1.0, (progress - warm) / (1 - warm))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * turn))


class MovingAverage:
    """Exponential moving average of all weights and buffers; what is evaluated and kept."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow: dict[str, Tensor] = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.steps = 0

    @torch.no_grad()
    def update(self, network: nn.Module, least: float = 0.0) -> None:
        """Move the average toward the weights, by `least` of the way at least; the first updates move faster."""
        self.steps += 1
        rate = max(least, 1 - min(self.decay, (1 + self.steps) / (10 + self.steps)))
        kept, now = [], []
        for k, v in network.state_dict().items():
            if v.dtype.is_floating_point:
                kept.append(local_of(self.shadow[k]))
                now.append(local_of(v.detach()))
            else:
                self.shadow[k].copy_(v)
        torch._foreach_lerp_(kept, now, min(1.0, rate))


def optimizer_tensors(optimizers: list[Any]) -> dict[str, Tensor]:
    """Return every tensor of the optimisers' states by a flat name, for a checkpoint, in its own shape; plain numbers as tensors of one."""
    out = {}
    for i, optimizer in enumerate(optimizers):
        for number, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                out[f"{i}.{number}.{key}"] = value if isinstance(value, Tensor) else torch.tensor(value)
    return out


def restore_optimizers(optimizers: list[Any], tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave, tensors in the shapes that they had."""
    for i, optimizer in enumerate(optimizers):
        whole = optimizer.state_dict()
        state: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            index, number, key = name.split(".", 2)
            if int(index) == i:
                # SparseAdam counts steps in a plain integer; as a tensor its powers would round differently
                plain = key == "step" and isinstance(optimizer, torch.optim.SparseAdam)
                state.setdefault(int(number), {})[key] = int(value) if plain else value
        whole["state"] = state
        optimizer.load_state_dict(whole)
