"""How many rows each key has left in this minute, in a small file that all workers and servers of a key file share.

The generic cell rate algorithm (ITU-T I.371, annex A): of each key one time is kept, the moment at which its bucket would be full again. A key may
ask as long as that lies at most a minute ahead. A bucket that is full holds nothing worth keeping, so its place is free
for another key, and a file that was lost only fills the buckets.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import struct
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.locks import check_own_file, try_lock
from modelwright.core.unwritable import cannot_write

_ENTRY = struct.Struct("<8sd")  # what is left of the key's name, hashed, and the time at which its bucket is full
_PLACES, _NEAR = 4096, 16  # entries in the file, and how many are looked through for a key
_WAIT = 0.5  # seconds for the lock
_FULL = 60.0  # seconds in which an empty bucket fills


class Minute:
    """The buckets of all keys. Without a path they live in memory only. Raises DataError for a file that is not our own."""

    def __init__(self, path: Path | None = None) -> None:
        self._memory: dict[str, float] = {}
        self._file: int | None = None
        if path is None:
            return
        check_own_file(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as e:
            raise cannot_write(DataError, e, path, option="--key-file") from e

    def wait(self, name: str, rows: float, most: float, *, alone: bool = False) -> float:
        """Take rows of a key that may ask for `most` a minute; return 0, or the seconds after which it could have them.

        Nothing is taken then. `alone` says that the caller holds a lock which all who ask take first.
        """
        with contextlib.nullcontext() if alone else self._hold_file():
            now = time.time()
            ahead = min(max(self._get(name, now) - now, 0.0), _FULL) + rows * _FULL / most
            if ahead > _FULL + 1e-9:
                return math.ceil(ahead - _FULL)
            self._put(name, now + ahead, now)
            return 0.0

    def back(self, name: str, rows: float, most: float, *, alone: bool = False) -> None:
        """Give rows back that were taken and not used; `alone` as for `wait`."""
        with contextlib.nullcontext() if alone else self._hold_file():
            now = time.time()
            self._put(name, min(self._get(name, now), now + _FULL) - rows * _FULL / most, now)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        self.close()

    @contextlib.contextmanager
    def _hold_file(self) -> Iterator[None]:
        """Hold the file; where another process holds it too long, or locks are refused, go on without."""
        let_go = None if self._file is None else try_lock(self._file, _WAIT)
        try:
            yield
        finally:
            if let_go is not None:
                let_go()

    def _get(self, name: str, now: float) -> float:
        if self._file is None:
            return self._memory.get(name, now)
        digest, at = _place(name)
        for mark, full in _ENTRY.iter_unpack(self._near(at)):
            if mark == digest:
                return float(full) if math.isfinite(full) else now
        return now

    def _put(self, name: str, full: float, now: float) -> None:
        if self._file is None:
            self._memory[name] = full
            return
        digest, at = _place(name)
        entries = list(_ENTRY.iter_unpack(self._near(at)))
        # its own place, else one whose bucket is full, else the one that is nearest to full
        which = min(range(_NEAR), key=lambda i: (entries[i][0] != digest, entries[i][1]))
        with contextlib.suppress(OSError):  # a full disk: the buckets stay as they are
            os.pwrite(self._file, _ENTRY.pack(digest, full), (at + which) * _ENTRY.size)

    def _near(self, at: int) -> bytes:
        assert self._file is not None
        size = _NEAR * _ENTRY.size
        return os.pread(self._file, size, at * _ENTRY.size).ljust(size, b"\0")


@lru_cache(maxsize=1024)
def _place(name: str) -> tuple[bytes, int]:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return digest[:8], int.from_bytes(digest[8:12], "little") % (_PLACES - _NEAR)
