"""One file of a table, whatever its format, in batches."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from modelwright.core.encrypted_files import open_plain
from modelwright.core.envelope import is_sealed
from modelwright.core.errors import DataError, MissingExtra
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.core.words import Words, counted, in_a_row
from modelwright.data._arff import arff_batches
from modelwright.data._blocks import repeats_names
from modelwright.data._bombs import Swelling, check_arrow, check_excel, check_parquet
from modelwright.data._fasta import SUFFIXES as FASTA
from modelwright.data._fasta import fasta_batches
from modelwright.data._faults import named
from modelwright.data._formulas import unsaved
from modelwright.data._sheet_marks import marks_of
from modelwright.data._tops import Top, find_top
from modelwright.data._ts import ts_batches
from modelwright.data.arrow import parquet_spans
from modelwright.data.json_text import OBJECTS, json_lines
from modelwright.data.records import BlankLines, Misfit, refuse_many
from modelwright.data.text import column as as_array
from modelwright.data.text import delimited, open_bytes, sniff, unique_names

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
    ".inter",
    ".ts",
    ".arff",
    ".fasta",
    ".fa",
    ".fna",
    ".faa",
)
_TOP = 100  # rows of a sheet that tell where its names are
_SHOWN = 6  # names of sheets
_PAGES = (".html", ".htm", ".xhtml")
_PARQUET = Words("a complete Parquet file", "完整的 Parquet 文件")
_ARROW = Words("a complete Arrow file", "完整的 Arrow 文件")
_EXCEL = Words("an Excel file", "有效的 Excel 文件")
_QUOTES = Words("Check the delimiter and the quotes.", "请检查分隔符和引号。")


def file_batches(
    path: Path,
    kind: str,
    how: Reading,
    rows: int,
    events: EventStream | None,
    misfits: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    """Yield a file in tables of up to `rows` rows; `kind` is its ending, `.gz` left out. See `sources.batches` for the rest."""
    if kind == ".parquet":
        yield from named(path, _PARQUET, _parquet(path, rows))
    elif kind in (".arrow", ".feather", ".ipc"):
        yield from named(path, _ARROW, _arrow(path, rows))
    elif kind == ".xlsx":
        yield from named(path, _EXCEL, _excel(path, how, rows, detected))
    elif kind in (".jsonl", ".ndjson", ".json"):
        yield from _json(path, how, rows, events, misfits)
    elif kind == ".ts":
        yield from _labelled(ts_batches(path, rows, how.encoding), detected)
    elif kind == ".arff":
        yield from arff_batches(path, rows, how.encoding)
    elif kind in FASTA:
        yield from _labelled(fasta_batches(path, rows), detected)
    elif kind in (".csv", ".tsv", ".txt", ".data", ".inter", ""):
        yield from _csv(path, how, rows, events, misfits, detected)
    else:
        with open_bytes(path) as f:
            known = f.read(4)
        what = (
            "a zip archive; give it the ending .zip" if known[:2] == b"PK" else f"of a kind that is not read (`{kind}`)"
        )
        if kind in _PAGES:
            raise DataError(
                f"{path} is a web page, which is not read as a table: write its table as CSV first, such as by "
                f"pandas.read_html({path.name!r})[0].to_csv('table.csv', index=False).",
                f"{path} 是网页，不能作为表格读取：请先将其中的表格写为 CSV，例如 "
                f"pandas.read_html({path.name!r})[0].to_csv('table.csv', index=False)。",
            )
        raise DataError(
            f"{path} is {what}. Give one of {', '.join(KINDS)}, also with .gz.",
            f"无法读取 {path}（`{kind}`）。支持 {'、'.join(KINDS)}，也可再加 .gz。",
        )


def _labelled(parts: Iterator[pa.Table], detected: Detected) -> Iterator[pa.Table]:
    """Pass on tables of a form that files labels with its rows, and note the column where there is one."""
    for part in parts:
        if "label" in part.column_names:
            detected.target = "label"
        yield part


def _csv(
    path: Path,
    how: Reading,
    rows: int,
    events: EventStream | None,
    misfits: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    dialect = sniff(path, how, detected)
    found: list[Misfit] = [] if misfits is None else misfits
    blank = BlankLines()
    parts = delimited(path, dialect, rows, found, every=misfits is not None, blank_lines=blank)
    yield from _most_read(path, parts, found, misfits is not None, events, _QUOTES)
    words = blank.words()
    if words is not None and events:
        events.note(f"{path}: {words.en}", f"{path}：{words.zh}")


def _json(
    path: Path, how: Reading, rows: int, events: EventStream | None, misfits: list[Misfit] | None
) -> Iterator[pa.Table]:
    found: list[Misfit] = [] if misfits is None else misfits

    def say(words: Words) -> None:
        if events:
            events.note(f"{path}: {words.en}", f"{path}：{words.zh}")

    parts = json_lines(path, rows, how, found, every=misfits is not None, say=say)
    yield from _most_read(path, parts, found, misfits is not None, events, OBJECTS)


def _most_read(
    path: Path, parts: Iterator[pa.Table], misfits: list[Misfit], kept: bool, events: EventStream | None, advice: Words
) -> Iterator[pa.Table]:
    """Pass on the rows of a file whose `misfits` are left out with a warning, or `kept` as empty rows. Raises DataError where these are too many."""
    total = 0
    for part in parts:
        total += part.num_rows
        yield part
    refuse_many(path, misfits, total if kept else total + len(misfits), kept, advice)
    if misfits and events and not kept:
        shown = Words(
            "; ".join(f"line {m.line or m.row}: {m.words.en}" for m in misfits[:5]),
            "；".join(f"第 {m.line or m.row} 行：{m.words.zh}" for m in misfits[:5]),
        )
        events.warn(
            f"{path}: {counted(len(misfits), 'row')} left out that cannot be read ({shown.en}).",
            f"{path}：{len(misfits)} 行无法读取，已排除（{shown.zh}）。",
        )


def remote_parquet(path: Any, opened: Callable[[], BinaryIO], rows: int) -> Iterator[pa.Table]:
    """Yield a Parquet file that lies elsewhere, row group by row group; `path` is its name and size, `opened` opens it."""
    return parquet_groups(path, rows, opened, None)


def parquet_groups(
    path: Any, rows: int, elsewhere: Callable[[], BinaryIO] | None, wanted: Sequence[int] | None
) -> Iterator[pa.Table]:
    """Yield the rows of the `wanted` row groups in this order (None: of all), no table across two of them; `elsewhere` opens a file
    that is not on this machine."""
    return named(path, _PARQUET, _parquet(path, rows, elsewhere, wanted))


def _parquet(
    path: Path, rows: int, elsewhere: Callable[[], BinaryIO] | None = None, wanted: Sequence[int] | None = None
) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    with elsewhere() if elsewhere else open_plain(path) as opened, pq.ParquetFile(opened) as looked:
        dictionaries = check_parquet(path, opened, looked.metadata, looked.schema)
        kinds = {f.name: f.type for f in looked.schema_arrow}
        leaves = [looked.schema.column(i) for i in range(len(looked.schema))]
        spans = [c.path for c in leaves if c.converted_type == "INTERVAL" and c.max_repetition_level == 0]
    columns = [n for n in dictionaries if n in kinds and not pa.types.is_dictionary(kinds[n])]
    with (
        _source(path, elsewhere) as source,
        # what is fetched ahead stays in memory until its reader ends: of a file on this machine nothing is, else one row group at a time
        pq.ParquetFile(source, read_dictionary=columns, pre_buffer=elsewhere is not None) as file,
    ):
        swelling = Swelling(path, columns, path.stat().st_size)
        groups = list(range(file.num_row_groups)) if wanted is None else list(wanted)
        together = elsewhere is None and wanted is None
        for batch in _batches(file, rows, [groups] if together else [[g] for g in groups]):
            batch.validate(full=True)  # pages may hold bytes that are no text
            part = pa.Table.from_batches([batch])
            for name in (n for n in spans if n in kinds):
                part = part.set_column(part.schema.get_field_index(name), name, parquet_spans(part.column(name)))
            yield from swelling.parts(part) if columns else (part,)


def _batches(file: Any, rows: int, groups: list[list[int]]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of row groups, those that are named together by one reader."""
    for some in groups:
        yield from file.iter_batches(batch_size=rows, row_groups=some)


