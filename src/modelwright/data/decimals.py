"""Which sign divides the decimals: one decision for a file, from the cells of all its columns; a column that says otherwise keeps its own.

`0,25` and `1.632,67` can only be decimal commas, `0.25` and `1,632.67` only decimal points; `1,500` and `1.500` may be either, and
follow the rest of their column, then the rest of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.data.values import bare_number, is_missing, to_number

SIGNS = (",", ".")
_BARE, _POINT = r"[0-9]+(?:\.[0-9]+)?", r"[0-9]*\.[0-9]+"
_AT_ONCE = 200  # columns
_LOOK = 4000  # cells of a column, evenly over its rows
_SURE = r"(?:\d+{s}(?:\d{{1,2}}|\d{{4,}})|0\d*{s}\d+|\d{{4,}}{s}\d+|\d{{1,3}}(?:[{o} ']\d{{3}})+{s}\d+|\d{{1,3}}(?:{o}\d{{3}}){{2,}}|\d{{1,2}}(?:{o}\d{{2}})+{o}\d{{3}})"
_SAYS = {s: re.compile(_SURE.format(s=re.escape(s), o=re.escape(o))) for s, o in ((",", "."), (".", ","))}
_EITHER = {s: re.compile(rf"[1-9]\d{{0,2}}{re.escape(s)}\d{{3}}") for s in SIGNS}


@dataclass(frozen=True)
class Decimals:
    """The decimal sign of a file and of each column that holds numbers as text; `doubt` shows a cell by column that may be either."""

    sign: str = "."
    columns: Mapping[str, str] = field(default_factory=dict)
    doubt: Mapping[str, str] = field(default_factory=dict)

    def of(self, column: str) -> str:
        """Return the sign of a column."""
        return self.columns.get(column, self.sign)

    def words(self, column: str) -> Words | None:
        """Return what a reader is told of a column whose cells may be read either way."""
        cell = self.doubt.get(column)
        if cell is None:
            return None
        sign = self.of(column)
        number, other = to_number(cell, decimal=sign), "." if sign == "," else ","
        return Words(
            f"`{cell}` is read as {number:g}; say --decimal {other} if it is {to_number(cell, decimal=other):g}",
            f"`{cell}` 读作 {number:g}；若应为 {to_number(cell, decimal=other):g}，请加 --decimal {other}",
        )


def find_decimals(raw: pa.Table, asked: str | None = None, delimiter: str | None = None) -> Decimals:
    """Decide for a table of text. `asked` decides alone; `delimiter` is that of its file, since a comma that divides cells divides no numbers."""
    if asked is not None:
        return Decimals(asked)
    said: dict[str, dict[str, int]] = {}
    either: dict[str, dict[str, str]] = {}
    quick = _digits_and_points(raw)
    for i, name in enumerate(raw.column_names):
        step()
        if i in quick:
            if (plain := quick[i]) is not None:
                said[name], either[name] = plain
            continue
        cells = _numbers_of(raw.column(i))
        if cells:
            said[name] = {s: sum(_SAYS[s].fullmatch(c) is not None for c in cells) for s in SIGNS}
            either[name] = {s: next((c for c in cells if _EITHER[s].fullmatch(c)), "") for s in SIGNS}
    columns = {n: max(SIGNS, key=lambda s: counts[s]) for n, counts in said.items() if any(counts.values())}
    commas = sum(s == "," for s in columns.values())
    if commas != len(columns) - commas:
        sign = "," if 2 * commas > len(columns) else "."
    else:
        sign = "," if not columns and delimiter == ";" and any(e[","] for e in either.values()) else "."
    doubt = {}
    for name, cells_of in either.items():
        shown = cells_of[","] or cells_of["."]
        # a point with three decimals is a number like any other where no column has a decimal comma
        if shown and name not in columns and ("," in shown or "," in columns.values()):
            doubt[name] = shown
    return Decimals(sign, columns, doubt)


def respelt(schema: Schema, raw: pa.Table, asked: str | None, delimiter: str | None) -> tuple[Schema, Words | None]:
    """Return a model's schema with the decimal signs of another file than its own, and what is to be said where they differ.

    `raw` is the file's first block of rows. Cells that only one sign fits decide, for their column and then for the file.
    """
    here = find_decimals(raw, asked, delimiter)
    changes = {}
    for column in schema.inputs:
        before = "," if column.options.get("comma") else column.options.get("decimal", ".")
        sign = here.of(column.name) if asked or here.columns else before
        if column.modality != "number" or column.name not in raw.column_names or sign == before:
            continue
        rest = {k: v for k, v in column.options.items() if k not in ("comma", "decimal")}
        changes[column.name] = {"options": {**rest, **({"decimal": ","} if sign == "," else {})}}
    texts = [n for n in changes if n in here.columns]
    if not changes:
        return schema, None
    words = Words("decimal commas", "小数用逗号") if here.sign == "," else Words("decimal points", "小数用点")
    said = Words(
        f"numbers are read with {words.en} here, other than in training ({', '.join(texts[:4])})",
        f"此处数字按{words.zh}读取，与训练时不同（{'、'.join(texts[:4])}）",
    )
    return schema.with_columns(changes), said if texts else None


def sign_is_open(schema: Schema, raw: pa.Table, asked: str | None) -> bool:
    """Whether rows of a file hold numbers that either sign fits, in a column none of whose cells says which one it is."""
    for column in schema.inputs if asked is None else ():
        if column.modality != "number" or column.name not in raw.column_names:
            continue
        cells = _numbers_of(raw.column(column.name))
        either = any(_EITHER[s].fullmatch(c) for c in cells for s in SIGNS)
        if either and not any(_SAYS[s].fullmatch(c) for c in cells for s in SIGNS):
            return True
    return False


def _digits_and_points(raw: pa.Table) -> dict[int, tuple[dict[str, int], dict[str, str]] | None]:
    """Return what the columns say whose cells are all digits and points, many columns at a time; None for whole numbers.

    A column counts where every cell looked at is missing or such a number: tables of thousands of them are read in one go.
    """
    texts = [i for i, f in enumerate(raw.schema) if pa.types.is_string(f.type)]
    places = pa.array(_places(len(raw)))
    found: dict[int, tuple[dict[str, int], dict[str, str]] | None] = {}
    for first in range(0, len(texts), _AT_ONCE):
        step()
        some = texts[first : first + _AT_ONCE]
        cells = pa.chunked_array([c for i in some for c in raw.column(i).take(places).chunks], pa.string())
        held = [_match(cells, regex, len(some)) for regex in (_BARE, _POINT, _SAYS["."].pattern, _EITHER["."].pattern)]
        digits, points, sure, open_ = held
        filled = np.asarray(cells.is_valid()).reshape(len(some), -1).sum(axis=1)
        for k, i in enumerate(some):
            if filled[k] == 0 or digits[k].sum() < filled[k]:
                continue
            at = int(np.argmax(open_[k])) if open_[k].any() else -1
            shown = str(cells[k * len(places) + at]).lstrip("+-") if at >= 0 else ""
            said = ({",": 0, ".": int(sure[k].sum())}, {",": "", ".": shown})
            found[i] = said if points[k].any() else None
    return found


def _match(cells: pa.ChunkedArray, regex: str, columns: int) -> np.ndarray:
    """Return which cells match a pattern but for their sign [columns, cells] bool."""
    found = pc.match_substring_regex(cells, f"^[+-]?(?:{regex})$")
    return np.asarray(found.fill_null(False)).reshape(columns, -1)


def _places(rows: int) -> np.ndarray:
    return np.unique(np.linspace(0, max(0, rows - 1), min(rows, _LOOK)).astype(np.int64))


def _numbers_of(values: pa.ChunkedArray) -> list[str]:
    """Return cells of a column without currency, percent and brackets, where most hold numbers with a comma or point; else none."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)) or len(values) == 0:
        return []
    places = pa.array(_places(len(values)))
    found = [str(v) for v in dict.fromkeys(values.take(places).to_pylist()) if v is not None]
    cells = [c for c in found if not is_missing(c)]
    if not any("," in c or "." in c or "，" in c for c in cells):
        return []
    bare = [b for b in map(bare_number, cells) if b is not None]
    return bare if len(bare) >= 0.75 * len(cells) else []
