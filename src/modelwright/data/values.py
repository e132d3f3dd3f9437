"""Reading single cells: missing marks, numbers, truth values; English and Chinese spellings."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

MISSING = frozenset(
    ["", "na", "n/a", "nan", "null", "none", "nil", "#n/a", "<na>", "missing", "unknown?", "缺失", "空值"]
)
LONGEST_MISSING = max(map(len, MISSING))  # characters
ALWAYS_MISSING = frozenset(["", "n/a", "#n/a", "<na>"])  # in any column, whatever its other cells are
_MARKS = frozenset(
    ["?", "-", "--", "—", ".", "无", "空", "未知", "unknown", "n.a."]
)  # missing among numbers and dates only
_TRUE = frozenset("true yes y t correct right 是 有 对 真 正确 √ ✓ ✔ ☑".split())
_FALSE = frozenset("false no n f incorrect wrong 否 无 没有 错 假 错误 不正确 × ✗ ✘ ✖".split())
_CURRENCY = (
    r"(?:(?:US|HK|NT|[ACRS])\$|[$€£¥₩₽₹฿₫₺₪]|Rs\.?|USD|EUR|GBP|CNY|RMB|JPY|CHF|INR|HKD|TWD|KRW|AUD|CAD|SGD)(?![A-Za-z])"
)
_HAN_SCALES = {
    "千": 3, "万": 4, "萬": 4, "만": 4, "百万": 6, "百萬": 6, "千万": 7, "千萬": 7, "亿": 8, "億": 8, "억": 8,
}  # fmt: skip
_WORD_SCALES = {
    "thousand": 3, "tsd": 3, "lakh": 5, "lakhs": 5, "lac": 5, "lacs": 5, "million": 6, "millions": 6, "mn": 6, "mln": 6, "mio": 6,
    "crore": 7, "crores": 7, "cr": 7, "billion": 9, "billions": 9, "bn": 9, "mrd": 9, "trillion": 12, "trillions": 12,
}  # fmt: skip
_SCALES = {"": 0, "%": -2, "‰": -3, **_HAN_SCALES, **_WORD_SCALES, "k": 3, "m": 6, "b": 9, "t": 12}  # powers of ten


def _either(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_HAN_SCALE = rf"(?:{_either(_HAN_SCALES)})"
_WORD_SCALE = rf"(?:{_either(_WORD_SCALES)})(?![a-z])\.?"
_SIGNED = (
    rf"(?P<open>\()?\s*(?P<sign>[-+−]?)\s*(?P<money>{_CURRENCY}\s*)?(?P<inner>[-+−]?)"
    r"(?P<body>(?:\d[\d.,' ’]*)?\d|\d*[.,]\d+|\d+[.,])(?P<power>e[-+]?\d+)?"
)
_BEFORE_LETTER = r"(?<=[\d.,])"  # `300k` is a multiple, `300 K` a temperature


def _around(letters: str) -> re.Pattern[str]:
    """Return the pattern of a number with sign, currency and multiple; `letters` is that of multiples of one letter."""
    scale = rf"(?:\s*(?P<scale>%|‰|{_HAN_SCALE}|{_WORD_SCALE})|{_BEFORE_LETTER}(?P<letter>{letters}))?\s*[元圆円원]?"
    return re.compile(rf"{_SIGNED}{scale}\s*(?P<behind>{_CURRENCY})?\s*(?P<close>\))?$", re.IGNORECASE)


# k and M mean thousands and millions; m, b and t may be metres, bytes and tonnes, but not behind a sum of money
_AROUND, _LETTERED = _around(r"k|(?-i:M)|(?(money)[mbt])"), _around("[kmbt]")
_SUM = re.compile(rf"^([-+−]?)({_CURRENCY}\s*)?((?:\d+(?:\.\d+)?{_HAN_SCALE}){{1,3}}\d*)[元圆円원]?$", re.IGNORECASE)
_TERM = re.compile(rf"(\d+(?:\.\d+)?)({_HAN_SCALE})?")
# what stands behind a number: `kg`, `km/h`, `m²`, `sq ft`, `°C`, `元/斤`, `"`
_UNIT = r"""(?P<unit>["'″′°]|[°µμΩ]?[^\W\d_](?:[^\W\d_]|[./·*^²³°%-]|(?<=m)[23]|(?<=ft)[23]| (?=[^\W\d_]))*)"""
_WITH_UNIT = re.compile(rf"(?P<number>{_SIGNED}(?:\s*(?:{_HAN_SCALE}|{_WORD_SCALE}(?=\s)))?)\s*{_UNIT}", re.IGNORECASE)
_LONGEST_UNIT, _LONGEST_AMOUNT = 16, 40  # characters
_NEARLY = r"[~≈∼]|ca\.?(?=[\s\d])|approx\.?|approximately|about|around|roughly|circa|etwa|environ|大约|大概|约"
_ERROR = r"(?<=\d)\s*(?:±|\+/-)\s*\d+(?:[.,]\d+)?(?![\d.,])"  # `2.5 ± 0.6`
_BOUND = re.compile(
    rf"^(?:[<>]\s*=?|[≤≥]|{_NEARLY})\s*(?=[\d.(+−-]|{_CURRENCY})|(?<=[^\W_])\s*(?:\+|及?以[上下]|左右)$|{_ERROR}",
    re.IGNORECASE,
)
_APPROXIMATE = re.compile(rf"^(?:{_NEARLY})|左右$|{_ERROR}", re.IGNORECASE)
# digits, in groups of three (or as in India) under one separator, and decimals; the signs are put in below
_DIGITS = r"([1-9]\d{{0,2}}(?:(?P<by>[{other}' ’])\d{{3}})(?:(?P=by)\d{{3}})*|[1-9]\d?(?:{other}\d{{2}})+{other}\d{{3}}|\d*)(?:{sign}(\d*))?"
_BODY = {s: re.compile(_DIGITS.format(sign=re.escape(s), other=re.escape(o))) for s, o in ((".", ","), (",", "."))}
_BEHIND = re.compile(r"^((?:\d[\d.,' ’]*)?\d[.,]\d{2,}) ?[-−]$")  # a minus at the end, as SAP writes it; `2-` is a mark
_UNSEEN = dict.fromkeys(
    map(ord, "\ufeff\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u00ad")
)  # marks of order and of width none
_JOINERS = "\u200c\u200d"  # within a word they shape Persian and Indic letters and emoji
_RAISED = re.compile(r"(?<=\d)[⁰¹²³⁴-⁹⁺⁻₀-₉]+")
_PART = re.compile(r"(?:(?<=\d) )?[¼½¾⅐-⅞]")
_RESPELT = (
    (re.compile(rf"^({_CURRENCY})\s*\(\s*([\d.,' ]+)\)$", re.IGNORECASE), r"(\1\2)"),
    (re.compile(r"^['’](?=[-+−]?[\d.,]+$)"), ""),  # what makes a number a text in a sheet
    (re.compile(r"^([-+−]?)%\s?(?=\d)([\d.,]+)$"), r"\1\2%"),
    (re.compile(rf"(?<=\d)[.,](?:--?|[–—])(?=\s*(?:{_CURRENCY})?$)", re.IGNORECASE), ""),
    (re.compile(r"(?<=\d)\s*[×x·*]\s*10\s*\^\s*([-+−]?\d{1,3})$"), lambda found: "e" + found[1].replace("−", "-")),
    (re.compile(r"^10\^([-+−]?\d{1,3})$"), lambda found: "1e" + found[1].replace("−", "-")),
)
_COMMA = re.compile(r"^[-+]?\d+,\d{1,2}$|^[-+]?\d{4,},\d+$")
PLAIN = r"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"  # numbers that Arrow's cast reads as `to_number` does


def is_missing(cell: str | None) -> bool:
    """Whether a cell stands for no value in any column."""
    return cell is None or cell.strip().lower() in MISSING


def is_mark(cell: str) -> bool:
    """Whether a cell stands for no value in a column of numbers or dates, such as `?` or `无`."""
    return cell.strip().lower() in _MARKS


def half_width(cell: str) -> str:
    """Return full-width letters, digits and marks in their usual form (NFKC); raised digits stay apart from those before them: `3³` is no 33."""
    return cell if cell.isascii() else unicodedata.normalize("NFKC", _RAISED.sub(r"^\g<0>", cell))


def seen(cell: str) -> str:
    """Return a word as people see it: in its usual width, without marks of no width and blanks at its ends."""
    return half_width(without_unseen(cell)).strip()


def without_unseen(cell: str) -> str:
    """Return a word as it is written, without marks of no width and blanks at its ends."""
    if cell.isascii():
        return cell.strip()
    bare = cell.translate({mark: None for mark in _UNSEEN if chr(mark) not in _JOINERS})
    return bare.strip().strip(_JOINERS).strip()


def unseen_in(cell: str) -> str | None:
    """Return the first character of a cell that nobody sees; None where there is none."""
    return next((ch for ch in cell if ord(ch) in _UNSEEN), None)


def number_text(cell: str) -> str:
    """Return a cell that may hold a number in its usual form, without characters that nobody sees. What stands above or below digits stays
    apart from them (`10⁵` is no 105, `98¹` no 981), and `3½` is 3.5."""
    if not cell.isascii():
        cell = _PART.sub(_with_part, cell.translate(_UNSEEN))
    return half_width(cell).strip()


def _with_part(found: re.Match[str]) -> str:
    before = found.string[found.start() - 1 : found.start()]
    above, below = map(int, unicodedata.normalize("NFKC", found[0][-1]).split("⁄"))
    decimals = (
        f"{above * 10**20 // below:020d}"  # beyond what a float holds, and never three of them, which may be thousands
    )
    return f"{'' if before.isdigit() else '0'}.{decimals}"


def _respelt(text: str) -> str:
    """Return a number as most write it: `$(4.50)` as `($4.50)`, `%41` as `41%`, `EUR 16,-` as `EUR 16`, `1.2 x 10^5` as `1.2e5`."""
    for pattern, usual in _RESPELT if len(text) <= _LONGEST_AMOUNT else ():
        text = pattern.sub(usual, text)
    return text


def folded_label(label: str) -> str:
    """Return a label without what people write now one way, now another: case, width, blanks and marks at its ends."""
    return unicodedata.normalize("NFKC", label).casefold().strip(" .。,，;；:：'\"")


def bare_number(cell: str) -> str | None:
    """Return the digits of a cell with their separators, without signs, brackets, currency, multiple, unit and bound; None for no number."""
    text = _BEHIND.sub(r"-\1", _respelt(without_bound(number_text(cell))))
    found = _AROUND.match(text) or (_WITH_UNIT.fullmatch(text) if len(text) <= _LONGEST_AMOUNT else None)
    return found["body"] if found and bool(found["open"]) == bool(found.groupdict().get("close")) else None


def without_bound(cell: str) -> str:
    """Return a cell without what says that its number is a bound or near the value: `<0.5`, `≥ 3`, `65+`, `3万以上`, `~11`, `ca. 33`, `约 5`, `2.5 ± 0.6`."""
    return _BOUND.sub("", cell)


def is_approximate(cell: str) -> bool:
    """Return whether a cell says that its number is near the value."""
    return _APPROXIMATE.search(cell) is not None


def with_unit(cell: str) -> tuple[str, str] | None:
    """Split a cell into its number, with sign and multiple, and the unit behind it; None where it is no such cell."""
    text = number_text(cell).replace("，", ",")
    found = _WITH_UNIT.fullmatch(text) if len(text) <= _LONGEST_AMOUNT else None
    if not found or len(found["unit"]) > _LONGEST_UNIT or found["unit"] in _HAN_SCALES:
        return None
    return found["number"], found["unit"]


def currency_of(cell: str) -> str | None:
    """Return the sign or code of the currency that a number stands in; None without one."""
    found = _AROUND.match(_respelt(number_text(cell)))
    return (found["money"] or found["behind"] or "").strip().upper() or None if found else None


def letter_of(cell: str) -> str | None:
    """Return the letter k, m, b or t right behind a number, as it is written; None without one."""
    found = _LETTERED.match(_respelt(number_text(cell)))
    return found["letter"] if found else None


def to_number(cell: str, comma: bool = False, decimal: str = ".", letters: bool = False) -> float | None:
    """Return the number a cell holds: `1,234.5`, `1 234.5`, `12%`, `¥300`, `(12)` and `12.00-` below zero, `3.5万`, `1.2M`, `₹2 crore`; None where it holds none.

    Full-width digits are digits. `decimal` "," reads `1.234,5`. `comma` reads one comma with one or two decimals as the decimal
    point, as bundles of older versions did. `letters` reads m, b and t right behind a number as millions, billions and
    trillions. Infinity comes back as such.
    """
    text = number_text(cell)
    if decimal == "." or "." not in text:
        try:
            if "_" not in text:
                return float(text) if not math.isnan(float(text)) else None
        except ValueError:
            pass
    text = _BEHIND.sub(r"-\1", _respelt(text))
    if comma and _COMMA.match(text):
        return float(text.replace(",", "."))
    found = (_LETTERED if letters else _AROUND).match(text.replace("，", ","))
    if not found:
        return _sum(text)
    if bool(found["open"]) != bool(found["close"]) or (found["open"] and (found["sign"] or found["inner"])):
        return None
    digits = _BODY[decimal].fullmatch(found["body"])
    if (
        not digits and decimal == "," and found["body"].count(".") == 1
    ):  # `1.5` beside decimal commas can only be one and a half
        digits = _BODY["."].fullmatch(found["body"])
    if not digits or not (digits[1] or digits[3]):
        return None
    minus = found["open"] or found["sign"] in ("-", "−") or found["inner"] in ("-", "−")
    power = int((found["power"] or "e0")[1:]) + _SCALES[(found["scale"] or found["letter"] or "").lower().rstrip(".")]
    whole = re.sub(r"\D", "", digits[1]) or "0"
    return float(f"{'-' if minus else ''}{whole}.{digits[3] or '0'}e{power}")  # no product, which would round once more


def _sum(text: str) -> float | None:
    """Return a number whose parts stand under several multiples, the larger ones first: `1亿2000万`, `3万5千`, `1万2000`."""
    found = _SUM.match(text)
    if not found:
        return None
    terms = [(float(f"{number}e{_SCALES[scale]}"), _SCALES[scale]) for number, scale in _TERM.findall(found[3])]
    for (_, above), (value, power) in pairwise(terms):
        # the digit behind 万 in `3万5` is short for thousands, which only speech tells
        if value >= 10**above or (power == 0 and 10 * value < 10**above):
            return None
    return (-1.0 if found[1] in ("-", "−") else 1.0) * sum(value for value, _ in terms)


def to_truth(cell: str) -> bool | None:
    """Return the truth value of a cell in a column of truth values, in which 1 and 0 stand for true and false too; None for none."""
    found = to_bool(cell)
    return cell.strip()[0] == "1" if found is None and cell.strip() in ("0", "1", "0.0", "1.0") else found


def to_bool(cell: str) -> bool | None:
    """Return the truth value a cell holds; None where it holds none."""
    low = half_width(cell).strip().lower()
    return True if low in _TRUE else False if low in _FALSE else None
