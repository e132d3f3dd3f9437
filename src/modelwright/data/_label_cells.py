"""How the cells of a target spell labels: several in one cell, as a list or between separators, and one label in several widths.

| form | cell |
|---|---|
| separator | `a\\|b`, `a;b`, `a、b`, one a line |
| list | `["a", "b"]` (JSON), `['a', 'b']` (Python), `['a' 'b']` (NumPy), `{a,"b c"}` (PostgreSQL), `[a, b]`; or typed lists |
| field | lists of objects, one field of which names the label: `[{"name": "a"}]` |
| places | lists of as many 0 and 1 as there are labels: label `2` is the third |
| flags | objects: `{"a": true, "b": false}` |
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.answers.base import as_label
from modelwright.core.errors import ColumnError
from modelwright.core.schema import Column
from modelwright.core.words import Words, in_a_row
from modelwright.data._word_columns import LOOK
from modelwright.data.values import is_missing, seen, without_unseen

SEPARATORS = ("|", ";", "；", "、", ",", "，", "\n", "\t")
_OFTEN_NAMES = ("/", "+", "&", "#", " ")  # these stand within names of single labels too
_FIELDS = ("label", "name", "tag", "class", "category")  # of objects, that name a label
_REPEATED = 0.02  # of the cells with several labels: so many may name one twice by mistake
_LONGEST, _MOST_LABELS = 24, 500  # characters of a label, on the average; different labels
_SHOWN = 3
_TOKEN = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^,"'\s][^,]*?))\s*(?:,|(?=["'])|$)""")
_PLACES = Words(
    "its lists of 0 and 1 say by their places which labels hold; label `0` is the first",
    "其 0/1 列表按位置表示各标签是否成立，标签 `0` 为第一个",
)
_NUMBERS = re.compile(r"-?\d+(?:\s+-?\d+)+")


def label_options(name: str, values: pa.ChunkedArray) -> tuple[dict[str, Any], Words | None]:
    """Return how the cells of a column of label sets spell them, and what is to be said of it. Raises ColumnError for lists and objects
    of anything else."""
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if pa.types.is_struct(kind.value_type) and kind.value_type.get_field_index("start") >= 0:
            raise ColumnError(
                f"`{name}` holds marked stretches of text, not labels. Say --task token-classification.",
                f"`{name}` 中是标注的文字片段，不是标签。请加 --task token-classification。",
            )
        cells = [c for c in values.slice(0, LOOK).to_pylist() if c is not None]
        form = _typed(cells)
        if form is None:
            raise ColumnError(
                f"`{name}` holds lists, but not of labels: expected words or numbers, or objects with one field that names the label, "
                f"received `{str(next(c for c in cells if c))[:60]}`.",
                f"`{name}` 中是列表，但不是标签列表：应为词语、数字或含一个标签名字段的对象，收到的是 `{str(next(c for c in cells if c))[:60]}`。",
            )
        return form, _PLACES if form.get("form") == "places" else None
    if pa.types.is_struct(kind):
        flags = _flags(values.slice(0, LOOK).drop_null().to_pylist())
        if flags is None:
            raise ColumnError(
                f"`{name}` holds objects: expected true or false for each label, or one column of labels. Name another column with --target.",
                f"`{name}` 中是对象：应逐一给出各标签的 true 或 false，或使用一列标签。请用 --target 指定其他列。",
            )
        return flags
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return {}, None
    cells = [c for c in pc.unique(values).drop_null().slice(0, LOOK).to_pylist() if not is_missing(c)]
    found = listed(cells)
    if found is not None:
        return found
    counts = {m: sum(m in c for c in cells) for m in (*SEPARATORS, *_OFTEN_NAMES)}
    several = [m for m in SEPARATORS if counts[m]] or [m for m in _OFTEN_NAMES if counts[m]] or SEPARATORS[:1]
    return {"separator": separator_of(cells) or max(several, key=lambda m: counts[m])}, None


