"""Writing tables in a stream: CSV, TSV, JSON Lines, Parquet or Excel; the file takes its place only when all is well."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError, MissingExtra, VaultError, unknown
from modelwright.core.sealed import SealWriter, vault_keys
from modelwright.core.words import Words

TEXTS = (".csv", ".tsv")
FORMATS = (*TEXTS, ".jsonl", ".parquet")


class TableWriter:
    """Writes tables one after the other in the format that the file's ending names.

    `out` None writes CSV to standard output; one that ends with .mwv is encrypted. Raises OptionError for an unknown ending,
    MissingExtra for Excel without its library, DataError where the disk refuses, VaultError where no vault is open.
    """

    def __init__(self, out: Path | None, formats: Sequence[str] = FORMATS) -> None:
        self._out = out
        self._sealed = out is not None and out.name.endswith(SUFFIX)
        plain = out.name.removesuffix(SUFFIX) if out is not None else ".csv"
        self.suffix = ".csv" if out is None else Path(plain).suffix.lower()
        if self.suffix not in formats:
            raise unknown(Words("output format", "输出格式"), self.suffix or str(out), formats)
        if self.suffix == ".xlsx":
            try:
                import openpyxl  # noqa: F401
            except ImportError as e:
                raise MissingExtra("excel", f"Writing {out}", f"写入 {out}") from e
        self._part = None if out is None else out.with_name(f".{out.name}.part")
        self._file: Any = None
        self._sink: Any = None
        self._book: Any = None
        self._base: Any = None
        self._key = vault_keys()
        if self._sealed and not self._key:
            raise VaultError(
                f"{out} is to be encrypted: name the key with --vault.", f"{out} 需要加密：请用 --vault 指定密钥。"
            )

    def __enter__(self) -> Self:
        try:
            self._file = self._base = sys.stdout.buffer if self._part is None else self._part.open("wb")
            if self._sealed:
                self._file = SealWriter(self._base, self._key[0])
        except OSError as e:
            raise self._refused(e) from e
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sink is not None:
            self._sink.close()
        if self._book is not None and kind is None:
            self._book.save(self._file)
        if self._part is None:
            self._file.flush()
            return
        if self._sealed and kind is not None:
            self._file.drop()
        self._file.close()
        self._base.close()
        if kind is None and self._out is not None:
            os.replace(self._part, self._out)
        else:
            self._part.unlink(missing_ok=True)

    def write_table(self, table: pa.Table) -> None:
        """Write rows; all tables must have the columns of the first."""
        try:
            self._write(table)
        except OSError as e:
            raise self._refused(e) from e

    def write_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write objects as JSON Lines, nested as they are."""
        try:
            lines = (json.dumps(r, ensure_ascii=False, default=str) + "\n" for r in rows)
            self._file.write("".join(lines).encode("utf-8", "replace"))
        except OSError as e:
            raise self._refused(e) from e

    def _refused(self, error: OSError) -> DataError:
        return DataError(f"Cannot write {self._out}: {error.strerror}.", f"无法写入 {self._out}：{error.strerror}。")

    def _write(self, table: pa.Table) -> None:
        if self.suffix == ".jsonl":
            self.write_rows(table.to_pylist())
            return
        if self.suffix == ".xlsx":
            self._write_cells(table)
            return
        if self._sink is None:
            if self.suffix == ".parquet":
                self._sink = pq.ParquetWriter(self._file, table.schema)
            else:
                options = pcsv.WriteOptions(delimiter="\t" if self.suffix == ".tsv" else ",", quoting_style="needed")
                self._sink = pcsv.CSVWriter(self._file, table.schema, write_options=options)
        self._sink.write_table(table)

    def _write_cells(self, table: pa.Table) -> None:
        if self._book is None:
            import openpyxl

            self._book = openpyxl.Workbook(write_only=True)
            self._book.create_sheet()
            self._book.worksheets[0].append(table.column_names)
        for row in zip(*(column.to_pylist() for column in table.columns)):
            self._book.worksheets[0].append([_cell(v) for v in row])


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
    """Return a column as the format can hold it: lists as JSON text in CSV and TSV."""
    if suffix not in TEXTS or not pa.types.is_nested(values.type):
        return values
    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values.to_pylist()])
