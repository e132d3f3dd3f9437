"""Training with differential privacy: clipped gradients of single rows, noise, batches drawn by chance.

DP-SGD (Abadi et al., arXiv 1607.00133) inside the one training loop: the loop asks `PrivateSteps` for gradients instead of
running backward by itself. Whatever is done with them afterwards (momentum, averaging of weights) costs nothing more.
Legend: N rows, B rows of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.core.privacy_budget import Look, Spending
from modelwright.train.batches import RowFeed
from modelwright.train.per_example import Tape

_CHUNK_TOKENS = 32_768  # activations of so many tokens (rows of a table, 16 pixels) are held at a time
_EASE = 0.01  # of automatic clipping: far smaller gradients count less


class PrivateFeed:
    """Batches in which every row stands with the same chance, whatever else stands in them (Poisson sampling)."""

    def __init__(self, feed: RowFeed, batch: int, random: np.random.Generator) -> None:
        self.feed, self.random = feed, random
        self.rows = len(feed.truth)
        self.batches = max(1, round(self.rows / batch))
        self.rate = min(1.0, batch / self.rows)
        self.total = feed.total

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return row numbers [B] of each batch; `rng` is known to whoever knows the seed, so it is not used."""
        return [np.flatnonzero(self.random.random(self.rows) < self.rate) for _ in range(self.batches)]

    def size(self, batch: np.ndarray) -> int:
        """Return the tokens of a batch [B]."""
        return self.feed.size(batch)

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return the flat tensors of the rows [B, ...], and their answers [B, ...]; nothing for a batch without rows."""
        if not len(batch):
            return {}, self.feed.truth[:0]
        return self.feed.load(batch, device)

    @property
    def chunk(self) -> int:
        """How many rows to hold at a time."""
        return max(1, _CHUNK_TOKENS // int(self.feed.sizes.max()))


@dataclass
class PrivateSteps:
    """Gradients for one fit: each row's is cut to the norm `clip`, their sum gets noise, and `steps` is how many there are.

    `automatic` scales every row's gradient to about `clip` (Bu et al., arXiv 2206.07136), so that `clip` only sets the unit of the learning rate.
    `views` are so many augmented views of a row whose mean gradient is cut (De et al., arXiv 2204.13650).
    """

    network: nn.Module
    loss: Any
    noise: float
    rate: float
    steps: int
    batch: float  # rows that a batch is expected to hold
    chunk: int
    clip: float = 1.0
    automatic: bool = False
    views: int = 1
    random: np.random.Generator = field(default_factory=np.random.default_rng, repr=False)
    taken: int = 0
    cut: float = 0.0  # share of the rows of the last step whose gradient was cut
    _generator: Any = field(default=None, repr=False)

    @property
    def left(self) -> bool:
        """Whether the budget pays for one more step."""
        return self.taken < self.steps

    def draw(self) -> int:
        """Return a seed that nobody knows: which row is augmented how must not be known either."""
        return int(self.random.integers(1 << 62))

    def look(self, name: str) -> Look:
        """Return what was spent so far."""
        return Look(name, self.noise, self.rate, self.taken)

    def gradients(self, tensors: dict[str, Tensor], expected: Tensor) -> Tensor:
        """Put the noisy mean gradient into every parameter's `.grad`; return the mean loss, one number, which is not private."""
        self.taken += 1
        rows = len(expected)
        total = {id(p): torch.zeros_like(p) for p in self._parameters()}
        losses = torch.zeros((), device=expected.device)
        cut = 0.0
        for start in range(0, rows, self.chunk):
            part = {k: v[start : start + self.chunk] for k, v in tensors.items()}
            value, found, many = self._clipped(part, expected[start : start + self.chunk])
            losses, cut = losses + value, cut + many
            for key, sum_ in found.items():
                total[key] += sum_
        self.cut = cut / max(1, rows)
        for p in self._parameters():
            drawn = torch.randn(p.shape, generator=self._noise(p.device), device=p.device, dtype=torch.float32)
            p.grad = (total[id(p)] + (self.noise * self.clip) * drawn) / self.batch
        return losses / max(1, rows)

    def _parameters(self) -> list[nn.Parameter]:
        return [p for p in self.network.parameters() if p.requires_grad]

    def _noise(self, device: torch.device) -> torch.Generator:
        if self._generator is None:
            self._generator = torch.Generator(device).manual_seed(self.draw())
        found: torch.Generator = self._generator
        return found

    def _clipped(self, tensors: dict[str, Tensor], expected: Tensor) -> tuple[Tensor, dict[int, Tensor], float]:
        """Return the rows' summed loss, by parameter the sum of their cut gradients, and how many were cut."""
        rows = len(expected)
        seen, truth = tensors, expected
        if self.views > 1:
            seen = {k: v.repeat_interleave(self.views, dim=0) for k, v in tensors.items()}
            truth = expected.repeat_interleave(self.views, dim=0)
        tape = Tape(self.network, rows)
        with tape:
            value = self.loss(self.network(seen), truth) * rows  # the loss is a mean of the rows' own
        value.backward()
        norms = tape.norms()
        good = norms.isfinite()
        if not bool(good.all()):  # such a row would spoil the sum: it is left out as if it were not there
            if not bool(good.any()):
                return torch.zeros_like(value.detach()), {}, float(rows)
            return self._clipped({k: v[good] for k, v in tensors.items()}, expected[good])
        if self.automatic:
            factors = self.clip / (norms + _EASE)
        else:
            factors = self.clip / norms.clamp_min(self.clip)
        many = float((norms > self.clip).sum())
        return value.detach(), {id(p): g for p, g in tape.clipped(factors)}, many


def private_steps(
    network: nn.Module, feed: PrivateFeed, loss: Any, spending: Spending, name: str, options: Any, epochs: int
) -> PrivateSteps:
    """Return the steps that the share `name` of the budget pays for: `epochs` passes with the noise they need, or, where
    `options.noise` says how much noise, as many of those as it pays for."""
    steps = max(1, epochs * feed.batches)
    if options.noise:
        noise = float(options.noise)
        steps = spending.steps_for(name, feed.rate, noise, steps)
    else:
        noise = spending.noise_for(name, feed.rate, steps)
    return PrivateSteps(
        network, loss, noise, feed.rate, steps, feed.rate * feed.rows, feed.chunk, clip=options.clip or 1.0,
        automatic=options.clipping == "automatic", views=options.views, random=spending.random,
    )  # fmt: skip
