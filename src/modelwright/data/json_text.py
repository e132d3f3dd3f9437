"""JSON Lines, JSON arrays, and single objects that hold a table: rows in a stream of Arrow tables."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.core.words import Words
from modelwright.data._json_layouts import rows_of
from modelwright.data.arrow import OBJECTS_AS_TEXT
from modelwright.data.records import Misfit, refuse_many
from modelwright.data.text import beginning, column, decoded, open_bytes, told_encoding

OBJECTS = Words('Write one object a line, such as {"column": "value"}.', '每行应为一个对象，例如 {"列": "值"}。')
_Item = tuple[
    int | None, dict[str, Any] | Words
]  # the line of an item, None in an array; its object, or why it is none


def json_lines(
    path: Path,
    rows: int,
    reading: Reading | None = None,
    misfits: list[Misfit] | None = None,
    *,
    every: bool = False,
    say: Callable[[Words], None] | None = None,
) -> Iterator[pa.Table]:
    """Yield tables from JSON Lines, from one JSON array of objects, or from one object that holds a table.

    Items that are no object are added to `misfits` and left out; with `every` they stay, as rows without values. `say`
    hears of one object whose lists are no columns. Raises DataError for such an item where `misfits` is None, and for what is no JSON at all.
    """
    block: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for item in _checked_rows(path, _opened(_items(path, reading), path, reading, say), misfits, every):
        block.append(item)
        if len(block) >= rows and (names or any(block)):
            names = dict.fromkeys(name for row in block for name in row) or names
            yield _table(block, list(names))
            block = []
    names = dict.fromkeys(name for row in block for name in row) or names
    if block and names:
        yield _table(block, list(names))


def _table(block: list[dict[str, Any]], names: list[str]) -> pa.Table:
    cells = {str(n): [row.get(n) for row in block] for n in names}
    arrays = {n: column(values) for n, values in cells.items()}
    objects = {n: OBJECTS_AS_TEXT if any(isinstance(v, dict) for v in values) else None for n, values in cells.items()}
    fields = [pa.field(n, array.type, metadata=objects[n]) for n, array in arrays.items()]
    return pa.table(list(arrays.values()), schema=pa.schema(fields))


def json_rows(
    path: Path, reading: Reading | None = None, misfits: list[Misfit] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON Lines, or of one JSON array, as they are. What is no object is added to `misfits` and comes as
    an empty one. Raises DataError for it where `misfits` is None, and for what is hardly JSON or none at all."""
    total = 0
    for row in _checked_rows(path, _items(path, reading), misfits, every=True):
        total += 1
        yield row
    refuse_many(path, misfits or (), total, True, OBJECTS)


def _checked_rows(
    path: Path, items: Iterator[_Item], misfits: list[Misfit] | None, every: bool
) -> Iterator[dict[str, Any]]:
    for row, (line, item) in enumerate(items, 1):
        if isinstance(item, dict):
            yield item
            continue
        misfit = Misfit(row, line, item)
        if misfits is None:
            at = misfit.place(str(path))
            raise DataError(f"{at.en}: {item.en}.", f"{at.zh}：{item.zh}。")
        misfits.append(misfit)
        if every:
            yield {}


def _items(path: Path, reading: Reading | None) -> Iterator[_Item]:
    """Yield what stands on the lines of a file, or in its one array. Raises DataError for an empty file and other encodings."""
    sample = beginning(path)
    encoding = (reading.encoding if reading else None) or told_encoding(sample, path, reading)
    decoded(sample, encoding, path)
    with open_bytes(path) as raw:
        text = io.TextIOWrapper(raw, encoding=encoding)
        try:
            if sample.decode(encoding, "ignore").lstrip("\ufeff \t\r\n").startswith("["):
                yield from ((None, _object(item)) for item in _array(path, text))
            else:
                yield from _line_items(text)
        except UnicodeDecodeError as e:
            raise DataError(
                f"{path}: bytes that are not valid {encoding}. Save the file as UTF-8.",
                f"{path}：字节不符合 {encoding} 编码。请将文件另存为 UTF-8。",
            ) from e


def _array(path: Path, text: Any) -> Any:
    try:
        return json.load(text)
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path} is not a JSON array: {e}", f"{path} 不是 JSON 数组：{e}") from e


def _line_items(text: Any) -> Iterator[_Item]:
    first = text.readline()
    if first.strip() == "{":  # one object over many lines
        first += text.read()
        try:
            yield 1, _object(json.loads(first))
        except (ValueError, RecursionError):
            first, text = "", io.StringIO(first)
        else:
            return
    for number, line in enumerate(chain([first] if first else [], text), 1):
        if not line.strip():
            continue
        try:
            item = _object(json.loads(line.rstrip()))
        except (ValueError, RecursionError) as e:
            said = f"{e.msg}, column {e.colno}" if isinstance(e, json.JSONDecodeError) else str(e)[:80]
            item = Words(f"not valid JSON ({said})", f"不是 JSON（{said}）")
        yield number, item


def _object(item: Any) -> dict[str, Any] | Words:
    if isinstance(item, dict):
        return item
    kind = type(item).__name__
    return Words(
        f"expected an object of column: value, received {kind}", f"应为 `{{列: 值}}` 形式的对象，收到的是 {kind}"
    )


def _opened(
    items: Iterator[_Item], path: Path, reading: Reading | None, say: Callable[[Words], None] | None = None
) -> Iterator[_Item]:
    """Yield items as they are, and of one object alone that holds a table its rows."""
    first = next(items, None)
    second = next(items, None)
    if first is None:
        return
    alone = second is None
    lists, names = (reading.lists, reading.names) if reading else ((), ())
    rows = rows_of(first[1], str(path), lists, names, say) if alone and isinstance(first[1], dict) else None
    if rows is not None:
        yield from ((None, row) for row in rows)
        return
    yield first
    if second is not None:
        yield second
    yield from items
