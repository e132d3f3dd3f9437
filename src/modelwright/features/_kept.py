"""Decoded media kept for a while: the views of a column, folds and trials ask for the same again and again.

Bounded by memory, oldest out first; by the content's digest, so that a changed file is never taken for the old one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_MOST = 192 << 20  # bytes of all that is kept


class Kept:
    """Arrays by (digest, ...) up to a number of bytes. Safe to use from threads."""

    def __init__(self, most: int = _MOST) -> None:
        self.most, self.size = most, 0
        self._held: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, cell: Mapping[str, Any], key: tuple[Any, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what `make` gives for a media cell, made once. The array is shared: do not write into it."""
        digest = cell.get("digest")
        if digest is None:
            return make()
        whole = (digest, *key)
        with self._lock:
            found = self._held.get(whole)
            if found is not None:
                self._held.move_to_end(whole)
                return found
        made = make()
        if made.nbytes > self.most // 8:
            return made
        made.setflags(write=False)
        with self._lock:
            if whole not in self._held:
                self._held[whole] = made
                self.size += made.nbytes
            while self.size > self.most:
                self.size -= self._held.popitem(last=False)[1].nbytes
        return made
