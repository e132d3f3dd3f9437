"""Numbers written in parts that add up: `1 1/2`, `5 ft 11 in`, `6'1"`, `2 lb 4 oz`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from modelwright.data._units import conversion

_FRACTION = re.compile(r"([-+]?)(?:(\d{1,6}) )?(\d{1,3})/(\d{1,3})(?=$|[\s\"a-zA-Z])")
_TWO_UNITS = re.compile(
    r"([-+]?)(\d{1,6})\s*([^\W\d_]+\.?|['′])[\s,]*(?:and\s+)?(\d{1,3}(?:\.\d+)?)\s*([^\W\d_]+|\"|″|''|′′)?\.?",
    re.IGNORECASE,
)
_MARKS = {"'": "ft", "′": "ft", '"': "in", "″": "in", "''": "in", "′′": "in"}
_METRES = {"m": "cm", "米": "厘米"}  # `1m75` and `1米75`: two digits behind them are hundredths


def in_parts(cells: Sequence[str]) -> str | None:
    """Return a cell that only parts put together make a number of; None where there is none. A stroke alone (`1/2`) may be a score or a day."""
    return next((c for c in cells if _two_units(c) or ((found := _FRACTION.match(c)) and found[2])), None)


def joined(cell: str) -> str:
    """Return a cell with its parts in one: `1 1/2 cups` as `1.5 cups`, `5 ft 11 in` as feet; any other as it is."""
    found = _FRACTION.match(cell)
    if found and int(found[4]) and Fraction(int(found[3]), int(found[4])) < 1:
        value = int(found[2] or 0) + Fraction(int(found[3]), int(found[4]))
        return f"{found[1]}{_spelt(value)}{cell[found.end() :]}"
    return _two_units(cell) or cell


def _two_units(cell: str) -> str | None:
    found = _TWO_UNITS.fullmatch(cell)
    if found is None:
        return None
    large = _MARKS.get(found[3], found[3].rstrip("."))
    small = (
        found[5] or (_METRES.get(large.lower()) if len(found[4]) == 2 else None) or ("in" if found[3] in _MARKS else "")
    )
    to_large = conversion(_MARKS.get(small, small), large)
    if to_large is None or to_large.offset or (part := Fraction(found[4]) * to_large.factor) >= 1:
        return None  # `5 ft 14 in` is no height: what does not fit into one larger unit is a slip or something else
    return f"{found[1]}{_spelt(int(found[2]) + part)} {large}"


def _spelt(number: Fraction) -> str:
    return f"{float(number):.15g}"
