"""Muon over stacks of matrices of one shape: far fewer calls than one matrix at a time.

Jordan et al. 2024: the momentum of a matrix is replaced by the nearest half-orthogonal one, found by a few steps of a
Newton-Schulz iteration, in bf16 where the device is quick at it. Legend: M matrices, R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.train.distributed_tensors import local_of, part_like, whole_of, with_local
from modelwright.train.eager import eager
from modelwright.train.precision import bf16_helps

_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonal(g: Tensor, steps: int = 5) -> Tensor:
    """Return the matrices [M, R, C] with their singular values brought near 1."""
    x = g.bfloat16() if bf16_helps(g.device.type) else g.float()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        b = torch.baddbmm(a, a, a, beta=_B, alpha=_C)
        x = torch.baddbmm(x, b, x, beta=_A)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for (parameter, parts): a matrix of `parts` matrices stacked by rows, each made orthogonal by itself.

    Filters [R, ...] of a convolution are one matrix [R, C] of all that each of them sees. With `unit` the mean square norm
    of a matrix's rows is set to 1 before each step instead of letting it decay: for filters that are normalised after, of
    which only the direction counts, `lr` is then the share by which a step turns them (arXiv 2404.00498's later recipe).
    """

    def __init__(
        self,
        matrices: Sequence[tuple[nn.Parameter, int]],
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        *,
        unit: bool = False,
    ) -> None:
        groups: dict[tuple[int, int, int], list[nn.Parameter]] = {}
        for p, parts in matrices:
            groups.setdefault((parts, p.shape[0] // parts, p[0].numel()), []).append(p)
        eager("AdamW")  # what all optimisers share must not load the compiler either
        super().__init__(
            [{"params": ps, "parts": shape[0]} for shape, ps in groups.items()],
            {"lr": lr, "weight_decay": weight_decay, "momentum": momentum},
        )
        self.unit = unit

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Do one step with the gradients there are."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            grads = [local_of(p.grad) for p in params]
            for p in params:
                if "momentum" not in self.state[p]:
                    self.state[p]["momentum"] = torch.zeros_like(p)
            kept = [local_of(self.state[p]["momentum"]) for p in params]
            m = group["momentum"]
            torch._foreach_lerp_(kept, grads, 1 - m)
            ahead = torch._foreach_lerp(grads, kept, m)  # Nesterov
            rows, columns = params[0].shape[0] // group["parts"], params[0][0].numel()
            # a matrix that lies in parts on several processes is made orthogonal as a whole
            joined = [whole_of(with_local(p, a)) for p, a in zip(params, ahead, strict=True)]
            flat = torch.stack([a.reshape(-1, columns) for a in joined])
            made = orthogonal(flat.view(-1, rows, columns)).reshape(len(params), -1, columns)
            turned = [m.view(p.shape) for m, p in zip(made.to(params[0].dtype).unbind(0), params)]
            steps = [local_of(part_like(t, p)) for t, p in zip(turned, params, strict=True)]
            own = [local_of(p) for p in params]
            lr = group["lr"]
            if self.unit:
                sizes = torch._foreach_norm([whole_of(p) for p in params])
                torch._foreach_mul_(own, [p.shape[0] ** 0.5 / s.clamp_min(1e-12) for p, s in zip(params, sizes)])
            elif group["weight_decay"]:
                torch._foreach_mul_(own, 1 - lr * group["weight_decay"])
            scale = 1.0 if self.unit else max(1.0, rows / columns) ** 0.5
            torch._foreach_add_(own, steps, alpha=-lr * scale)
