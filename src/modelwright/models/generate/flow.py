"""Pictures from noise by flow matching: a small U-Net says which way to go, and steps along it lead from noise to a picture.

Lipman et al. 2022 (arXiv 2210.02747), with straight paths from noise x0 to a picture x1; conditions are left out now and then in training
so that an answer can be led towards its condition (classifier-free guidance: Ho and Salimans 2022, arXiv 2207.12598).

Legend: B batch, C channels, S side of a picture, D width of a condition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, silu

from modelwright.models.restore.base import conv

Condition = Callable[[Tensor], Tensor]


class _Block(nn.Module):
    """Two convolutions told of time and condition by scale and shift."""

    def __init__(self, given: int, width: int, told: int) -> None:
        super().__init__()
        self.norm, self.first = nn.GroupNorm(8, given), conv(given, width)
        self.tell = nn.Linear(told, 2 * width)
        self.again, self.second = nn.GroupNorm(8, width), conv(width, width)
        nn.init.zeros_(self.second.weight)
        self.past = conv(given, width, 1) if given != width else nn.Identity()

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        seen = self.first(silu(self.norm(x)))
        scale, shift = self.tell(told)[:, :, None, None].chunk(2, 1)
        seen = self.second(silu(self.again(seen) * (1 + scale) + shift))
        return cast(Tensor, self.past(x) + seen)


class _Attention(nn.Module):
    """Every place looks at every other one, at the coarsest size alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.look = nn.MultiheadAttention(width, max(1, width // 32), batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.norm(x).flatten(2).transpose(1, 2)
        seen = self.look(flat, flat, flat, need_weights=False)[0]
        return x + seen.transpose(1, 2).reshape(x.shape)


class FlowNet(nn.Module):
    """A U-Net of three sizes over noisy pictures [B, C, S, S], a time [B] in 0..1 and a condition [B, D]; gives the direction [B, C, S, S].

    `fold` pixels at a side are seen as one place of more channels, which makes a step several times cheaper (Hoogeboom et al. 2023, arXiv
    2301.11093); S is a multiple of it.
    """

    def __init__(self, channels: int, width: int, condition: nn.Module, fold: int = 1) -> None:
        super().__init__()
        told = 4 * width
        self.width, self.condition, self.fold = width, condition, fold
        channels *= fold**2
        self.time = nn.Sequential(nn.Linear(2 * width, told), nn.SiLU(), nn.Linear(told, told))
        self.first = conv(channels, width)
        self.down1, self.halve1 = _Block(width, width, told), nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.down2, self.halve2 = (
            _Block(2 * width, 2 * width, told),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
        )
        self.middle1, self.attend, self.middle2 = (
            _Block(2 * width, 2 * width, told),
            _Attention(2 * width),
            _Block(2 * width, 2 * width, told),
        )
        self.up2, self.up1 = _Block(4 * width, 2 * width, told), _Block(3 * width, width, told)
        self.norm, self.last = nn.GroupNorm(8, width), conv(width, channels)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        x, time, asked = batch
        told = self.time(waves(time, 2 * self.width)) + self.condition(asked)
        told = silu(told)
        one = self.down1(self.first(pixel_unshuffle(x, self.fold)), told)
        two = self.down2(self.halve1(one), told)
        seen = self.middle2(self.attend(self.middle1(self.halve2(two), told)), told)
        seen = self.up2(torch.cat([interpolate(seen, size=two.shape[2:]), two], 1), told)
        seen = self.up1(torch.cat([interpolate(seen, size=one.shape[2:]), one], 1), told)
        return pixel_shuffle(self.last(silu(self.norm(seen))), self.fold)


def waves(time: Tensor, width: int) -> Tensor:
    """Return times [B] as sines and cosines [B, width]."""
    rates = torch.exp(-math.log(1000.0) * torch.arange(width // 2, device=time.device) / (width // 2)) * 1000.0 / 2
    angles = time[:, None] * rates[None] / 100.0
    return torch.cat([angles.sin(), angles.cos()], 1)


class Labels(nn.Module):
    """Labels [B] int64 as vectors [B, D]; 0 is no label."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(count + 1, width)

    def forward(self, asked: Tensor) -> Tensor:
        return cast(Tensor, self.table(asked))


class Words(nn.Module):
    """Words [B, T] int64, 0 for none, as vectors [B, D]: their mean, and what follows what by a convolution."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(count + 1, width)
        self.order = nn.Conv1d(width, width, 3, padding=1)
        self.mix = nn.Linear(2 * width, width)

    def forward(self, asked: Tensor) -> Tensor:
        known = (asked > 0).float()[:, :, None]
        seen = self.table(asked) * known
        after = silu(self.order(seen.transpose(1, 2))).transpose(1, 2) * known
        count = known.sum(1).clamp(min=1)
        return cast(Tensor, self.mix(torch.cat([seen.sum(1) / count, after.sum(1) / count], 1)))


class Begun(NamedTuple):
    """A picture that is begun with: `wanted` [B, C, S, S] as the network sees it; `new` [B, 1, S, S], 1 where it is made anew and 0 where it
    stays; the time in 0..1 at which it is joined; and what gives noise [B, C, S, S] that was not used before."""

    wanted: Tensor
    new: Tensor
    start: float
    fresh: Callable[[], Tensor]

    def at(self, time: float, noise: Tensor) -> Tensor:
        """Return the picture [B, C, S, S] on its straight way from noise."""
        return (1 - time) * noise + time * self.wanted


def _direction(network: nn.Module, x: Tensor, t: float, asked: Tensor, guidance: float) -> Tensor:
    """Return the way [B, C, S, S] that leads on from points [B, C, S, S] at a time `t`; beyond the condition by `guidance` above 1."""
    time = torch.full((len(x),), t, device=x.device)
    if guidance == 1.0 or not asked.any():
        return cast(Tensor, network((x, time, asked)))
    nothing = torch.zeros_like(asked)
    both: Tensor = network((torch.cat([x, x]), torch.cat([time, time]), torch.cat([asked, nothing])))
    toward, away = both.chunk(2)
    return away + guidance * (toward - away)


def _step(
    network: nn.Module, x: Tensor, times: tuple[float, float], asked: Tensor, guidance: float, heun: bool
) -> Tensor:
    """Return where points [B, C, S, S] are after a step from one time to another, by Euler's or Heun's method. No network is asked at time 1."""
    t, after = times
    first = _direction(network, x, t, asked, guidance)
    moved = x + (after - t) * first
    if not heun or after >= 1:
        return moved
    return x + (after - t) * 0.5 * (first + _direction(network, moved, after, asked, guidance))


@torch.no_grad()
def way_points(
    network: nn.Module, noise: Tensor, asked: Tensor, guidance: float, strides: int, within: int = 2
) -> Tensor:
    """Return the points [strides + 1, B, C, S, S] at which the ways from noise [B, C, S, S] are at evenly spaced times, the first and the
    last among them, by `within` steps of Heun's method from each to the next."""
    points = [noise]
    for i in range(strides):
        x = points[-1]
        for j in range(within):
            at = ((i + k / within) / strides for k in (j, j + 1))
            x = _step(network, x, (next(at), next(at)), asked, guidance, heun=True)
        points.append(x)
    return torch.stack(points)


@torch.no_grad()
def sampled(
    network: nn.Module,
    noise: Tensor,
    asked: Tensor,
    steps: int,
    guidance: float,
    begun: Begun | None = None,
    bound: float = 1.0,
) -> Tensor:
    """Return pictures [B, C, S, S] in -1..1 that lead from noise, in `steps` of Heun's method (the last ones of Euler's).

    `guidance` above 1 leads further towards the condition; at 1 the network is asked once a step. Few steps are plain Euler's. With `begun`
    the way is joined where that picture is on it (Meng et al. 2021, arXiv 2108.01073); what is not made anew is put back after each step, and
    each step is gone twice so that both parts fit together (Lugmayr et al. 2022, arXiv 2201.09865). No value is beyond `bound`.
    """
    x = noise
    start = begun.start if begun is not None else 0.0
    held = begun is not None and bool((begun.new < 1).any())
    if begun is not None:
        x = begun.at(start, noise)

    heun = steps > 8
    count = max(1, steps // 2) if heun else steps
    for i in range(count):
        t, after = (start + (1 - start) * j / count for j in (i, i + 1))
        for last in (False, True) if held and t > 0 and i + 1 < count else (True,):
            x = _step(network, x, (t, after), asked, guidance, heun and i + 1 < count)
            if begun is not None:
                x = begun.new * x + (1 - begun.new) * begun.at(after, noise)
                if not last:  # back to where the step began, with other noise
                    kept = t / after
                    x = kept * x + math.sqrt(max(0.0, (1 - t) ** 2 - (kept * (1 - after)) ** 2)) * begun.fresh()
    return x.clamp(-bound, bound)
