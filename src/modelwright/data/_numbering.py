"""The numbers that Word writes before paragraphs and does not keep in their text: `3.2`, `(b)`, `第四条` (ECMA-376, 17.9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


@dataclass
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""
    legal: bool = False  # all numbers in Arabic digits
    style: str = ""  # of the paragraphs that stand for this level


@dataclass
class _List:
    """A definition that several lists may share, with the number that each of its levels has reached."""

    levels: dict[int, _Level]
    reached: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts the numbered paragraphs of one document, in their order."""

    def __init__(self, root: Any, styles: Any) -> None:
        """`root` is the numbering part's element, None where there is none; `styles` that of the styles."""
        self._lists: dict[str, tuple[_List, dict[int, int]]] = {}  # by number: the definition, levels begun anew
        self._styles: dict[str, tuple[str | None, int | None, str]] = {}  # list, level, and the style it derives from
        if root is None:
            return
        shared = {str(a.get(f"{_W}abstractNumId")): _List(_levels(a)) for a in root.findall(f"{_W}abstractNum")}
        for num in root.findall(f"{_W}num"):
            found = shared.get(_value(num, "abstractNumId") or "")
            if found is None:
                continue
            anew: dict[int, int] = {}
            for change in num.findall(f"{_W}lvlOverride"):
                level = int(change.get(f"{_W}ilvl", 0))
                start = _value(change, "startOverride")
                if start is not None:
                    anew[level] = int(start)
                if change.find(f"{_W}lvl") is not None:
                    found = _List({**found.levels, **_levels(change)})
            self._lists[str(num.get(f"{_W}numId"))] = (found, anew)
        for style in styles.findall(f"{_W}style"):
            part = style.find(f"{_W}pPr/{_W}numPr")
            self._styles[style.get(f"{_W}styleId", "")] = (
                _value(part, "numId"), _number_in(_value(part, "ilvl")), _value(style, "basedOn") or "",
            )  # fmt: skip

    def before(self, paragraph: Any) -> str:
        """Count a paragraph that has text, and return what stands before it; empty for bullets and plain ones."""
        number, level = self._place(paragraph)
        if number is None or number not in self._lists or not 0 <= level < _LEVELS:
            return ""
        held, anew = self._lists[number]
        own = held.levels.get(level)
        if own is None:
            return ""
        if level in anew:
            held.reached[level] = anew.pop(level)
        else:
            held.reached[level] = held.reached.get(level, own.start - 1) + 1
        for deeper in [k for k in held.reached if k > level]:
            del held.reached[deeper]
        if own.form in ("bullet", "none"):
            return "" if own.form == "bullet" else own.text

        def said(mark: re.Match[str]) -> str:
            at = int(mark[1]) - 1
            told = held.levels.get(at, _Level())
            form = "decimal" if own.legal else told.form
            return shown(held.reached.get(at, told.start), form)

        return re.sub(r"%([1-9])", said, own.text).strip()

    def _place(self, paragraph: Any) -> tuple[str | None, int]:
        """Return the list of a paragraph, by itself or by its style, and the level in it."""
        part = paragraph.find(f"{_W}pPr/{_W}numPr")
        number, level = _value(part, "numId"), _number_in(_value(part, "ilvl"))
        at, seen = _value(paragraph.find(f"{_W}pPr"), "pStyle") or "", set()
        first = at
        while number is None and at in self._styles and at not in seen:
            seen.add(at)
            number, inherited, parent = self._styles[at]
            level = inherited if level is None else level
            at = parent
        if number is not None and level is None and first and number in self._lists:
            level = next((k for k, v in self._lists[number][0].levels.items() if v.style == first), None)
        return (None if number == "0" else number), level or 0


def _levels(parent: Any) -> dict[int, _Level]:
    out: dict[int, _Level] = {}
    for level in parent.findall(f"{_W}lvl"):
        at = _number_in(level.get(f"{_W}ilvl"))
        if at is not None:
            out[at] = _Level(
                start=_number_in(_value(level, "start")) or (0 if _value(level, "start") == "0" else 1),
                form=_value(level, "numFmt") or "decimal",
                text=_value(level, "lvlText") or "",
                legal=level.find(f"{_W}isLgl") is not None,
                style=_value(level, "pStyle") or "",
            )
    return out


def _value(parent: Any, name: str) -> str | None:
    found = parent.find(f"{_W}{name}") if parent is not None else None
    return found.get(f"{_W}val") if found is not None else None


def _number_in(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 7 else None


def shown(number: int, form: str) -> str:
    """Return a number as a list of Word writes it; in Arabic digits for forms that are not known."""
    known: dict[str, Callable[[int], str]] = {
        "lowerLetter": _letters, "upperLetter": lambda n: _letters(n).upper(), "lowerRoman": _roman,
        "upperRoman": lambda n: _roman(n).upper(), "decimalZero": lambda n: f"{n:02d}",
        "chineseCounting": chinese, "chineseCountingThousand": chinese, "taiwaneseCounting": chinese,
        "taiwaneseCountingThousand": chinese, "japaneseCounting": chinese, "ideographDigital": _digits,
        "decimalEnclosedCircle": _circled, "decimalEnclosedCircleChinese": _circled,
        "decimalFullWidth": lambda n: str(n).translate({48 + i: 0xFF10 + i for i in range(10)}),
    }  # fmt: skip
    return known.get(form, str)(number) if number > 0 else str(number)


def _letters(number: int) -> str:
    return chr(97 + (number - 1) % 26) * min(30, 1 + (number - 1) // 26)


def _roman(number: int) -> str:
    if number >= 4000:
        return str(number)
    out = ""
    for value, mark in _ROMAN:
        out += mark * (number // value)
        number %= value
    return out


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if number <= 20 else str(number)


def _digits(number: int) -> str:
    return "".join("〇" if d == "0" else _DIGITS[int(d)] for d in str(number))


def chinese(number: int) -> str:
    """Return a whole number below 10,000 in Chinese words: 10 is 十, 21 is 二十一, 105 is 一百零五."""
    if not 0 < number < 10_000:
        return str(number)
    out, digits = "", [int(d) for d in str(number)]
    for i, digit in enumerate(digits):
        place = len(digits) - 1 - i
        if digit:
            out += _DIGITS[digit] + _UNITS[place]
        elif out and not out.endswith("零") and any(digits[i:]):
            out += "零"
    return out.removeprefix("一") if out.startswith("一十") else out
