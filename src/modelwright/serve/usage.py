"""How many rows each key has used on a day (UTC), in a journal that several servers share and that outlives a kill -9.

A line is `DAY ROWS NAME`, the name as JSON; rows given back are below zero. Whoever spends holds a lock beside the file,
reads what others have added since, and adds a line of its own in one write. A journal that has grown is written anew as
one line a key.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.locks import check_own_file, try_lock
from modelwright.core.unwritable import cannot_write, why
from modelwright.core.words import Words
from modelwright.serve.limits import Refused

_LARGE = 1 << 20  # bytes
_WAIT = 0.5  # seconds for the lock, which is held for microseconds
_BEFORE = "usage.json"  # the counts as they were kept before there was a journal


class Usage:
    """The day's rows by key. Without a path they live in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None  # handles, so that a service which never starts leaves nothing to be warned of
        self._lock: int | None = None
        self._read, self._inode = 0, -1
        self._told = False
        self.day, self.rows = today(), {}  # type: str, dict[str, int]
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        lock = path.with_name(f".{path.name}.lock")
        for place in (path, lock):
            check_own_file(place)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            with self._hold_lock():
                if not path.exists():
                    self._take_over(path)
                self._catch_up()
        except OSError as e:
            raise cannot_write(DataError, e, path, option="--key-file") from e

    @property
    def shared(self) -> bool:
        """Whether others may spend at the same time, so that `spending` holds a lock."""
        return self._path is not None

    @contextlib.contextmanager
    def spending(self) -> Iterator[dict[str, int]]:
        """Give the day's rows as all servers know them; nobody else spends meanwhile. Raises Refused 503."""
        if self._path is None:
            self._turn()
            yield self.rows
            return
        with self._hold_lock():
            try:
                self._catch_up()
            except OSError as e:
                self._warn(e)
            self._turn()
            yield self.rows

    def add(self, name: str, rows: int) -> None:
        """Count rows of a key, inside `spending`; where the disk refuses, this server alone remembers them."""
        self.rows[name] = max(0, self.rows.get(name, 0) + rows)
        if self._file is None:
            return
        line = _line(self.day, rows, name)
        try:
            done = os.write(self._file, line)
            if done < len(line):  # a disk that is full takes half a line: what follows begins a new one
                raise OSError(None, "the disk is full")
            self._read += len(line)
        except OSError as e:
            self._warn(e)

    def close(self) -> None:
        """Let the files go."""
        for file in (self._file, self._lock):
            if file is not None:
                os.close(file)
        self._file = self._lock = None

    def __del__(self) -> None:
        self.close()

    @contextlib.contextmanager
    def _hold_lock(self) -> Iterator[None]:
        let_go = None if self._lock is None else try_lock(self._lock, _WAIT)
        if let_go is None:
            words = Words("The count of rows is busy; try again in a second.", "用量统计繁忙；请稍后再试。")
            raise Refused(503, "busy", words, retry=1)
        try:
            yield
        finally:
            let_go()

    def _catch_up(self) -> None:
        """Read what others have added; the file may have been written anew."""
        assert self._path is not None
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            found = None
        if self._file is None or found is None or found.st_ino != self._inode or found.st_size < self._read:
            self._reopen()
            self.rows, self._read = {}, 0
            found = os.fstat(self._file) if self._file is not None else None
        if self._file is None or found is None or found.st_size == self._read:
            return
        os.lseek(self._file, self._read, os.SEEK_SET)
        data = b""
        while len(data) < found.st_size - self._read and (block := os.read(self._file, found.st_size - self._read)):
            data += block
        for line in data.split(b"\n"):
            _count(line, self.day, self.rows)
        self._read = found.st_size
        if not data.endswith(b"\n"):  # a writer was killed: nobody writes now, so the line is closed for good
            self._read += os.write(self._file, b"\n")
        if self._read > _LARGE:
            self._shorten()

    def _reopen(self) -> None:
        assert self._path is not None
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._inode = os.fstat(self._file).st_ino

    def _shorten(self) -> None:
        assert self._path is not None
        part = self._path.with_name(f".{self._path.name}.part")
        part.write_bytes(b"".join(_line(self.day, rows, name) for name, rows in self.rows.items()))
        os.chmod(part, 0o600)
        os.replace(part, self._path)
        self._reopen()
        self._read = os.fstat(self._file).st_size if self._file is not None else 0

    def _take_over(self, path: Path) -> None:
        """Go on with the counts of the day as they were kept before."""
        before = path.with_name(_BEFORE)
        rows: dict[str, int] = {}
        if check_own_file(before):
            with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
                kept = json.loads(before.read_text(encoding="utf-8"))
                rows = {str(n): int(r) for n, r in kept["rows"].items()} if kept["day"] == self.day else {}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(b"".join(_line(self.day, r, n) for n, r in rows.items()))

    def _turn(self) -> None:
        if self.day != today():
            self.day, self.rows = today(), {}
            if self._file is not None:  # others may have spent on the new day already
                self._read = 0
                self._catch_up()

    def _warn(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            logging.getLogger("modelwright").warning(
                "The count of rows cannot be written (%s); until it can, this server counts alone, and quotas hold for each server by itself. "
                "无法写入用量统计（%s）；在恢复之前本服务器单独计数，配额按每台服务器各自计算。",
                *why(error),
            )


def today() -> str:
    """Return the day in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def _line(day: str, rows: int, name: str) -> bytes:
    return f"{day} {rows} {json.dumps(name)}\n".encode()


def _count(line: bytes, day: str, rows: dict[str, int]) -> None:
    """Add a line of the journal to the day's rows; half a line, which a killed server left, counts nothing."""
    with contextlib.suppress(ValueError, RecursionError):
        when, number, name = line.decode().split(" ", 2)
        key = json.loads(name)
        if when == day and isinstance(key, str):
            rows[key] = max(0, rows.get(key, 0) + int(number))
