"""Files of events without a header, as recommendation data is passed around: who had which item, how much, and when.

    user item item ...          a user and all items of theirs a line (LightGCN and its kin)
    user item [rating [time]]   one event a line, divided by blanks, tabs, commas or `::` (MovieLens, SASRec)

Files with a header are read as any table. RecBole's atomic files have one whose names carry a type (`user_id:token`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import DataError

_LOOK = 200  # lines looked at
_NUMBER = re.compile(r"-?\d+(\.\d+)?$")
_DIVIDERS = ("::", "\t", ",", " ")
_NAMES = ("user", "item", "rating", "time")


def read_bare_events(source: Any) -> pa.Table | None:
    """Return the events of a file without a header, as columns of text `user item [rating [time]]`; None for other sources.

    Raises DataError for a line that does not fit the others.
    """
    path = Path(source) if isinstance(source, (str, Path)) and "://" not in str(source) else None
    if (
        path is None
        or not path.is_file()
        or path.suffix.lower() not in (".txt", ".data", ".dat", ".csv", ".tsv", ".base", ".test", "")
    ):
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


def _one_a_line(path: Path, divider: str, width: int) -> pa.Table:
    columns: list[list[str]] = [[] for _ in range(width)]
    with path.open(encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            cells = [c.strip() for c in _cells(line.strip(), divider)] if line.strip() else []
            if cells and len(cells) != width:
                raise DataError(
                    f"{path} line {number}: expected {width} values as in the lines before, received {len(cells)}.",
                    f"{path} 第 {number} 行：应与前面各行一样有 {width} 个值，实际为 {len(cells)} 个。",
                )
            for column, cell in zip(columns, cells):
                column.append(cell)
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(_NAMES, columns)})


def _all_of_a_user(path: Path) -> pa.Table:
    users: list[str] = []
    lengths: list[int] = []
    items: list[str] = []
    with path.open(encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            cells = line.split()
            if not cells:
                continue
            if not all(_NUMBER.match(c) for c in cells):
                raise DataError(
                    f"{path} line {number}: expected a user and the items of theirs as numbers, as in the lines before.",
                    f"{path} 第 {number} 行：应与前面各行一样，由用户编号及其物品编号组成。",
                )
            users.append(cells[0])
            lengths.append(len(cells) - 1)
            items.extend(cells[1:])
    who = pa.array(users, pa.string()).take(pa.array(np.repeat(np.arange(len(users)), lengths)))
    return pa.table({"user": who, "item": pa.array(items, pa.string())})
