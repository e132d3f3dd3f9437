"""Many columns as one matrix: every column's codec for a view, fitted together and stacked side by side.

Legend: N rows, D features.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from modelwright.core.budget import Deadline
from modelwright.core.device import for_cache
from modelwright.core.errors import ColumnError, ModelwrightError
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import Codec, codec_class, load_codecs, save_codecs
from modelwright.features.shared.once import once

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from modelwright.core.recipe import FitContext

# Beside text, every other column's sparse features are made this much smaller: a linear model's penalty weighs all
# features alike, and a few large table features drown the many small n-grams (tickets: .80 macro-F1 without, .86 with).
_BESIDE_TEXT = 0.25
_PROBED = frozenset(("image", "audio", "video", "molecule", "sequence"))  # kinds whose cells take time to read
_LOOK = 16  # rows read to tell how long
_KEPT = 24  # encodings a run keeps for further trials
_KEPT_BYTES = 1 << 30  # and how much they may hold together


def usable(schema: Schema, view: str) -> list[Column]:
    """Return the input columns that have a codec for the view."""
    return [c for c in schema.inputs if codec_class(c.modality, view) is not None]


def refuse_unreadable(schema: Schema, view: str) -> Words | None:
    """Return why no model can be made from these columns, or None where at least one can be read."""
    if usable(schema, view):
        return None
    kinds = ", ".join(sorted({c.modality for c in schema.inputs})) or "-"
    return Words(
        f"It reads none of the input columns (modalities: {kinds}).", f"它无法读取任何输入列（模态：{kinds}）。"
    )


_FEW = 100  # columns that are encoded whatever the time, so that a fit which is late still gives a model
_PLAIN = frozenset(("number", "category", "boolean", "timestamp"))  # whose cells cost next to nothing to encode anew
_AT_ONCE = 8192  # rows of plain columns that are encoded and laid side by side at a time
_AT_ONCE_VALUES = 4_000_000  # and values that they hold together


class ColumnCodecs:
    """The fitted codecs of all columns for one view, and the places of their features in the stacked matrix."""

    def __init__(self, codecs: Mapping[str, tuple[Column, Codec]], widths: Mapping[str, int]) -> None:
        self.codecs = dict(codecs)
        self.widths = {name: int(widths[name]) for name in self.codecs}
        self._view = next(iter(self.codecs.values()))[1].view

    @property
    def width(self) -> int:
        """D: how many features all columns have together."""
        return sum(self.widths.values())

    @property
    def _stored(self) -> int:
        """How many values a row holds at most: of a sparse category one, however many there are."""
        one = {n for n, (column, _) in self.codecs.items() if self._view == "sparse" and column.modality == "category"}
        return sum(1 if name in one else width for name, width in self.widths.items())

    @classmethod
    def fit(
        cls, table: Table, view: str, target: np.ndarray | None, seed: int, deadline: Deadline | None = None
    ) -> tuple[ColumnCodecs, Any]:
        """Return the codecs fitted on a table, with its encoded truth `target` [N, ...], and the table's encoding.

        Raises ColumnError where no column has a codec for the view, ModelwrightError where the whole run's `deadline` is over before all
        of many columns are encoded, or where the run was ended by hand.
        """
        codecs: dict[str, tuple[Column, Codec]] = {}
        whole, widths = {}, {}
        beside = beside_text(table.schema.inputs)
        for column in usable(table.schema, view):
            kind = codec_class(column.modality, view)
            if deadline is not None and len(codecs) >= _FEW and deadline.whole.expired():
                raise ModelwrightError(
                    f"ran out of time after {len(codecs):,} columns were encoded",
                    f"编码 {len(codecs):,} 列后时间已用尽",
                )
            if kind is not None:
                values = table.column(column.name)
                codec = kind.fit(values, column, target, seed)
                codecs[column.name] = (column, codec)
                if _by_and_by(codec, column, len(table)):
                    widths[column.name] = codec.encode(values.slice(0, 1)).shape[1]
                    continue
                whole[column.name] = _part(codec, column, values, beside)
                widths[column.name] = whole[column.name].shape[1]
        if not codecs:
            words = refuse_unreadable(table.schema, view)
            raise ColumnError(words) if words else AssertionError
        made = cls(codecs, widths)
        return made, made._laid_out(table, whole, deadline)

    def encode(self, table: Table, deadline: Deadline | None = None) -> Any:
        """Return CSR float32 (`sparse`) or float32 (`dense`) [N, D].

        Raises ColumnError for an absent column, ModelwrightError where the run of `deadline` was ended by hand.
        """
        beside = beside_text(column for column, _ in self.codecs.values())
        whole = {
            name: _part(codec, column, table.column(name), beside)
            for name, (column, codec) in self.codecs.items()
            if not _by_and_by(codec, column, len(table))
        }
        return self._laid_out(table, whole, deadline)

    def _laid_out(self, table: Table, whole: dict[str, Any], deadline: Deadline | None) -> Any:
        """Return all columns side by side: those of `whole` as they were encoded, the others some rows at a time.

        Numbers in quantile bins take fifteen values a row: all columns encoded first and then copied side by side would
        hold that twice, and no stop would be heard before it was done. What is encoded is taken from `whole`.
        """
        if len(whole) == len(self.codecs):
            return _stack([whole.pop(name) for name in self.codecs], self._view)
        beside = beside_text(column for column, _ in self.codecs.values())
        values = {name: table.column(name) for name in self.codecs if name not in whole}
        blocks: list[Any] = []
        dense = np.empty((len(table), self.width), np.float32) if self._view == "dense" else None
        rows = max(_FEW, min(_AT_ONCE, _AT_ONCE_VALUES // max(1, self._stored)))
        for first in range(0, len(table), rows):
            _go_on(deadline)
            parts = [
                whole[name][first : first + rows]
                if name in whole
                else _part(codec, column, values[name].slice(first, rows), beside)
                for name, (column, codec) in self.codecs.items()
            ]
            if dense is not None:
                np.concatenate(parts, axis=1, out=dense[first : first + rows])
            else:
                blocks.append(_stack(parts, self._view))
        return _on_top(blocks) if dense is None else dense

    def stored(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Return the stored features of each row of a sparse view, padded with 0: places int64 [N, S] and values [N, S]."""
        matrix = self.encode(table)
        counts = np.diff(matrix.indptr)
        index = np.zeros((matrix.shape[0], max(1, int(counts.max(initial=0)))), np.int64)
        value = np.zeros(index.shape, np.float32)
        inside = np.arange(index.shape[1])[None] < counts[:, None]
        index[inside], value[inside] = matrix.indices, matrix.data
        return index, value

    def places(self) -> Iterator[tuple[str, Column, Codec, int, int]]:
        """Yield name, column, codec, first feature and end of each column."""
        first = 0
        for name, (column, codec) in self.codecs.items():
            yield name, column, codec, first, first + self.widths[name]
            first += self.widths[name]

    def categorical(self) -> list[int]:
        """Return the features of a dense view that hold codes, not quantities."""
        return [
            first + k
            for _, _, codec, first, end in self.places()
            for k, coded in enumerate(getattr(codec, "categorical", ()))
            if coded and first + k < end
        ]

    def save(self, folder: Path) -> None:
        """Write `codecs.json` and `codecs.safetensors`."""
        save_codecs(folder, self.codecs)

    @classmethod
    def load(cls, folder: Path, widths: Mapping[str, int]) -> ColumnCodecs:
        """Read what `save` wrote. Raises BundleError for damaged files."""
        return cls(load_codecs(folder), widths)


