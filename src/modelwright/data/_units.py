"""Units of one dimension and how they turn into each other: `g` and `kg`, `TB` and `GB`, `km/h` and `m/s`, `µg/dL` and `mg/L`.

Only units that everybody means alike are here. Gallons, tons, pounds that may be money, calories, horsepower, bits and minutes written `m` are left out, months are
no number of days, and money is never converted: rates change.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

_SI = {"n": -9, "µ": -6, "m": -3, "c": -2, "d": -1, "": 0, "h": 2, "k": 3, "M": 6, "G": 9}


def _by_prefix(unit: str, prefixes: str, power: int = 1) -> str:
    """Return lines of spellings and sizes for a unit under one-letter prefixes, `-` for none: `km 1000`."""
    lines = []
    for mark in prefixes:
        prefix = mark.replace("-", "")
        spelt = [f"{p}{unit}" for p in ({"µ": ("μ", "u")}.get(prefix) or (prefix,))]
        lines.append(f"{' '.join(spelt)} {Fraction(10) ** (_SI[prefix] * power)}")
    return "\n".join(lines)


# dimension: lines of spellings, the size in one unit of the dimension last. BIPM (2019), The International System of Units; NIST (2008),
# Special Publication 811, for avoirdupois, inches and their kin; Chinese units of the market by GB 3102 and the order of 1959
_TABLE = {
    "mass": _by_prefix("g", "nµmk-")
    + """
        mcg 1/1000000
        gram grams 克 1
        kilo kilos kilogram kilograms 公斤 千克 1000
        毫克 1/1000
        t tonne tonnes 吨 1000000
        lb lbs 磅 45359237/100000
        oz ounce ounces 45359237/1600000
        stone stones 317514659/50000
        斤 500
        两 50""",
    "length": _by_prefix("m", "µmcdk-")
    + """
        metre metres meter meters 米 1
        kilometre kilometres kilometer kilometers 公里 千米 1000
        厘米 1/100
        毫米 1/1000
        in inch inches 127/5000
        ft foot feet 381/1250
        yd yard yards 1143/1250
        mi mile miles 201168/125""",
    "area": _by_prefix("m2", "mck-", 2)
    + """
        平 平米 平方米 sqm 1
        平方公里 1000000
        ha hectare hectares 公顷 10000
        亩 2000/3
        ft2 sqft sq.ft 145161/1562500
        acre acres 316160658/78125""",
    "volume": _by_prefix("l", "µmcdh-")
    + """
        L litre litres liter liters 升 1
        mL 毫升 cc cm3 1/1000
        m3 立方米 1000""",
    "time": _by_prefix("s", "nm-")
    + """
        μs 1/1000000
        sec secs second seconds 秒 1
        毫秒 1/1000
        min mins Min MIN minute minutes 分钟 60
        h hr hrs hour hours 小时 時間 3600
        d day days 天 86400
        week weeks 周 604800""",
    "calendar": """
        month months mo 个月 ヶ月 1
        year years yr yrs 年 岁 歳 12""",
    "data": """
        B byte bytes 1
        KB kB 1000
        MB 1000000
        GB 1000000000
        TB 1000000000000
        PB 1000000000000000
        KiB 1024
        MiB 1048576
        GiB 1073741824
        TiB 1099511627776""",
    "energy": _by_prefix("J", "kM-") + "\n" + _by_prefix("Wh", "kMG-").replace(" ", " 3600*") + "\nkcal 4184",
    "power": _by_prefix("W", "mkMG-"),
    "frequency": _by_prefix("Hz", "kMG-"),
    "pressure": _by_prefix("Pa", "hkM-")
    + """
        bar 100000
        mbar 100
        psi 44482216152605/6451600000
        mmHg 133322387415/1000000000
        atm 101325""",
    "voltage": _by_prefix("V", "mk-"),
    "current": _by_prefix("A", "m-"),
    "charge": _by_prefix("Ah", "m-"),
    "amount": _by_prefix("mol", "nµm-"),
}
_SPEEDS = {"km/h": ("kph", "kmh", "公里/小时"), "mi/h": ("mph",)}
_TEMPERATURES = {"°c": (Fraction(1), Fraction(0)), "°f": (Fraction(5, 9), Fraction(-160, 9))}  # to degrees Celsius


def same_spelling(unit: str) -> str:
    """Return a unit without what is one in it: capitals, a plural, a point; but `MB` is not `Mb` and `mW` not `MW`."""
    bare = unit.replace(" ", "").rstrip(".")
    if len(bare) <= 3 and (bare[:1] in "mM" or bare[-1:] in "bB"):
        return bare
    low = bare.casefold()
    return low[:-1] if len(low) > 2 and low.endswith("s") and low.isascii() else low


def unit_in_name(name: str) -> str | None:
    """Return the unit at the end of a column's name, `weight (kg)` or `weight_kg`, where it is one of the table; None without one."""
    found = _IN_NAME.search(unicodedata.normalize("NFKC", name))
    unit = found[1] or (found[2] if found[2] not in _OTHER_ENDINGS else None) if found else None
    return unit if unit and all(same_spelling(part) in _KNOWN for part in unit.split("/")) else None


