"""English as it is read out: abbreviations, dates, times, money, units, numbers and signs become words."""

from __future__ import annotations

import re
from collections.abc import Callable

from modelwright.features.shared.aloud.numbers import cardinal, decimal, digits, ordinal, year

_MONTHS = "January February March April May June July August September October November December".split()
_SHORT = {m[:3].lower(): m for m in _MONTHS} | {"sept": "September"} | {m.lower(): m for m in _MONTHS}
_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missis", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint", "jr": "junior", "sr": "senior",
    "vs": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is", "approx": "approximately", "dept": "department",
    "inc": "incorporated", "ltd": "limited", "co": "company", "no": "number", "fig": "figure", "vol": "volume", "ave": "avenue",
    "blvd": "boulevard", "rd": "road", "mt": "mount", "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant",
    "ph.d": "P H D", "rev": "reverend", "hon": "honorable", "sgt": "sergeant", "a.m": "A M", "p.m": "P M",
}  # fmt: skip
_NEEDS_POINT = frozenset("no st co fig vol ave rd mt gen col capt lt rev hon sgt inc ms".split())
_UNITS = {
    "km/h": "kilometers per hour", "mph": "miles per hour", "m/s": "meters per second", "km": "kilometers", "cm": "centimeters",
    "mm": "millimeters", "m": "meters", "kg": "kilograms", "mg": "milligrams", "g": "grams", "lb": "pounds", "lbs": "pounds", "oz": "ounces",
    "ml": "milliliters", "l": "liters", "ft": "feet", "in": "inches", "mi": "miles", "kb": "kilobytes", "mb": "megabytes", "gb": "gigabytes",
    "tb": "terabytes", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "kw": "kilowatts", "kwh": "kilowatt hours",
    "w": "watts", "v": "volts", "ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours", "°c": "degrees Celsius",
    "°f": "degrees Fahrenheit", "°": "degrees", "℃": "degrees Celsius", "℉": "degrees Fahrenheit", "m²": "square meters", "km²": "square kilometers",
    "m2": "square meters", "m³": "cubic meters", "db": "decibels", "ha": "hectares",
}  # fmt: skip
_MONEY = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yuan", "fen"), "￥": ("yuan", "fen"),
    "₹": ("rupee", "paisa"), "₩": ("won", ""), "us$": ("dollar", "cent"), "usd": ("dollar", "cent"), "eur": ("euro", "cent"),
    "gbp": ("pound", "penny"), "cny": ("yuan", "fen"), "rmb": ("yuan", "fen"),
}  # fmt: skip
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion", "million": "million", "billion": "billion", "thousand": "thousand", "trillion": "trillion"}  # fmt: skip
_NUM = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_ONE = re.compile(r"\A1(?:\.0+)?\Z")
_NO_UNITS = frozenset("GMST")  # a letter: 5G, 5M
_GOES_ON = re.compile(
    r"\s+(?!(?:long|wide|tall|high|deep|thick|by|x|of|and|or|in)\b)[a-z]"
)  # after the word in: 10 in the morning
_FRACTIONS = {"½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third", "⅔": "two thirds"}


def _money(m: re.Match[str]) -> str:
    sign, number, scale = m["sign"].lower(), m["number"], (m["scale"] or "").lower()
    big, small = _MONEY[sign]
    if scale:
        return f"{decimal(number)} {_SCALES[scale]} {_many(big)}"
    whole, _, part = number.replace(",", "").partition(".")
    said = f"{decimal(whole)} {big if whole == '1' else _many(big)}"
    cents = int((part + "00")[:2]) if part else 0
    if len(part) > 2 or (part and not small):
        return f"{decimal(number)} {_many(big)}"
    if not cents:
        return said
    name = small if cents == 1 else {"penny": "pence"}.get(small, _many(small))
    return f"{said} and {cardinal(cents)} {name}" if int(whole) else f"{cardinal(cents)} {name}"


def _many(name: str) -> str:
    return name if name in ("yuan", "fen", "won") else f"{name}s"


def _unit(m: re.Match[str]) -> str:
    if m["unit"] in _NO_UNITS or (m["unit"] == "in" and m["apart"] and _GOES_ON.match(m.string[m.end() :])):
        return f"{decimal((m['minus'] or '') + m['number'])}{m['apart']}{m['unit']}"
    name = _UNITS.get(m["unit"].lower(), "")
    if _ONE.match(m["number"]):
        first, _, rest = name.partition(" ")
        one = {"feet": "foot", "inches": "inch", "hertz": "hertz"}.get(first, first.removesuffix("s"))
        name = f"square {rest.removesuffix('s')}" if first == "square" else f"{one} {rest}".strip()
    return f"{decimal((m['minus'] or '') + m['number'])} {name}"


