"""Numbers as they are spoken: digits in a transcript written out, in English, Chinese, and what num2words knows.

`1,234.5` (`1.234,5` in languages with a decimal comma), `50%`, `3rd`, `$5`, `¥5`; a number that begins with 0 or has more than 15 digits is read digit by digit, as phone numbers are.
"""

from __future__ import annotations

import re
from typing import Any

from modelwright.core.errors import MissingExtra


def _pattern(group: str, point: str) -> re.Pattern[str]:
    """Return the pattern of a number whose thousands are divided by `group` and whose part follows `point`."""
    return re.compile(
        rf"(?P<money>[$€£¥￥])?\s?(?P<sign>(?<![\w.,])[-−–])?(?P<whole>\d{{1,3}}(?:{group}\d{{3}})+(?!\d)|\d+)(?:{point}(?P<part>\d+))?"
        r"(?:(?P<percent>\s?[%％])|(?P<order>st|nd|rd|th)\b)?"
    )


_NUMBER, _BY_COMMA = _pattern(",", r"\."), _pattern(r"\.", "[.,]")
# the word for a hundredth in languages in which the decimal sign is a comma, empty where it changes with the number
_COMMA = {
    "de": "Prozent", "fr": "pour cent", "es": "por ciento", "it": "per cento", "pt": "por cento", "nl": "procent", "sv": "procent",
    "da": "procent", "no": "prosent", "nb": "prosent", "fi": "prosenttia", "tr": "", "pl": "", "cs": "", "sk": "", "ru": "", "uk": "",
    "hu": "százalék", "ro": "", "bg": "", "el": "", "lt": "", "lv": "", "sl": "", "hr": "", "sr": "", "id": "persen", "vi": "phần trăm",
}  # fmt: skip
_MONEY = {
    "$": ("dollars", "美元"),
    "€": ("euros", "欧元"),
    "£": ("pounds", "英镑"),
    "¥": ("yuan", "元"),
    "￥": ("yuan", "元"),
}
_MOST = 15  # digits that are read as one number
_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
_YEAR = re.compile(r"\d{4}(?=\s?年)")
_HAN = re.compile("[\u3400-\u9fff]")


def spoken(text: str, language: str) -> str:
    """Return a text with its numbers in words. Raises MissingExtra for languages that need num2words, where it is absent."""
    if language == "zh":
        text = _YEAR.sub(lambda m: "".join(_DIGITS[int(d)] for d in m[0]), text)
        return _NUMBER.sub(lambda m: _chinese(m), text)
    pattern = _BY_COMMA if language in _COMMA else _NUMBER
    return pattern.sub(lambda m: f" {_other(m, language)} ", text)


def _chinese(m: re.Match[str]) -> str:
    digits = m["whole"].replace(",", "")
    long = len(digits) > _MOST or (len(digits) > 1 and digits[0] == "0")
    said = "".join(_DIGITS[int(d)] for d in digits) if long else chinese_number(int(digits))
    if m["part"]:
        said += "点" + "".join(_DIGITS[int(d)] for d in m["part"])
    said = ("负" if m["sign"] else "") + said
    if m["percent"]:
        said = f"百分之{said}"
    return said + (_MONEY[m["money"]][1] if m["money"] else "")


def chinese_number(value: int) -> str:
    """Return a whole number, 0 or more and below 10 to the 16, as it is read in Chinese: 一万零二十."""
    if value == 0:
        return _DIGITS[0]
    groups = []
    while value:
        value, rest = divmod(value, 10_000)
        groups.append(rest)
    out, gap = "", False
    for i in range(len(groups) - 1, -1, -1):
        if groups[i] == 0:
            gap = bool(out)
            continue
        if out and (gap or groups[i] < 1000):
            out += _DIGITS[0]
        out, gap = out + _group(groups[i]) + _GROUPS[i], False
    return out.removeprefix("一") if out.startswith("一十") else out


def _group(value: int) -> str:
    """Return 1 to 9999 in words."""
    out, gap = "", False
    for place in (3, 2, 1, 0):
        digit = value // 10**place % 10
        if digit == 0:
            gap = bool(out)
            continue
        out, gap = out + (_DIGITS[0] if gap else "") + _DIGITS[digit] + _UNITS[place], False
    return out


def _other(m: re.Match[str], language: str) -> str:
    digits = re.sub(r"\D", "", m["whole"])
    how = _reader(language)
    if len(digits) > _MOST or (len(digits) > 1 and digits[0] == "0"):
        said = " ".join(how(int(d)) for d in digits)
    elif m["order"] and not m["part"]:
        said = how(int(digits), to="ordinal")
    else:
        said = how(int(digits))
    if m["part"]:
        said += f" {_point(how)} " + " ".join(how(int(d)) for d in m["part"])
    said = said.replace("-", " ").replace(",", "")
    if m["sign"]:
        said = f"{_minus(how)} {said}".strip()
    if language == "en":
        said = said.replace(" and ", " ")  # whether it is said differs from speaker to speaker
        said = f"{said} percent" if m["percent"] else said
        said = f"{said} {_MONEY[m['money']][0]}" if m["money"] else said
    elif m["percent"]:
        said = f"{said} {_COMMA.get(language, '')}".strip()
    return said


def _minus(how: Any) -> str:
    """Return the word for a minus, empty where none is known: num2words has nineteen for -1 in Vietnamese and drops the minus of -0.5 in most languages."""
    below, above = how(-1), how(1)
    word = below.removesuffix(above).strip()
    return word if below != word and any(c.isalpha() for c in word) else ""


def _point(how: Any) -> str:
    """Return the word between whole and part of a number, empty where none stands there by itself."""
    said, one, five = how(1.5), how(1), how(5)
    if not (said.startswith(one) and said.endswith(five)):
        return ""
    word = said[len(one) : -len(five)].strip()
    return word.lower() if any(c.isalpha() for c in word) else ""


def _reader(language: str) -> Any:
    """Return what says a number in words."""
    try:
        from num2words import num2words
    except ImportError as e:
        raise MissingExtra("speech", "Numbers in transcripts", "转写文本中的数字") from e

    def say(value: float, to: str = "cardinal") -> str:
        try:
            return str(num2words(value, lang=language, to=to))
        except (NotImplementedError, ValueError):  # a language, or numbers below 0 in it, that it does not know
            return str(value)

    return say
