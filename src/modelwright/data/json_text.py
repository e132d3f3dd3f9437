"""JSON Lines, JSON arrays, and single objects that hold a table: rows in a stream of Arrow tables."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.data.text import SAMPLE, decoded, from_rows, open_bytes, told_encoding

_ROWS_UNDER = ("data", "rows", "records")  # keys of an object under which its rows may stand


def json_lines(path: Path, rows: int, reading: Reading | None = None) -> Iterator[pa.Table]:
    """Yield tables from JSON Lines, from one JSON array of objects, or from one object that holds a table. Raises DataError naming the line."""
    block: list[dict[str, Any]] = []
    for item in _opened(json_rows(path, reading)):
        block.append(item)
        if len(block) == rows:
            yield from_rows(block)
            block = []
    if block:
        yield from_rows(block)


def json_rows(path: Path, reading: Reading | None = None) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON Lines, or of one JSON array, as they are. Raises DataError naming the line."""
    with open_bytes(path) as f:
        sample = f.read(SAMPLE)
    if not sample.strip():
        raise DataError(f"{path} is empty.", f"{path} 是空文件。")
    encoding = (reading.encoding if reading else None) or told_encoding(sample, path, reading)
    decoded(sample, encoding, path)
    with open_bytes(path) as raw:
        text = io.TextIOWrapper(raw, encoding=encoding)
        if sample.decode(encoding, "ignore").lstrip("\ufeff \t\r\n").startswith("["):
            try:
                data = json.load(text)
            except (ValueError, RecursionError) as e:
                raise DataError(f"{path} is not a JSON array: {e}", f"{path} 不是 JSON 数组：{e}") from e
            yield from _objects(path, enumerate(data, 1))
        else:
            yield from _objects(path, _lines(path, text))


def _opened(items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield objects as they are; of one alone that holds a table its rows: under a key such as `data`, or as pandas' `to_json` writes
    columns, {column: {"0": value, ...}}."""
    first = next(items, None)
    second = next(items, None)
    if first is None:
        return
    if second is not None:
        yield first
        yield second
        yield from items
        return
    under = next((first[k] for k in _ROWS_UNDER if k in first), None)
    if isinstance(under, list) and under and all(isinstance(row, dict) for row in under):
        yield from under
        return
    columns = list(first.values())
    keys = list(columns[0]) if columns and isinstance(columns[0], dict) else []
    counted = len(keys) > 1 and keys == [str(i) for i in range(len(keys))]
    if counted and all(isinstance(c, dict) and list(c) == keys for c in columns):
        yield from ({name: cells[k] for name, cells in first.items()} for k in keys)
        return
    yield first


def _lines(path: Path, text: Any) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as e:
                if number == 1 and line.strip() == "{":  # one object over many lines
                    try:
                        yield number, json.loads(line + text.read())
                        return
                    except (ValueError, RecursionError):
                        pass
                raise DataError(
                    f"{path}, line {number}: not valid JSON ({e}).", f"{path} 第 {number} 行：不是 JSON（{e}）。"
                ) from e


def _objects(path: Path, items: Iterator[tuple[int, Any]]) -> Iterator[dict[str, Any]]:
    for number, item in items:
        if not isinstance(item, dict):
            raise DataError(
                f"{path}, line {number}: expected an object of column: value, received {type(item).__name__}.",
                f"{path} 第 {number} 行：应为 {{列: 值}} 对象，收到的是 {type(item).__name__}。",
            )
        yield item
