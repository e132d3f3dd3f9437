"""Numbers as they are spoken: digits in a transcript written out, in English, Chinese, and what num2words knows.

`1,234.5` (`1.234,5` in languages with a decimal comma, `1 234,5` where spaces divide thousands), `50%`, `3rd`, `$5`, `5 €`, `$3.50`; a number that
begins with 0 or has more than 15 digits is read digit by digit, as phone numbers are.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from modelwright.core.errors import MissingExtra
from modelwright.features.shared import spoken_amounts

_SIGNS = "[$€£¥￥₩₽]"


def _pattern(group: str, point: str) -> re.Pattern[str]:
    """Return the pattern of a number whose thousands are divided by `group` and whose part follows `point`."""
    return re.compile(
        rf"(?P<below>(?<![\w.,])[-−–](?={_SIGNS}))?(?P<money>{_SIGNS})?\s?(?P<sign>(?<![\w.,])[-−–])?(?P<whole>(?<!\d )\d{{1,3}}(?:{group}\d{{3}})+(?!\d)|\d+)(?:{point}(?P<part>\d+))?"
        rf"(?:(?P<percent>\s?[%％])|(?P<order>st|nd|rd|th)\b|(?P<after>\s?{_SIGNS})(?!\s?\d)|(?P<scale>\s(?:thousand|million|billion|trillion))\b)?"
    )


_NUMBER, _BY_COMMA, _BY_SPACE = _pattern(",", r"\."), _pattern(r"\.", "[.,]"), _pattern("[. ]", "[.,]")
# languages in which spaces divide thousands
_SPACE = frozenset(("fr", "sv", "no", "nb", "nn", "fi", "pl", "cs", "sk", "ru", "uk", "be", "bg", "kk"))
_COMMA = _SPACE | {
    "az",
    "ca",
    "is",
    "de",
    "es",
    "it",
    "pt",
    "nl",
    "da",
    "tr",
    "hu",
    "ro",
    "el",
    "lt",
    "lv",
    "sl",
    "hr",
    "sr",
    "id",
    "vi",
}
_CHINESE = frozenset(("zh", "yue"))  # languages whose numbers are written with the same characters
_NAMES = {"nb": "no", "nn": "no", "kk": "kz"}  # as num2words calls languages
# a date by points: no decimals
_DATE = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})(?![\d.]?\d)")
_CHINESE_MONEY = {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "₩": "韩元", "₽": "卢布"}
_MOST = 15  # digits that are read as one number
_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
_YEAR = re.compile(r"\d{4}(?=\s?年)")
_HAN = re.compile("[\u3400-\u9fff]")


@cache
def speaks(language: str) -> bool:
    """Return whether numbers of a language can be written in words here: Chinese, and what num2words knows. Raises MissingExtra."""
    return bool(language) and (language in _CHINESE or _reader(language)(7) != "7")


def spoken(text: str, language: str) -> str:
    """Return a text with its numbers in words; as it is where no words for numbers of the language are known (`speaks`).

    Raises MissingExtra for languages that need num2words, where it is absent.
    """
    if language in _CHINESE:
        text = _YEAR.sub(lambda m: "".join(_DIGITS[int(d)] for d in m[0]), text)
        return _NUMBER.sub(lambda m: _chinese(m), text)
    if not speaks(language):
        return text
    return _pattern_of(language).sub(lambda m: f" {_other(m, language)} ", _apart(text, language))


def amounts(text: str, language: str) -> str:
    """Return a text with those of its numbers in words that are written with signs: decimals, thousands, percents, money.

    Whole numbers stay digits, for a program that reads them by itself and takes such signs for pauses. Raises MissingExtra.
    """
    if language in _CHINESE or not speaks(language):
        return text

    def said(m: re.Match[str]) -> str:
        signs = m["percent"] or _currency(m) or (m["part"] and "," in m[0]) or not m["whole"].isdecimal()
        return f" {_other(m, language)} " if signs else m[0]

    return _pattern_of(language).sub(said, _apart(text, language))


def _pattern_of(language: str) -> re.Pattern[str]:
    return _BY_SPACE if language in _SPACE else _BY_COMMA if language in _COMMA else _NUMBER


def _apart(text: str, language: str) -> str:
    """Return a text in which day, month and year of dates stand apart where points divide them and thousands as well."""
    return _DATE.sub(r"\1 . \2 . \3", text) if language in _COMMA else text


def _chinese(m: re.Match[str]) -> str:
    digits = m["whole"].replace(",", "")
    long = len(digits) > _MOST or (len(digits) > 1 and digits[0] == "0")
    said = "".join(_DIGITS[int(d)] for d in digits) if long else chinese_number(int(digits))
    if m["part"]:
        said += "点" + "".join(_DIGITS[int(d)] for d in m["part"])
    said = ("负" if m["sign"] or m["below"] else "") + said
    if m["percent"]:
        said = f"百分之{said}"
    return said + _CHINESE_MONEY.get(_currency(m), "") + (m["scale"] or "")


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


def _currency(m: re.Match[str]) -> str:
    """Return the sign of money before or after a number, "" where there is none."""
    return str(m["money"] or m["after"] or "").strip().replace("￥", "¥")


def _other(m: re.Match[str], language: str) -> str:
    digits, part = re.sub(r"\D", "", m["whole"]), m["part"] or ""
    how = _reader(language)
    one_by_one = len(digits) > _MOST or (len(digits) > 1 and digits[0] == "0")
    if one_by_one:
        said = " ".join(how(int(d)) for d in digits)
    elif m["order"] and not part:
        said = how(int(digits), to="ordinal")
    else:
        said = how(int(digits))
    said = _without_signs(said, language)
    money = spoken_amounts.MONEY.get(language, {}).get(_currency(m))
    value = 0 if one_by_one else int(digits)
    if money is not None and len(part) == 2 and language in spoken_amounts.HUNDREDTHS and not m["scale"]:
        joint, hundredths = spoken_amounts.HUNDREDTHS[language]
        said = spoken_amounts.beside(said, value, False, money, language)
        if int(part):
            small = _without_signs(how(int(part)), language)
            small = (
                small if hundredths is None else spoken_amounts.beside(small, int(part), False, hundredths, language)
            )
            said = small if hundredths is not None and value == 0 else f"{said} {joint} {small}"
    else:
        if part:
            said += f" {_point(how)} " + " ".join(how(int(d)) for d in part)
        word = spoken_amounts.PERCENT.get(language) if m["percent"] else money
        if m["scale"]:
            said += m["scale"]
        if word is not None:
            said = (
                f"{said} {word.many}" if m["scale"] else spoken_amounts.beside(said, value, bool(part), word, language)
            )
        else:  # a sign without a word stays, so that it can be told
            said = f"{said} {(m['percent'] or _currency(m)).strip()}".rstrip()
    return f"{_minus(how)} {said}".strip() if m["sign"] or m["below"] else said


def _without_signs(said: str, language: str) -> str:
    """Return a number's words without signs; without `and` in English, since whether it is said differs from speaker to speaker."""
    said = said.replace("-", " ").replace(",", "")
    if language == "es":  # num2words leaves `one` whole before a thousand: veintiuno mil
        said = re.sub(r"\bveintiuno(?= mil\b)", "veintiún", re.sub(r"\buno(?= mil\b)", "un", said))
    return said.replace(" and ", " ") if language == "en" else said


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
            return str(num2words(value, lang=_NAMES.get(language, language), to=to))
        except (NotImplementedError, ValueError):  # a language, or numbers below 0 in it, that it does not know
            return str(value)

    return say
