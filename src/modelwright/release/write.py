"""Writing predictions in a stream, beside the columns that came: CSV, JSON Lines, Parquet or Excel; files in a folder beside the table."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.data.arrow import OBJECTS_AS_TEXT
from modelwright.data.nested import object_of
from modelwright.data.write import FORMATS, TableWriter, flat
from modelwright.release.write_media import MediaFolder


class Writer(TableWriter):
    """Writes rows with their answers one table after the other; the file takes its place only when the block ends well.

    `out` None writes CSV to standard output; one that ends with .mwv is encrypted. Answers that are `media` go into a folder
    `NAME-files` beside the table, which holds their paths. Raises OptionError for an unknown ending, or media on standard output,
    DataError where the disk refuses, VaultError where no vault is open.
    """

    def __init__(self, out: Path | None, bom: bool = False, media: bool = False) -> None:
        super().__init__(out, (*FORMATS, ".xlsx"), bom)
        self.replaced: list[str] = []  # columns that came under the name of an answer's
        self._media = MediaFolder(out) if media else None

    def __enter__(self) -> Self:
        super().__enter__()
        if self._media is not None:
            self._media.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._media is not None and kind is None:
                self._media.settle()
            super().__exit__(kind, error, trace)
        finally:
            if self._media is not None:
                self._media.drop()

    def write(self, raw: pa.Table, answers: list[dict[str, Any]], target: TargetCodec, scores: bool = False) -> None:
        """Write rows with the columns of their answers: `prediction` and, by type of answer, `confidence` and `score_<label>`."""
        if self._media is not None:
            answers = self._media.write(answers)
        columns = {n: flat(raw.column(n), self.suffix) for n in raw.column_names}
        answered = target.columns(answers, flat=self.suffix in (".csv", ".tsv"), scores=scores)
        self.replaced += [n for n in columns if n in answered and n not in self.replaced]
        columns |= answered
        objects = [f.name for f in raw.schema if f.metadata == OBJECTS_AS_TEXT] if self.suffix == ".jsonl" else []
        if not objects:
            self.write_table(pa.table(columns))
            return
        rows = pa.table(columns).to_pylist()
        for row in rows:
            found = {name: object_of(row[name]) for name in objects}
            row |= {name: held for name, held in found.items() if held is not None}
        self.write_rows(rows)