def _source(path: Path, elsewhere: Callable[[], BinaryIO] | None) -> Any:
    """Return a context with what pyarrow reads Parquet from."""
    if elsewhere is not None:
        return contextlib.closing(elsewhere())
    return contextlib.closing(open_plain(path)) if is_sealed(path) else contextlib.nullcontext(path)


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


def _decrypted(path: Path) -> Any:
    """Return an encrypted file as one in memory, a plain one as its path."""
    if not is_sealed(path):
        return path
    with open_plain(path) as file:
        return io.BytesIO(file.read())


def _excel(path: Path, how: Reading, rows: int, detected: Detected) -> Iterator[pa.Table]:
    sheet = how.sheet
    try:
        import openpyxl
    except ImportError as e:
        raise MissingExtra("excel", f"Reading {path}", f"读取 {path}") from e
    whole = _decrypted(path)
    check_excel(path, whole, path.stat().st_size)
    book = openpyxl.load_workbook(whole, read_only=True, data_only=True)
    pages: dict[str, Any] = {page.title: page for page in book.worksheets}  # sheets that are a chart hold no rows
    if sheet is not None and sheet not in pages:
        raise DataError(
            f"{path} has no sheet `{sheet}` of rows; it has {', '.join(pages)}.",
            f"{path} 中没有含数据行的工作表 `{sheet}`；现有：{'、'.join(pages)}。",
        )
    if not pages:
        raise DataError(f"{path} has no sheet of rows.", f"{path} 中没有含数据行的工作表。")
    shown = [name for name, page in pages.items() if page.sheet_state == "visible"]
    sheet = sheet or [*shown, *pages][0]
    page = pages.pop(sheet)
    others = [name for name, other in pages.items() if any(_inner(other.iter_rows(values_only=True)))]
    with page._get_source() as xml:
        marks = marks_of(xml)
    found = _inner(page.iter_rows(values_only=True))
    numbered = list(islice(found, _TOP))
    if not numbered:
        raise _no_rows(path, sheet, others)
    first, begun, lines = numbered[0][0], [line for _, line in numbered], (line for _, line in found)
    if how.header is False:
        names = [f"column_{i + 1}" for i in range(len(begun[0]))]
    else:
        filled = [(i, ["" if c is None else str(c) for c in line]) for i, line in enumerate(begun) if line]
        top = Top(0, 0, tuple(filled[0][1]), None) if how.header else find_top([c for _, c in filled], how.names)
        names, detected.above = unique_names(top.names), top.words
        above = filled[top.at + top.under][0] + 1
        begun, first = begun[above:], first + above
    if not begun and others:
        raise _no_rows(path, sheet, others)
    aside = _other_sheets(sheet, others) if how.sheet is None else None
    detected.above = in_a_row([aside, detected.above, marks.words(names, first)])
    empty = [i for i in range(len(names)) if all(i >= len(line) or line[i] is None for line in begun)]
    if begun and empty:
        formulas = unsaved(openpyxl.load_workbook(whole, read_only=True), sheet, names, empty)
        detected.above = in_a_row([detected.above, formulas])
    pending: list[tuple[Any, ...]] = []
    for line in marks.filled(chain(begun, lines), first):
        again = how.header is not False and repeats_names(["" if c is None else str(c) for c in line], names)
        pending.append(() if again else line)  # a blank row, which keeps its place
        if len(pending) == rows:
            yield _cells(names, pending)
            pending = []
    if pending:
        yield _cells(names, pending)


