"""Media decoded once, in threads or processes: into memory, or into a file on disk where memory would not hold them.

Legend: N rows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.device import cores, free_memory
from modelwright.core.errors import DataError
from modelwright.core.stored_data import sealing
from modelwright.core.worker_processes import Helper, Work

_SHARE = 4  # a decoded column may take one part in so many of the memory that is free
_TOGETHER, _FIRST = 256, 64  # cells at once; those that the rest is judged by
_WORTH = 3.0  # seconds of one core from which further processes are begun; each takes most of one to begin
_MOST = 1 << 20  # bytes that a process sends at once: what its pipe holds


def decoded(
    values: pa.Array, one: Callable[[Mapping[str, Any]], np.ndarray], shape: tuple[int, ...], kind: Any
) -> np.ndarray:
    """Return [N, *shape]: `one` of every cell that is there, zeros elsewhere.

    Where it would take more than a quarter of the free memory, the array lives in an unnamed temporary file that goes
    with the process; pages are read as they are needed. Raises DataError where the disk is full.
    """
    out = room((len(values), *shape), kind)
    _in_threads(out, values, np.flatnonzero(np.asarray(values.is_valid())), one)
    return out


def _in_threads(
    out: np.ndarray, values: pa.Array, known: np.ndarray, one: Callable[[Mapping[str, Any]], np.ndarray]
) -> None:
    def work(start: int) -> None:
        index = known[start : start + _TOGETHER]
        for i, cell in zip(index, values.take(pa.array(index)).to_pylist(), strict=True):
            out[i] = one(cell)

    starts = range(0, len(known), _TOGETHER)
    if len(known) <= 8:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(max(1, cores())) as pool:
        for _ in pool.map(work, starts):
            pass


def decoded_apart(values: pa.Array, work: Work) -> np.ndarray:
    """Return [N, *shape]: `work` of every cell that is there, zeros elsewhere, as `decoded` does.

    Where it takes long the cores are given a process each, this one among them: a thread that makes many small arrays keeps the others
    waiting for the interpreter. Where a vault is open the cells stay in this process. Raises DataError where the disk is full.
    """
    out = room((len(values), *work.shape), work.kind)
    known = np.flatnonzero(np.asarray(values.is_valid()))
    first, left = known[:_FIRST], known[_FIRST:]
    begun = time.perf_counter()
    out[first] = work.all(values.take(pa.array(first)))
    took = (time.perf_counter() - begun) / max(1, len(first)) * len(left)
    if cores() < 2 or took < _WORTH or sealing():
        _in_threads(out, values, left, work.of)
    else:
        _in_processes(out, values, left, work)
    return out


def _in_processes(out: np.ndarray, values: pa.Array, known: np.ndarray, work: Work) -> None:
    together = max(1, min(_TOGETHER, _MOST // max(1, out[0].nbytes)))
    starts = iter(range(0, len(known), together))

    def asked() -> Iterator[tuple[np.ndarray, pa.Array]]:
        for start in starts:  # whoever is free takes the next
            index = known[start : start + together]
            yield index, values.take(pa.array(index))

    def here() -> None:
        for index, cells in asked():
            out[index] = work.all(cells)

    def there(helper: Helper) -> None:
        for index, made in helper.each(asked()):
            out[index] = made

    with ExitStack() as stack, ThreadPoolExecutor(cores()) as pool:
        helpers: list[Helper] = []
        with suppress(OSError):  # no further process is to be had
            for _ in range(cores() - 1):
                helpers.append(stack.enter_context(Helper(work)))
        for ended in [pool.submit(here), *(pool.submit(there, helper) for helper in helpers)]:
            ended.result()


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
