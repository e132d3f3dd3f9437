"""Bounds on files that unpack to far more than they are: Parquet, Arrow and Excel. Real sizes are counted, since summaries lie.

Parquet: what Arrow will allocate stands in the header of each page (Parquet format, `PageHeader` in Thrift's compact
protocol), so all of them are walked. Arrow: each compressed buffer begins with its unpacked length (Arrow columnar
format, "Compression"). Excel: a zip archive, of which the reader unpacks no more than the directory says.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from modelwright.core.errors import DataError

RATIO = 200  # of unpacked to packed bytes, above the first 64 MB
FREE = 64 << 20
_HEADER = 1 << 16  # bytes within which a page's header must end
_BIG_DICTIONARY = 64 << 10  # bytes from which on a dictionary's entries can swell a batch
_SWOLLEN, _SWOLLEN_RATIO = 2 << 30, 2000  # bytes that repeated values may make, at least; and of the file's bytes
_NESTED_BYTES = 8  # of one value of a nested column, at least


def bomb(path: Path, what: str) -> DataError:
    """Return the error for a file that unpacks to too much."""
    return DataError(
        f"{path} unpacks to more than {RATIO} times its size ({what}), as a bomb does. Unpack it yourself if you trust it.",
        f"{path} 解压超过 {RATIO} 倍（{what}），疑似压缩炸弹。如确认可信，请自行解压后再使用。",
    )


@dataclass(frozen=True)
class _Page:
    kind: int
    unpacked: int
    packed: int
    values: int
    header: int  # bytes of the header


def check_parquet(path: Path, file: BinaryIO, metadata: Any, schema: Any) -> list[str]:
    """Walk all pages; return the columns whose dictionaries could swell a batch. Raises DataError for a bomb or damage.

    `metadata` is a pyarrow FileMetaData, `schema` its ParquetSchema.
    """
    size = file.seek(0, 2)
    total, swelling = 0, set()
    for g in range(metadata.num_row_groups):
        group = metadata.row_group(g)
        for c in range(group.num_columns):
            column = group.column(c)
            nested = schema.column(c).max_repetition_level > 0
            starts = [o for o in (column.dictionary_page_offset, column.data_page_offset) if o]
            at = min(starts, default=0)
            end = at + column.total_compressed_size
            while starts and at < end:
                page = _page(path, file, at)
                total += page.unpacked
                if page.unpacked > max(FREE, 4 * size) or total > max(FREE, RATIO * size):
                    raise bomb(path, f"column {column.path_in_schema}")
                if nested and page.values * _NESTED_BYTES > max(4 * FREE, RATIO * size):
                    raise bomb(path, f"column {column.path_in_schema}")
                if page.kind == 2 and page.unpacked > _BIG_DICTIONARY and column.physical_type == "BYTE_ARRAY":
                    swelling.add(column.path_in_schema)
                at += page.header + page.packed
    return sorted(swelling)


def _page(path: Path, file: BinaryIO, at: int) -> _Page:
    file.seek(at)
    reader = _Compact(file.read(_HEADER))
    found: dict[int, Any] = {}
    try:
        reader.struct(found)
        inner: dict[int, Any] = next((found[k] for k in (5, 7, 8) if isinstance(found.get(k), dict)), {})
        page = _Page(found[1], found[2], found[3], inner.get(1, 0), reader.at)
    except (IndexError, KeyError, RecursionError):
        page = _Page(0, -1, -1, 0, 0)
    if any(type(n) is not int for n in (page.kind, page.unpacked, page.packed, page.values)):  # a damaged field's kind
        page = _Page(0, -1, -1, 0, 0)
    if page.unpacked < 0 or page.packed < 0:
        raise DataError(
            f"{path} is not a complete Parquet file (a page at byte {at} cannot be read): copy or write it again.",
            f"{path} 不是完整的 Parquet 文件（第 {at} 字节处的数据页无法读取）：请重新复制或生成。",
        )
    return page


class _Compact:
    """As much of Thrift's compact protocol as page headers need."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, out: dict[int, Any], depth: int = 0) -> None:
        """Read a struct's whole numbers and inner structs by field number; the rest is passed over."""
        if depth > 8:
            raise IndexError
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return
            number = number + (head >> 4) if head >> 4 else self._signed()
            out[number] = self._value(head & 15, depth)

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):  # true, false
            return kind == 1
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 3:
            return self._byte()
        if kind == 7:
            self._skip(8)
        elif kind == 8:
            self._skip(self._varint())
        elif kind in (9, 10):
            head = self._byte()
            count = self._varint() if head >> 4 == 15 else head >> 4
            for _ in range(count):
                self._value(head & 15, depth + 1)
        elif kind == 12:
            inner: dict[int, Any] = {}
            self.struct(inner, depth + 1)
            return inner
        else:
            raise IndexError
        return None

    def _byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        out = shift = 0
        while True:
            byte = self._byte()
            out |= (byte & 127) << shift
            if byte < 128:
                return out
            shift += 7
            if shift > 63:
                raise IndexError

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise IndexError


