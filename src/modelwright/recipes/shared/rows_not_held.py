"""Features of rows that a run does not hold: read once more, encoded, and kept in a file without a name until the run ends.

What boosting then holds of such a row are its bins, a byte a feature, not its values. Legend: M further rows, D features.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.libraries import lightgbm
from modelwright.core.memory_pages import return_pages
from modelwright.core.peers import Peers
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Column
from modelwright.features.base import Codec
from modelwright.recipes.shared.columns import ColumnCodecs
from modelwright.recipes.shared.rows import known_rows, rows_in_memory

_SHARE = 0.35  # of the time of a fit that reading may take
_SLOWER = 2.0  # times as long that reading and encoding take as reading did
_WORTH = 0.25  # of the rows that are held: fewer further ones are not read
_AT_ONCE = 16_384  # rows that are binned at a time


class _Scratch:
    """A file without a name, which is gone with the last who knows it or with the process."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - it stands as long as its rows

    def __del__(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


@dataclass
class FurtherRows:
    """Features [M, D] float32 in a file, and the encoded truth [M]."""

    scratch: _Scratch
    width: int
    truth: np.ndarray
    whole: bool  # whether all rows of the source were read
    widen: Callable[[np.ndarray], np.ndarray] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.truth)

    def part(self, first: int, end: int) -> np.ndarray:
        """Return the features of some rows [end - first, D], what `widen` adds included."""
        self.scratch.file.seek(4 * self.width * first)
        rows = np.frombuffer(self.scratch.file.read(4 * self.width * (end - first)), np.float32).reshape(-1, self.width)
        return rows if self.widen is None else self.widen(rows)


def further_rows(columns: ColumnCodecs, held: int, most: int, ctx: FitContext) -> FurtherRows | None:
    """Return at most `most` further rows, read within a share of the fit's time; None where there are none, or too few beside those `held`.

    They are read once for all fits with the same codecs. Raises DataError where the source has gone, ModelwrightError where the run is ended by
    hand or the disk is full.
    """
    rest, left = ctx.rest, ctx.deadline.remaining()
    again = bool(ctx.extent and ctx.extent.get("further"))
    if rest is None or (ctx.extent is not None and not again) or most < _WORTH * held:
        return None
    key = ("further", id(columns))
    if key not in ctx.cache:
        affordable = _SHARE * left / max(_SLOWER * rest.seconds, 1e-9)
        if min(affordable, rest.count) < _WORTH * held:
            return None
        ctx.cache[key] = _read_further(columns, most, time.monotonic() + _SHARE * left, ctx)
    found: FurtherRows = ctx.cache[key]
    return found if len(found) else None


def _read_further(columns: ColumnCodecs, most: int, until: float, ctx: FitContext) -> FurtherRows:
    assert ctx.rest is not None
    scratch, truths, count, whole = _Scratch(), [], 0, True
    for table in ctx.rest.tables():
        if ctx.deadline.stopped:
            raise ModelwrightError("stopped while it was fitted", "训练中被终止")
        if count >= most or time.monotonic() > until:
            whole = False
            break
        some, truth = known_rows(table, ctx.target)
        if not len(truth):
            continue
        try:
            scratch.file.write(np.ascontiguousarray(columns.encode(some), np.float32).data)
        except OSError as e:
            raise ModelwrightError(
                f"rows beyond the memory need room in {tempfile.gettempdir()}: {e.strerror}; free some, or point TMPDIR to a larger disk",
                f"超出内存的行需要 {tempfile.gettempdir()} 中的空间：{e.strerror}；请清理，或将 TMPDIR 指向更大的磁盘",
            ) from e
        truths.append(truth)
        count += len(truth)
    scratch.file.flush()
    truth = np.concatenate(truths)[:most] if truths else np.zeros(0, np.int64)
    return_pages()  # of what was read and encoded
    return FurtherRows(scratch, columns.width, truth, whole)


def shared_rows(
    codecs: Mapping[str, tuple[Column, Codec]], arrays: dict[str, Any], truth: np.ndarray, ctx: FitContext
) -> tuple[dict[str, Any], np.ndarray]:  # fmt: skip
    """Return what this process learns from among several: its part of the rows that all hold, and rows that it reads itself, as many in all
    processes, so that they take as many steps.

    `arrays` are those of plain columns [N, ...] that all hold, `truth` [N]. Rows are read within a share of the fit's time and of the memory.
    """
    peers, rest = ctx.peers, ctx.rest
    assert peers is not None
    from modelwright.train.batches import encode

    check_equal([*arrays.values(), truth], peers)
    own = slice(peers.rank, None, peers.size)
    parts, truths, count = [{k: a[own] for k, a in arrays.items()}], [truth[own]], len(truth[own])
    each = sum(a[:1].nbytes for a in (*arrays.values(), truth))
    until, room = (
        time.monotonic() + _SHARE * ctx.deadline.remaining(),
        rows_in_memory(3 * each),
    )  # parts, a column of them joined, and what a table is read with
    for table in rest.tables() if rest is not None else ():
        if ctx.deadline.stopped:
            raise ModelwrightError("stopped while it was fitted", "训练中被终止")
        if count >= room or time.monotonic() > until:
            break
        some, known = known_rows(table, ctx.target)
        if len(known):
            parts.append(encode(some, codecs))
            truths.append(known)
            count += len(known)
    fewest = min(peers.gather("rows", count))
    held, read = len(truth), fewest * peers.size - len(truth)
    ctx.events.note(
        f"{ctx.name} learns from {fewest * peers.size:,} rows in {peers.size} workers: {held:,} are held, {max(0, read):,} were read by the workers themselves.",
        f"{ctx.name} 由 {peers.size} 个工作进程从 {fewest * peers.size:,} 行学习：保留 {held:,} 行，{max(0, read):,} 行由各工作进程自行读取。",
    )
    joined = {}
    for k in arrays:  # a column is let go once it is joined, so that the rows are never held twice
        joined[k] = np.concatenate([p.pop(k) for p in parts])[:fewest]
    return_pages()  # of what was read and encoded: training keeps what is free for itself
    return joined, np.concatenate(truths)[:fewest]


def check_equal(arrays: Sequence[np.ndarray], peers: Peers) -> None:
    """Raise ModelwrightError where another process has read the rows that all hold into other numbers: arrays of any shape, compared byte by byte."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    own = found.hexdigest()
    if own != peers.agree("digest", lambda: own):
        raise ModelwrightError(
            f"the node {platform.node()} reads the same rows otherwise: install the same versions of the libraries on all nodes",
            f"节点 {platform.node()} 对相同的行得到不同的数值：请在所有节点安装相同版本的库",
        )


def sequences(matrix: np.ndarray, further: FurtherRows | None) -> list[Any]:
    """Return the rows that are held [N, D] and the further ones, if any, as LightGBM reads data in parts."""
    lgb = lightgbm()

    class Rows(lgb.Sequence):  # type: ignore[name-defined]
        """Rows by their places."""

        batch_size = _AT_ONCE

        def __init__(self, count: int, part: Callable[[int, int], np.ndarray]) -> None:
            self.count, self.part = count, part

        def __len__(self) -> int:
            return self.count

        def __getitem__(self, at: Any) -> np.ndarray:
            if isinstance(at, slice):
                return np.asarray(self.part(at.start, at.stop), np.float64)
            return np.asarray(self.part(int(at), int(at) + 1)[0], np.float64)

    held = Rows(len(matrix), lambda a, b: matrix[a:b])
    return [held] if further is None else [held, Rows(len(further), further.part)]
