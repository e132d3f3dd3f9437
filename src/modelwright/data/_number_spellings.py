"""Codes and versions written in digits: `07131`, and `1.1` beside `1.10`, which are no numbers though they look like them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words
from modelwright.data._distinct import first_distinct
from modelwright.data._units import unit_in_name
from modelwright.data.dates import names_time

_VERSION = re.compile(r"([0-9]{1,3})\.(0|[1-9][0-9]?)")  # `1.05` is a decimal: the fifth version would be `1.5`
_WHOLE = re.compile(r"[0-9]{1,12}")
_NAMED = re.compile(r"version|(?:^|[_\s])ver(?:$|[_\s])|release|section|chapter|clause|版本|章节|条款", re.IGNORECASE)
_CODE = re.compile(r"[0-9]{1,30}")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9])?")
_CLOCKS = 10  # different times with seconds, which fewer codes of six digits may look like
_CODE_NAMED = re.compile(
    r"zip|postal|post_?code|postleitzahl|postnummer|pin_?code|(?:^|[_\s])(?:plz|cep|area|dial(?:l?ing)?|branch|sku|barcode)(?:$|[_\s])|(?:^|[_\s])code$|Code$"
    r"|邮编|邮政编码|区号|编码|代码|学号|工号|条码",
    re.IGNORECASE,
)
_LEAST = 3  # digits: `01` to `12` may be months, hours or levels
_ROUNDED = r"^[0-9](?:[.,][0-9]{1,5})?E\+(?:1[1-9]|2[0-9])$"  # Excel writes so from twelve digits on, by the width of the column
_SAME_SIZE = 2  # powers of ten between numbers of one make, as ids and barcodes are; measures spread further
_FIRST = 5000  # rows looked at
_NEARLY_ALL = 0.95
_SURE = 5  # digits that need no name
_MOST, _RECURRING = 100, 0.2  # different codes of fewer digits, at most, and by row
_LONG = 9  # digits of telephone numbers and barcodes
_SIZES, _CLOSE = 3, 3  # numbers of digits of measurements; numbers by id that was given out
_LAST = 30  # minor numbers of versions go on from 9, decimals spread over two digits
_DENSE = 0.3  # share of the minor numbers up to the last that occur


def versions(name: str, cells: Sequence[str]) -> Words | None:
    """Return what is said of different cells that are versions and not decimals; None where they are anything else.

    Two of them would be one number (`1.1` and `1.10`), no cell can only be a decimal, and the column's name or further ones (`1.11`) tell.
    """
    pair = _two_versions(cells)
    if pair is None:
        return None
    major = pair[0].partition(".")[0]
    minors = {int(c.partition(".")[2]) for c in map(str.strip, cells) if c.startswith(f"{major}.")}
    further = any(m > 10 and m % 10 for m in minors) and len(minors) >= _DENSE * max(minors)
    return _apart(name, pair) if further or _NAMED.search(name) else None


def codes(name: str, cells: Sequence[str], total: int) -> tuple[dict[str, Any], Words] | None:
    """Return the options of a column of whole numbers that are codes, and what is said of them; None where they are numbers.

    Codes begin with zeros (`07131`): few fill numbers up to one width, or write zeros before all of them. They recur among the `total` rows,
    where measurements filled up to one width spread; nor are times codes, and what has its unit in the column's name.
    Where each has as many digits as those with zeros, or more, a shorter one has lost its zeros, as spreadsheets drop them, and gets them back.
    """
    bare = [c.strip() for c in cells]
    zeros = [c for c in bare if len(c) > 1 and c[0] == "0"]
    if not zeros or not all(map(_CODE.fullmatch, bare)):
        return None
    widths = {len(c) for c in zeros}
    width = min(widths)
    full = len(widths) == 1 and all(len(c) >= width for c in bare)
    if not _CODE_NAMED.search(name):
        before_all = all(c[0] == "0" for c in bare)
        if width < _LEAST or not (full or before_all) or _measured(name, bare, width, total):
            return None
    shown, short = max(zeros, key=len), str(int(max(zeros, key=len)))
    again, again_zh = (f"; `{short}` is read as `{shown}`", f"；`{short}` 读作 `{shown}`") if full else ("", "")
    said = Words(
        f"`{shown}` begins with a zero, so all cells are codes and no numbers{again}; --column {name}=number reads numbers",
        f"`{shown}` 以零开头，因此所有单元格按编码而非数字处理{again_zh}；--column {name}=number 则读作数字",
    )
    return {"digits": width} if full else {}, said


def _measured(name: str, cells: Sequence[str], width: int, total: int) -> bool:
    """Whether whole numbers that begin with zeros are times, or measurements filled up to one `width`: these spread, from five digits on over
    several sizes (`000120` beside `081200`), where postcodes are of one size and ids lie close together."""
    if unit_in_name(name) is not None or names_time(name):
        return True
    clocks = [_CLOCK.fullmatch(c) for c in cells]
    if all(clocks) and (len(cells) >= _CLOCKS or not any(c and c[1] for c in clocks)):
        return True
    if len(cells) <= min(_MOST, _RECURRING * total):
        return False
    if width < _SURE:
        return True
    numbers = [int(c) for c in cells]
    sizes = {len(str(n)) for n in numbers if n}
    return width < _LONG and len(sizes) >= _SIZES and max(numbers) - min(numbers) > _CLOSE * len(cells)


def rounded(values: pa.ChunkedArray) -> Words | None:
    """Return what is said of a column of long whole numbers some of which a spreadsheet has rounded (`1.23E+17`); None for any other."""
    if not pa.types.is_string(values.type):
        return None
    cells = first_distinct(values.slice(0, _FIRST), _FIRST)
    powers = cells.filter(pc.match_substring_regex(cells, _ROUNDED))
    whole = pc.sum(pc.match_substring_regex(cells, r"^[0-9]{9,}$")).as_py() or 0
    if not len(powers) or len(powers) + whole < _NEARLY_ALL * len(cells):
        return None
    sizes = [int(c.partition("E+")[2]) for c in powers.to_pylist()]
    if max(sizes) - min(sizes) > _SAME_SIZE:
        return None
    shown = powers[0].as_py()
    return Words(
        f"`{shown}` may be a long number that a spreadsheet has rounded, so that different ones are now alike: if so, export the column as text",
        f"`{shown}` 可能是被电子表格舍入的长数字，不同编号因此变得相同：若是如此，请将该列按文本重新导出",
    )


def _apart(name: str, pair: tuple[str, str]) -> Words:
    return Words(
        f"`{pair[0]}` and `{pair[1]}` stay two words, as versions have them; --column {name}=number reads one number",
        f"`{pair[0]}` 与 `{pair[1]}` 按版本号视为两个不同的取值；--column {name}=number 则读作同一数字",
    )


def one_number(name: str, cells: Sequence[str]) -> Words | None:
    """Return what is said of different cells that are one number though they may be two versions or two codes; None without such."""
    whole = [t for c in cells if _WHOLE.fullmatch(t := c.strip())]
    pair = _equal(whole) if any(t[0] == "0" and len(t) > 1 for t in whole) else None
    pair = pair or _two_versions(cells)
    if pair is None:
        return None
    return Words(
        f"`{pair[0]}` and `{pair[1]}` are read as one number; --column {name}=category tells them apart",
        f"`{pair[0]}` 与 `{pair[1]}` 读作同一数字；--column {name}=category 则区分二者",
    )


def _two_versions(cells: Sequence[str]) -> tuple[str, str] | None:
    """Return two cells that are one number, of a column of which each may be a version."""
    found = [_VERSION.fullmatch(c.strip()) for c in cells]
    if not all(f or _WHOLE.fullmatch(c.strip()) for f, c in zip(found, cells, strict=True)):
        return None
    parts = [f for f in found if f]
    pair = _equal([f.group() for f in parts])
    return pair if pair and pair[0][0] != "0" and all(int(f[2]) <= _LAST for f in parts) else None


def _equal(texts: Sequence[str]) -> tuple[str, str] | None:
    """Return the first two texts that are one number, the longer one first."""
    seen: dict[float, str] = {}
    for text in texts:
        other = seen.setdefault(float(text), text)
        if other != text:
            first, second = sorted((other, text), key=len, reverse=True)
            return first, second
    return None
