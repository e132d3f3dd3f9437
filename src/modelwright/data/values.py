"""Reading single cells: missing marks, numbers, truth values; English and Chinese spellings."""

from __future__ import annotations

import math
import re
import unicodedata

MISSING = frozenset(
    ["", "na", "n/a", "nan", "null", "none", "nil", "#n/a", "<na>", "missing", "unknown?", "缺失", "空值"]
)
LONGEST_MISSING = max(map(len, MISSING))  # characters
ALWAYS_MISSING = frozenset(["", "n/a", "#n/a", "<na>"])  # in any column, whatever its other cells are
_MARKS = frozenset(
    ["?", "-", "--", "—", ".", "无", "空", "未知", "unknown", "n.a."]
)  # missing among numbers and dates only
_TRUE = frozenset(["true", "yes", "y", "t", "是", "有", "对", "真"])
_FALSE = frozenset(["false", "no", "n", "f", "否", "无", "没有", "错", "假"])
_CURRENCY = r"(?:US\$|R\$|[$€£¥₩₽₹]|USD|EUR|GBP|CNY|RMB|JPY|CHF)"
_UNITS = {
    "%": 0.01,
    "‰": 0.001,
    "千": 1e3,
    "万": 1e4,
    "百万": 1e6,
    "亿": 1e8,
    "元": 1.0,
    "千元": 1e3,
    "万元": 1e4,
    "亿元": 1e8,
    "": 1.0,
}
_AROUND = re.compile(
    rf"^(\()?\s*([-+−]?)\s*(?:{_CURRENCY}\s*)?([-+−]?)((?:\d[\d.,' ’]*)?\d|\d*[.,]\d+|\d+[.,])(e[-+]?\d+)?\s*(%|‰|千元?|百?万元?|亿元?|元)?\s*(?:{_CURRENCY})?\s*(\))?$",
    re.IGNORECASE,
)
# digits, in groups of three (or as in India) under one separator, and decimals; the signs are put in below
_DIGITS = r"([1-9]\d{{0,2}}(?:(?P<by>[{other}' ’])\d{{3}})(?:(?P=by)\d{{3}})*|[1-9]\d?(?:{other}\d{{2}})+{other}\d{{3}}|\d*)(?:{sign}(\d*))?"
_BODY = {s: re.compile(_DIGITS.format(sign=re.escape(s), other=re.escape(o))) for s, o in ((".", ","), (",", "."))}
_BEHIND = re.compile(r"^((?:\d[\d.,' ’]*)?\d[.,]\d{2,}) ?[-−]$")  # a minus at the end, as SAP writes it; `2-` is a mark
_COMMA = re.compile(r"^[-+]?\d+,\d{1,2}$|^[-+]?\d{4,},\d+$")
PLAIN = r"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"  # numbers that Arrow's cast reads as `to_number` does


def is_missing(cell: str | None) -> bool:
    """Whether a cell stands for no value in any column."""
    return cell is None or cell.strip().lower() in MISSING


def is_mark(cell: str) -> bool:
    """Whether a cell stands for no value in a column of numbers or dates, such as `?` or `无`."""
    return cell.strip().lower() in _MARKS


def half_width(cell: str) -> str:
    """Return full-width letters, digits and marks in their usual form (NFKC)."""
    return cell if cell.isascii() else unicodedata.normalize("NFKC", cell)


def folded_label(label: str) -> str:
    """Return a label without what people write now one way, now another: case, width, blanks and marks at its ends."""
    return unicodedata.normalize("NFKC", label).casefold().strip(" .。,，;；:：'\"")


def bare_number(cell: str) -> str | None:
    """Return the digits of a cell with their separators, without signs, brackets, currency, percent and 万; None for no number."""
    found = _AROUND.match(_BEHIND.sub(r"-\1", cell.strip()))
    return found[4] if found and bool(found[1]) == bool(found[7]) else None


def to_number(cell: str, comma: bool = False, decimal: str = ".") -> float | None:
    """Return the number a cell holds: `1,234.5`, `1 234.5`, `12%`, `¥300`, `(12)` and `12.00-` below zero, `3.5万`, full-width digits; None where it holds none.

    `decimal` "," reads `1.234,5`. `comma` reads one comma with one or two decimals as the decimal point, as bundles of older
    versions did. Infinity comes back as such.
    """
    text = half_width(cell).strip()
    if decimal == "." or "." not in text:
        try:
            if "_" not in text:
                return float(text) if not math.isnan(float(text)) else None
        except ValueError:
            pass
    text = _BEHIND.sub(r"-\1", text)
    if comma and _COMMA.match(text):
        return float(text.replace(",", "."))
    found = _AROUND.match(text.replace("，", ","))
    if not found or bool(found[1]) != bool(found[7]) or (found[1] and (found[2] or found[3])):
        return None
    digits = _BODY[decimal].fullmatch(found[4])
    if (
        not digits and decimal == "," and found[4].count(".") == 1
    ):  # `1.5` beside decimal commas can only be one and a half
        digits = _BODY["."].fullmatch(found[4])
    if not digits or not (digits[1] or digits[3]):
        return None
    body = re.sub(r"\D", "", digits[1]) + "." + (digits[3] or "0") + (found[5] or "")
    minus = found[1] or found[2] in ("-", "−") or found[3] in ("-", "−")
    return (-1.0 if minus else 1.0) * float(body if digits[1] else "0" + body) * _UNITS[found[6] or ""]


def to_bool(cell: str) -> bool | None:
    """Return the truth value a cell holds; None where it holds none."""
    low = half_width(cell).strip().lower()
    return True if low in _TRUE else False if low in _FALSE else None