def labels_in(value: Any, column: Column) -> list[str]:
    """Return the labels of a cell, each once, in the order in which they stand there."""
    spelt = column.options.get("spelt", {})
    labels = map(seen, _written(value, column.options))
    return list(dict.fromkeys(spelt.get(label, label) for label in labels if label))


def spelt_as_given(column: Column, values: pa.ChunkedArray) -> Column:
    """Let a target's answers be spelt as its labels are most often. Labels are told apart by `seen`, which would make `好评(五星)` of
    `好评（五星）` and `1` of `①`; where several spellings are one label the reason says so."""
    if column.modality not in ("category", "labels"):
        return column
    counts: dict[str, Counter[str]] = {}
    for label, n in _counted(column, values).items():
        written = without_unseen(label)
        counts.setdefault(seen(label), Counter())[written] += n
    spelt = {plain: max(found, key=lambda w: (found[w], w == plain)) for plain, found in counts.items() if plain}
    spelt = {plain: written for plain, written in spelt.items() if plain != written}
    several = [w for plain, found in counts.items() if plain and len(found) > 1 for w in found]
    if several:
        # composed and decomposed letters look alike
        shown = [f"`{w if unicodedata.is_normalized('NFC', w) else ascii(w)[1:-1]}`" for w in several[:_SHOWN]]
        more = " ..." * (len(several) > _SHOWN)
        said = Words(
            f"labels that differ in width or look alike are one: {', '.join(shown)}{more}",
            f"全半角不同或看上去相同的标签视为同一标签：{'、'.join(shown)}{more}",
        )
        column = replace(column, reason=in_a_row([column.reason, said]))
    return replace(column, options={**column.options, "spelt": spelt}) if spelt else column


def separator_of(cells: Sequence[str], marks: Sequence[str] = SEPARATORS) -> str | None:
    """Return the separator of a column of label sets: single labels recur across different combinations."""
    for mark in marks:
        split = [[x.strip() for x in c.split(mark) if x.strip()] for c in cells]
        several = [s for s in split if len(s) > 1]
        if len(several) < max(2, 0.1 * len(cells)):
            continue
        parts = [x for s in split for x in s]
        labels = set(parts)
        repeated = sum(len(s) != len(set(s)) for s in several)
        if (
            sum(map(len, labels)) <= _LONGEST * len(labels)
            and len(labels) < 0.5 * len(parts)
            and len(labels) < len(cells)
            and len(labels) <= _MOST_LABELS
            and repeated <= _REPEATED * len(several)
        ):
            return mark
    return None


def perhaps_several(name: str, cells: Sequence[str]) -> Words | None:
    """Return what is said of single labels that may be several, divided by a sign that often stands within names: `red/blue`."""
    mark = separator_of(cells, _OFTEN_NAMES)
    if mark is None:
        return None
    alone = set(cells)
    split = [[x.strip() for x in c.split(mark)] for c in cells]
    joint = next((c for c, parts in zip(cells, split, strict=True) if len(parts) > 1), "")
    if not all(x in alone for parts in split for x in parts):
        return None
    return Words(
        f"`{joint}` is one label here; where it means several, say --column {name}=labels",
        f"`{joint}` 在此视为一个标签；若表示多个标签，请加 --column {name}=labels",
    )


def _written(value: Any, options: Mapping[str, Any]) -> list[str]:
    """Return the labels of a cell as they are written."""
    form = options.get("form")
    cell = _loaded(value) if isinstance(value, str) and form else value
    if isinstance(cell, dict):
        found: Iterable[Any] = [k for k, v in cell.items() if v] if form == "flags" else [value] if cell else []
    elif not isinstance(cell, (list, tuple, set)):
        found = [value] if form else str(value).split(options.get("separator", "|"))
    elif form == "places":
        found = [place for place, on in enumerate(cell) if on]
    elif form == "field":
        found = [item.get(options["field"]) if isinstance(item, dict) else item for item in cell]
    else:
        found = cell
    return [as_label(v) for v in found if v is not None and v == v]


