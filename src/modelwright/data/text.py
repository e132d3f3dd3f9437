"""Delimited text: encoding, delimiter, header found out; rows in a stream of Arrow tables of strings."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.encrypted_files import open_plain
from modelwright.core.errors import DataError
from modelwright.core.reading import Detected, Reading
from modelwright.core.words import Words, in_a_row
from modelwright.data._blocks import blocks, repeats_names
from modelwright.data._delimiters import find_delimiter
from modelwright.data._tops import Top, comments, find_top, has_names, holds, numbers_told, with_row_names
from modelwright.data.blank_runs import Runs, divides, one_blank
from modelwright.data.encodings import tell_encoding
from modelwright.data.records import BLANK, CELL_LIMIT, BlankLines, Misfit, reader_of, records

RATIO_LIMIT = 200  # times that gzip may expand, above the first 64 MB
_ODD = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")  # characters of binary files
SAMPLE = 256 << 10
_ROWS = 1000  # looked at to tell names from rows
_FAR = 256  # million bytes that are looked through for the first one beyond ASCII


@dataclass(frozen=True)
class Dialect:
    """How a delimited text is written."""

    encoding: str
    delimiter: str
    quoting: bool
    header: bool
    names: tuple[str, ...]
    above: int = 0  # lines above that of the names, or the last of them


class _Bounded(io.RawIOBase):
    """A decompressed stream that stops at a bomb: it counts real bytes, since headers lie."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file
        self._inner = gzip.GzipFile(fileobj=file, mode="rb")
        self._read = 0
        self._limit = max(64 << 20, RATIO_LIMIT * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._inner.read(len(buffer))
        except (EOFError, OSError, zlib.error) as e:
            raise DataError(
                f"{self._path} is not a complete gzip file ({e}). Compress it again.",
                f"{self._path} 不是完整的 gzip 文件（{e}）。请重新压缩。",
            ) from e
        self._read += len(block)
        if self._read > self._limit:
            raise DataError(
                f"{self._path} expands more than {RATIO_LIMIT} times, as a gzip bomb does. Unpack it yourself if you trust it.",
                f"{self._path} 解压超过 {RATIO_LIMIT} 倍，疑似压缩炸弹。如确认可信，请自行解压后再使用。",
            )
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._inner.close()
        self._file.close()
        super().close()


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, through the vault where it is encrypted, and through gzip where it is so compressed."""
    file = open_plain(path)
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return io.BufferedReader(_Bounded(path, file), 1 << 20) if zipped else file


def beginning(path: Path, size: int = SAMPLE) -> bytes:
    """Return the first bytes of a file. Raises DataError for an empty one."""
    with open_bytes(path) as f:
        sample = f.read(size)
    if not sample.strip():
        raise DataError(f"{path} is empty.", f"{path} 是空文件。")
    return sample


def sniff(path: Path, reading: Reading, detected: Detected | None = None) -> Dialect:
    """Detect encoding, delimiter, quoting and header from a file's beginning, but for what `reading` says, and note them in
    `detected`. Raises DataError for no text."""
    sample = beginning(path)
    encoding = reading.encoding or told_encoding(sample, path, reading, detected)
    text = decoded(sample, encoding, path)
    if len(sample) == SAMPLE and "\n" in text:
        text = text[: text.rindex("\n")]
    odd = len(_ODD.findall(text))
    if odd > 0.02 * len(text):
        raise DataError(
            f"{path} looks like a binary file. Give CSV, TSV, JSON Lines, Parquet, Arrow or Excel.",
            f"{path} 像是二进制文件。支持 CSV、TSV、JSON Lines、Parquet、Arrow、Excel。",
        )
    above, named, said = comments(text)
    text = _after(text, above)
    delimiter = reading.delimiter or named or find_delimiter(text, reading.names)
    quoting = _quotes(text, delimiter)
    rows, ends = _first_rows(text, delimiter, quoting)
    alone = sum(len(r) == 1 for r in rows) > 0.9 * len(rows)
    if delimiter == " " or (alone and not (reading.delimiter or named) and divides(text)):
        delimiter, text = " ", one_blank(text)
        quoting = _quotes(text, delimiter)
        rows, ends = _first_rows(text, delimiter, quoting)
    if not rows:
        raise DataError(f"{path} is empty.", f"{path} 是空文件。")
    rows, lacking = with_row_names(rows)
    said = in_a_row([said, lacking])
    top = find_top(rows, reading.names) if reading.header is None else Top(0, 0, tuple(rows[0]), None)
    surely = (
        reading.header is not False
        if reading.header is not None
        else bool(top.under) or holds(top.names, reading.names)
    )
    has_header = surely or (reading.header is None and has_names(rows[top.at :]))
    if not has_header:
        top = Top(0, 0, (), None)
    elif reading.header is None and not top.under:
        said = in_a_row([said, numbers_told(rows[top.at :])])
    if top.at + top.under:
        above += ends[top.at + top.under - 1]
    width = Counter(len(r) for r in rows[1 if has_header and len(rows) > 1 else 0 :]).most_common(1)[0][0]
    names = unique_names(top.names) if has_header else [f"column_{i + 1}" for i in range(width)]
    if detected is not None:
        detected.encoding, detected.delimiter, detected.names = encoding, delimiter, tuple(names)
        detected.above = in_a_row([said, top.words])
    return Dialect(encoding, delimiter, quoting, has_header, tuple(names), above)


def _after(text: str, lines: int) -> str:
    """Return a text without so many of its first lines."""
    file = io.StringIO(text, newline="")
    for _ in range(lines):
        file.readline()
    return file.read()


def _first_rows(text: str, delimiter: str, quoting: bool) -> tuple[list[list[str]], list[int]]:
    """Return the first rows that are not blank, and the lines on which they end."""
    reader: Any = reader_of(io.StringIO(text, newline=""), delimiter, quoting)
    rows, ends = [], []
    for cells in reader:
        if any(c.strip() for c in cells):
            rows.append(cells)
            ends.append(reader.line_num)
            if len(rows) == _ROWS:
                break
    return rows, ends


def told_encoding(sample: bytes, path: Path, reading: Reading | None = None, detected: Detected | None = None) -> str:
    """Tell the encoding of a file by its beginning, or by its first bytes beyond ASCII further on. Raises DataError where it is to be asked."""
    if sample.isascii():
        with open_bytes(path) as f:
            for _ in range(_FAR):
                block = f.read(1 << 20)
                if not block or not block.isascii():
                    sample = block or sample
                    break
    usual = str(reading.usual.get("encoding", "")) if reading else ""
    encoding, words = tell_encoding(sample, path, usual)
    if detected is not None and words is not None:
        detected.runner_up = words
    return encoding


def decoded(sample: bytes, encoding: str, path: Path) -> str:
    """Return a file's beginning as text. Raises DataError naming the line where it is not in the encoding asked for."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError as e:
        line = sample.count(b"\n", 0, e.start) + 1
        raise DataError(
            f"{path}, line {line}: bytes that are no {encoding}. Say another --encoding, or leave it out.",
            f"{path} 第 {line} 行：字节不符合 {encoding} 编码。请改用其他 --encoding，或不指定。",
        ) from e


def _quotes(text: str, delimiter: str) -> bool:
    """Whether double quotes enclose cells: those that begin with one end with one, as good as always, or more rows fit so."""
    d = re.escape(delimiter)
    if _strictly_quoted(text, delimiter):
        return True
    good = bad = 0
    for found in re.finditer(rf'(?:^|{d})[ ]*"((?:[^"]|"")*)("?)[ ]*(.|$)', text, re.MULTILINE):
        closed = found[2] and (not found[3] or found[3] in (delimiter, "\r", "\n"))
        good, bad = good + bool(closed), bad + (not closed)
    return good > 0 and (bad <= 0.1 * good or _fit(text, delimiter, True) > _fit(text, delimiter, False))


def _fit(text: str, delimiter: str, quoting: bool) -> int:
    """Return how many records have as many cells as the first one, quotes read as enclosing cells or as any sign."""
    width = len(next(reader_of(io.StringIO(text, newline=""), delimiter, quoting), []))
    try:
        read = records(io.StringIO(text, newline=""), delimiter, quoting, width)
        return sum(not isinstance(cells, Words) and len(cells) == width for _, cells in read)
    except csv.Error:
        return 0


def _strictly_quoted(text: str, delimiter: str) -> bool:
    """Whether a text keeps all rules of quotes, and has rows of one width under them."""
    if re.search(rf'(?:^|{re.escape(delimiter)})[ ]*"', text, re.MULTILINE) is None:
        return False
    widths: Counter[int] = Counter()
    try:
        for row in reader_of(io.StringIO(text, newline=""), delimiter, True, strict=True):
            widths[len(row)] += bool(row)
    except csv.Error:
        return False
    return max(widths.values()) >= 0.95 * sum(widths.values())


def unique_names(cells: Sequence[str]) -> list[str]:
    """Return column names without blanks at their ends, none empty, none twice."""
    out: dict[str, None] = {}
    for i, cell in enumerate(cells):
        base = cell.strip().lstrip("\ufeff") or f"column_{i + 1}"
        name, n = base, 2
        while name in out:
            name, n = f"{base}_{n}", n + 1
        out[name] = None
    return list(out)


def delimited(
    path: Path,
    dialect: Dialect,
    rows: int,
    misfits: list[Misfit],
    *,
    every: bool = False,
    blank_lines: BlankLines | None = None,
) -> Iterator[pa.Table]:
    """Yield tables of strings of up to `rows` rows; rows that cannot be read are added to `misfits` and left out.

    With `every` they stay, as rows without values, and a blank line of a file with one column is such a row too. Blank lines
    between rows of several columns are noted in `blank_lines`.
    Raises DataError for bytes of another encoding, cells over the limit, zero bytes.
    """
    width = len(dialect.names)
    row = blank = 0
    passed = dialect.above
    empty = blank_lines or BlankLines()
    with open_bytes(path) as raw:
        text: Any = io.TextIOWrapper(raw, encoding=dialect.encoding, newline="")
        text = Runs(text) if dialect.delimiter == " " else text
        block: list[list[str]] = []
        first = dialect.header
        try:
            for _ in range(dialect.above):
                text.readline()
            for part, lines in blocks(text, dialect.delimiter, dialect.quoting, dialect.names, dialect.header, empty):
                if isinstance(part, pa.Table):
                    first = False
                    row, passed = row + part.num_rows, passed + lines
                    if block:
                        yield _table(block, dialect.names)
                        block = []
                    part = _bare_formulas(part)
                    yield from (part.slice(i, rows) for i in range(0, part.num_rows, rows))
                    continue
                for line, cells in records(part, dialect.delimiter, dialect.quoting, width):
                    if first:
                        first = isinstance(cells, list) and not any(cells)
                        continue
                    if isinstance(cells, list) and (not cells or (len(cells) == 1 and not cells[0].strip())):
                        blank += every and width == 1
                        if width > 1:
                            empty.seen([passed + line], 0)
                        continue
                    empty.seen((), passed + line)
                    for back in range(blank, 0, -1):  # blank lines at the end are none
                        row += 1
                        misfits.append(Misfit(row, passed + line - back, BLANK, blank=True))
                        block.append([""])
                    blank = 0
                    row += 1
                    read = _fitting(cells, width)
                    if width > 1 and dialect.header and repeats_names(read, dialect.names):
                        read = Words("the names of the columns once more", "再次出现列名")
                    if isinstance(read, Words):
                        misfits.append(Misfit(row, passed + line, read))
                        if not every:
                            continue
                        read = [""] * width
                    block.append(read)
                    if len(block) >= rows:
                        step()
                        yield _table(block, dialect.names)
                        block = []
                passed += lines
        except UnicodeDecodeError as e:
            raise DataError(
                f"{path}, near row {row + 1}: bytes that are not valid {dialect.encoding}. Save the file as UTF-8.",
                f"{path} 第 {row + 1} 行附近：字节不符合 {dialect.encoding} 编码。请将文件另存为 UTF-8。",
            ) from e
        except csv.Error as e:
            raise DataError(
                f"{path}, row {row + 1}: {e}. A cell may hold up to {CELL_LIMIT >> 20} million characters; look for an unclosed quote.",
                f"{path} 第 {row + 1} 行：{e}。单元格最多 {CELL_LIMIT >> 20} 百万字符；请检查是否有未闭合的引号。",
            ) from e
        if block:
            yield _table(block, dialect.names)


def _fitting(cells: list[str] | Words, width: int) -> list[str] | Words:
    """Return the cells of a row, without empty ones too many at its end, or why they do not fit."""
    if isinstance(cells, Words) or len(cells) == width:
        return cells
    found = len(cells)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) == width:
        return cells
    return Words(f"{found} cells where there are {width} columns", f"有 {found} 个单元格，而列数为 {width}")


