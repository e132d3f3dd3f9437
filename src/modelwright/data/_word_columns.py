"""What a column of words is: categories, running text, identifiers, or names some of which are numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words
from modelwright.data.values import half_width, is_missing, seen, unseen_in

LOOK = 4000  # distinct cells looked at to tell a column's modality
_FEWEST = 3  # different words beside numbers that are names; one or two may be marks of what is missing
_RECURS = 1.5  # rows by different word: what stands for no value recurs, titles hardly do
_NAME = re.compile(r"(?=.*\d)(?=.*[^\W\d_])\S+")  # `A380`, `12B`
_SIZE = re.compile(r"(?:\d?X{0,4}[SL]|M|XS/S|S/M|M/L|L/XL)", re.IGNORECASE)


def names_beside_numbers(name: str, values: pa.ChunkedArray, words: Sequence[str]) -> Words | None:
    """Return what is said of a column of numbers with these different words among them, where they are names as the numbers are: `A380`
    beside `737`, `XL` beside `42`, `Up` beside `300`; None where they may stand for no value."""
    alike = [w for w in words if _NAME.fullmatch(w.strip()) or _SIZE.fullmatch(w.strip())]
    if len(words) < _FEWEST:
        return None
    texts = [w for w in words if not any(c.isdigit() for c in w)]
    rows = pc.sum(pc.is_in(values, pa.array(texts, values.type))).as_py()
    if 2 * len(alike) < len(words) and (2 * len(texts) < len(words) or rows > _RECURS * len(texts)):
        return None
    shown = [f"`{w}`" for w in (alike or words)[:_FEWEST]]
    return Words(
        f"{', '.join(shown)} among numbers are names as they are, so all cells stay words; --column {name}=number reads the numbers alone",
        f"{'、'.join(shown)} 与数字一样是名称，因此所有单元格按文字处理；--column {name}=number 则只读取其中的数字",
    )


def marks_left_out(cells: Sequence[str]) -> Words | None:
    """Return what is said of different cells some of which hold characters that nobody sees; None without such."""
    found = next((c for c in cells if not c.isascii() and seen(c) != half_width(c).strip()), None)
    if found is None:
        return None
    hidden = ascii(unseen_in(found))[1:-1]
    return Words(
        f"characters that nobody sees (`{hidden}` in `{seen(found)}`) are left out",
        f"不可见字符（`{seen(found)}` 中的 `{hidden}`）已略去",
    )


def coded_kind(name: str, values: pa.ChunkedArray) -> str:
    """Tell what a column is that its library codes: categories, unless it only saves the space of sentences."""
    distinct = pc.unique(values).drop_null()
    cells = [c for c in distinct.slice(0, LOOK).to_pylist() if not is_missing(c)]
    total = len(values) - values.null_count
    return "text" if cells and words_kind(name, distinct, cells, total) == "text" and _wordy(cells) else "category"


def words_kind(name: str, distinct: Sized, cells: list[str], total: int) -> str:
    """Tell category, text and identifier apart by distinctness, length and make-up; Chinese has no spaces."""
    share = len(distinct) / max(1, total)
    length = sum(map(len, cells)) / len(cells)
    wordy = _wordy(cells)
    if share > 0.9 and total >= 30 and not wordy and _coded(cells):
        return "id"
    if len(distinct) <= max(2, min(1000, 0.2 * total)) and length <= 40:
        return "category"
    if wordy and (share > 0.2 or length > 30):
        return "text"
    if share > 0.95 and total >= 30 and re.search(r"(^|[_\s])(id|no|code|uuid|编号|单号|号)$", name, re.IGNORECASE):
        return "id"
    return "text" if share > 0.5 or length > 25 else "category"


def _wordy(cells: list[str]) -> bool:
    """Whether cells are several words each; Chinese has no spaces."""
    length = sum(map(len, cells)) / len(cells)
    if length > 60:
        return True
    blanks = sum(" " in c.strip() for c in cells) / len(cells)
    han = sum(any("\u4e00" <= ch <= "\u9fff" for ch in c) for c in cells) / len(cells)
    return blanks > 0.5 or (han > 0.5 and length >= 6)


def _coded(cells: list[str]) -> bool:
    """Whether cells look like codes: no blanks, some digits in most."""
    sample = cells[:500]
    return sum(any(c.isdigit() for c in s) and " " not in s for s in sample) > 0.8 * len(sample)
