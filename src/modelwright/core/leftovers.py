"""Hidden copies that a program which was killed left half-written: `.NAME.part`, `.NAME.NUMBER.part`, `.NAME.held.part`.

They hold what the file was to hold, so erasure and encryption have to reach them too. Whoever writes a copy called `held`
has a lock on it, which ends with the program; any other counts as left when nobody has touched it for a while.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from modelwright.core.locks import try_lock

_PART = re.compile(r"\.(?P<name>.+?)(\.\d+)?(\.held)?\.part")
_QUIET = 60.0  # seconds


@contextlib.contextmanager
def being_written(file: BinaryIO) -> Iterator[None]:
    """Hold a lock on a half-written copy, so that nobody takes it for one that was left."""
    let_go = try_lock(file.fileno(), 0.0)
    try:
        yield
    finally:
        if let_go is not None and not file.closed:
            let_go()


def sweep(files: Iterable[Path] = (), folders: Iterable[Path] = ()) -> list[Path]:
    """Remove what was left beside `files` (copies of them), and anywhere below `folders`; return what is gone.

    Raises OSError where one cannot be removed: what it holds would stay unseen.
    """
    found: dict[Path, None] = {}
    for file in files:
        for path in _within(file.parent):
            told = _PART.fullmatch(path.name)
            # a copy of NAME, or of the encrypted form of it
            if told and told["name"] in (file.name, f"{file.name}.mwv", file.name.removesuffix(".mwv")):
                found[path] = None
    for folder in folders:
        found |= {p: None for p in sorted(folder.rglob(".*.part")) if _PART.fullmatch(p.name)}
    gone = [p for p in found if _left(p)]
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return gone


def _within(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _left(path: Path) -> bool:
    """Whether nobody writes a copy any more."""
    try:
        found = path.lstat()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            return False
        if path.is_file() and path.name.endswith(".held.part"):
            return _unlocked(path)
        newest = max(
            [found.st_mtime, *(p.lstat().st_mtime for p in path.rglob("*"))] if path.is_dir() else [found.st_mtime]
        )
        return time.time() - newest > _QUIET and (path.is_dir() or _unlocked(path))
    except FileNotFoundError:
        return False


def _unlocked(path: Path) -> bool:
    handle = os.open(path, os.O_RDONLY)
    try:
        let_go = try_lock(handle, 0.0)
        if let_go is None:
            return False
        let_go()
        return True
    finally:
        os.close(handle)
