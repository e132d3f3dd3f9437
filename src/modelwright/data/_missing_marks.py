"""Words that may stand for no value: `missing` is a state of a parcel, `NA` a country, `nan` an artefact; the other cells tell.

Among numbers, dates and truth values all of them stand for no value. In a column of words one does where the file's columns of
numbers use it so, or where it is written otherwise than the column's other cells (`NaN` beside `red`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import ColumnError, OptionError, unknown
from modelwright.core.schema import Column, Schema
from modelwright.core.words import Words, counted
from modelwright.data.finding import Finding
from modelwright.data.values import ALWAYS_MISSING, LONGEST_MISSING, MISSING, half_width, is_missing, to_number

OLD_WORDS = ("none", "na")  # values in a column of words for bundles of older versions, whatever its other cells are
_SHORT_FOR = ("na",)  # words that also stand for others: North America, Namibia, sodium
_SHOWN = 3
_RECURS = 0.002  # share of the rows from which on a number far from the others is no single slip
_FEWEST_OTHERS = 20
_DIFFERENT = 8  # different values that they have at least: doses of 5, 10, 20 and 500 mg are all doses
_CONTROL = r"[\x00-\x1f\x7f]"
_DIGIT = r"^[-+.(]?[0-9]"  # how no such word begins; nearly all cells of a column of numbers do


def marks_of(values: pa.ChunkedArray) -> set[str]:
    """Return the words, as they are written, that stand for no value in a column of numbers, dates or truth values."""
    if not pa.types.is_string(values.type):
        return set()
    words = values.filter(pc.invert(pc.match_substring_regex(values, _DIGIT)))
    found = {half_width(c).strip() for c in pc.unique(words).drop_null().to_pylist() if is_missing(c)}
    return {w for w in found if w.lower() not in ALWAYS_MISSING}


def words_of(values: pa.ChunkedArray, elsewhere: Collection[str]) -> tuple[list[str], Words] | None:
    """Return which words of missing are values in a column of words, in small letters, and what is said of them; None without any.

    `elsewhere` are the words that stand for no value in other columns: `NA` among numbers does not speak of `Na` among elements.
    """
    kind = values.type
    if not (pa.types.is_string(kind) or pa.types.is_dictionary(kind)):
        return None
    found = pc.value_counts(values.cast(pa.string()).drop_null())
    if not _may_hold_words(found.field(0)):
        return None
    counts: Counter[str] = Counter()
    for cell, n in zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True):
        counts[half_width(cell).strip()] += n
    words = {c: n for c, n in counts.items() if is_missing(c) and c.lower() not in ALWAYS_MISSING}
    others = [c for c in counts if not is_missing(c)]
    if not words or not others:
        return None
    kept = [w for w in words if _is_value(w, others, elsewhere)]
    total = sum(counts.values())
    share = {w: max(1, round(100 * n / total)) for w, n in words.items()}
    shown = sorted(words, key=lambda w: -words[w])[:_SHOWN]
    unsure = next((w for w in shown if w not in kept and w.lower() in _SHORT_FOR), None)
    hint = Words("; if it is short for something, write that in the file", "；若它是某个名称的缩写，请在文件中写全称")
    said = [
        Words(
            f"`{w}` ({share[w]} % of the cells) is {'a value' if w in kept else 'no value'} here"
            + (hint.en if w == unsure else ""),
            f"`{w}`（占 {share[w]}%）在此{'是取值' if w in kept else '表示缺失'}" + (hint.zh if w == unsure else ""),
        )
        for w in shown
    ]
    return sorted({w.lower() for w in kept}), Words("; ".join(s.en for s in said), "；".join(s.zh for s in said))


def marked(schema: Schema, asked: Sequence[str]) -> Schema:
    """Return a schema whose columns of numbers know which numbers the user says stand for no value: `-999`, or `age=-999` for one column.

    Raises OptionError for what is no number and for a column without numbers, ColumnError for an absent one.
    """
    marks: dict[str, list[float]] = {}
    for one in asked:
        name, _, cell = one.rpartition("=")
        number = to_number(cell)
        if number is None:
            raise OptionError(
                f"Expected --na with a number such as -999, or COLUMN=-999 for one column; received `{one}`.",
                f"--na 应为数字，例如 -999，或用 列名=-999 只指定一列；收到的是 `{one}`。",
            )
        if name and name not in schema.names:
            raise unknown(Words("column", "列"), name, schema.names, ColumnError)
        if name and schema[name].modality != "number":
            raise OptionError(
                f"--na {one} names `{name}`, which holds no numbers but is of kind {schema[name].modality}; leave it out.",
                f"--na {one} 指定的 `{name}` 不是数字列，而是 {schema[name].modality}；请去掉。",
            )
        for column in [name] if name else [c.name for c in schema if c.modality == "number"]:
            marks.setdefault(column, []).append(number)
    changes = {n: {"options": {**schema[n].options, "na": sorted(set(found))}} for n, found in marks.items()}
    return schema.with_columns(changes) if changes else schema


def without_marks(values: pa.Array, column: Column) -> pa.Array:
    """Return the numbers of a column, missing where the user said that a number stands for no value."""
    marks = column.options.get("na")
    if not marks or column.modality != "number":
        return values
    return pc.if_else(pc.is_in(values, pa.array(marks, pa.float64())), pa.scalar(None, values.type), values)


def marks_among(numbers: np.ndarray) -> list[float]:
    """Return the numbers [N] that may stand for no value, such as -999: the least or greatest, which recurs far from all others.

    Nines, as they are usually written, must lie farther off than the others span; any other number three times as far.
    """
    counts = {v: int((numbers == v).sum()) for v in (numbers.min(), numbers.max())}
    least = max(3, _RECURS * len(numbers))
    ends = [v for v, n in counts.items() if v != 0 and least <= n <= len(numbers) / 2]  # 0 counts nothing, most often
    if len(ends) == 2 and _far(ends, numbers):
        return [float(v) for v in ends]
    return [float(v) for v in ends if _far([v], numbers)]


def _far(marks: Sequence[float], numbers: np.ndarray) -> bool:
    """Whether each of some numbers lies far from all others."""
    rest = numbers[~np.isin(numbers, marks)]
    if len(rest) < _FEWEST_OTHERS or len(np.unique(rest)) < _DIFFERENT:
        return False
    low, high = rest.min(), rest.max()
    return all(
        max(low - v, v - high) > (1 if _nines(v) else 3) * (high - low) and (_nines(v) or high > low) for v in marks
    )


def _nines(number: float) -> bool:
    shown = f"{abs(number):g}".replace(".", "")
    return set(shown) == {"9"} and (number < 0 or len(shown) > 1)


def marks_finding(name: str, numbers: np.ndarray, marks: Sequence[float]) -> Finding:
    """Return what the data doctor says of numbers [N] among which `marks` may stand for no value."""
    rest = numbers[~np.isin(numbers, marks)]
    counts = [(f"{v:.15g}", int((numbers == v).sum())) for v in marks]
    en = " and ".join(f"{v} in {counted(n, 'row')}" for v, n in counts)
    zh = "、".join(f"{n} 行为 {v}" for v, n in counts)
    flags = " ".join(f"--na {name}={v}" for v, _ in counts)
    return Finding(
        "missing-mark", "warning", name,
        Words(f"`{name}` is {en}, far from all other values ({rest.min():g} to {rest.max():g}): this may stand for no value.", f"`{name}` 有 {zh}，远离其余所有值（{rest.min():g} 到 {rest.max():g}）：可能表示缺失。"),
        Words(f"If it does, say {flags}; it is read as a number until then.", f"若确为缺失，请加 {flags}；在此之前按数字读取。"),
    )  # fmt: skip


def plain_words(cells: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return cells without blanks at their ends, and which of them are words in ASCII that never stand for no value; nulls are none."""
    bare = pc.utf8_trim_whitespace(cells)
    odd = pc.or_(
        pc.match_substring_regex(bare, _CONTROL), pc.is_in(pc.utf8_lower(bare), pa.array(sorted(MISSING), bare.type))
    )
    return bare, pc.fill_null(pc.and_(pc.string_is_ascii(bare), pc.invert(odd)), False)


