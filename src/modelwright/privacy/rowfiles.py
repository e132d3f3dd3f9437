"""Taking rows out of data files in place: what stays keeps its bytes (delimited text, JSON Lines) or its values (Parquet,
Arrow), through gzip and encryption; the file is replaced only once the new one is whole."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.encrypted_files import SealWriter, open_plain, vault_keys
from modelwright.core.envelope import SUFFIX, is_sealed
from modelwright.core.errors import ColumnError, DataError, unknown
from modelwright.core.reading import Reading
from modelwright.core.words import Words
from modelwright.data.arrow import plain_array
from modelwright.data.blank_runs import one_blank
from modelwright.data.encodings import find_encoding
from modelwright.data.records import CELL_LIMIT
from modelwright.data.text import open_bytes, sniff
from modelwright.privacy.subjects import plain_subject
from modelwright.privacy.vault import whole_file

Wanted = Callable[[Any], bool]  # whether the row with this cell in the column is to go
_TEXT = (".csv", ".tsv", ".txt", ".data", ".inter", "")
_LINES = (".jsonl", ".ndjson")


def kind_of(path: Path) -> str:
    """Return the ending of a data file that says its format."""
    endings = [s.lower() for s in path.suffixes if s.lower() not in (".gz", SUFFIX)]
    return endings[-1] if endings else ""


def can_change(path: Path) -> bool:
    """Whether rows can be taken out of files of this kind."""
    return kind_of(path) in (*_TEXT, *_LINES, ".json", ".parquet", ".arrow", ".feather", ".ipc")


def remove_rows(
    path: Path, column: str, wanted: Wanted, *, look_only: bool = False, reading: Mapping[str, Any] | None = None
) -> int:
    """Take out every row whose cell in `column` is wanted, and return how many; `look_only` changes nothing.

    `reading` says how a delimited text is read, where that cannot be told from it: options of `Reading`.
    Raises DataError for a format in which that cannot be done, ColumnError where there is no such column, VaultError
    where the file is encrypted and no vault is open.
    """
    kind = kind_of(path)
    if kind in _TEXT:
        walk: Any = partial(_delimited, how=Reading(**(reading or {})))
    elif kind in _LINES:
        walk = _json_lines
    elif kind == ".json":
        walk = _json
    elif kind == ".parquet":
        walk = _parquet
    elif can_change(path):
        walk = _arrow
    else:
        raise DataError(
            f"Rows cannot be taken out of {path}; do it in the program that made it.",
            f"无法从 {path} 中删除行；请在生成它的程序中操作。",
        )
    if look_only:
        return int(walk(path, column, wanted, None))
    if not walk(path, column, wanted, None):
        return 0
    with replacing(path) as out:
        return int(walk(path, column, wanted, out))


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes this one's place, compressed and encrypted as it was; its rights stay."""
    mode = path.stat().st_mode & 0o777
    with open_plain(path) as f:
        zipped = f.read(2) == b"\x1f\x8b"
    with whole_file(path, force=True, sync=True) as base, ExitStack() as stack:
        out: Any = base
        if is_sealed(path):
            out = stack.enter_context(SealWriter(base, vault_keys()[0]))
        if zipped:
            out = stack.enter_context(gzip.GzipFile(fileobj=out, mode="wb"))
        yield out
    path.chmod(mode)


def _delimited(path: Path, column: str, wanted: Wanted, out: BinaryIO | None, how: Reading) -> int:
    dialect = sniff(path, how)
    at = _place(column, dialect.names)
    gone = 0
    with open_bytes(path) as raw:
        text = io.TextIOWrapper(raw, encoding=dialect.encoding, newline="")
        sink = io.TextIOWrapper(out, encoding=dialect.encoding, newline="") if out is not None else None
        taken = [text.readline() for _ in range(dialect.above)]
        if sink is not None:
            sink.write("".join(taken))
        taken.clear()

        def lines() -> Iterator[str]:
            for line in text:
                taken.append(line)
                yield one_blank(line) if dialect.delimiter == " " else line

        csv.field_size_limit(CELL_LIMIT)
        quoting: Any = csv.QUOTE_MINIMAL if dialect.quoting else csv.QUOTE_NONE
        reader = csv.reader(lines(), delimiter=dialect.delimiter, quoting=quoting, skipinitialspace=True)
        first = dialect.header
        for cells in reader:
            blank = not cells or (len(cells) == 1 and not cells[0].strip())
            head, first = first and not blank, first and blank
            if not head and not blank and at < len(cells) and wanted(cells[at]):
                gone += 1
            elif sink is not None:
                sink.write("".join(taken))
            taken.clear()
        if sink is not None:
            sink.flush()
            sink.detach()
    return gone


def _place(column: str, names: Any) -> int:
    if column not in names:
        raise unknown(Words("column", "列"), column, names, ColumnError)
    return list(names).index(column)


def _json_lines(path: Path, column: str, wanted: Wanted, out: BinaryIO | None) -> int:
    gone = 0
    with open_bytes(path) as raw:
        encoding = find_encoding(raw.read(1 << 16) or b"{}", path)
    with open_bytes(path) as raw:
        for line in raw:
            try:
                row = json.loads(line.decode(encoding)) if line.strip() else None
            except (ValueError, RecursionError):
                row = None
            if _hit(row, column, wanted):
                gone += 1
            elif out is not None:
                out.write(line)
    return gone


def _hit(row: Any, column: str, wanted: Wanted) -> bool:
    """Whether a JSON value holds a wanted cell: in the column itself, or in an object inside (a kept request)."""
    return isinstance(row, dict) and any(wanted(v) for v in _cells(row, column))


