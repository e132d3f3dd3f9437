"""Writing predictions in a stream, beside the columns that came: CSV, JSON Lines, Parquet or Excel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.data.write import FORMATS, TableWriter, flat


class Writer(TableWriter):
    """Writes rows with their answers one table after the other; the file takes its place only when the block ends well.

    `out` None writes CSV to standard output; one that ends with .mwv is encrypted. Raises OptionError for an unknown
    ending, DataError where the disk refuses, VaultError where no vault is open.
    """

    def __init__(self, out: Path | None, bom: bool = False) -> None:
        super().__init__(out, (*FORMATS, ".xlsx"), bom)

    def write(self, raw: pa.Table, answers: list[dict[str, Any]], labels: list[str], kind: str) -> None:
        """Write rows with columns `prediction`, `confidence` and one `score_<label>` per label in `labels`."""
        columns = {n: flat(raw.column(n), self.suffix) for n in raw.column_names}
        predictions = [a["prediction"] for a in answers]
        columns["prediction"] = _predictions(predictions, kind, self.suffix)
        if kind not in ("value", "objects"):
            columns["confidence"] = pa.array([a.get("confidence") for a in answers], pa.float64())
        for label in labels:
            columns[f"score_{label}"] = pa.array([a.get("scores", {}).get(label) for a in answers], pa.float64())
        self.write_table(pa.table(columns))


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
