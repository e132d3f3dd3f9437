"""Writing predictions in a stream, beside the columns that came: CSV, JSON Lines, Parquet or Excel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.data.write import FORMATS, TableWriter, flat


class Writer(TableWriter):
    """Writes rows with their answers one table after the other; the file takes its place only when the block ends well.

    `out` None writes CSV to standard output; one that ends with .mwv is encrypted. Raises OptionError for an unknown
    ending, DataError where the disk refuses, VaultError where no vault is open.
    """

    def __init__(self, out: Path | None, bom: bool = False) -> None:
        super().__init__(out, (*FORMATS, ".xlsx"), bom)

    def write(self, raw: pa.Table, answers: list[dict[str, Any]], target: TargetCodec, scores: bool = False) -> None:
        """Write rows with the columns of their answers: `prediction` and, by type of answer, `confidence` and `score_<label>`."""
        columns = {n: flat(raw.column(n), self.suffix) for n in raw.column_names}
        columns |= target.columns(answers, flat=self.suffix in (".csv", ".tsv"), scores=scores)
        self.write_table(pa.table(columns))
