"""Files beyond what a run can open: pictures, recordings and clips are looked through one by one before training, which takes as long as it takes."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from modelwright.core.budget import parse_duration
from modelwright.core.schema import MEDIA, arrow_type
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.sources import folder_of
from modelwright.pipeline.concerns.base import TRAINING, KeepsSome

_LEAST = 10_000  # rows up to which all files are opened
_LOOK = 256  # rows whose files are opened to tell how long it takes
_SHARE = 0.1  # of the budget, for opening the files: to decode and to score them takes several times as long


class OpenedFiles(KeepsSome):
    """Of more files than can be opened in a tenth of the budget a random part is used, and that is told."""

    name, file = "opened_files", "opened.json"

    def rows_read(self, raw: pa.Table, part: str, source: str) -> pa.Table:
        """Time the first look at a few files; a run that goes on keeps as many rows as when it began."""
        if part != TRAINING or raw.num_rows <= _LEAST:
            return raw
        kept = self._rows_in_time(raw, source)
        if kept >= raw.num_rows:
            return raw
        self.kept = kept
        drawn = np.random.default_rng(self.config.seed).permutation(raw.num_rows)[:kept]
        self.events.warn(
            f"A random {kept:,} of {raw.num_rows:,} rows are used: opening the files of all would take more than a tenth of the budget. "
            "Give more with --budget.",
            f"随机使用 {raw.num_rows:,} 行中的 {kept:,} 行：打开全部文件会超过预算的十分之一。可用 --budget 增加时间。",
        )
        return raw.take(pa.array(np.sort(drawn)))

    def _rows_in_time(self, raw: pa.Table, source: str) -> int:
        """Return how many rows can be opened in time; all where no column holds files."""
        if (before := self.kept_before(raw.num_rows)) is not None:
            return before
        some = raw.take(pa.array(np.random.default_rng(0).permutation(raw.num_rows)[:_LOOK]))
        folder = folder_of(source)
        schema = infer_schema(some, folder=folder)
        media = [c.name for c in schema if arrow_type(c.modality) == MEDIA]
        if not media:
            return raw.num_rows
        began = time.monotonic()
        coerce(some.select(media), infer_schema(some.select(media), folder=folder), source=source, folder=folder)
        each = (time.monotonic() - began) / _LOOK
        return max(_LEAST, int(_SHARE * parse_duration(self.config.budget) / max(each, 1e-9)))
