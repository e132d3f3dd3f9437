"""Pairs of token sequences to batches of a fixed number of tokens. Legend: N pairs, B batch, S, T longest sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from modelwright.features.base import Ragged
from modelwright.features.shared.subwords import BEGIN, END, padded
from modelwright.train.batches import in_even_batches


class PairFeed:
    """A `Feed` of pairs: rows of like lengths together, about `tokens` in a batch, both sides counted.

    An epoch passes over the pairs as often as makes `least` batches, so that few pairs are not looked at after each step.
    """

    def __init__(
        self, sources: Ragged, answers: Ragged, tokens: int, least: int = 1, *, begin: int = BEGIN, end: int = END
    ) -> None:
        self.sources, self.answers, self.begin, self.end = sources, answers, begin, end
        self.sizes = sources.lengths + answers.lengths + 1
        self.batches = max(1, round(int(self.sizes.sum()) / tokens))
        self.passes = max(1, -(-least // self.batches))
        self.total = int(self.sizes.sum()) * self.passes

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return row numbers [B] of each batch; their number is always the same."""
        return [b for _ in range(self.passes) for b in self._epoch_of_batches(rng)]

    def _epoch_of_batches(self, rng: np.random.Generator) -> list[np.ndarray]:
        s, t = self.sources.lengths, self.answers.lengths
        # noise lets rows meet others of nearly their length in the next epoch
        order = np.lexsort((t + rng.random(len(t)), np.round((s + t) / 4 + rng.random(len(t)))))
        batches = in_even_batches(order, self.sizes, self.batches)
        return [batches[i] for i in rng.permutation(self.batches)]

    def size(self, batch: np.ndarray) -> int:
        """Return the tokens of a batch [B]."""
        return int(self.sizes[batch].sum())

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return what a Seq2Seq takes, and the pieces [M] that it should give at the places that `keep` marks."""
        source = padded(self.sources, batch)
        answer = padded(self.answers, batch)
        before = np.concatenate([np.full((len(batch), 1), self.begin), answer], axis=1)
        sizes = self.answers.lengths[batch] + 1
        keep = np.arange(before.shape[1])[None] < sizes[:, None]
        after = np.concatenate([answer, np.zeros((len(batch), 1), np.int64)], axis=1)
        after[np.arange(len(batch)), sizes - 1] = self.end
        made: dict[str, Any] = {"source": source, "before": before, "keep": keep}
        return {k: torch.from_numpy(v).to(device) for k, v in made.items()}, torch.from_numpy(after[keep]).to(device)
