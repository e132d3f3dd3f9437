"""Any source to a raw Arrow table: files, databases, Python objects. Whole, or in a stream of batches."""

from __future__ import annotations

import contextlib
import difflib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.envelope import SUFFIX, is_sealed
from modelwright.core.errors import DataError, MissingExtra
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.core.sealed import open_plain
from modelwright.core.words import Words
from modelwright.data import _media
from modelwright.data._arff import arff_batches
from modelwright.data._bombs import Swelling, check_arrow, check_excel, check_parquet
from modelwright.data._fasta import SUFFIXES as FASTA
from modelwright.data._fasta import fasta_batches
from modelwright.data._faults import named
from modelwright.data._ts import ts_batches
from modelwright.data.arrow import parquet_spans, plain
from modelwright.data.collect import collect
from modelwright.data.frames import frame_batches
from modelwright.data.records import Misfit
from modelwright.data.text import column as as_array
from modelwright.data.text import delimited, json_lines, open_bytes, sniff, unique_names

KINDS = (
    ".csv",
    ".tsv",
    ".txt",
    ".jsonl",
    ".ndjson",
    ".json",
    ".parquet",
    ".arrow",
    ".feather",
    ".xlsx",
    ".data",
    ".ts",
    ".arff",
    ".fasta",
    ".fa",
    ".fna",
    ".faa",
)
_PARQUET = Words("a complete Parquet file", "完整的 Parquet 文件")
_ARROW = Words("a complete Arrow file", "完整的 Arrow 文件")
_EXCEL = Words("an Excel file", "有效的 Excel 文件")
_BATCH = 8192
_RAGGED_SHARE = 0.05
_MOST = 0.5  # of rows that may be bad where each is answered


def read(source: Any, *, reading: Reading | None = None, events: EventStream | None = None, **options: Any) -> pa.Table:
    """Read a whole source as `read_table` does; `options` stand for a `reading` made of them."""
    return read_table(source, reading or Reading(**options), events)[0]


