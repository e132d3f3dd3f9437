"""Encoded rows to batches of tensors: length-bucketed, collated ahead in a thread.

Legend: N rows, B batch, T longest row of a batch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from modelwright.core.schema import Column, Table
from modelwright.features.base import Codec, Ragged

Arrays = dict[str, Any]


def encode(table: Table, codecs: Mapping[str, tuple[Column, Codec]]) -> Arrays:
    """Return the flat arrays of a table: `"{i}.{name}"` for the i-th column's array `name`; array [N, ...] or Ragged."""
    out: Arrays = {}
    for i, (name, (_, codec)) in enumerate(codecs.items()):
        for key, value in codec.encode(table.column(name)).items():
            out[f"{i}.{key}"] = value
    return out


def lengths(arrays: Arrays, rows: int) -> np.ndarray:
    """Return the length of each row [N], what its cost goes with: that of its longest array; 1 where there is none.

    A picture or clip counts as one for every 16 pixels.
    """
    found = [a.lengths for a in arrays.values() if isinstance(a, Ragged)]
    fixed = [int(np.prod(a.shape[1:-1])) // 16 for a in arrays.values() if not isinstance(a, Ragged) and a.ndim > 3]
    out = np.max(found, axis=0) if found else np.ones(rows, np.int64)
    return np.maximum(out, max(fixed)) if fixed else out


def collate(arrays: Arrays, index: np.ndarray, device: str = "cpu") -> dict[str, Tensor]:
    """Return the rows at `index` [B] as tensors; ragged ones are padded with 0 to [B, T, ...]."""
    out = {}
    for name, a in arrays.items():
        if isinstance(a, Ragged):
            starts, sizes = a.offsets[index], a.offsets[index + 1] - a.offsets[index]
            place = np.arange(sizes.max())[None]
            inside = place < sizes[:, None]
            rows = a.values[np.minimum(starts[:, None] + place, len(a.values) - 1)]
            rows[~inside] = 0
            out[name] = torch.from_numpy(rows)
        else:
            out[name] = torch.from_numpy(np.ascontiguousarray(a[index]))
    return out if device == "cpu" else {k: v.to(device, non_blocking=True) for k, v in out.items()}


def order(sizes: np.ndarray, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return an epoch's batches of row numbers, int64 [B] each: rows shuffled, those of like size [N] put together within pools of 50 batches."""
    shuffled = rng.permutation(len(sizes))
    if sizes.min() != sizes.max():
        pool = 50 * batch
        parts = [shuffled[i : i + pool] for i in range(0, len(shuffled), pool)]
        shuffled = np.concatenate([p[np.argsort(sizes[p], kind="stable")] for p in parts])
    batches = [shuffled[i : i + batch] for i in range(0, len(shuffled), batch)]
    if len(batches) > 1 and len(batches[-1]) < batch // 4:  # a few rows left over make a noisy step
        few = batches.pop()
        batches[-1] = np.concatenate([batches[-1], few])
    return [batches[i] for i in rng.permutation(len(batches))]


def in_even_batches(rows: np.ndarray, sizes: np.ndarray, count: int) -> list[np.ndarray]:
    """Return row numbers [N], in this order, as `count` batches int64 [B] of about the same size in all; `sizes` [N] are those of each row.

    Fewer rows than batches come again, so that every epoch has as many batches.
    """
    ends = np.cumsum(sizes[rows])
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, count) / count, side="left")
    full = [b for b in np.split(rows, cuts) if len(b)]
    return full + [full[0]] * (count - len(full))


def of_like_size(sizes: np.ndarray, count: int, rng: np.random.Generator, spread: float = 0.2) -> list[np.ndarray]:
    """Return `count` batches of row numbers [B] in a random order, each of about the same size in all and of rows of about one size [N].

    `spread` is how far, as a logarithm, a size is off where rows are put in order: they meet others in the next epoch.
    """
    batches = in_even_batches(
        np.argsort(sizes * np.exp(spread * rng.standard_normal(len(sizes))), kind="stable"), sizes, count
    )
    return [batches[k] for k in rng.permutation(count)]


class Feed(Protocol):
    """What the training loop is fed with: how rows come together in batches is the feed's own affair."""

    @property
    def total(self) -> int:
        """What an epoch holds, in the unit of `size`: rows, tokens."""

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[Any]:
        """Return the batches of epoch `number`, as whatever `load` takes; how many should not change between epochs."""

    def size(self, batch: Any) -> int:
        """Return what a batch costs, in rows or tokens."""

    def load(self, batch: Any, device: str) -> tuple[Any, Any]:
        """Return what the network takes and what the loss compares it with; called in a thread."""


class RowFeed:
    """Rows of encoded columns with an encoded answer each [N, ...], in batches of like length.

    With `turns` a batch also says which of its rows are to be mirrored, `turn` [B]: half of all in one epoch, and the
    other half in the next, so that two epochs show both sides of each (alternating flips, arXiv 2404.00498, section 3.6).
    """

    def __init__(self, arrays: Arrays, truth: Tensor, batch: int, *, turns: bool = False) -> None:
        self.arrays, self.truth, self.batch = arrays, truth, batch
        self._turned = np.random.default_rng(0).random(len(truth)) < 0.5 if turns else None
        self._odd = False
        self.sizes = lengths(arrays, len(truth))
        self.total = int(self.sizes.sum())

    def epoch(self, rng: np.random.Generator, number: int = 0) -> list[np.ndarray]:
        """Return row numbers [B] of each batch."""
        self._odd = bool(number % 2)
        return order(self.sizes, self.batch, rng)

    def size(self, batch: np.ndarray) -> int:
        """Return the tokens of a batch [B]."""
        return int(self.sizes[batch].sum())

    def load(self, batch: np.ndarray, device: str) -> tuple[dict[str, Tensor], Tensor]:
        """Return the flat tensors of the rows [B, ...], and their answers [B, ...]."""
        tensors = collate(self.arrays, batch, device)
        if self._turned is not None:
            tensors["turn"] = torch.from_numpy(self._turned[batch] != self._odd).to(device)
        return tensors, self.truth[torch.from_numpy(batch)].to(device)


def ahead(feed: Feed, batches: list[Any], device: str) -> Iterator[tuple[Any, Any]]:
    """Yield each batch, loaded in a thread while the one before is trained on."""
    if len(batches) < 4:
        for b in batches:
            yield feed.load(b, device)
        return
    ready: queue.Queue[Any] = queue.Queue(maxsize=4)
    stop = threading.Event()

    def put(item: Any) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for b in batches:
                if stop.is_set():
                    return
                put(feed.load(b, device))
            put(None)
        except (RuntimeError, ValueError, IndexError, MemoryError) as e:
            put(e)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
