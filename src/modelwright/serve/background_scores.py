"""Scores for work that may wait, such as explanations: in small calls, between which predictions go first."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from modelwright.core.schema import Table
from modelwright.serve.batcher import Batcher

_CALL = 0.02  # seconds that one call should take at most: a prediction may have to wait for it
_TIMES = 4.0  # while predictions are under way, as many times what a call took are left to them
_LONGEST = 0.25  # seconds of one such pause


class Aside:
    """Called as `scores` are: a table of N rows gives scores [N, K], the same ones as in one call."""

    def __init__(self, scores: Callable[[Table], np.ndarray], batcher: Batcher) -> None:
        self._scores, self._batcher = scores, batcher
        self._rows = 4.0  # of the next call

    def __call__(self, table: Table) -> np.ndarray:
        parts: list[np.ndarray] = []
        at = 0
        while at < len(table) or not parts:
            rows = max(1, int(self._rows))
            began = time.monotonic()
            whole = at == 0 and rows >= len(table)
            part = table if whole else table.take(np.arange(at, min(at + rows, len(table))))
            parts.append(self._scores(part))
            took = time.monotonic() - began
            at += max(1, len(part))
            # a call that was full tells how many fit; it grows slowly and shrinks at once
            self._rows = float(np.clip(len(part) * _CALL / max(took, 1e-6), 1, max(4.0, 2 * self._rows)))
            if self._batcher.busy:
                time.sleep(min(_LONGEST, _TIMES * took))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
