"""Encoded rows to batches of tensors: length-bucketed, collated ahead in a thread.

Legend: N rows, B batch, T longest row of a batch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any

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
    """Return an epoch's batches: rows shuffled, those of like length put together within pools of 50 batches."""
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


def ahead(
    arrays: Arrays, truth: Tensor, batches: list[np.ndarray], device: str
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """Yield (tensors, truth) of each batch, collated in a thread while the one before is trained on."""
    if len(batches) < 4:
        for b in batches:
            yield collate(arrays, b, device), truth[torch.from_numpy(b)].to(device)
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
                put((collate(arrays, b, device), truth[torch.from_numpy(b)].to(device)))
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
