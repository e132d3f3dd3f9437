"""Formulas of a sheet whose values were never saved, as programs write them that do not calculate: such cells are read as empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelwright.core.words import Words

_ROWS = 100  # looked at


def unsaved(book: Any, sheet: str | None, names: Sequence[str], empty: Sequence[int]) -> Words | None:
    """Return what is said of columns (from 0) that are `empty` in the values of a sheet and hold formulas in `book`, which was opened with these;
    None where none does."""
    if not empty:
        return None
    lines = (book[sheet] if sheet else book.worksheets[0]).iter_rows(max_row=_ROWS, values_only=True)
    held = {
        i for line in lines for i in empty if i < len(line) and isinstance(line[i], str) and line[i].startswith("=")
    }
    if not held:
        return None
    shown, shown_zh = (mark.join(f"`{names[i]}`" for i in sorted(held)) for mark in (", ", "、"))
    return Words(
        f"formulas in {shown} have no saved values and are read as empty: open the file in a spreadsheet program and save it",
        f"{shown_zh} 中的公式没有保存计算结果，按空值读取：请用电子表格程序打开并保存该文件",
    )
