"""Digests of whole tables: whether rows that are read again are the same, in the same order, and which column is not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from modelwright.core.schema import MEDIA, Table

_BLOCK = 65_536  # rows hashed at a time; a multiple of eight, since truth values and gaps are bits


def digests(raw: pa.Table, media: Table | None = None) -> dict[str, str]:
    """Return a digest of every value of each column, by name; their order counts, how the rows lie in memory does not.

    Where the rows hold paths, `media` is the same rows as they were read: what the files hold counts then.
    """
    found = {name: _digest(raw.column(i)) for i, name in enumerate(raw.column_names)}
    for column in media.schema.inputs if media is not None else ():
        values = media.column(column.name) if media is not None else None
        if values is not None and values.type == MEDIA:
            found[column.name] = _digest(pa.chunked_array([values.field("digest")]))
    return found


def whole(parts: Mapping[str, str], rows: int) -> str:
    """Return one digest of the digests of columns, their order and the number of rows."""
    return hashlib.blake2b(repr((rows, list(parts.items()))).encode(), digest_size=32).hexdigest()


def _digest(values: pa.ChunkedArray) -> str:
    kind = _compared_type(values.type)
    digest = hashlib.blake2b(str(kind).encode(), digest_size=16)
    for start in range(0, len(values), _BLOCK):
        part = values.slice(start, _BLOCK)
        block = (part if part.type == kind else part.cast(kind)).combine_chunks()
        _feed(digest, block.combine_chunks() if isinstance(block, pa.ChunkedArray) else block)
    return digest.hexdigest()


def _compared_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that values are compared under: what a value is counts, not how it is packed."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = _compared_type(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return pa.large_string()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view():
        return pa.large_binary()
    return kind


def _feed(digest: hashlib.blake2b, values: pa.Array) -> None:
    """Hash the values of one block: gaps as truth values, and what stands under a gap as nothing."""
    kind = values.type
    digest.update(len(values).to_bytes(8, "little"))
    gaps = np.asarray(values.is_null()) if values.null_count else None
    digest.update(b"" if gaps is None else np.packbits(gaps).tobytes())
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        offsets = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]
        sizes = np.diff(offsets)
        if gaps is not None and sizes[gaps].any():
            values = values.fill_null("" if pa.types.is_large_string(kind) else b"")
            return _feed(digest, values)
        digest.update(sizes.tobytes())
        body = values.buffers()[2]
        if body is not None and len(offsets):
            digest.update(memoryview(body)[int(offsets[0]) : int(offsets[-1])])
        return None
    if pa.types.is_boolean(kind):
        digest.update(np.packbits(np.asarray(values.fill_null(False))).tobytes())
        return None
    if pa.types.is_primitive(kind) and not pa.types.is_float16(kind):
        width = kind.bit_width // 8
        body = (
            np.frombuffer(values.buffers()[1], np.uint8) if values.buffers()[1] is not None else np.zeros(0, np.uint8)
        )
        body = body[values.offset * width : (values.offset + len(values)) * width]
        if gaps is not None:
            body = np.where(np.repeat(gaps, width), np.uint8(0), body)
        digest.update(np.ascontiguousarray(body).tobytes())
        return None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        digest.update(np.asarray(values.value_lengths().fill_null(0), np.int64).tobytes())
        return _feed(digest, values.flatten())
    digest.update("\x1e".join(map(repr, values.to_pylist())).encode("utf-8", "surrogatepass"))
    return None
