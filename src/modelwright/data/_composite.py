"""Numbers written in parts that add up: `1 1/2`, `5 ft 11 in`, `6'1"`, `2 lb 4 oz`, `2岁3个月`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from modelwright.data._units import conversion

_LONGEST = 40  # characters of a number in parts
_FRACTION = re.compile(r"([-+]?)(?:(\d{1,3}) )?(\d{1,3})/(\d{1,3})(?=$|[\s\"a-zA-Z])")  # `2024 1/2` may be a day
_UNIT = r"(?:[^\W\d_]+\.?|['′’](?!['′’])|[\"″”]|''|′′|’’)"
_AND = r"(?:[\s,-]*|\s+and\s+)"
_PARTS = re.compile(
    rf"([-+]?)((?:\d{{1,6}}\s*{_UNIT}{_AND}){{1,2}})(\d{{1,3}}(?:[.,]\d{{1,4}})?)\s*({_UNIT})?", re.IGNORECASE
)
_THOUSANDS = re.compile(r"\d['′’]\d{3}(?!\d)")  # `1'000`, as people write it in Switzerland
_PART = re.compile(rf"(\d+)\s*({_UNIT})", re.IGNORECASE)
_ALONE = re.compile(rf"([-+]?\d+(?:[.,]\d+)?)\s*({_UNIT})")
_MARKS = {"'": "'", "′": "'", "’": "'", '"': '"', "″": '"', "”": '"', "''": '"', "′′": '"', "’’": '"'}
_MEANT = {"ft": {"'": "ft", '"': "in"}, "min": {"'": "min", '"': "s"}}
# `1m75`, `1米75`, `1米8`: digits behind them are decimals
_METRES = {("m", 2): "cm", ("米", 2): "厘米", ("米", 1): "dm"}
_ENDINGS = {"st": "stone"}  # behind a number alone it is `1st`


def in_parts(cells: Sequence[str]) -> str | None:
    """Return a cell that only parts put together make a number of; None where there is none. A stroke alone (`1/2`) may be a score or a day."""
    marks = marks_of(cells)
    return next((c for c in cells if _in_units(c, marks) or ((found := _FRACTION.match(c)) and found[2])), None)


def marks_of(cells: Sequence[str]) -> str:
    """Return what `'` stands for in a column: `ft`, or `min` where a number behind it is too large for inches."""
    behind = [f[3] for c in cells if (f := _matched(c)) and f[2].strip(" -+0123456789") in _MARKS]
    return "min" if any(12 <= float(b.replace(",", ".")) < 60 for b in behind) else "ft"


def joined(cell: str, marks: str = "ft") -> str:
    """Return a cell with its parts in one: `1 1/2 cups` as `1.5 cups`, `5 ft 11 in` as feet; any other as it is. `marks` tells what `'` is."""
    found = _FRACTION.match(cell)
    if found and int(found[4]) and Fraction(int(found[3]), int(found[4])) < 1:
        value = int(found[2] or 0) + Fraction(int(found[3]), int(found[4]))
        return f"{found[1]}{_spelt(value)}{cell[found.end() :]}"
    alone = _ALONE.fullmatch(cell) if len(cell) <= _LONGEST else None
    if alone and alone[2] in _MARKS:
        return f"{alone[1]} {_MEANT[marks][_MARKS[alone[2]]]}"
    return _in_units(cell, marks) or cell


def _matched(cell: str) -> re.Match[str] | None:
    return _PARTS.fullmatch(cell) if len(cell) <= _LONGEST and not _THOUSANDS.search(cell) else None


def _in_units(cell: str, marks: str) -> str | None:
    """Return a number in two or three units as one in the largest; None where a part does not fit into one of the unit before it."""
    found = _matched(cell)
    if found is None:
        return None
    terms = [(Fraction(number), _meant(unit, marks)) for number, unit in _PART.findall(found[2])]
    before, last = terms[-1][1], found[3].replace(",", ".")
    small = (
        _meant(found[4], marks)
        if found[4]
        else _METRES.get((before.lower(), len(last)))
        or ({"ft": "in", "min": "s"}.get(before, "") if _PART.findall(found[2])[-1][1] in _MARKS else "")
    )
    large = terms[0][1]
    total, above = Fraction(0), None
    for number, unit in (*terms, (Fraction(last), small)):
        step = conversion(unit, large)
        if step is None or step.offset or (above is not None and number * step.factor >= above):
            return None  # `5 ft 14 in` is no height: what does not fit into one larger unit is a slip or something else
        total, above = total + number * step.factor, step.factor
    return f"{found[1]}{_spelt(total)} {large}"


def _meant(unit: str, marks: str) -> str:
    if unit in _MARKS:
        return _MEANT[marks][_MARKS[unit]]
    return _ENDINGS.get(unit.lower(), unit.rstrip("."))


def _spelt(number: Fraction) -> str:
    """Return a number as text, never with three decimals, which may be thousands where the decimal sign is a comma."""
    text = repr(float(number)).removesuffix(".0")
    return f"{text}0" if len(text.partition(".")[2]) == 3 else text
