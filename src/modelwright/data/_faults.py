"""What libraries raise on damaged files: far more than they say. Each such file is answered in one sentence."""

from __future__ import annotations

import binascii
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.words import Words

T = TypeVar("T")

# no name of a module that is absent and no stop is among them, and none of this package's own errors
FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, binascii.Error, lzma.LZMAError, struct.error, zipfile.BadZipFile, zlib.error, pa.ArrowException,
)  # fmt: skip


def named(path: Path, what: Words, parts: Iterator[T], more: tuple[type[Exception], ...] = ()) -> Iterator[T]:
    """Yield what a library reads from a file; what it raises becomes one sentence.

    `what` is the kind of file with its article (`an Excel file`, `Excel 文件`), `more` what else its library raises. Raises
    DataError.
    """
    try:
        yield from parts
    except (*FAULTS, *more) as e:
        raise damaged(path, what, e) from e


def damaged(path: Path, what: Words, error: Exception) -> DataError:
    """Return the error for a file that its library cannot read, with the first sentence of what that says."""
    said = " ".join(str(error).split()).partition(". ")[0][:200].rstrip(" .。:：") or type(error).__name__
    return DataError(
        f"{path} is not {what.en}, or it is damaged ({said}): copy or write it again.",
        f"{path} 不是{what.zh}，或已损坏（{said}）：请重新复制或生成。",
    )
