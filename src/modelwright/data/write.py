"""Writing tables in a stream: CSV, TSV, JSON Lines, Parquet or Excel; the file takes its place only when all is well."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from modelwright.core import plain_json
from modelwright.core.encrypted_files import SealWriter, open_plain, vault_keys
from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError, MissingExtra, OptionError, VaultError, unknown
from modelwright.core.run import refused
from modelwright.core.words import Words
from modelwright.data._shapes import as_type, fitted, joined

TEXTS = (".csv", ".tsv")
FORMATS = (*TEXTS, ".jsonl", ".parquet")


class TableWriter:
    """Writes tables one after the other in the format that the file's ending names.

    Columns may come late, end early, stand in another order or change their type: the file has all of them, each value
    under its own name. On standard output, where what is written stands, late columns are left out and named in `left_out`.

    `out` None writes CSV to standard output; one that ends with .mwv is encrypted. `bom` begins CSV and TSV with a byte order
    mark, by which Excel tells UTF-8. Raises OptionError for an unknown ending or a mark on other formats, MissingExtra for Excel without its library, DataError where the disk refuses, VaultError where no vault is open.
    """

    def __init__(self, out: Path | None, formats: Sequence[str] = FORMATS, bom: bool = False) -> None:
        if out is not None and out.is_dir():
            raise OptionError(
                f"{out} is a folder; name the file to write, such as {out / 'predictions.csv'}.",
                f"{out} 是文件夹；请指定要写出的文件，例如 {out / 'predictions.csv'}。",
            )
        self._out = out
        self._sealed = out is not None and out.name.endswith(SUFFIX)
        plain = out.name.removesuffix(SUFFIX) if out is not None else ".csv"
        self.suffix = ".csv" if out is None else Path(plain).suffix.lower()
        if self.suffix not in formats:
            raise unknown(Words("output format", "输出格式"), self.suffix or str(out), formats)
        self._bom = bom
        if bom and self.suffix not in TEXTS:
            raise OptionError(
                f"--bom is a mark for .csv and .tsv, received {out}: leave it out.",
                f"--bom 只用于 .csv 与 .tsv，收到的是 {out}：请去掉它。",
            )
        if self.suffix == ".xlsx":
            try:
                import openpyxl  # noqa: F401
            except ImportError as e:
                raise MissingExtra("excel", f"Writing {out}", f"写入 {out}") from e
        self.left_out: list[str] = []
        self._parts: list[Path] = []
        self._file: Any = None
        self._sink: Any = None
        self._base: Any = None
        self._schema: pa.Schema | None = None
        self._growth: list[tuple[int, int]] = []  # of CSV: up to which byte rows have how many cells
        self._at = 0
        self._sheets: list[pa.Table] = []
        self._key = vault_keys()
        if self._sealed and not self._key:
            raise VaultError(
                f"{out} is to be encrypted: name the key with --vault.", f"{out} 需要加密：请用 --vault 指定密钥。"
            )

    def __enter__(self) -> Self:
        try:
            self._open()
        except OSError as e:
            raise self._refused(e) from e
        return self

    def _open(self) -> None:
        """Begin another file that may take the place of `out`."""
        if self._out is None:
            self._file = self._base = sys.stdout.buffer
            self._mark()
            return
        number = f".{len(self._parts) + 1}" if self._parts else ""
        self._parts.append(self._out.with_name(f".{self._out.name}{number}.part"))
        self._file = self._base = self._parts[-1].open("wb")
        if self._sealed:
            self._file = SealWriter(self._base, self._key[0])
        self._mark()

    def _mark(self) -> None:
        """Begin a text file with the mark by which Excel tells UTF-8, where that was asked for."""
        if self._bom:
            self._file.write(codecs.BOM_UTF8)
            self._at += len(codecs.BOM_UTF8)

    def _shut(self, whole: bool) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None
        if self._out is None:
            self._file.flush()
            return
        if self._sealed and not whole:
            self._file.drop()
        self._file.close()
        self._base.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        whole = kind is None
        try:
            if whole and self._sheets:
                self._write_book()
            self._shut(whole)
            if whole and self._out is not None:
                self._settle()
                os.replace(self._parts[-1], self._out)
        except OSError as e:
            raise self._refused(e) from e
        finally:
            for part in self._parts:
                part.unlink(missing_ok=True)

    def write_table(self, table: pa.Table) -> None:
        """Write rows; see the class for columns that differ from those before."""
        try:
            self._write(table)
        except OSError as e:
            raise self._refused(e) from e

    def write_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write objects as JSON Lines, nested as they are."""
        try:
            lines = (plain_json.dumps(r) + "\n" for r in rows)
            self._file.write("".join(lines).encode("utf-8", "replace"))
        except OSError as e:
            raise self._refused(e) from e

    def _refused(self, error: OSError) -> DataError:
        return refused(error, self._out or "stdout") or DataError(str(error))

    def _write(self, table: pa.Table) -> None:
        if self.suffix == ".jsonl":
            self.write_rows(table.to_pylist())
        elif self.suffix == ".xlsx":
            self._sheets.append(table)
            self._schema = joined(self._schema or pa.schema([]), table)
        elif self.suffix == ".parquet":
            self._write_parquet(table)
        else:
            self._write_text(table)

    def _write_parquet(self, table: pa.Table) -> None:
        """Write rows under the schema so far; where that does not hold them, another part begins."""
        if self._sink is not None and self._schema is not None and table.schema != self._schema:
            schema = joined(self._schema, table)
            if schema != self._schema:
                self._shut(True)
                self._open()
                self._schema = schema
            table = fitted(table, schema)
        if self._sink is None:
            self._schema = self._schema or table.schema
            self._sink = pq.ParquetWriter(self._file, self._schema)
        self._sink.write_table(table)

    def _write_text(self, table: pa.Table) -> None:
        names = table.column_names
        if self._schema is None:
            self._schema = pa.schema([pa.field(n, pa.string()) for n in names])
            self._put_text(table, header=True)
            return
        before = self._schema.names
        if names != before:
            late = [n for n in names if n not in before]
            if self._out is None:
                self.left_out += [n for n in late if n not in self.left_out]
            elif late:
                self._growth.append((self._at, len(before)))
                self._schema = pa.schema([*self._schema, *(pa.field(n, pa.string()) for n in late)])
            here = {n: table.column(i) for i, n in enumerate(names)}
            table = pa.table({n: here.get(n, pa.nulls(table.num_rows)) for n in self._schema.names})
        self._put_text(table, header=False)

    def _put_text(self, table: pa.Table, *, header: bool) -> None:
        written = io.BytesIO()
        kinds = {f.name: f.type for f in table.schema}
        views = [
            n
            for n, t in kinds.items()
            if pa.types.is_nested(t) or pa.types.is_duration(t) or t in (pa.string_view(), pa.binary_view())
        ]
        for name in views:  # which the CSV writer does not know
            table = table.set_column(table.column_names.index(name), name, as_type(table.column(name), pa.string()))
        options = pcsv.WriteOptions(
            include_header=header, delimiter="\t" if self.suffix == ".tsv" else ",", quoting_style="needed"
        )
        pcsv.write_csv(table, written, options)
        self._file.write(written.getbuffer())
        self._at += written.tell()

    def _settle(self) -> None:
        """Bring what was written under one schema, where later rows had other columns or types than the first ones."""
        assert self._schema is not None or not (self._growth or len(self._parts) > 1)
        before = list(self._parts)
        if self._growth:
            self._open()
            self._settle_text(before[0])
            self._shut(True)
        elif len(before) > 1 and self._schema is not None:
            self._open()
            with pq.ParquetWriter(self._file, self._schema) as sink:
                for part in before:
                    with contextlib.closing(open_plain(part)) as opened, pq.ParquetFile(opened) as file:
                        for batch in file.iter_batches():
                            sink.write_table(fitted(pa.Table.from_batches([batch]), self._schema))
            self._shut(True)

    def _settle_text(self, before: Path) -> None:
        """Copy CSV under a new header, with empty cells for the columns that came after a row."""
        assert self._schema is not None
        delimiter = "\t" if self.suffix == ".tsv" else ","
        with contextlib.closing(open_plain(before)) as lines:
            at, growth, inside, first = 0, list(self._growth), False, True
            for line in lines:
                begins = not inside
                inside ^= line.count(b'"') % 2 == 1
                while growth and begins and at >= growth[0][0]:
                    growth.pop(0)
                at += len(line)
                if first:
                    first = inside
                    if not first:
                        self._put_text(self._schema.empty_table(), header=True)
                    continue
                lacking = 0 if inside or not growth else len(self._schema) - growth[0][1]
                self._file.write(line.rstrip(b"\r\n") + delimiter.encode() * lacking + b"\n" if lacking else line)

    def _write_book(self) -> None:
        import openpyxl

        assert self._schema is not None
        names = self._schema.names
        book = openpyxl.Workbook(write_only=True)
        book.create_sheet()
        book.worksheets[0].append(names)
        for table in self._sheets:
            here = {n: table.column(i).to_pylist() for i, n in enumerate(table.column_names)}
            for row in zip(*(here.get(n) or [None] * table.num_rows for n in names)):
                book.worksheets[0].append([_cell(v) for v in row])
        book.save(self._file)


def _cell(value: Any) -> Any:
    """Return a value as a cell of a sheet can hold it; a text that begins like a formula stays a text."""
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str):
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        value = ILLEGAL_CHARACTERS_RE.sub(" ", value)
        return "'" + value if value[:1] == "=" else value
    return value


def flat(values: pa.ChunkedArray, suffix: str) -> Any:
    """Return a column as the format can hold it: lists as JSON text in CSV and TSV; of media, which only Parquet and Arrow hold as bytes, the
    paths that stand beside them, and nothing of those without one."""
    if suffix == ".parquet":
        return values
    kind = values.type
    if pa.types.is_struct(kind) and {f.name for f in kind} == {"bytes", "path"}:
        return pc.struct_field(values, "path")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return values.cast(pa.string())  # text that was filed as bytes
        except pa.ArrowInvalid:
            return pa.nulls(len(values), pa.string())
    if suffix not in TEXTS or not pa.types.is_nested(kind):
        return values
    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values.to_pylist()])
