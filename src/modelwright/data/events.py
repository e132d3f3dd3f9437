"""Events as recommendation data is passed around, without a header: who had which item, how much, and when.

    user item item ...          a user and all items of theirs a line (LightGCN and its kin)
    user item [rating [time]]   one event a line, divided by blanks, tabs, commas or `::` (MovieLens, SASRec)
    matrix.npz                  a sparse matrix of users and items, as SciPy keeps it (implicit); in Python the matrix itself

Files with a header are read as any table. RecBole's atomic files have one whose names carry a type (`user_id:token`). Files are read
column by column in Arrow: ten million events take some hundred megabytes.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from modelwright.core.errors import DataError

_LOOK = 200  # lines looked at
_NUMBER = re.compile(r"-?\d+(\.\d+)?$")
_NUMBERS = r"^-?\d+(\.\d+)?$"
_DIVIDERS = ("::", "\t", ",", " ")
_NAMES = ("user", "item", "rating", "time")
_SUFFIXES = (".txt", ".data", ".dat", ".csv", ".tsv", ".base", ".test", "")


def read_bare_events(source: Any) -> pa.Table | None:
    """Return the events of a file without a header, or of a sparse matrix, as columns `user item [rating [time]]`, texts but for the
    ratings of a matrix; None for other sources.

    Raises DataError for a line that does not fit the others, and for a file of a matrix that holds none.
    """
    if hasattr(source, "tocoo") and hasattr(source, "shape"):
        return _of_matrix(source)
    path = Path(source) if isinstance(source, (str, Path)) and "://" not in str(source) else None
    if path is None or not path.is_file():
        return None
    if path.suffix.lower() == ".npz":
        return _of_matrix(_matrix(path))
    if path.suffix.lower() not in _SUFFIXES:
        return None
    with path.open("rb") as f:
        head = f.read(1 << 16)
    try:
        lines = head.decode("ascii").splitlines()
    except UnicodeDecodeError:
        return None
    lines = [line.strip() for line in (lines[:-1] if len(head) == 1 << 16 else lines)[:_LOOK] if line.strip()]
    divider = next((d for d in _DIVIDERS if lines and d in lines[0]), None)
    if divider is None or not all(_NUMBER.match(cell.strip()) for line in lines for cell in _cells(line, divider)):
        return None
    counts = {len(_cells(line, divider)) for line in lines}
    if counts <= {2, 3, 4} and len(counts) == 1:
        return _one_a_line(path, divider, counts.pop())
    return _all_of_a_user(path) if divider == " " else None


def _cells(line: str, divider: str) -> list[str]:
    return line.split() if divider == " " else line.split(divider)


def _matrix(path: Path) -> Any:
    """Return the sparse matrix of a file. Raises DataError where there is none in it."""
    from scipy.sparse import load_npz

    try:
        return load_npz(path)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as e:
        raise DataError(
            f"{path} holds no sparse matrix of users and items as scipy.sparse.save_npz writes it ({type(e).__name__}).",
            f"{path} 不是 scipy.sparse.save_npz 保存的用户×物品稀疏矩阵（{type(e).__name__}）。",
        ) from e


def _of_matrix(matrix: Any) -> pa.Table:
    """Return the entries of a matrix [U, I] that are not 0, users and items by their number; ratings where not all are alike."""
    found = matrix.tocoo()
    kept = np.asarray(found.data) != 0
    if found.ndim != 2 or not kept.any():
        raise DataError("The matrix of users and items holds no event.", "用户×物品矩阵中没有任何事件。")
    users, items = (pa.array(np.asarray(x)[kept].astype(np.int64)).cast(pa.string()) for x in (found.row, found.col))
    values = np.asarray(found.data)[kept].astype(np.float64)
    table = pa.table({"user": users, "item": items})
    return table if (values == values[0]).all() else table.append_column("rating", pa.array(values))


def _one_a_line(path: Path, divider: str, width: int) -> pa.Table:
    names = _NAMES[:width]
    source: Any = str(path)
    if divider == "::":  # Arrow divides by one sign
        source, divider = pa.BufferReader(path.read_bytes().replace(b"::", b"\t")), "\t"
    try:
        table = pc_csv.read_csv(
            source,
            read_options=pc_csv.ReadOptions(column_names=list(names)),
            parse_options=pc_csv.ParseOptions(delimiter=divider, quote_char=False),
            convert_options=pc_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return _line_by_line(path, width)  # blanks in a row; else it names the line that does not fit
    return pa.table({n: pc.utf8_trim_whitespace(table.column(n)) for n in names})


def _line_by_line(path: Path, width: int) -> pa.Table:
    columns: list[list[str]] = [[] for _ in range(width)]
    with path.open(encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            text = line.strip()
            divider = next((d for d in _DIVIDERS if d in text), " ")
            cells = [c.strip() for c in _cells(text, divider)] if text else []
            if cells and len(cells) != width:
                raise DataError(
                    f"{path} line {number}: expected {width} values as in the lines before, received {len(cells)}.",
                    f"{path} 第 {number} 行：应与前面各行一样有 {width} 个值，实际为 {len(cells)} 个。",
                )
            for column, cell in zip(columns, cells):
                column.append(cell)
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(_NAMES, columns)})


def _all_of_a_user(path: Path) -> pa.Table:
    lines = pc_csv.read_csv(
        str(path),
        read_options=pc_csv.ReadOptions(column_names=["line"], block_size=1 << 24),
        parse_options=pc_csv.ParseOptions(delimiter="\x01", quote_char=False, ignore_empty_lines=False),
        convert_options=pc_csv.ConvertOptions(column_types={"line": pa.large_string()}, strings_can_be_null=False),
    ).column("line")
    cells = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(lines)).combine_chunks()
    lengths = np.asarray(pc.list_value_length(cells), np.int64)
    flat = pc.list_flatten(cells)
    ends = np.cumsum(lengths)
    wrong = np.flatnonzero(
        ~np.asarray(pc.match_substring_regex(flat, _NUMBERS)) & (np.asarray(pc.binary_length(flat)) > 0)
    )
    if len(wrong):
        number = int(np.searchsorted(ends, wrong[0], side="right")) + 1
        raise DataError(
            f"{path} line {number}: expected a user and the items of theirs as numbers, as in the lines before.",
            f"{path} 第 {number} 行：应与前面各行一样，由用户编号及其物品编号组成。",
        )
    first = ends - lengths
    filled = np.flatnonzero((lengths > 0) & (np.asarray(pc.binary_length(flat))[np.minimum(first, len(flat) - 1)] > 0))
    item = np.ones(len(flat), bool)
    item[first[filled]] = False
    item[np.asarray(pc.binary_length(flat)) == 0] = False
    owner = np.repeat(first[filled], lengths[filled] - 1)
    users = flat.take(pa.array(owner)).cast(pa.string())
    return pa.table({"user": users, "item": flat.filter(pa.array(item)).cast(pa.string())})
