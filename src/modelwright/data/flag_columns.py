"""Columns of 0 and 1, one for each label, that are one answer: several targets of a run.

They are joined into one column of label sets, whose options keep their names under "flags". Legend: N rows, K columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import ColumnError, DataError, OptionError, unknown
from modelwright.core.target_names import names_in
from modelwright.core.words import Words
from modelwright.data._moments import in_row
from modelwright.data.values import is_missing, to_truth

_NONE = -1  # no value
_ODD = -2  # neither 0 nor 1


def flags_named(target: str | None, columns: Sequence[str]) -> list[str]:
    """Return the columns that a target names together; none where it is the name of one.

    Raises ColumnError for names of which some are columns and others are not.
    """
    if not target or target in columns:
        return []
    found = names_in(target)
    if len(found) < 2 or not any(n in columns for n in found):
        return []
    for name in found:
        if name not in columns:
            raise unknown(Words("column", "列"), name, columns, ColumnError)
    return found


def flags_asked(target: str | None, raw: pa.Table, others: Sequence[tuple[str, str | None]]) -> list[str]:
    """Return the columns that the target of a run names together, or that were joined under its name already.

    `others` are options and the columns they name. Raises OptionError where one of these is among them, ColumnError for names that are no columns.
    """
    if target and target in raw.column_names and pa.types.is_list(raw.schema.field(target).type):
        found = names_in(target)
        return found if len(found) > 1 else []
    found = flags_named(target, raw.column_names)
    for option, name in others:
        if name in found:
            raise OptionError(
                f"{option} names `{name}`, which is one of the targets: leave it out of one of the two.",
                f"{option} 指定的 `{name}` 同时也是目标列：请从其中一处去掉。",
            )
    return found


def joined_flags(raw: pa.Table, name: str, flags: Sequence[str], *, strict: bool = False) -> pa.Table:
    """Return a table whose K columns of flags are one column `name` of the labels that hold; without them it passes unchanged.

    A row with no value in any of them has none. Raises DataError for a cell that is neither 0 nor 1, and for a row in which only
    some are empty; where `strict`, for a column in which nothing holds. Raises ColumnError where only some of the columns are there.
    """
    here = [n for n in flags if n in raw.column_names]
    if not here:
        return raw
    if len(here) < len(flags):
        lacking = next(n for n in flags if n not in here)
        raise unknown(Words("column", "列"), lacking, raw.column_names, ColumnError)
    held = np.stack([_read(raw.column(n), n) for n in flags], axis=1)  # [N, K]
    absent = held == _NONE
    partly = np.argwhere(absent & ~absent.all(axis=1)[:, None])
    if len(partly):
        row, at = partly[0]
        raise in_row(
            row, flags[at],
            "expected 0 or 1, received an empty cell, while other targets of this row have a value; fill it in, or empty all of them",
            "应为 0 或 1，收到空单元格，而该行的其他目标列有取值；请补上，或将该行各目标列全部留空",
        )  # fmt: skip
    if strict and (never := [n for n, column in zip(flags, held.T, strict=True) if not (column == 1).any()]):
        raise DataError(
            f"`{never[0]}` is 1 in no row, so there is nothing in it to be learnt: leave it out of --target, or add rows in which it is.",
            f"`{never[0]}` 在所有行中都不为 1，无从学习：请从 --target 中去掉它，或补充取值为 1 的行。",
        )
    rows, places = np.nonzero(held == 1)
    ends = np.searchsorted(rows, np.arange(len(held) + 1))
    labels = pa.array(list(flags), pa.string()).take(pa.array(places))
    column = pa.ListArray.from_arrays(
        pa.array(ends, pa.int32()), labels, mask=pa.array(absent.all(axis=1)) if len(held) else None
    )
    rest = raw.select([n for n in raw.column_names if n not in flags and n != name])
    return rest.append_column(name, column)


def _read(values: pa.ChunkedArray, name: str) -> np.ndarray:
    """Return a column as 0, 1 or `_NONE` [N]. Raises DataError for its first cell that is neither."""
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        raise _odd(0, name, str(values[0].as_py()) if len(values) else str(values.type))
    coded = values.cast(pa.string()).combine_chunks().dictionary_encode()
    told = np.array([_flag(cell) for cell in coded.dictionary.to_pylist()] + [_NONE], np.int8)
    out = told[np.asarray(pc.fill_null(coded.indices, len(told) - 1), np.int64)]
    odd = np.flatnonzero(out == _ODD)
    if len(odd):
        raise _odd(int(odd[0]), name, str(coded[int(odd[0])].as_py()))
    return out


def _flag(cell: str) -> int:
    if is_missing(cell):
        return _NONE
    found = to_truth(cell)
    return _ODD if found is None else int(found)


def _odd(row: int, name: str, cell: str) -> DataError:
    return in_row(
        row, name,
        "expected 0 or 1 (true or false, yes or no), as several targets say which labels hold, "
        f"received `{cell[:60]}`; leave the column out of --target, and train a model of its own for it",
        f"多个目标列须逐一说明标签是否成立，应为 0 或 1（真或假、是或否），收到的是 `{cell[:60]}`；请从 --target 中去掉该列，另行训练一个模型",
    )  # fmt: skip
