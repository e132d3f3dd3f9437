"""The validation rows of a run, read again from its source: what a release may be measured on. Test rows are not among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.config import load_config
from modelwright.core.errors import ModelwrightError
from modelwright.core.reading import SERIES_OPTIONS, SOURCE_OPTIONS, Reading
from modelwright.core.run import RunFolder, read_json
from modelwright.core.stored_data import kept_json

if TYPE_CHECKING:
    import pyarrow as pa

_MOST = 5000  # rows


def source_bytes(run: RunFolder) -> int:
    """Return the bytes of the file that a run was made from; 0 where there is none."""
    try:
        source = load_config(run.config).get("data") if run.config.is_file() else None
        return Path(str(source)).stat().st_size if source else 0
    except (ModelwrightError, OSError, ValueError):
        return 0


def validation_rows(run: RunFolder, most: int = _MOST) -> pa.Table | None:
    """Return rows that candidates of a run were compared on, as they stand in its source; `most` of them, evenly taken.

    None where they cannot be had: no run, rows that were only in memory, a source that is gone or holds something else by now, data
    that was changed on its way into the run.
    """
    splits, columns = run.data / "splits.json", run.data / "columns.json"
    try:
        if not (run.config.is_file() and splits.is_file()):
            return None
        config, told = load_config(run.config), read_json(splits)
        source = config.get("data")
        if not source or not Path(str(source)).is_file():
            return None
        import numpy as np
        import pyarrow as pa

        from modelwright.data.fingerprint import digests
        from modelwright.data.sources import read_table

        before = (kept_json(columns) or {}).get("data")
        asked: dict[str, Any] = {k: config[k] for k in (*SOURCE_OPTIONS, *SERIES_OPTIONS) if config.get(k) is not None}
        raw, _ = read_table(source, Reading(**asked))
        now = digests(raw)
        if (
            raw.num_rows != told["rows"]
            or before is None
            or any(before.get(n) not in (d, None) for n, d in now.items())
        ):
            return None
        rows = np.unique(np.concatenate([np.asarray(fold, np.int64) for fold in told["folds"][0]]))
        rows = rows[~np.isin(rows, np.asarray(told["test"], np.int64))]
    except (ModelwrightError, KeyError, TypeError, ValueError, IndexError, OSError):
        return None
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    return raw.take(pa.array(rows - 1)) if len(rows) else None