def _fraction(m: re.Match[str]) -> str:
    above, below = int(m[1]), int(m[2])
    name = {2: "half", 4: "quarter"}.get(below) or ordinal(below)
    if not 0 < above < below:
        return f"{cardinal(above)} over {cardinal(below)}"
    return f"{cardinal(above)} {name if above == 1 else 'halves' if below == 2 else name + 's'}"


def _decade(m: re.Match[str]) -> str:
    return f"{m[1] or ''}{cardinal(int(m[2])).removesuffix('y')}ies"


def _date(day: int, month: int, of: int | None) -> str:
    said = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return said if of is None else f"{said}, {year(of)}"


def _iso(m: re.Match[str]) -> str:
    month, day = int(m[2]), int(m[3])
    return _date(day, month, int(m[1])) if 1 <= month <= 12 and 1 <= day <= 31 else digits(m[0])


def _slashed(m: re.Match[str]) -> str:
    month, day = int(m[1]), int(m[2])
    if month > 12 >= day:
        month, day = day, month
    return _date(day, month, int(m[3])) if 1 <= month <= 12 and 1 <= day <= 31 else digits(m[0])


def _named_month(m: re.Match[str]) -> str:
    found = m.groupdict()
    return _date(int(found["day"]), _MONTHS.index(_SHORT[found["month"].lower().rstrip(".")]) + 1, int(found["year"]) if found["year"] else None)  # fmt: skip


def _time(m: re.Match[str]) -> str:
    hour, minute = int(m[1]), int(m[2])
    if hour > 24 or minute > 59:
        return digits(m[0])
    half = f" {m[4][0].upper()} M" if m[4] else ""
    said = (
        cardinal(hour) + ("" if half else " o'clock")
        if not minute
        else f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    )
    return said + half + (f" and {cardinal(int(m[3]))} seconds" if m[3] else "")


def _address(m: re.Match[str]) -> str:
    said = re.sub(r"https?://", "", m[0]).rstrip("/.")
    names = {".": " dot ", "/": " slash ", "@": " at ", "-": " dash ", "_": " underscore ", ":": " colon ", "?": " question mark ", "=": " equals "}  # fmt: skip
    return "".join(names.get(c, c) for c in said)


def _phone(m: re.Match[str]) -> str:
    return ", ".join(digits(part) for part in re.split(r"[\s()\-.]+", m[0].lstrip("+")) if part)


def _letters(m: re.Match[str]) -> str:
    return " ".join(m[0].replace(".", ""))


