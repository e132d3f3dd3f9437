"""Locks across processes, and what a file that is trusted must be."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from modelwright.core.errors import DataError


@contextlib.contextmanager
def locked(file: BinaryIO) -> Iterator[None]:
    """Hold an open file for this process alone; waits for others."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        lock: Any = msvcrt
        file.seek(1 << 40)
        lock.locking(file.fileno(), lock.LK_LOCK, 1)
        try:
            yield
        finally:
            file.seek(1 << 40)
            lock.locking(file.fileno(), lock.LK_UNLCK, 1)
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def lock_beside(path: Path) -> Iterator[None]:
    """Hold what is kept at `path` for one thread of one process, by a file `.NAME.lock` beside it that is never replaced.

    Raises OSError where the folder cannot be written.
    """
    place = path.with_name(f".{path.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(place, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(handle, "r+b") as file, locked(file):
        yield


def try_lock(handle: int, seconds: float) -> Callable[[], None] | None:
    """Take the lock on an open file within `seconds` and return what lets it go; None where another holds it longer."""
    until = time.monotonic() + seconds
    take, let_go = _calls(handle)
    while True:
        try:
            take()
            return let_go
        except OSError:
            if time.monotonic() > until:
                return None
            time.sleep(0.001)


def _calls(handle: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what takes a lock without waiting (OSError where another holds it), and what lets it go."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        lock: Any = msvcrt

        def at_end(how: int) -> None:
            os.lseek(handle, 1 << 40, os.SEEK_SET)
            lock.locking(handle, how, 1)

        return lambda: at_end(lock.LK_NBLCK), lambda: at_end(lock.LK_UNLCK)
    return lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), lambda: fcntl.flock(handle, fcntl.LOCK_UN)


def check_own_file(path: Path) -> bool:
    """Whether there is a file at `path`; what it says is trusted, so it must be an ordinary file that others cannot change.

    Raises DataError where it is something else, where others can write it, or where it belongs to another user.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise DataError(f"{path} is a link that leads nowhere.", f"{path} 是失效的链接。") from None
        return False
    except OSError as e:
        raise DataError(f"Cannot read {path}: {e.strerror}.", f"无法读取 {path}：{e.strerror}。") from e
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} is no ordinary file.", f"{path} 不是普通文件。")
    if os.name != "posix":
        return True
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o022:
        raise DataError(
            f"Others can change {path} (mode {mode:04o}). Close it with: chmod 600 {path}",
            f"{path} 可被他人修改（权限 {mode:04o}）。请执行：chmod 600 {path}",
        )
    if found.st_uid not in (os.geteuid(), 0):
        raise DataError(
            f"{path} belongs to another user (uid {found.st_uid}). Serve as that user, or name another file.",
            f"{path} 属于其他用户（uid {found.st_uid}）。请以该用户运行，或指定其他文件。",
        )
    return True
