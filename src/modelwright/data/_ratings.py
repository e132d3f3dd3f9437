"""Numbers out of a fixed most, `3/5` or `7 out of 10`, angles, `40°26′46″N`, and years of two digits, `'98`: how a column of them is told and read."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.core.words import Words
from modelwright.data.values import number_text

SCALED = frozenset(("of", "angle", "short_year"))  # options of columns that are read here
_OF = re.compile(
    r"(?P<number>\d{1,4}(?:[.,]\d{1,4})?)\s*(?:(?P<bar>[/／])|out of|of)\s*(?P<most>\d{1,4})\s*(?:stars?|points?|pts|星|分)?",
    re.I,
)
_MOST, _STARS = (
    100,
    5,
)  # behind a bar: `3/2024` is a month, and `3/10` may be a day of October where no name says what it is
_RATED = re.compile(
    r"(?<![a-z])(?:rat(?:ed|ings?)|scores?|grades?|marks?|stars?|points?|satisfaction|nps|review|severity|pain|note)(?![a-z])|评分|得分|打分|分数|评级|星级|满意度|成绩",
    re.I,
)
_ANGLE = re.compile(
    r"(?P<sign>[-−]?)(?P<before>[NSEWO北南东西]?(?:纬|经)?)\s*(?P<degrees>\d{1,3}(?:\.\d{1,9})?)\s*[°º˚度]\s*"
    r"(?:(?P<minutes>\d{1,2}(?:\.\d{1,9})?)\s*['′’分]\s*)?(?:(?P<seconds>\d{1,2}(?:\.\d{1,6})?)\s*(?:[\"″”秒]|''|′′|’’)\s*)?(?P<behind>[NSEWO北南东西]?)",
    re.I,
)
_AGAINST = frozenset("SW南西")
_SHORT_YEAR = re.compile(r"['’‘](\d\d)")
_YEARS = re.compile(r"(?<![a-z])(?:years?|yr|vintage|born|season|class of)(?![a-z])|年|届", re.I)
_AHEAD = 10  # years that a year of two digits may lie ahead
_NEARLY_ALL = 0.95


def scaled(cells: Sequence[str], name: str = "") -> tuple[Mapping[str, Any], Words] | None:
    """Return the options by which a column's different cells are read, and what is said of it: `of` with the most, `angle`, or `short_year`
    with the latest year that two digits may be; None for other columns. The name says what `3/10` is out of, and whether `'98` is a year."""
    plain = " ".join(re.split(r"[\W_]+", unicodedata.normalize("NFKC", name))).strip()
    for options, first in (_rating(cells, plain), _angle(cells), _years(cells, plain)):
        if first is None:
            continue
        number = read_scaled(first, options)
        return options, Words(f"`{first}` is read as {number:.6g}", f"`{first}` 读作 {number:.6g}")
    return None


def read_scaled(cell: str, options: Mapping[str, Any]) -> float | None:
    """Return the number of a cell in a column with `of`, `angle` or `short_year`: what stands before the most; degrees with minutes and seconds
    as parts of them, those south and west below zero; a year of four digits. None where it holds none, or one out of another most."""
    text = number_text(cell)
    if options.get("angle"):
        return _degrees(cell, options["angle"] == "east")
    if "short_year" in options:
        short = _SHORT_YEAR.fullmatch(cell.strip())
        year = int(short[1]) + 2000 if short else int(text) if re.fullmatch(r"\d{4}", text) else None
        return None if year is None else float(year - 100 if short and year > options["short_year"] else year)
    of = _OF.fullmatch(text)
    if of is not None:
        number, most = _plain(of["number"]), float(of["most"])
        return number if most == options["of"] and number <= most else None
    try:
        number = _plain(text)
    except ValueError:
        return None
    return number if 0 <= number <= options["of"] else None


def expected_scaled(options: Mapping[str, Any]) -> Words | None:
    """Return which cells a column with `of`, `angle` or `short_year` holds; None for other columns."""
    if "of" in options:
        return Words(f"a number out of {options['of']}", f"满分为 {options['of']} 的数字")
    if "short_year" in options:
        return Words("a year such as `'98` or 1998", "年份，例如 `'98` 或 1998")
    return Words("degrees such as `40°26′46″N`", "度分秒，例如 `40°26′46″N`") if options.get("angle") else None


def _plain(text: str) -> float:
    return float(text.replace(",", "."))


def _degrees(cell: str, east: bool) -> float | None:
    """Return degrees; `east` says what O stands for: Ost, else Ouest and Oeste."""
    found = _ANGLE.fullmatch(" ".join(cell.split()))  # its marks stay as they are, which the usual width would change
    if found is None or (found["seconds"] and not found["minutes"]) or (found["before"] and found["behind"]):
        return None
    towards = (found["before"][:1] or found["behind"]).upper()
    if not found["minutes"] and not towards:  # plain degrees may be of heat
        return None
    minutes, seconds = float(found["minutes"] or 0), float(found["seconds"] or 0)
    size = float(found["degrees"]) + minutes / 60 + seconds / 3600
    if minutes >= 60 or seconds >= 60 or size > 360:
        return None
    against = towards in _AGAINST or (towards == "O" and not east)
    return -size if bool(found["sign"]) != against else size


def _rating(cells: Sequence[str], name: str) -> tuple[Mapping[str, Any], str | None]:
    found = [(c, f) for c in cells if (f := _OF.fullmatch(number_text(c)))]
    if len(found) < 2 or len(found) < _NEARLY_ALL * len(cells):
        return {}, None
    (most, *others), barred = {int(f["most"]) for _, f in found}, any(f["bar"] for _, f in found)
    fits = not others and most > 1 and all(_plain(f["number"]) <= most for _, f in found)
    if not fits or (barred and most != _STARS and not (_RATED.search(name) and most <= _MOST)):
        return {}, None
    return {"of": most}, found[0][0]


def _angle(cells: Sequence[str]) -> tuple[Mapping[str, Any], str | None]:
    found = [c for c in cells if _degrees(c, False) is not None]
    if not found or len(found) < _NEARLY_ALL * len(cells):
        return {}, None
    german = any("w" in c.lower() for c in found)  # beside West, O is Ost
    return {"angle": "east" if german else True}, found[0]


def _years(cells: Sequence[str], name: str) -> tuple[Mapping[str, Any], str | None]:
    found = [c for c in cells if _SHORT_YEAR.fullmatch(c.strip())]
    if len(found) < 2 or len(found) < _NEARLY_ALL * len(cells) or not _YEARS.search(name):
        return {}, None
    return {"short_year": dt.datetime.now(dt.UTC).year + _AHEAD}, found[0]
