"""Numbers with something around them, as the whole column tells: a unit (`428.50 kg`), bounds (`<0.5`, `65+`), letters (`1.2m` beside `300k`).

The unit of most cells is the column's. Others that measure the same are converted, and told; what measures something else is named with its
row, and money is never converted. A bound is read as its number, as laboratories and surveys do, and the report says so, since the true
value lies beyond it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words, in_a_row
from modelwright.data._composite import in_parts, joined, marks_of
from modelwright.data._distinct import first_distinct
from modelwright.data._money import different_money, same_money
from modelwright.data._ratings import SCALED, read_scaled, scaled
from modelwright.data._units import WELL_KNOWN, conversion, dimension_of, same_spelling, unit_in_name
from modelwright.data.values import (
    currency_of,
    is_approximate,
    is_mark,
    is_missing,
    letter_of,
    number_text,
    to_number,
    with_unit,
    without_bound,
)

_NEARLY_ALL = 0.95
_LOOK = 4000  # different cells looked at
_FIRST = 20_000  # rows that tell which unit is the most common
_FEW = 60  # cells that tell whether a column is worth a closer look
_MOST_UNITS = 4  # of a column that is told to hold several
_SHOWN = 3
_ALL_AT_LEAST = tuple("+上下")  # marks of bounds that may stand in all cells: `1,000+`
# what counts or names one of several, and measures nothing: `3号楼`, `2班`, `5月`, `7 pm`, `4th`
_ORDINAL = re.compile(r"[号班路栋幢组队区室期院]|^(?:[月日]|[ap]\.?m\.?|st|nd|rd|th)$", re.IGNORECASE)
_NOTE = re.compile(
    r"(?<=\d)\s*(?:\*{1,3}|[†‡§¶]+|\[(?:\d{1,2}|[a-z])\]|\^\d{1,2})$"
)  # what leads to a foot-note: `98[1]`, `16*`, `98¹`
_CRORE = re.compile(r"\d\s*cr\.?$", re.IGNORECASE)  # ten millions in India, a credit in a ledger
_RANGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(?:[-–—~至到]|to)\s*(\d{1,9}(?:\.\d{1,9})?)(?:\s*[^\W\d_]{1,8})?")
_MOSTLY = 0.75  # of the cells
_CODE = re.compile(r"\d{4,}[A-Za-z]")
# behind which a whole number may stand: `220V`, `3 stars`, `35岁`; others are believed where some cell has decimals (`16th St` has none)
_MEASURES = (
    WELL_KNOWN
    | frozenset(
        "hp cal px dpi bpm rpm ppm ppb IU dB °C °F ° cl star stars people person persons item items piece pieces pcs unit units page pages "
        'point points pts times x EUR USD GBP CNY RMB JPY CHF INR AUD CAD B/s " ″'.split()
    )
    | frozenset("元 块 角 度 次 个 人 名 件 台 辆 只 条 张 本 套 份 箱 瓶 分 星 页 步 票 户 人次 円 個 枚 冊".split())
)


@dataclass(frozen=True)
class Quantities:
    """How the cells of a column are read: whether nearly all are numbers, the options that `to_quantity` needs, and what a reader is told."""

    numbers: bool
    options: Mapping[str, Any] = field(default_factory=dict)
    said: Words | None = None


def to_quantity(cell: str, options: Mapping[str, Any]) -> float | None:
    """Return the number of a cell by the options of its column: `comma`, `decimal`, `letters`, `bounds`,
    `notes`, `parts`, `percent`, `unit`, `money`, `of`, `angle`, `short_year`; None where it holds none.

    A cell in another unit that measures the same is converted to the column's, in one that does not it holds none, nor in a currency that
    the column was never in; without a unit it is taken to be in the column's.
    """
    if not SCALED.isdisjoint(options):
        return read_scaled(cell, options)
    text = _without_note(cell) if options.get("notes") else number_text(cell)
    if "money" in options and (money := currency_of(text)) and not any(same_money(money, m) for m in options["money"]):
        return None
    if options.get("bounds"):
        text = without_bound(text)
    if options.get("parts"):
        text = joined(text, "min" if options["parts"] == "min" else "ft")
    to_unit = None
    if "unit" in options and (split := with_unit(text)):
        text, unit = split
        to_unit = conversion(unit, options["unit"])
        if to_unit is None:
            return None
    number = to_number(text, bool(options.get("comma")), options.get("decimal", "."), bool(options.get("letters")))
    if number is not None and options.get("percent") and not text.endswith(("%", "‰")):
        if options["percent"] == "signed" and 0 < abs(number) <= 1:  # `0.5` may be a half or half a percent
            return None
        return float(f"{number!r}e-2") if "e" not in repr(number) else number / 100
    return number if number is None or to_unit is None else to_unit.of(number)


def _without_note(cell: str) -> str:
    """Return a cell without what leads to a foot-note; `2^6` as it was typed is a power, and none."""
    text = number_text(cell)
    return text if "^" in cell else _NOTE.sub("", text)


def find_quantities(
    cells: Sequence[str], decimal: str = ".", name: str = "", rows: Mapping[str, int] | None = None
) -> Quantities:
    """Tell how the different cells of a column of text, none of them missing, are read as numbers; its name may hold a unit, and `rows` how
    many rows hold each cell."""
    options: dict[str, Any] = {"decimal": ","} if decimal == "," else {}
    if (found_scale := scaled(cells, name)) is not None:
        return Quantities(True, found_scale[0], found_scale[1])
    if not _worth_a_look(cells[:: max(1, len(cells) // _FEW)], decimal):
        return Quantities(False, options, _ranges(cells))
    said: list[Words | None] = []
    counts = [(rows or {}).get(c, 1) for c in cells]
    noted = [c for c in cells if _without_note(c) != number_text(c)]
    typed = {number_text(c) for c in cells if "^" in c}
    cells = [number_text(c) for c in cells]
    if noted and 2 * len(noted) <= len(cells):
        options["notes"] = True
    bounds = [c for c in cells if without_bound(c) != c]
    one_way = len({c[-1] for c in bounds}) == 1 and bool(bounds) and bounds[0].endswith(_ALL_AT_LEAST)
    if bounds and (
        one_way or 2 * sum(not is_approximate(c) for c in bounds) <= len(cells)
    ):  # `<=50K` and `>50K` in all cells are two classes
        options["bounds"] = True
    plain = [without_bound(c) for c in cells] if "bounds" in options else cells
    plain = [c if c in typed else _NOTE.sub("", c) for c in plain] if "notes" in options else plain
    if (parted := in_parts(plain)) is not None:
        marks = marks_of(plain)
        options["parts"] = "min" if marks == "min" else True
        plain = [joined(c, marks) for c in plain]
    if (percents := _percents(plain, options)) is not None and percents[1]:
        options["percent"] = True
    if all(c.endswith("%") for c in plain):
        options["percent"] = "signed"
    names = _names(plain)
    letters = {letter: c for c in plain if c not in names and (letter := letter_of(c))}
    if len({letter.lower() for letter in letters}) > 1:
        options["letters"] = True
    named = unit_in_name(name)
    count = sum(c not in names and to_quantity(c, options) is not None for c in plain)
    if count < (len(plain) if named else _NEARLY_ALL * len(plain)):
        found = _in_a_unit(plain, options, named, counts)
        if not found.numbers and count < _NEARLY_ALL * len(plain):
            return Quantities(False, options, found.said)
        if found.numbers:
            options, letters = {**found.options}, {}
            said.append(found.said)
    crore = next((c for c in plain if _CRORE.search(c) and not currency_of(c)), None)
    read = [c for c in [*letters.values(), *([crore] if crore else [])] if to_quantity(c, options) is not None]
    said += [read_as(shown, options) for shown in read[:_SHOWN]]
    said.append(bounds_told(cells, options))
    if "notes" in options:
        said.append(read_as(noted[0], options))
    if parted is not None:
        said.append(read_as(parted, options))
    said.append(None if percents is None else read_as(percents[0], options))
    signs = Counter(sign for c in plain if (sign := currency_of(c)))
    if money := different_money(sign for sign, _ in signs.most_common()):
        options["money"] = money
    said.append(_several_currencies(money) if len(money) > 1 else None)
    return Quantities(True, options, in_a_row(said))


def bounds_told(cells: Sequence[str], options: Mapping[str, Any]) -> Words | None:
    """Return how a first bound and a first approximate value are read; None where a column has neither."""
    if "bounds" not in options:
        return None
    held = [c for c in cells if without_bound(number_text(c)) != number_text(c) and to_quantity(c, options) is not None]
    first = {is_approximate(c): c for c in reversed(held)}
    return in_a_row([_bound(first[rough], options) for rough in sorted(first)])


def quantities_of(values: pa.ChunkedArray, decimal: str, name: str = "") -> Quantities:
    """Tell how a column is read that the user says holds numbers."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return Quantities(True)
    cells = first_distinct(values, _LOOK).to_pylist()
    return find_quantities([c for c in cells if not is_missing(c) and not is_mark(c)], decimal, name, rows_of(values))