def _table(block: list[list[str]], names: tuple[str, ...]) -> pa.Table:
    columns = [pa.array([c.strip() or None for c in column], pa.string()) for column in zip(*block, strict=True)]
    return _bare_formulas(pa.Table.from_arrays(columns, names=list(names)))


def _bare_formulas(part: pa.Table) -> pa.Table:
    """Return a table in which `="0012"`, as text is written for spreadsheets, is 0012."""
    for i, name in enumerate(part.column_names):
        if pc.any(pc.starts_with(part.column(i), '="')).as_py():
            part = part.set_column(i, name, pc.replace_substring_regex(part.column(i), r'^="([^"]*)"$', r"\1"))
    return part


def from_rows(block: list[dict[str, Any]]) -> pa.Table:
    """Return a table from mappings; columns of mixed types become strings, nested values JSON text."""
    names = list(dict.fromkeys(name for row in block for name in row))
    return pa.table({str(n): column([row.get(n) for row in block]) for n in names})


def column(values: list[Any]) -> pa.Array:
    """Return values as an Arrow array: of their own type where they share one, else as text."""
    if any(isinstance(v, dict) for v in values):
        values = [json.dumps(v, ensure_ascii=False) if isinstance(v, (dict, list)) else v for v in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array(
            [
                None if v is None else v if isinstance(v, str) else json.dumps(v, ensure_ascii=False, default=str)
                for v in values
            ],
            pa.string(),
        )