def _cells(value: Any, column: str) -> Iterator[Any]:
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            if column in here and not isinstance(here[column], (dict, list)):
                yield here[column]
            stack += here.values()
        elif isinstance(here, list):
            stack += here
        elif isinstance(here, str) and here[:1] in ("{", "["):  # a request kept as it came
            try:
                stack.append(json.loads(here))
            except (ValueError, RecursionError):
                continue


def _json(path: Path, column: str, wanted: Wanted, out: BinaryIO | None) -> int:
    with open_bytes(path) as raw:
        data = raw.read()
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError):
        return _json_lines(path, column, wanted, out)
    if not isinstance(rows, list):
        rows = [rows]
    kept = [r for r in rows if not _hit(r, column, wanted)]
    if out is not None:
        out.write(json.dumps(kept, ensure_ascii=False).encode())
    return len(rows) - len(kept)


def _rows_without(part: pa.Table, column: str, wanted: Wanted) -> pa.Table:
    _place(column, part.column_names)
    stays = pa.array([not wanted(v) for v in part.column(column).to_pylist()], pa.bool_())
    return pa.Table.from_arrays([_filtered(c, stays) for c in part.columns], schema=part.schema)


def _filtered(values: pa.ChunkedArray, stays: pa.Array) -> pa.ChunkedArray:
    """Return the rows that stay in the layout they had, and nothing of the others.

    A filter keeps the whole dictionary of coded values, and views keep all bytes: those who are to be forgotten would
    stay in the file. Some layouts have no filter at all.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return pa.chunked_array([_recoded(c) for c in values.filter(stays).chunks], kind)
    other = _copied(kind)
    if pa.types.is_run_end_encoded(kind):
        unrolled = pa.chunked_array([plain_array(c, "") for c in values.chunks], None if values.num_chunks else other)
        kept = unrolled.filter(stays).cast(other)
        return pa.chunked_array([pc.run_end_encode(c, kind.run_end_type) for c in kept.chunks], kind)
    return values.filter(stays) if other == kind else values.cast(other).filter(stays).cast(kind)


def _copied(kind: pa.DataType) -> pa.DataType:
    """Return the type in which values of this one lie one after the other, so that a filter copies those that stay."""
    if pa.types.is_run_end_encoded(kind):
        return kind.value_type
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or _list_view(kind):
        return pa.large_list(pa.field(kind.value_field.name, _copied(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([kind.field(i).with_type(_copied(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind


def _list_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _recoded(values: pa.Array) -> pa.Array:
    """Return coded values whose dictionary holds only what a row uses, in its old order."""
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    used = np.unique(codes[codes >= 0])
    places = np.searchsorted(used, np.maximum(codes, 0))
    indices = pa.array(places, values.type.index_type, mask=codes < 0)
    kind = values.dictionary.type
    words = values.dictionary.cast(_copied(kind)).take(pa.array(used)).cast(kind)
    return pa.DictionaryArray.from_arrays(indices, words, ordered=values.type.ordered)


def _parquet(path: Path, column: str, wanted: Wanted, out: BinaryIO | None) -> int:
    import pyarrow.parquet as pq

    gone = 0
    try:
        with open_plain(path) as opened, pq.ParquetFile(opened) as file, ExitStack() as stack:
            writer = None
            if out is not None:
                groups = file.metadata.num_row_groups
                packed = file.metadata.row_group(0).column(0).compression if groups else "snappy"
                packed = "none" if packed == "UNCOMPRESSED" else packed
                writer = stack.enter_context(pq.ParquetWriter(out, file.schema_arrow, compression=packed))
            for i in range(file.num_row_groups):
                part = file.read_row_group(i)
                kept = _rows_without(part, column, wanted)
                gone += part.num_rows - kept.num_rows
                if writer is not None and kept.num_rows:
                    writer.write_table(kept)
    except pa.ArrowInvalid as e:
        raise DataError(
            f"{path} is not a complete Parquet file ({e}).", f"{path} 不是完整的 Parquet 文件（{e}）。"
        ) from e
    return gone


def _arrow(path: Path, column: str, wanted: Wanted, out: BinaryIO | None) -> int:
    gone = 0
    try:
        with open_plain(path) as opened:
            try:
                reader: Any = pa.ipc.open_file(pa.PythonFile(opened))
                parts = [reader.get_batch(i) for i in range(reader.num_record_batches)]
                new: Any = pa.ipc.new_file
            except pa.ArrowInvalid:
                opened.seek(0)
                reader = pa.ipc.open_stream(pa.PythonFile(opened))
                parts, new = list(reader), pa.ipc.new_stream
            found = []
            for batch in parts:
                batch.validate(full=True)
                part = pa.Table.from_batches([batch])
                found.append(_rows_without(part, column, wanted))
                gone += part.num_rows - found[-1].num_rows
            if out is not None:
                how = pa.ipc.IpcWriteOptions(unify_dictionaries=True)  # a file holds one dictionary a column
                with new(pa.PythonFile(out, "w"), reader.schema, options=how) as writer:
                    for kept in [pa.concat_tables(found)] if new is pa.ipc.new_file and found else found:
                        writer.write_table(kept)
    except pa.ArrowInvalid as e:
        raise DataError(f"{path} is not a complete Arrow file ({e}).", f"{path} 不是完整的 Arrow 文件（{e}）。") from e
    return gone


def of_subject(subject: str) -> Wanted:
    """Return what picks the rows of one subject."""
    plain = plain_subject(subject)
    return lambda cell: plain_subject(cell) == plain
