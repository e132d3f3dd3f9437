"""Decoded media kept for a while: the views of a column, folds and trials ask for the same again and again.

Bounded by memory, oldest out first: what is kept by all together stays within a share of what the run was granted. By the content's digest, so that a changed file is never taken for the old one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelwright.core.device import for_cache

_MOST = 192 << 20  # bytes of all that one of them keeps
_SHARE = 16  # and no more than one part in so many of the memory granted or free
_LOOK = 64  # new arrays between two looks at the memory


class Kept:
    """Arrays by (digest, ...) up to a number of bytes. Safe to use from threads."""

    def __init__(self, most: int = _MOST) -> None:
        self.most, self.size, self._until, self._room = most, 0, 0, most
        self._held: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def room(self) -> int:
        """Return the bytes that may be kept now; the memory is looked at now and then."""
        with self._lock:
            self._until -= 1
            if self._until < 0:
                self._until, self._room = _LOOK, for_cache(self.most, _SHARE)
            return self._room

    def get(self, cell: Mapping[str, Any], key: tuple[Any, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what `make` gives for a media cell, made once, in its shape. The array is shared: do not write into it."""
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
        if made.nbytes > self.room() // 8:
            return made
        made.setflags(write=False)
        with self._lock:
            if whole not in self._held:
                self._held[whole] = made
                self.size += made.nbytes
            while self.size > self._room:
                self.size -= self._held.popitem(last=False)[1].nbytes
        return made