def read_table(source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
    """Read a whole source; return its rows and what was detected. Text formats give strings, typed formats keep their types.

    Where the rows would take more than a third of the memory, a uniform sample of them is kept and a warning says so; where time
    ends, the rest is left unread, which a warning says too. Raises DataError for what cannot be read.
    """
    detected = Detected()
    parts = batches(source, reading=reading, rows=_BATCH, events=events, detected=detected)
    return collect(parts, reading, source_name(source), events), detected


def source_name(source: Any, other: str = "the data") -> str:
    """Return a source as messages call it: a path, or a URL without its password; `other` for rows in memory."""
    return re.sub(r"(://[^/@:]*):[^@/]*@", r"\1:***@", str(source)) if isinstance(source, (str, Path)) else other


def batches(
    source: Any,
    *,
    reading: Reading | None = None,
    rows: int = 4096,
    events: EventStream | None = None,
    misfits: list[Misfit] | None = None,
    detected: Detected | None = None,
    **options: Any,
) -> Iterator[pa.Table]:
    """Yield a source in tables of up to `rows` rows, in constant memory where the format allows it; `options` stand for a
    `reading` made of them. What is detected is noted in `detected` before the first rows come.

    Rows of delimited text that cannot be read are set aside with a warning; where `misfits` is given they stay as rows
    without values, and are added to it.

    Raises DataError for what cannot be read, MissingExtra where a format needs a library that is not installed.
    """
    how = reading or Reading(**options)
    yield from (plain(part) for part in _any(source, how, rows, events, misfits, detected or Detected()))


def _any(
    source: Any,
    how: Reading,
    rows: int,
    events: EventStream | None,
    misfits: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    if not isinstance(source, (str, Path)):
        yield from frame_batches(source, rows)
        return
    text = str(source)
    if "://" in text:
        from modelwright.data._sql import sql_batches

        yield from sql_batches(text, how.query, how.table, rows)
        return
    path = Path(text)
    if path.is_dir():
        yield from _media.batches(_media.folder_table(path), rows)
        return
    _check_path(path)
    endings = [s.lower() for s in path.suffixes if s.lower() not in (".gz", SUFFIX)]
    if endings[-1:] == [".zip"]:
        from modelwright.core.device import free_memory

        yield from _media.batches(_media.zip_table(path, (how.memory or free_memory()) // 3, how), rows)
        return
    yield from _file(path, endings[-1] if endings else "", how, rows, events, misfits, detected)


def folder_of(source: Any) -> Path:
    """Return the folder from which a source's paths of media are taken: its own, else the working folder."""
    if isinstance(source, (str, Path)) and "://" not in str(source):
        return Path(source).resolve().parent
    return Path().resolve()


def _check_path(path: Path) -> None:
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else Path()
        names = [p.name for p in folder.iterdir() if p.is_file()]
        near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        hint_zh = f"是否指 {'、'.join(near)}？" if near else ""
        raise DataError(f"There is no file {path}.{hint}", f"找不到文件 {path}。{hint_zh}")


def _file(
    path: Path,
    kind: str,
    how: Reading,
    rows: int,
    events: EventStream | None,
    misfits: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    if kind == ".parquet":
        yield from named(path, _PARQUET, _parquet(path, rows))
    elif kind in (".arrow", ".feather", ".ipc"):
        yield from named(path, _ARROW, _arrow(path, rows))
    elif kind == ".xlsx":
        yield from named(path, _EXCEL, _excel(path, how.sheet, how.header, rows))
    elif kind in (".jsonl", ".ndjson", ".json"):
        yield from json_lines(path, rows, how)
    elif kind == ".ts":
        yield from ts_batches(path, rows, how.encoding)
    elif kind == ".arff":
        yield from arff_batches(path, rows, how.encoding)
    elif kind in FASTA:
        yield from fasta_batches(path, rows)
    elif kind in (".csv", ".tsv", ".txt", ".data", ""):
        yield from _csv(path, how, rows, events, misfits, detected)
    else:
        with open_bytes(path) as f:
            known = f.read(4)
        what = (
            "a zip archive; give it the ending .zip" if known[:2] == b"PK" else f"of a kind that is not read (`{kind}`)"
        )
        raise DataError(
            f"{path} is {what}. Give one of {', '.join(KINDS)}, also with .gz.",
            f"无法读取 {path}（`{kind}`）。支持 {'、'.join(KINDS)}，也可再加 .gz。",
        )


def _csv(
    path: Path,
    how: Reading,
    rows: int,
    events: EventStream | None,
    kept: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    dialect = sniff(path, how, detected)
    misfits: list[Misfit] = [] if kept is None else kept
    good = 0
    for part in delimited(path, dialect, rows, misfits, every=kept is not None):
        good += part.num_rows
        yield part
    total = good + len(misfits) if kept is None else good
    if misfits and len(misfits) > (_RAGGED_SHARE if kept is None else _MOST) * total:
        first = misfits[0]
        raise DataError(
            f"{path}: {len(misfits)} of {total} rows cannot be read; line {first.line}: {first.words.en}. "
            "Check the delimiter and the quotes.",
            f"{path}：{total} 行中有 {len(misfits)} 行无法读取；第 {first.line} 行：{first.words.zh}。请检查分隔符和引号。",
        )
    if misfits and events and kept is None:
        shown = Words(
            "; ".join(f"line {m.line}: {m.words.en}" for m in misfits[:5]),
            "；".join(f"第 {m.line} 行：{m.words.zh}" for m in misfits[:5]),
        )
        events.warn(
            f"{path}: {len(misfits)} rows cannot be read and are left out ({shown.en}).",
            f"{path}：{len(misfits)} 行无法读取，已排除（{shown.zh}）。",
        )


def _parquet(path: Path, rows: int) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    with open_plain(path) as opened, pq.ParquetFile(opened) as looked:
        dictionaries = check_parquet(path, opened, looked.metadata, looked.schema)
        kinds = {f.name: f.type for f in looked.schema_arrow}
        leaves = [looked.schema.column(i) for i in range(len(looked.schema))]
        spans = [c.path for c in leaves if c.converted_type == "INTERVAL" and c.max_repetition_level == 0]
    columns = [n for n in dictionaries if n in kinds and not pa.types.is_dictionary(kinds[n])]
    with (
        contextlib.closing(open_plain(path)) if is_sealed(path) else contextlib.nullcontext(path) as source,
        pq.ParquetFile(source, read_dictionary=columns) as file,
    ):
        swelling = Swelling(path, columns, path.stat().st_size)
        for batch in file.iter_batches(batch_size=rows):
            batch.validate(full=True)  # pages may hold bytes that are no text
            part = pa.Table.from_batches([batch])
            for name in (n for n in spans if n in kinds):
                part = part.set_column(part.schema.get_field_index(name), name, parquet_spans(part.column(name)))
            yield from swelling.parts(part) if columns else (part,)


def _arrow(path: Path, rows: int) -> Iterator[pa.Table]:
    with pa.PythonFile(open_plain(path)) if is_sealed(path) else pa.memory_map(str(path)) as source:
        check_arrow(path, source, path.stat().st_size)
        source.seek(0)
        framed = source.read(6) == b"ARROW1"
        source.seek(0)
        reader: Any = pa.ipc.open_file(source) if framed else pa.ipc.open_stream(source)
        parts = (reader.get_batch(i) for i in range(reader.num_record_batches)) if framed else iter(reader)
        for batch in parts:
            batch.validate(full=True)  # offsets, views and codes that lead outside would be followed without a look
            for start in range(0, batch.num_rows, rows):
                yield pa.Table.from_batches([batch.slice(start, rows)])


def _whole(path: Path) -> Any:
    """Return an encrypted file as one in memory, a plain one as its path."""
    if not is_sealed(path):
        return path
    with open_plain(path) as file:
        return io.BytesIO(file.read())


def _excel(path: Path, sheet: str | None, header: bool | None, rows: int) -> Iterator[pa.Table]:
    try:
        import openpyxl
    except ImportError as e:
        raise MissingExtra("excel", f"Reading {path}", f"读取 {path}") from e
    whole = _whole(path)
    check_excel(path, whole, path.stat().st_size)
    book = openpyxl.load_workbook(whole, read_only=True, data_only=True)
    if sheet is not None and sheet not in book.sheetnames:
        raise DataError(
            f"{path} has no sheet `{sheet}`; it has {', '.join(book.sheetnames)}.",
            f"{path} 中没有工作表 `{sheet}`；现有：{'、'.join(book.sheetnames)}。",
        )
    lines = (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True)
    lines = (line for line in lines if any(c is not None for c in line))
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path} is empty.", f"{path} 是空文件。")
    if header is False:
        names = [f"column_{i + 1}" for i in range(len(first))]
        pending = [first]
    else:
        names, pending = unique_names(["" if c is None else str(c) for c in first]), []
    for line in lines:
        pending.append(line)
        if len(pending) == rows:
            yield _cells(names, pending)
            pending = []
    if pending:
        yield _cells(names, pending)


def _cells(names: list[str], lines: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table({n: as_array([line[i] if i < len(line) else None for line in lines]) for i, n in enumerate(names)})