def _part(codec: Codec, column: Column, values: Any, beside: bool) -> Any:
    """Return one column's encoding, made smaller where it is a sparse one that stands beside text."""
    encoding = once(("encoding", id(codec)), values, lambda: codec.encode(values))
    scale = part_scale(codec, column, beside)
    if scale == 1:
        return encoding
    encoding = encoding.tocsr(copy=True)
    encoding.data *= np.float32(scale)
    return encoding


def beside_text(columns: Iterable[Column]) -> bool:
    """Return whether there is text among the columns that are encoded together."""
    return any(c.modality == "text" for c in columns)


def part_scale(codec: Codec, column: Column, beside: bool) -> float:
    """Return what a column's encoding is multiplied by: below 1 where it is a sparse one that stands `beside` text."""
    plain = codec.view != "sparse" or column.modality == "text" or not beside
    return 1.0 if plain else _BESIDE_TEXT


def encoded(
    train: Table, valid: Table | None, view: str, target: np.ndarray | None, ctx: FitContext
) -> tuple[ColumnCodecs, Any, Any | None]:
    """Return codecs fitted on `train`, its encoding [N, D], and that of `valid` [M, D]; kept in the run's cache.

    The matrices are CSR for the `sparse` view and float32 for the `dense` one; `target` [N] or [N, K] is the encoded truth. Raises
    ModelwrightError where the run is ended by hand meanwhile.
    """
    key = ("columns", view, ctx.seed if view == "dense" else 0, identity(train))
    if key not in ctx.cache:
        _make_room(ctx.cache)
        ctx.cache[key] = ColumnCodecs.fit(train, view, target, ctx.seed, ctx.deadline)
    codecs, matrix = ctx.cache[key]
    if valid is None:
        return codecs, matrix, None
    other = (*key, identity(valid))
    if other not in ctx.cache:
        ctx.cache[other] = codecs.encode(valid, ctx.deadline)
    if len(codecs.codecs) >= _FEW:
        _go_on(ctx.deadline)  # what follows takes long too
    return codecs, matrix, ctx.cache[other]


def _go_on(deadline: Deadline | None) -> None:
    """Raise ModelwrightError where the run was ended by hand while columns were encoded."""
    if deadline is not None and deadline.stopped:
        raise ModelwrightError("stopped while it was fitted", "训练中被终止")


def _by_and_by(codec: Codec, column: Column, rows: int) -> bool:
    """Return whether a column is encoded some rows at a time: plain ones of many rows, for linear models and trees."""
    return codec.view in ("sparse", "dense") and column.modality in _PLAIN and rows > _AT_ONCE