_MONTH_NAMES = "|".join(sorted((*_SHORT,), key=len, reverse=True))
_STEPS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"https?://[^\s,;]+|www\.[^\s,;]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.I), _address),
    (re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b"), _iso),
    (re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b"), _slashed),
    (re.compile(rf"\b(?P<month>{_MONTH_NAMES})\.?\s+(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?\b(?!\s*[:.]\d)", re.I), _named_month),
    (re.compile(rf"\b(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH_NAMES})\b\.?(?:,?\s+(?P<year>\d{{4}}))?", re.I), _named_month),
    (re.compile(r"(?<=:\d\d)\s?[–—-]\s?(?=\d{1,2}:\d\d)|(?<=\d)\s?[–—-]\s?(?=[$€£¥]\s?\d)"), lambda m: " to "),
    (re.compile(r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([ap])\.?m\b\.?)?", re.I), _time),
    (re.compile(r"\b(\d{1,2})\s*([ap])\.?m\b\.?", re.I), lambda m: f"{cardinal(int(m[1]))} {m[2].upper()} M"),
    (re.compile(rf"(?P<sign>us\$|[$€£¥￥₹₩]|\b(?:usd|eur|gbp|cny|rmb)\b)\s?(?P<number>{_NUM})(?:\s?(?P<scale>k|m|bn|b|million|billion|thousand|trillion)\b)?", re.I), _money),
    (re.compile(rf"(?P<number>{_NUM})\s?(?P<scale>million|billion|thousand|trillion)?\s?(?P<sign>usd|eur|gbp|cny|rmb|€)(?!\w)", re.I), _money),
    (re.compile(r"(?<![\w.])\+?(?:\d{1,3}[\s-])?(?:\(\d{2,4}\)\s?|\d{3}[-. ])\d{3,4}[-. ]\d{3,4}\b|(?<![\w.-])\d{3}-\d{4}(?![\w-])"), _phone),
    (re.compile(r"\b\d+(?:\.\d+){2,}\b"), lambda m: " point ".join(map(decimal, m[0].split(".")))),
    (re.compile(r"\b(\d)['’′]\s?(\d{1,2})(?:[\"”″]|'')"), lambda m: f"{cardinal(int(m[1]))} feet {cardinal(int(m[2]))}"),
    (re.compile(r"(\b(?:the|early|mid|late)[\s-]+)?(?:(?<!\w)['’])?(?<!\d)([2-9]0)s\b", re.I), lambda m: _decade(m) if m[1] or m[0][0] in "'’" else m[0]),
    (re.compile(r"#(?=\d)"), lambda m: "number "),
    (re.compile(r"\b(1[1-9]|20)(\d0)s\b"), lambda m: year(int(m[1] + m[2])).removesuffix("y") + "ies" if m[2] != "00" else f"{cardinal(int(m[1]))} hundreds"),
    (re.compile(r"(?<=\d)\s?[–—-]\s?(?=\d)"), lambda m: " to "),
    (re.compile(rf"(?P<minus>(?<![\w.])[-−])?(?P<number>{_NUM})(?P<apart>\s?)(?P<unit>{'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![\w²³/])", re.I), _unit),
    (re.compile(rf"({_NUM})\s?[%％]"), lambda m: f"{decimal(m[1])} percent"),
    (re.compile(r"\b(\d{1,12})(?:st|nd|rd|th)\b", re.I), lambda m: ordinal(int(m[1]))),
    (re.compile(r"\b24/7\b"), lambda m: "twenty four seven"),
    (re.compile(r"\b(\d)/(\d{1,2})\b"), _fraction),
    (re.compile(r"\b(?:in|since|by|of|until|from|before|after|year|and|to)\s+(1\d\d\d|20\d\d)\b(?![,.]\d)", re.I), lambda m: m[0][: -len(m[1])] + year(int(m[1]))),
    (re.compile(rf"(?:(?<![\w.])[-−+])?{_NUM}"), lambda m: f" {decimal(m[0])} "),
    (re.compile(r"\b(?:[A-Z]\.){2,}"), _letters),
    (re.compile(r"\b(?=[BCDFGHJKLMNPQRSTVWXZ]{2,5}\b)[A-Z]+\b"), _letters),
)  # fmt: skip
_ABBREVIATION = re.compile(
    r"\b(" + "|".join(map(re.escape, sorted(_ABBREVIATIONS, key=len, reverse=True))) + r")\b(\.?)", re.I
)
SAID = {
    "&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "#": " hash ", "*": " times ", "×": " times ", "÷": " divided by ",
    "<": " less than ", ">": " greater than ", "≤": " at most ", "≥": " at least ", "≈": " about ", "±": " plus or minus ", "°": " degrees ",
    "%": " percent ", "$": " dollars ", "€": " euros ", "£": " pounds ", "§": " section ", "©": " copyright ", "®": " registered ",
    "™": " trademark ", "/": " slash ", "\\": " backslash ", "^": " to the power of ", "~": " about ", "→": " to ", "µ": " micro ", "π": " pi ",
    "№": " number ", "|": " bar ", "_": " ",
}  # fmt: skip


SIGNS = frozenset("¥￥₹₩℃℉²³½¼¾⅓⅔−·")  # that are said as part of a number


def addresses(text: str) -> str:
    """Return a text with addresses of the web and of mail said out."""
    return _STEPS[0][0].sub(_address, text)


def read_out(text: str) -> str:
    """Return English as words and marks of pause: `Dr. Li paid $3.50` gives `doctor Li paid three dollars and fifty cents`."""
    for sign, words in _FRACTIONS.items():
        text = re.sub(rf"(?<=\d)\s?{sign}", f" and {words}", text).replace(sign, words)
    text = _ABBREVIATION.sub(_abbreviation, text)
    for pattern, way in _STEPS:
        text = pattern.sub(way, text)
    text = "".join(SAID.get(c, c) for c in text)
    return " ".join(text.split())


def _abbreviation(m: re.Match[str]) -> str:
    name = m[1].lower()
    short = "." in name or m[2]
    if name in _NEEDS_POINT and (not m[2] or (name == "no" and not re.match(r"\.\s*\d", m.string[m.end(1) :]))):
        return m[0]
    if (
        name == "st"
        and re.search(r"[A-Z][\w'’]*\s$", m.string[: m.start()])
        and not re.match(r"\s+[A-Z]", m.string[m.end() :])
    ):
        return "street"
    return _ABBREVIATIONS[name] if short or name in ("mr", "mrs", "dr", "vs", "prof") else m[0]
