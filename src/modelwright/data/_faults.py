"""Files that are damaged, of which libraries raise far more than they say, or may not be read. Each is answered in one sentence."""

from __future__ import annotations

import binascii
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.words import Words, chinese

T = TypeVar("T")

# no name of a module that is absent and no stop is among them, and none of this package's own errors
FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, binascii.Error, lzma.LZMAError, struct.error, zipfile.BadZipFile, zlib.error, pa.ArrowException,
)  # fmt: skip


def named(path: Path, what: Words, parts: Iterator[T], more: tuple[type[Exception], ...] = ()) -> Iterator[T]:
    """Yield what a library reads from a file; what it raises becomes one sentence.

    `what` is the kind of file with its article (`an Excel file`, `Excel 文件`), `more` what else its library raises. Raises
    DataError, and PermissionError as it comes.
    """
    try:
        yield from parts
    except PermissionError:  # not damaged: who knows whether the file lies here or in a store says what is lacking
        raise
    except (*FAULTS, *more) as e:
        raise damaged(path, what, e) from e


def damaged(path: Path, what: Words, error: Exception) -> DataError:
    """Return the error for a file that its library cannot read, with the first sentence of what that says."""
    if isinstance(error, PermissionError):
        return forbidden(path)
    said = " ".join(str(error).split()).partition(". ")[0][:200].rstrip(" .。:：") or type(error).__name__
    return DataError(
        f"{path} is not {what.en}, or it is damaged ({said}): copy or write it again.",
        chinese(f"{path} 不是", what.zh) + f"，或已损坏（{said}）：请重新复制或生成。",
    )


@contextmanager
def permitted(path: Path) -> Iterator[None]:
    """Let a file or folder of this machine that may not be read become one sentence. Raises DataError."""
    try:
        yield
    except PermissionError as e:
        raise forbidden(Path(e.filename) if isinstance(e.filename, str) else path) from e


def refuse_closed(pattern: str) -> None:
    """Raise DataError where a folder that a pattern of this machine leads to may not be entered or listed: nothing is found in it."""
    folder = Path(pattern.partition("*")[0].partition("?")[0].partition("[")[0] + "_").absolute().parent
    closed = next((p for p in (*reversed(folder.parents), folder) if not _may(p, os.X_OK)), None)
    if closed is not None or not _may(folder, os.R_OK):
        raise forbidden(closed or folder)


def forbidden(path: Path) -> DataError:
    """Return the error for a file or folder of this machine that may not be read: whose it is, and which permission is lacking."""
    closed = next((p for p in reversed(path.absolute().parents) if not _may(p, os.X_OK)), None)
    place, may = (path, Words("read", "读取")) if closed is None else (closed, Words("enter", "进入"))
    what = Words("the folder ", "文件夹 ") if place.is_dir() else Words("", "")
    whose = place.stat()
    user, owner, mode = _user(os.geteuid()), _user(whose.st_uid), stat.filemode(whose.st_mode)
    return DataError(
        f"{path} cannot be read: {what.en}{place} belongs to {owner} and its permissions ({mode}) do not let {user} "
        f"{may.en} it. Ask {owner} for that permission, or run as a user who has it.",
        f"无法读取 {path}：{what.zh}{place} 属于 {owner}，其权限（{mode}）不允许 {user} {may.zh}。"
        f"请向 {owner} 申请权限，或以有权限的用户运行。",
    )


def _may(path: Path, what: int) -> bool:
    """Return whether the user of this process may do `what` with a file or folder."""
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


def _user(number: int) -> str:
    """Return a user's name; the number where it has none here, as in containers."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