class Swelling:
    """Turns the dictionaries that `check_parquet` named back into plain strings, in parts that fit into memory.

    Raises DataError where a cell is larger than cells may be, or where the file as a whole swells beyond measure.
    """

    def __init__(self, path: Path, columns: list[str], size: int) -> None:
        self._path, self._columns = path, columns
        self._left = max(_SWOLLEN, _SWOLLEN_RATIO * size)

    def parts(self, table: pa.Table) -> Iterator[pa.Table]:
        """Yield a table in parts of at most about 64 MB each."""
        pending = [table]
        self._left -= self._swollen(table)
        if self._left < 0:
            raise bomb(self._path, "repeated values")
        while pending:
            part = pending.pop()
            swollen = self._swollen(part)
            if swollen > FREE and part.num_rows > 1:
                half = part.num_rows // 2
                pending += [part.slice(half), part.slice(0, half)]
                continue
            if swollen > FREE:
                raise bomb(self._path, "one cell")
            for name in self._columns:
                column = part.column(name)
                plain = pa.chunked_array([c.dictionary_decode() for c in column.chunks], column.type.value_type)
                part = part.set_column(part.column_names.index(name), name, plain)
            yield part

    def _swollen(self, table: pa.Table) -> int:
        import pyarrow.compute as pc

        total = 0
        for name in self._columns:
            for chunk in table.column(name).chunks:
                lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
                total += pc.sum(lengths.take(chunk.indices)).as_py() or 0
        return total


def check_arrow(path: Path, source: Any, size: int) -> None:
    """Add up the unpacked lengths of compressed buffers in an Arrow file or stream. Raises DataError for a bomb or damage.

    A file's parts are found as its readers find them, by the footer: polars writes a schema before them that no stream has.
    """
    source.seek(0)
    begins = source.read(8)
    total = 0
    try:
        for head, body in _blocks(source) if begins == b"ARROW1\x00\x00" else _messages(source):
            total += _unpacked(head, body)
            if total > max(FREE, RATIO * size):
                raise bomb(path, "compressed buffers")
    except (pa.ArrowInvalid, OSError, struct.error, IndexError, ValueError, OverflowError) as e:
        raise DataError(f"{path} is not a complete Arrow file ({e}).", f"{path} 不是完整的 Arrow 文件（{e}）。") from e


def _messages(source: Any) -> Iterator[tuple[memoryview, memoryview]]:
    source.seek(0)
    for message in pa.ipc.MessageReader.open_stream(source):
        if message.body is not None and message.type in ("record batch", "dictionary"):
            yield memoryview(message.metadata), memoryview(message.body)


def _blocks(source: Any) -> Iterator[tuple[memoryview, memoryview]]:
    """Yield head and body of the messages that a file's footer names (Arrow columnar format, "File format")."""
    size = source.seek(0, 2)
    source.seek(max(0, size - 10))
    end = source.read(10)
    length = struct.unpack_from("<i", end, 0)[0] if end[4:] == b"ARROW1" else 0
    if not 0 < length <= size - 18:
        raise ValueError("its footer is missing")
    source.seek(size - 10 - length)
    footer = memoryview(source.read(length))
    root = struct.unpack_from("<I", footer, 0)[0]
    for number in (2, 3):  # dictionaries, record batches
        blocks = _field(footer, root, number)
        for i in range(struct.unpack_from("<I", footer, blocks)[0] if blocks else 0):
            offset, head, body = struct.unpack_from("<qi4xq", footer, blocks + 4 + 24 * i)
            if not (8 <= offset <= size and 8 <= head <= size - offset and 0 <= body <= size - offset - head):
                raise ValueError(f"part {i + 1} lies outside of it")
            source.seek(offset)
            told = memoryview(source.read(head))
            begin = 8 if bytes(told[:4]) == b"\xff\xff\xff\xff" else 4
            yield told[begin:], memoryview(source.read(body))


def _unpacked(head: memoryview, body: memoryview) -> int:
    """Return what the buffers of one message unpack to: 0 where they are not compressed."""
    root = struct.unpack_from("<I", head, 0)[0]
    batch = _field(head, root, 2)
    if batch and bytes(head[_at(head, root, 1) : _at(head, root, 1) + 1]) == b"\x02":  # a dictionary batch holds one
        batch = _field(head, batch, 1)
    if not batch or not _field(head, batch, 3):
        return 0
    buffers = _field(head, batch, 2)
    count = struct.unpack_from("<I", head, buffers)[0]
    total = 0
    for i in range(count):
        offset, length = struct.unpack_from("<qq", head, buffers + 4 + 16 * i)
        if length >= 8:
            total += max(0, struct.unpack_from("<q", body, offset)[0])
    return int(total)


def _at(data: memoryview, table: int, field: int) -> int:
    """Return where a field of a flatbuffers table stands; 0 where it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    length = struct.unpack_from("<H", data, vtable)[0]
    place = 4 + 2 * field
    offset = struct.unpack_from("<H", data, vtable + place)[0] if place < length else 0
    return table + offset if offset else 0


def _field(data: memoryview, table: int, field: int) -> int:
    """Return what an offset in a field of a flatbuffers table leads to; 0 where it is absent."""
    at = _at(data, table, field)
    return int(at + struct.unpack_from("<I", data, at)[0]) if at else 0


def check_excel(path: Path, source: Any, size: int) -> None:
    """Add up what the members of a workbook unpack to. Raises DataError for a bomb."""
    try:
        with zipfile.ZipFile(source) as archive:
            total = sum(m.file_size for m in archive.infolist())
    except (zipfile.BadZipFile, OSError) as e:
        raise DataError(
            f"{path} is not an Excel file, or it is damaged ({e}): save it again as .xlsx.",
            f"{path} 不是有效的 Excel 文件，或已损坏（{e}）：请重新另存为 .xlsx。",
        ) from e
    if total > max(FREE, RATIO * size):
        raise bomb(path, "sheets")