def _parsed_units(table: dict[str, str]) -> dict[str, tuple[str, Fraction]]:
    out = {}
    for dimension, lines in table.items():
        for line in filter(None, map(str.strip, lines.splitlines())):
            *spelt, size = line.split()
            first, _, by = size.partition("*")
            for word in spelt:
                out[same_spelling(word)] = (dimension, Fraction(first) * Fraction(by or 1))
    return out


_KNOWN = _parsed_units(_TABLE)
_LETTERS = frozenset("ABJt")  # behind whole numbers names more often than units: `12B`
WELL_KNOWN = (
    frozenset(word for lines in _TABLE.values() for line in lines.splitlines() for word in line.split()[:-1]) - _LETTERS
)
_OTHER_ENDINGS = frozenset("in m t".split())  # `logged_in`, `price_m`: units in brackets only
_IN_NAME = re.compile(r"[(\[（【/]\s*([^()\[\]（）【】/]+?(?:/[^()\[\]（）【】/]+?)?)\s*[)\]）】]$|[_\s]([^\W\d_]+)$")
_INSTEAD = {same_spelling(other): unit for unit, others in _SPEEDS.items() for other in others}


@dataclass(frozen=True)
class Conversion:
    """A number in one unit times `factor`, plus `offset`, is one in another."""

    factor: Fraction
    offset: Fraction = Fraction(0)

    def of(self, number: float) -> float:
        """Return the number in the other unit."""
        scaled = number * self.factor.numerator / self.factor.denominator
        return scaled + float(self.offset) if self.offset else scaled


@cache
def dimension_of(unit: str) -> tuple[str, ...]:
    """Return what a unit measures; a unit that is not known measures what is written like it only."""
    return tuple(dimension for dimension, _ in _above_and_below(unit))


@cache
def conversion(unit: str, other: str) -> Conversion | None:
    """Return how numbers in `unit` become numbers in `other`; None where they do not measure the same."""
    if same_spelling(unit) == same_spelling(other):
        return Conversion(Fraction(1))
    if dimension_of(unit) != dimension_of(other):
        return None
    if dimension_of(unit) == ("temperature",):
        (a, b), (c, d) = _TEMPERATURES[same_spelling(unit)], _TEMPERATURES[same_spelling(other)]
        return Conversion(a / c, (b - d) / c)
    size, over = (_size(_above_and_below(u)) for u in (unit, other))
    return Conversion(size / over)


def _above_and_below(unit: str) -> list[tuple[str, Fraction]]:
    """Return the dimension and size of what is above and below the strokes of a unit."""
    whole = _INSTEAD.get(same_spelling(unit), unit)
    if same_spelling(whole) in _TEMPERATURES:
        return [("temperature", Fraction(1))]
    parts = [same_spelling(part) for part in re.split("/", whole)]
    return [_KNOWN.get(part, (f"`{part}`", Fraction(1))) for part in parts]


def _size(parts: list[tuple[str, Fraction]]) -> Fraction:
    size = parts[0][1]
    for _, below in parts[1:]:
        size /= below
    return size
