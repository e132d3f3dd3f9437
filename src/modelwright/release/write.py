"""Writing predictions in a stream, beside the columns that came: CSV, JSON Lines or Parquet."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError, VaultError, unknown
from modelwright.core.sealed import SealWriter, vault_keys
from modelwright.core.words import Words

_FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")


class Writer:
    """Writes tables one after the other; the file takes its place only when the block ends well.

    `out` None writes CSV to standard output; one that ends with .mwv is encrypted. Raises OptionError for an unknown
    ending, DataError where the disk refuses, VaultError where no vault is open.
    """

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._sealed = out is not None and out.name.endswith(SUFFIX)
        plain = out.name.removesuffix(SUFFIX) if out is not None else ".csv"
        self._suffix = ".csv" if out is None else Path(plain).suffix.lower()
        if self._suffix not in _FORMATS:
            raise unknown(Words("output format", "输出格式"), self._suffix or str(out), _FORMATS)
        self._part = None if out is None else out.with_name(f".{out.name}.part")
        self._file: Any = None
        self._sink: Any = None
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
            raise DataError(f"Cannot write {self._out}: {e.strerror}.", f"无法写入 {self._out}：{e.strerror}。") from e
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sink is not None:
            self._sink.close()
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

    def write(self, raw: pa.Table, answers: list[dict[str, Any]], labels: list[str], kind: str) -> None:
        """Write rows with columns `prediction`, `confidence` and one `score_<label>` per label in `labels`."""
        columns = {n: _flat(raw.column(n), self._suffix) for n in raw.column_names}
        predictions = [a["prediction"] for a in answers]
        columns["prediction"] = _predictions(predictions, kind, self._suffix)
        if kind not in ("value", "objects"):
            columns["confidence"] = pa.array([a.get("confidence") for a in answers], pa.float64())
        for label in labels:
            columns[f"score_{label}"] = pa.array([a.get("scores", {}).get(label) for a in answers], pa.float64())
        table = pa.table(columns)
        try:
            self._write(table)
        except OSError as e:
            raise DataError(f"Cannot write {self._out}: {e.strerror}.", f"无法写入 {self._out}：{e.strerror}。") from e

    def _write(self, table: pa.Table) -> None:
        if self._suffix == ".jsonl":
            lines = (json.dumps(r, ensure_ascii=False, default=str) + "\n" for r in table.to_pylist())
            self._file.write("".join(lines).encode())
            return
        if self._sink is None:
            if self._suffix == ".parquet":
                self._sink = pq.ParquetWriter(self._file, table.schema)
            else:
                options = pcsv.WriteOptions(delimiter="\t" if self._suffix == ".tsv" else ",", quoting_style="needed")
                self._sink = pcsv.CSVWriter(self._file, table.schema, write_options=options)
        self._sink.write_table(table)


def _flat(values: pa.ChunkedArray, suffix: str) -> Any:
    """Return a column as the format can hold it: lists as JSON text in CSV and TSV."""
    if suffix not in (".csv", ".tsv") or not pa.types.is_nested(values.type):
        return values
    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values.to_pylist()])


def _predictions(values: list[Any], kind: str, suffix: str) -> pa.Array:
    """Return predictions as a column: numbers for values, text for labels, `a|b` for label sets in text formats."""
    if kind == "value":
        return pa.array(values, pa.float64())
    if kind == "objects":
        if suffix in (".csv", ".tsv") or all(v is None or isinstance(v, str) for v in values):
            made = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
            return pa.array(made, pa.string())
        return pa.array(values)
    if kind == "label_sets":
        if suffix in (".csv", ".tsv"):
            return pa.array([None if v is None else "|".join(v) for v in values], pa.string())
        return pa.array(values, pa.list_(pa.string()))
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values if v is not None):
        return pa.array(values, pa.int64())
    return pa.array(
        [None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in values], pa.string()
    )
