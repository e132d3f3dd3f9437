"""What the gradients of a parameter are made of, row by row, and how their norms and weighted sums are had from it.

Each part knows `squares()`, the squared norm of every row's gradient [B]; `weighted(factors)`, the sum of the rows'
gradients, each times its factor [B]; and `dense()`, the gradients themselves [B, *P], where they fit.
Legend: B rows, T places of a row, D inputs, K outputs, V ids, G groups, P the parameter's own shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv1d_weight, conv2d_weight, conv3d_weight

_KEPT = 1 << 24  # numbers of single rows' gradients that are kept between the norm and the sum
_BLOCK = 1 << 20  # numbers of unfolded activations at a time
_FEW_CHANNELS = 3


class Part(Protocol):
    """A part of a parameter's gradient for each of B rows."""

    @property
    def device(self) -> torch.device:
        """Where it lies."""

    def squares(self) -> Tensor:
        """Return squared norms [B]."""

    def weighted(self, factors: Tensor) -> Tensor:
        """Return the sum [*P] of the rows' gradients times `factors` [B]."""

    def dense(self) -> Tensor:
        """Return the rows' gradients [B, *P]."""


@dataclass
class Dense:
    """Gradients as they are: [B, *P]. For biases, scales, norms."""

    values: Tensor

    @property
    def device(self) -> torch.device:
        return self.values.device

    def squares(self) -> Tensor:
        return self.values.flatten(1).square().sum(1) if self.values.ndim > 1 else self.values.square()

    def weighted(self, factors: Tensor) -> Tensor:
        return (factors @ self.values.flatten(1)).view(self.values.shape[1:]) if self.values.ndim > 1 else (factors * self.values).sum()  # fmt: skip

    def dense(self) -> Tensor:
        return self.values


class Outer:
    """A linear map: for each row the sum over places of b a^T, from a [B, T, D] and b [B, T, K]; P = (K, D)."""

    def __init__(self, a: Tensor, b: Tensor) -> None:
        self.a, self.b = a.float(), b.float()
        self._whole: Tensor | None = None

    @property
    def device(self) -> torch.device:
        return self.a.device

    def squares(self) -> Tensor:
        (rows, t, d), k = self.a.shape, self.b.shape[2]
        if t == 1:
            return self.a.square().sum((1, 2)) * self.b.square().sum((1, 2))
        if t * (d + k) <= d * k or rows * d * k > _KEPT:
            # <sum_t b_t a_t^T, sum_s b_s a_s^T> = sum_ts (a_t a_s)(b_t b_s)
            return (torch.bmm(self.a, self.a.transpose(1, 2)) * torch.bmm(self.b, self.b.transpose(1, 2))).sum((1, 2)).clamp_min(0)  # fmt: skip
        self._whole = self.dense()
        return self._whole.flatten(1).square().sum(1)

    def weighted(self, factors: Tensor) -> Tensor:
        if self._whole is not None:
            return Dense(self._whole).weighted(factors)
        a, b, by = self.a, self.b, factors[:, None, None]
        a, b = (a * by, b) if a.shape[2] < b.shape[2] else (a, b * by)
        return b.reshape(-1, b.shape[2]).T @ a.reshape(-1, a.shape[2])

    def dense(self) -> Tensor:
        return torch.bmm(self.b.transpose(1, 2), self.a)


class Grouped:
    """Linear maps side by side, one place each: a [B, G, D], b [B, G, K]; P = (G, D, K)."""

    def __init__(self, a: Tensor, b: Tensor) -> None:
        self.a, self.b = a.float(), b.float()

    @property
    def device(self) -> torch.device:
        return self.a.device

    def squares(self) -> Tensor:
        return (self.a.square().sum(2) * self.b.square().sum(2)).sum(1)

    def weighted(self, factors: Tensor) -> Tensor:
        a = self.a * factors[:, None, None]
        return torch.bmm(a.permute(1, 2, 0), self.b.transpose(0, 1))

    def dense(self) -> Tensor:
        return self.a[..., None] * self.b[:, :, None, :]


