"""Media decoded once, in threads: into memory, or into a file on disk where memory would not hold them.

Legend: N rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.device import cores, free_memory
from modelwright.core.errors import DataError

_SHARE = 4  # a decoded column may take one part in so many of the memory that is free
_TOGETHER = 256


def decoded(
    values: pa.Array, one: Callable[[Mapping[str, Any]], np.ndarray], shape: tuple[int, ...], kind: Any
) -> np.ndarray:
    """Return [N, *shape]: `one` of every cell that is there, zeros elsewhere.

    Where it would take more than a quarter of the free memory, the array lives in an unnamed temporary file that goes
    with the process; pages are read as they are needed. Raises DataError where the disk is full.
    """
    out = room((len(values), *shape), kind)
    known = np.flatnonzero(np.asarray(values.is_valid()))

    def work(start: int) -> None:
        index = known[start : start + _TOGETHER]
        for i, cell in zip(index, values.take(pa.array(index)).to_pylist(), strict=True):
            out[i] = one(cell)

    starts = range(0, len(known), _TOGETHER)
    if len(known) <= 8:
        for start in starts:
            work(start)
        return out
    with ThreadPoolExecutor(max(1, cores())) as pool:
        for _ in pool.map(work, starts):
            pass
    return out


def room(shape: tuple[int, ...], kind: Any) -> np.ndarray:
    """Return zeros of a shape, in memory where a quarter of what is free holds them, else mapped onto disk."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if size <= max(64 << 20, free_memory() // _SHARE):
        return np.zeros(shape, kind)
    try:
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return np.memmap(file, dtype=kind, mode="r+", shape=shape)
    except OSError as e:
        raise DataError(
            f"The decoded data needs {size >> 20} MB on the disk for temporary files: {e.strerror}.",
            f"解码后的数据需要 {size >> 20} MB 的临时磁盘空间：{e.strerror}。",
        ) from e
