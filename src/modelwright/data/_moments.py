"""Columns of a series as numbers: its channels, and the moments that its rows are sorted by.

Legend: N rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError
from modelwright.data.date_forms import to_moment
from modelwright.data.dates import find_form, settle
from modelwright.data.values import is_mark, is_missing, to_number


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def floats(values: pa.ChunkedArray | pa.Array, decimal: str = ".") -> np.ndarray | None:
    """Return a column as float64 [N], NaN where missing; None where some cell is no number."""
    if is_text(values.type):
        try:
            if decimal != ".":  # Arrow would take the points between thousands for decimal ones
                raise pa.ArrowInvalid
            values = pc.cast(values, pa.float64())
        except pa.ArrowInvalid:
            cells = values.to_pylist()
            found = [None if c is None or is_missing(c) or is_mark(c) else to_number(c, decimal=decimal) for c in cells]
            if any(f is None and not (c is None or is_missing(c) or is_mark(c)) for f, c in zip(found, cells)):
                return None
            values = pa.array(found, pa.float64())
    try:
        return np.asarray(values.cast(pa.float64(), safe=False).fill_null(np.nan))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def channel(raw: pa.Table, name: str, decimal: str) -> np.ndarray:
    """Return a column of numbers, float64 [N]; NaN where a cell is missing, everywhere where there is no such column.

    Raises DataError that names the first row which holds none.
    """
    if name not in raw.column_names:
        return np.full(raw.num_rows, np.nan)
    found = floats(raw.column(name), decimal)
    if found is not None:
        return found
    for row, cell in enumerate(raw.column(name).to_pylist()):
        if (
            cell is not None
            and to_number(str(cell), decimal=decimal) is None
            and not is_missing(str(cell))
            and not is_mark(str(cell))
        ):
            said = str(cell)[:40]
            raise in_row(row, name, f"expected a number, received `{said}`", f"应为数字，收到的是 `{said}`")
    return np.full(raw.num_rows, np.nan)


def moments(raw: pa.Table, name: str, decimal: str) -> np.ndarray:
    """Return what the rows of a series are sorted by [N]: numbers, or times."""
    values = raw.column(name)
    if pa.types.is_temporal(values.type):
        return np.asarray(values.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0))
    found = floats(values, decimal)
    if found is not None and np.isfinite(found).all():
        return found
    out = np.zeros(raw.num_rows)
    cells = [None if c is None else str(c) for c in values.to_pylist()]
    said = [c for c in cells if c is not None and not is_missing(c)]
    plain = sum(to_number(c, decimal=decimal) is not None for c in said) > len(cells) / 2
    form = None if plain else _form(said, name)
    for row, cell in enumerate(cells):
        number = None if cell is None or not plain else to_number(cell, decimal=decimal)
        if number is not None:
            out[row] = number
            continue
        at = None if cell is None or form is None else to_moment(cell, form)
        if at is None:
            shown = str(cell)[:40]
            raise in_row(
                row, name, f"expected a number or a time, received `{shown}`", f"应为数字或时间，收到的是 `{shown}`"
            )
        out[row] = at.timestamp()
    return out


def _form(cells: list[str], name: str) -> str | None:
    """Return the form of a column's times. Raises DataError where day and month may be told either way: the order of rows hangs on it."""
    form = find_form(cells) or next(
        (f for c in cells if (f := find_form([c]))), None
    )  # the cells without one are named
    if form is None:
        return None
    order = settle(pa.chunked_array([cells]), form)
    if order.others:
        raise DataError(
            f"Column `{name}`: in `{order.cell}` day or month may come first, and rows are sorted by it. Write its dates as 2024-03-31.",
            f"列 `{name}`：`{order.cell}` 中日与月的先后无法判断，而数据要按它排序。请把日期写成 2024-03-31 的形式。",
        )
    return order.form


def in_row(row: int, column: str, en: str, zh: str) -> DataError:
    return DataError(f"Row {int(row) + 1}, column `{column}`: {en}.", f"第 {int(row) + 1} 行，列 `{column}`：{zh}。")