class Looked:
    """A table of vectors: ids [B, T] and what came back for each [B, T, K]; P = (V, K). The id `pad` learns nothing."""

    def __init__(self, ids: Tensor, g: Tensor, shape: Sequence[int], pad: int) -> None:
        self.ids, self.shape, self.pad = ids, tuple(shape), pad
        self.g = g.float() * (ids != pad)[:, :, None] if pad >= 0 else g.float()

    @property
    def device(self) -> torch.device:
        return self.g.device

    def squares(self) -> Tensor:
        rows, t = self.ids.shape
        if t == 1:
            return self.g.square().sum((1, 2))
        place = torch.arange(rows, device=self.ids.device)[:, None] * self.shape[0] + self.ids
        keys, at = torch.unique(place.flatten(), return_inverse=True)
        sums = self.g.new_zeros(len(keys), self.shape[1]).index_add_(0, at, self.g.flatten(0, 1))
        return self.g.new_zeros(rows).index_add_(0, keys // self.shape[0], sums.square().sum(1))

    def weighted(self, factors: Tensor) -> Tensor:
        g = (self.g * factors[:, None, None]).flatten(0, 1)
        return self.g.new_zeros(self.shape).index_add_(0, self.ids.flatten(), g)

    def dense(self) -> Tensor:
        out = self.g.new_zeros(len(self.ids), *self.shape)
        index = self.ids[:, :, None].expand(-1, -1, self.shape[1])
        return out.scatter_add_(1, index, self.g)


@dataclass(frozen=True)
class Window:
    """How a convolution looks: kernel, stride, padding, dilation by axis of space; groups; P = (K, C / G, *kernel)."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @classmethod
    def of(cls, shape: Sequence[int], stride: Any, padding: Any, dilation: Any, groups: int) -> Window:
        """Make it from the arguments of a convolution."""
        n = len(shape) - 2

        def each(value: Any) -> tuple[int, ...]:
            return (int(value),) * n if isinstance(value, int) else tuple(value) * (n if len(value) == 1 else 1)

        wide = each(dilation)
        if padding == "same":
            spans = [d * (k - 1) for d, k in zip(wide, shape[2:])]
            pads = tuple((s // 2, s - s // 2) for s in spans)
        else:
            pads = tuple((p, p) for p in ((0,) * n if padding == "valid" else each(padding)))
        return cls(tuple(shape), each(stride), pads, wide, groups)

    def unfold(self, x: Tensor, size: Sequence[int]) -> Tensor:
        """Return what each place sees, [N, C, kernel, L], of x [N, C, *S]; `size` is the result's."""
        x = self.padded(x)
        own, kernel = x.stride(), self.shape[2:]
        steps = [*(s * d for s, d in zip(own[2:], self.dilation)), *(s * w for s, w in zip(own[2:], self.stride))]
        seen = x.as_strided((*x.shape[:2], *kernel, *size), (*own[:2], *steps))  # a view: each place's window
        return seen.reshape(*x.shape[:2], prod(kernel), prod(size))

    def padded(self, x: Tensor) -> Tensor:
        """Return x [B, C, L] or [B, C, H, W] with its padding."""
        if not any(p for pair in self.padding for p in pair):
            return x.contiguous()
        return F.pad(x.contiguous(), [p for pair in reversed(self.padding) for p in pair])


class Convolved:
    """A convolution: x [B r, C, *S], g [B r, K, *S'], r pictures a row."""

    def __init__(self, x: Tensor, g: Tensor, window: Window, rows: int) -> None:
        self.x, self.g, self.window, self.rows = x.float(), g.float(), window, rows
        self._whole: Tensor | None = None

    @property
    def device(self) -> torch.device:
        return self.x.device

    @property
    def _per(self) -> int:
        return len(self.x) // self.rows

    def squares(self) -> Tensor:
        w, places = self.window, prod(self.g.shape[2:]) * self._per
        numbers = prod(w.shape)
        if w.groups == 1 and 2 * places * places < numbers:
            return torch.cat([self._ghost(i, j) for i, j in self._blocks()])
        if self.rows * numbers <= _KEPT:
            self._whole = self.dense()
            return self._whole.flatten(1).square().sum(1)
        return torch.cat([self._some(i, j).flatten(1).square().sum(1) for i, j in self._blocks()])

    def weighted(self, factors: Tensor) -> Tensor:
        if self._whole is not None:
            return Dense(self._whole).weighted(factors)
        g = self.g * factors.repeat_interleave(self._per).view(-1, *(1,) * (self.g.ndim - 1))
        w = self.window
        x, pads = self.x, w.padding
        if any(a != b for a, b in pads):
            x, pads = F.pad(x, [p for pair in reversed(pads) for p in pair]), ((0, 0),) * len(pads)
        space = len(pads)
        gradient: Any = (conv1d_weight, conv2d_weight, conv3d_weight)[space - 1]
        return gradient(x, w.shape, g, w.stride, tuple(a for a, _ in pads), w.dilation, w.groups)

    def dense(self) -> Tensor:
        return torch.cat([self._some(i, j) for i, j in self._blocks()])

    def _blocks(self) -> list[tuple[int, int]]:
        """Return rows from and to, few enough for their unfolded activations to fit."""
        one = prod(self.window.shape[1:]) * self.window.groups * prod(self.g.shape[2:]) * self._per
        step = max(1, _BLOCK // one)
        return [(i, min(i + step, self.rows)) for i in range(0, self.rows, step)]

    def _seen(self, i: int, j: int) -> tuple[Tensor, Tensor]:
        """Return activations [B', G, D, L] and gradients [B', G, K / G, L] of rows i to j, all pictures of a row together."""
        r, w = self._per, self.window
        g = self.g[i * r : j * r]
        seen = w.unfold(self.x[i * r : j * r], g.shape[2:])

        def joined(x: Tensor) -> Tensor:
            x = x.reshape(j - i, r, w.groups, -1, x.shape[-1])
            return x[:, 0] if r == 1 else x.permute(0, 2, 3, 1, 4).flatten(3)

        return joined(seen), joined(g.flatten(2))

    def _some(self, i: int, j: int) -> Tensor:
        w = self.window
        if w.groups == 1 and self._per == 1 and w.shape[1] <= _FEW_CHANNELS and len(w.shape) == 4:
            return self._as_groups(i, j)
        a, g = self._seen(i, j)
        return torch.matmul(g, a.transpose(2, 3)).reshape(j - i, *self.window.shape)

    def _as_groups(self, i: int, j: int) -> Tensor:
        """Return gradients of rows i to j as one convolution, every row a group: of few channels that is quickest."""
        w, (rows, c) = self.window, (j - i, self.window.shape[1])
        x = w.padded(self.x[i:j])
        g = self.g[i:j].repeat(1, c, 1, 1).reshape(rows * c * w.shape[0], 1, *self.g.shape[2:])
        found = F.conv2d(x.reshape(1, rows * c, *x.shape[2:]), g, None, w.dilation, 0, w.stride, groups=rows * c)
        found = found.reshape(rows, c, w.shape[0], *found.shape[2:])[..., : w.shape[2], : w.shape[3]]
        return found.transpose(1, 2)

    def _ghost(self, i: int, j: int) -> Tensor:
        a, g = (v[:, 0] for v in self._seen(i, j))
        return (torch.bmm(a.transpose(1, 2), a) * torch.bmm(g.transpose(1, 2), g)).sum((1, 2)).clamp_min(0)


def together(found: list[Part], shape: Sequence[int]) -> list[Part]:
    """Return parts of one parameter, of which there may be several uses, as one."""
    if len(found) < 2:
        return found
    if all(isinstance(p, Outer) for p in found):
        outer = [p for p in found if isinstance(p, Outer)]
        return [Outer(torch.cat([p.a for p in outer], 1), torch.cat([p.b for p in outer], 1))]
    if all(isinstance(p, Looked) for p in found):
        looked = [p for p in found if isinstance(p, Looked)]
        return [
            Looked(torch.cat([p.ids for p in looked], 1), torch.cat([p.g for p in looked], 1), shape, looked[0].pad)
        ]
    total = found[0].dense().clone()
    for p in found[1:]:
        total += p.dense().reshape(total.shape)
    return [Dense(total)]


def scattered(part: Part, shape: Sequence[int], index: Any) -> Part:
    """Return the gradient of a whole parameter of which only the piece at `index` was used."""
    values = part.dense()
    whole = values.new_zeros(len(values), *shape)
    where = index if isinstance(index, tuple) else (index,)
    view = whole[(slice(None), *where)]
    view += values.reshape(view.shape)
    return Dense(whole)