def _counted(column: Column, values: pa.ChunkedArray) -> Counter[str]:
    """Return how often each label that is written in other signs than ASCII occurs, and those in ASCII that are the same."""
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = pc.list_flatten(values)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return Counter()
    if pc.all(pc.string_is_ascii(values)).as_py() is not False:
        return Counter()
    out: Counter[str] = Counter()
    for cell in pc.value_counts(values.drop_null()).to_pylist():
        parts = (
            [cell["values"]]
            if column.modality == "category" or kind != values.type
            else _written(cell["values"], column.options)
        )
        for label in parts:
            out[label] += cell["counts"]
    return out


def _typed(cells: Sequence[Any]) -> dict[str, Any] | None:
    """Return how lists name labels: by a field of objects, by places of 0 and 1; {} by their items, None for lists in lists."""
    items = [x for cell in cells for x in cell if x is not None]
    if any(isinstance(x, (list, tuple, set)) for x in items):
        return None
    if any(isinstance(x, dict) for x in items):
        names = list(dict.fromkeys(k for x in items if isinstance(x, dict) for k, v in x.items() if isinstance(v, str)))
        field = next((f for f in _FIELDS if f in names), names[0] if len(names) == 1 else None)
        return None if field is None else {"form": "field", "field": field}
    lengths = {len(cell) for cell in cells}
    flags = all(x in (0, 1) and not isinstance(x, str) for x in items)
    if flags and len(lengths) == 1 and max(lengths) > 1 and any(len(set(cell)) < len(cell) for cell in cells):
        return {"form": "places"}
    return {}


def _flags(cells: Sequence[Any]) -> tuple[dict[str, Any], Words | None] | None:
    """Return that objects say yes or no for each label; None where they say anything else."""
    values = [v for cell in cells for v in cell.values()]
    if not values or any(isinstance(v, str) or v not in (0, 1, None) for v in values) or max(map(len, cells)) < 2:
        return None
    return {"form": "flags"}, Words("its objects say of each label whether it holds", "其对象逐一说明各标签是否成立")


def listed(cells: Sequence[str]) -> tuple[dict[str, Any], Words | None] | None:
    """Return how cells of text spell lists of labels; None where they do not, or each holds one word in brackets."""
    loaded = [_loaded(c) for c in cells]
    if not loaded:
        return None
    if all(isinstance(c, dict) for c in loaded):
        return _flags(loaded)
    loaded = [[] if c == {} else c for c in loaded]  # PostgreSQL's empty list
    lists = [c for c in loaded if isinstance(c, list)]
    quoted = any(mark in c for c, own in zip(cells, loaded, strict=True) if isinstance(own, list) for mark in "\"'")
    if not any(len(c) > 1 for c in lists) and not quoted:
        return None
    if len(lists) < len(cells) and not (quoted and len(lists) >= 0.1 * len(cells)):
        return None
    form = _typed(lists)
    return None if form is None else ({"form": "list", **form}, _PLACES if form.get("form") == "places" else None)


def _loaded(cell: str) -> Any:
    """Return the list or object that a cell spells in JSON, Python, NumPy or PostgreSQL; the cell itself where it spells none."""
    text = cell.strip()
    if text == "set()":
        return []
    if text[:1] + text[-1:] not in ("[]", "{}", "()"):
        return cell
    try:
        found = json.loads(text)
        return found if isinstance(found, (list, dict)) else cell
    except (ValueError, RecursionError):
        pass
    inner = text[1:-1].strip()
    if _NUMBERS.fullmatch(inner):  # as NumPy writes them
        return [int(n) for n in inner.split()]
    if text[0] == "(" and not inner.startswith(("'", '"')):
        return cell  # a word in brackets
    out, at = [], 0
    while at < len(inner):
        found = _TOKEN.match(inner, at)
        if found is None or found.end() == at:
            return cell
        at = found.end()
        out.append(_word(found))
    return out


def _word(token: re.Match[str]) -> Any:
    if token[3] is None:
        quote = token[0].strip()[0]
        word = token[1] if token[1] is not None else token[2]
        try:
            return ast.literal_eval(f"{quote}{word}{quote}")
        except (ValueError, SyntaxError):
            return word
    word = token[3].strip()
    return None if word in ("None", "null", "NULL", "nan") else word