def reading(table: Table, view: str, ctx: FitContext) -> tuple[float, float]:
    """Return the processor seconds to read a table's texts, media, molecules and the like for a view, and how wide the features of all but texts are.

    Media and the like are measured on a few rows, once for a run; no time where the table's encoding is in the run's cache already.
    """
    special = [c for c in usable(table.schema, view) if c.modality in _PROBED]
    key = ("reading", view, tuple(c.name for c in special))
    if special and key not in ctx.cache:
        some = table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:_LOOK]))
        seconds, width = 0.0, 0
        for column in special:
            kind = codec_class(column.modality, view)
            assert kind is not None
            values = some.column(column.name)
            codec = kind.fit(values, column, None, ctx.seed)
            codec.encode(values.slice(0, 1))  # the first one imports libraries
            began = time.process_time()
            width += codec.encode(values).shape[1]
            seconds += (time.process_time() - began) / max(1, len(some))
        ctx.cache[key] = (seconds, width)
    per_row, wide = ctx.cache.get(key, (0.0, 0))
    done = ("columns", view, ctx.seed if view == "dense" else 0, identity(table)) in ctx.cache
    return 0.0 if done else per_row * len(table) + _grams(table, view), float(wide)


def _grams(table: Table, view: str) -> float:
    """Return the processor seconds to make n-grams of a table's texts."""
    seconds = 0.0
    for column in (c for c in usable(table.schema, view) if c.modality == "text"):
        signs = characters(table, column.name)
        if view == "sparse":
            seconds += 2e-6 * signs
        elif view == "dense":  # of a sample and of all rows, and the main directions of at most 30,000 n-grams
            learnt = signs * min(1.0, 20_000 / max(1, len(table)))
            seconds += 2e-6 * learnt + 1.5e-6 * signs + 2e-5 * min(30_000, 0.4 * learnt)
    return seconds


def characters(table: Table, column: str) -> float:
    """Return how many characters a column of text holds: n-grams go by them, whatever bytes they take."""
    return float(pc.sum(pc.utf8_length(table.data.column(column))).as_py() or 0)


def importing(module: str, seconds: float) -> float:
    """Return the processor seconds that a library takes to be imported, as given; none where it is by now."""
    return 0.0 if module in sys.modules else seconds


def identity(table: Table) -> tuple[Any, ...]:
    """Return what tells this selection of rows and columns from any other of the run."""
    columns = tuple((c.name, c.modality, bool(c.options.get("pairs"))) for c in table.schema.inputs)
    return table.source, len(table), hash(np.ascontiguousarray(table.rows).tobytes()), columns


def _make_room(cache: dict[Any, Any]) -> None:
    own = [k for k in cache if isinstance(k, tuple) and k and k[0] == "columns"]
    sizes = {k: _bytes(cache[k]) for k in own}
    most = for_cache(_KEPT_BYTES, 8)
    while own and (len(own) > _KEPT or sum(sizes[k] for k in own) > most):
        del cache[own.pop(0)]


def _bytes(kept: Any) -> int:
    """Return the bytes of a matrix that is kept, alone or beside its codecs."""
    matrix = kept[1] if isinstance(kept, tuple) else kept
    if isinstance(matrix, np.ndarray):
        return matrix.nbytes
    return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)


def _stack(parts: list[Any], view: str) -> Any:
    if len(parts) == 1:
        return parts[0]
    if view == "dense":
        return np.concatenate(parts, axis=1)
    from scipy.sparse import csr_matrix, hstack

    if parts[0].shape[0] == 1:
        return _stack_one_row(parts)
    return csr_matrix(hstack(parts, format="csr", dtype=np.float32))


def _on_top(blocks: list[csr_matrix]) -> csr_matrix:
    """Return CSR matrices of the same columns one on top of the other; `blocks` is emptied, so that little is held twice."""
    from scipy.sparse import csr_matrix

    width = blocks[0].shape[1]
    counts = np.concatenate([np.diff(b.indptr) for b in blocks])
    indptr = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=indptr[1:])
    if indptr[-1] <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)
    data = np.empty(int(indptr[-1]), np.float32)
    indices = np.empty(int(indptr[-1]), np.int32 if indptr.dtype == np.int32 else np.int64)
    blocks.reverse()
    at = 0
    while blocks:
        block = blocks.pop()
        data[at : at + block.nnz], indices[at : at + block.nnz] = block.data, block.indices
        at += block.nnz
    return csr_matrix((data, indices, indptr), shape=(len(counts), width), copy=False)


def _stack_one_row(parts: list[csr_matrix]) -> csr_matrix:
    """As hstack for single rows, some ten times faster: answering one row must take a millisecond."""
    from scipy.sparse import csr_matrix

    offsets = np.cumsum([0] + [p.shape[1] for p in parts])
    indices = np.concatenate([p.indices + o for p, o in zip(parts, offsets[:-1], strict=True)])
    data = np.concatenate([p.data for p in parts])
    return csr_matrix((data, indices, np.array([0, len(data)])), shape=(1, int(offsets[-1])), copy=False)
