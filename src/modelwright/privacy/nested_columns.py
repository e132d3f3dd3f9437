"""Columns of lists, structs and maps (Arrow, Parquet): the plain values within them, by their path as a column's name (`user.phone`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

Change = Callable[[str, pa.Array], pa.Array | None]  # plain values of a path, changed; None: left out
_VIEWS = {"list_view": pa.list_, "large_list_view": pa.large_list}


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of a type hold other values."""
    return bool(pa.types.is_nested(kind) and not pa.types.is_union(kind))


def one_array(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return values that may lie in several arrays as one."""
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def leaves(path: str, values: pa.ChunkedArray | pa.Array) -> list[tuple[str, pa.Array]]:
    """Return the plain values within a column [M each], by their paths; several lists or entries of a map share one."""
    found: list[tuple[str, pa.Array]] = []

    def note(inner: str, part: pa.Array) -> pa.Array:
        found.append((inner, part))
        return part

    changed(path, values, note)
    return found


def changed(path: str, values: pa.ChunkedArray | pa.Array, change: Change) -> pa.Array | None:
    """Return a column with what `change` makes of the plain values in it, of the same lengths; None where nothing of it stays."""
    array = one_array(values)
    kind = array.type
    if not is_nested(kind):
        return change(path, array)
    view = (
        "large_list_view" if pa.types.is_large_list_view(kind) else "list_view" if pa.types.is_list_view(kind) else None
    )
    if view is not None:
        return changed(path, array.cast(_VIEWS[view](kind.value_field)), change)
    array = array.take(
        pa.array(np.arange(len(array)))
    )  # from its beginning on: parts of an array cannot be put together anew
    gone = array.is_null()
    if pa.types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        made = [(n, changed(f"{path}.{n}", part, change)) for n, part in zip(names, array.flatten())]
        kept = [(n, part) for n, part in made if part is not None]
        if not kept:
            return None if made else array
        return pa.StructArray.from_arrays([p for _, p in kept], [n for n, _ in kept], mask=gone)
    if pa.types.is_map(kind):
        keys, items = changed(path, array.keys, change), changed(path, array.items, change)
        # what keys stand for cannot be kept without them
        return None if keys is None or items is None else _map(array, keys, items)
    inner = changed(path, array.values, change)
    if inner is None:
        return None
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(inner, kind.list_size, mask=gone)
    maker: Any = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
    return maker.from_arrays(array.offsets, inner, mask=gone)


def _map(array: pa.MapArray, keys: pa.Array, items: pa.Array) -> pa.MapArray:
    """Return a map of other keys and items; missing maps are told by missing offsets, which is all that Arrow takes here."""
    offsets = array.offsets.to_numpy()
    missing = np.append(np.asarray(array.is_null()), False)
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32(), mask=missing), keys, items)