def _may_hold_words(cells: pa.Array) -> bool:
    """Return whether any of many different cells is a word of missing; told without making strings of all of them."""
    bare, plain = plain_words(cells)
    short = bare.filter(pc.and_(pc.invert(plain), pc.less_equal(pc.utf8_length(bare), LONGEST_MISSING)))
    found = {half_width(c).strip() for c in short.to_pylist()}
    return any(is_missing(c) and c.lower() not in ALWAYS_MISSING for c in found)


def _is_value(word: str, others: list[str], elsewhere: Collection[str]) -> bool:
    if word.isupper() and sum(len(c) == len(word) and c.isupper() for c in others) >= 0.8 * len(others) > 1:
        return True  # one code among codes of one length, such as those of countries
    if word in elsewhere:
        return False
    if word.lower() in OLD_WORDS:
        return True
    mine = _style(word)
    return sum(_style(c) & mine != set() for c in others) >= 0.6 * len(others)


def _style(cell: str) -> set[str]:
    """Return how a cell is written: in capitals, small letters, with one capital, or in a script that has none."""
    letters = "".join(ch for ch in cell if ch.isalpha())
    if not letters:
        return {"none"}
    out = set()
    if letters.isupper():
        out.add("upper")
    if letters.islower():
        out.add("lower")
    if letters[0].isupper() and (len(letters) == 1 or letters[1:].islower()):
        out.add("title")
    return out or {"script" if not any(ch.islower() or ch.isupper() for ch in letters) else "mixed"}