def rows_of(values: pa.ChunkedArray) -> dict[str, int]:
    """Return how many of the first rows hold each cell."""
    counts = pc.value_counts(values.slice(0, _FIRST).combine_chunks())
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def mostly_numbers(values: pa.ChunkedArray, options: Mapping[str, Any]) -> bool:
    """Whether three quarters of the first rows that hold anything are numbers."""
    cells = [str(v) for v in values.slice(0, 5000).to_pylist() if v is not None and not is_missing(str(v))]
    names = _names(cells)
    return sum(c not in names and to_quantity(c, options) is not None for c in cells) >= _MOSTLY * len(cells)


def _percents(cells: Sequence[str], options: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return a cell that tells how a column is read in which some numbers are percents and others above 1 have no sign, and whether these are
    taken to be percents too, as where they are fewer; None for other columns."""
    numbers = {c: n for c in cells if (n := to_quantity(c, options)) is not None}
    bare = {c: abs(n) for c, n in numbers.items() if c[-1] not in "%‰"}
    signed = [c for c in numbers if c not in bare]
    if not signed or max(bare.values(), default=0) <= 1:
        return None
    fewer = len(bare) <= len(signed)
    return next(iter(bare)) if fewer else signed[0], fewer


def _names(cells: Sequence[str]) -> set[str]:
    """Return the cells in which a letter behind a number may be part of a name: `10k` beside `24k` are races, gates or gold, where money and
    decimals would be amounts."""
    lettered = {c for c in cells if letter_of(c)}
    return set() if any("." in c or "," in c or currency_of(c) for c in lettered) else lettered


def _worth_a_look(cells: Sequence[str], decimal: str) -> bool:
    numbers = 0
    for cell in cells:
        plain = joined(without_bound(_NOTE.sub("", number_text(cell))))
        if any(ch.isdigit() for ch in plain):
            numbers += to_number(plain, decimal=decimal, letters=True) is not None or with_unit(plain) is not None
    return 2 * numbers >= len(cells)


def _in_a_unit(
    cells: Sequence[str], options: Mapping[str, Any], named: str | None, counts: Sequence[int]
) -> Quantities:
    """Tell whether cells are numbers in units of one dimension; where they are in units of several, what is to be said of it. The unit that
    the column's name holds, if any, is that of cells without one."""
    units: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    first: dict[str, str] = {}
    bare = 0
    for cell, count in zip(cells, counts, strict=True):
        split = with_unit(cell)
        if split is not None and to_quantity(split[0], options) is not None:
            units[split[1]] += 1
            rows[split[1]] += count
            first.setdefault(split[1], cell)
        else:
            bare += split is None and to_quantity(cell, options) is not None
    behind = sum(units.values())
    if (
        behind + bare < _NEARLY_ALL * len(cells)
        or (2 * behind < len(cells) and not named)
        or all(_CODE.fullmatch(c) for c in cells)
    ):
        return Quantities(False)
    measured: Counter[tuple[str, ...]] = Counter()
    for unit, count in units.items():
        measured[dimension_of(unit)] += count
    what, most = measured.most_common(1)[0]
    decimals = any("." in c or "," in c for c in cells if with_unit(c))
    mains = [u for u, _ in rows.most_common() if dimension_of(u) == what and _measures(u, decimals)]
    by_name = bool(bare and named and dimension_of(named) == what)
    if not mains and not by_name:
        return Quantities(False)
    if most < _NEARLY_ALL * behind:
        return Quantities(False, said=_several_units(units) if len(measured) <= _MOST_UNITS else None)
    unit = named if named and by_name else mains[0]
    if 2 * behind < len(cells) and not by_name:
        return Quantities(False)
    if bare and not by_name and unit in ("m", "b", "B", "t", "T"):
        return Quantities(False, said=_letter_alone(next(c for c in cells if c.endswith(unit)), unit))
    options = {**options, "unit": unit}
    others = {u: c for u, c in first.items() if dimension_of(u) == what and same_spelling(u) != same_spelling(unit)}
    taken = Words(", those without a unit too", "，没有单位的也按此计") if bare else Words("", "")
    if by_name:
        taken = Words(", those without a unit too, as the column's name says", "，没有单位的按列名也按此计")
    words = Words(f"numbers in `{unit}`{taken.en}", f"以 `{unit}` 为单位的数字{taken.zh}")
    return Quantities(True, options, in_a_row([words, *(read_as(c, options) for c in list(others.values())[:_SHOWN])]))


def _measures(unit: str, decimals: bool) -> bool:
    """Whether a word behind numbers is a unit, and none that counts or names them; some of the numbers have decimals, or none has."""
    if _ORDINAL.search(unit):
        return False
    if all(part.strip() in _MEASURES for part in unit.split("/")):
        return True
    return decimals and len(unit) > 1 and not unit[0].isupper()


def read_as(cell: str, options: Mapping[str, Any]) -> Words:
    """Return what a reader is told of a cell that holds a number."""
    number = to_quantity(cell, options)
    return Words(f"`{cell}` is read as {number:.15g}", f"`{cell}` 读作 {number:.15g}")


def _bound(cell: str, options: Mapping[str, Any]) -> Words:
    number = to_quantity(cell, options)
    if is_approximate(cell):
        return Words(
            f"approximate values are read as their number: `{cell}` as {number:.15g}",
            f"近似值按其数字读取：`{cell}` 读作 {number:.15g}",
        )
    return Words(
        f"bounds are read as their number: `{cell}` as {number:.15g}, though the value lies beyond it",
        f"界限值按其数字读取：`{cell}` 读作 {number:.15g}，真实值在此之外",
    )


def _ranges(cells: Sequence[str]) -> Words | None:
    found = [(c, f) for c in cells if (f := _RANGE.fullmatch(number_text(c)))]
    if len(found) < _MOSTLY * len(cells) or not all(float(f[1]) < float(f[2]) for _, f in found):
        return None
    if all(float(f[1]) <= 12 and float(f[2]) <= 31 for _, f in found):  # days of months look the same
        return None
    return Words(
        f"ranges such as `{found[0][0]}` stay words; write both ends into columns of their own to have them read as numbers",
        f"`{found[0][0]}` 这类区间按文字处理；把两端分别写成一列即可读作数字",
    )


def _several_currencies(money: Sequence[str]) -> Words:
    shown = money[:_MOST_UNITS]
    return Words(
        f"amounts in several currencies ({', '.join(shown)}) are read as numbers without conversion",
        f"金额使用了多种货币（{'、'.join(shown)}），按数字读取，未作换算",
    )


def _several_units(units: Counter[str]) -> Words:
    spelt: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for unit, count in units.most_common():
        counts[spelt.setdefault(same_spelling(unit), unit)] += count
    total = sum(units.values())
    shown = [f"{unit} {round(100 * n / total)} %" for unit, n in counts.most_common(_MOST_UNITS)]
    return Words(
        f"numbers in several units ({', '.join(shown)}) are not put together; write them in one to have them read as numbers",
        f"数字使用了多种单位（{'、'.join(shown)}），未合并读取；统一单位后才按数字读取",
    )


def _letter_alone(cell: str, unit: str) -> Words:
    large = {"m": "1e6", "b": "1e9", "t": "1e12"}[unit.lower()]
    return Words(
        f"`{cell}` may be {cell[: -len(unit)].strip()} times {large}, or a number in `{unit}`, beside cells without it; write it out in figures",
        f"`{cell}` 可能是 {cell[: -len(unit)].strip()} 乘以 {large}，也可能以 `{unit}` 为单位，而其他单元格没有该字母；请写成完整数字",
    )