def _other_sheets(sheet: str, others: Sequence[str]) -> Words | None:
    """Return which of several filled sheets is read; None where it is the only one."""
    if not others:
        return None
    shown, more = [f"`{n}`" for n in others[:_SHOWN]], " ..." if len(others) > _SHOWN else ""
    return Words(
        f"sheet `{sheet}` alone is read, not {', '.join(shown)}{more} (--sheet NAME)",
        f"只读取工作表 `{sheet}`，未读取 {'、'.join(shown)}{more}（可用 --sheet 工作表名 指定）",
    )


def _no_rows(path: Path, sheet: str, others: Sequence[str]) -> DataError:
    error = DataError(
        f"Sheet `{sheet}` of {path} has no rows below its header.", f"{path} 的工作表 `{sheet}` 除表头外没有数据行。"
    )
    if others:
        named = [f"`{n}`" for n in others]
        error.add(
            f"Name the sheet with the rows (--sheet): {', '.join(named)}.",
            f"请用 --sheet 指定含数据的工作表：{'、'.join(named)}。",
        )
    return error


def _inner(lines: Iterator[tuple[Any, ...]]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield the rows of a sheet with their numbers, without blank ones before its first and after its last; those between are rows, as in a text."""
    blank = 0
    begun = False
    for number, line in enumerate(lines, 1):
        if all(c is None or (isinstance(c, str) and not c.strip()) for c in line):
            blank += begun
            continue
        yield from ((at, ()) for at in range(number - blank, number))
        begun, blank = True, 0
        yield number, line


def _cells(names: list[str], lines: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table({n: as_array([line[i] if i < len(line) else None for line in lines]) for i, n in enumerate(names)})
