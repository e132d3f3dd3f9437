"""Weka's ARFF: attributes of numbers, nominal values, strings, dates, and relations (several series in one cell).

What a sparse row leaves out is zero: of a nominal attribute the first declared value, of a date the year 1970. Of a string
it is whatever the writer's memory held first, so it is missing here. In a relational attribute every inner row is a channel and every inner attribute a moment, as the UEA archive has it.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.data._patterns import ISO, reader
from modelwright.data.encodings import find_encoding
from modelwright.data.text import beginning, open_bytes, unique_names

_SAMPLE = 64 << 10
_ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{'"][^\s{]*)\s*(.*)$""", re.IGNORECASE
)
_CELL = re.compile(r"""\s*+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|((?!['"])[^,]*))\s*(,|$)""", re.DOTALL)
_PAIR = re.compile(r"""\s*+(\d+)\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|((?!['"])[^,]*))\s*(,|$)""", re.DOTALL)
_WORDS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,'"]+""")
_COMMENT = re.compile(r"""((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^'"%]|(?<=\S)%)*?)\s+%.*""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MARKS = {"n": "\n", "t": "\t", "r": "\r"}
_TYPES = {
    "number": pa.float64(),
    "nominal": pa.dictionary(pa.int32(), pa.string()),
    "string": pa.string(),
    "date": pa.timestamp("us"),
    "relation": pa.list_(pa.list_(pa.float64())),
}


@dataclass
class Attribute:
    """A column: `kind` is number, nominal (its values in order), string, date (read by `moment`) or relation."""

    name: str
    kind: str
    values: dict[str, None] = field(default_factory=dict)
    inner: list[Attribute] = field(default_factory=list)
    moment: Callable[[str], dt.datetime] | None = None


def arff_batches(path: Path, rows: int, asked: str | None = None) -> Iterator[pa.Table]:
    """Yield tables with the attributes as columns. Raises DataError, naming the line."""
    sample = beginning(path, _SAMPLE)
    encoding = find_encoding(sample, path, asked)
    with io.TextIOWrapper(open_bytes(path), encoding=encoding) as text:
        lines = enumerate(_decoded(path, text), 1)
        attributes = _header(path, lines)
        block: list[list[Any]] = []
        count = 0
        for number, line in lines:
            line = line.strip()
            if not line or line.startswith("%"):
                continue
            block.append(_row(path, number, line, attributes))
            count += 1
            if len(block) == rows:
                yield _table(block, attributes)
                block = []
        if block:
            yield _table(block, attributes)
    if not count:
        raise DataError(f"{path} has no rows after @data.", f"{path} 在 @data 之后没有任何数据行。")


def _decoded(path: Path, text: io.TextIOWrapper) -> Iterator[str]:
    try:
        yield from text
    except UnicodeDecodeError as e:
        raise DataError(
            f"{path}: bytes that are no {text.encoding} ({e.reason}). Save the file as UTF-8.",
            f"{path}：字节不符合 {text.encoding} 编码（{e.reason}）。请将文件另存为 UTF-8。",
        ) from e


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> list[Attribute]:
    open_: list[list[Attribute]] = [[]]
    for number, line in lines:
        line = line.strip()
        tag = line.split(maxsplit=1)[0].lower() if line else ""
        if tag in ("", "@relation") or tag.startswith("%"):
            continue
        if tag == "@data":
            if len(open_) > 1 or not open_[0]:
                raise _wrong(
                    path, number, "attributes, each relation closed by @end", "属性声明，关系属性以 @end 结束", line
                )
            return _renamed(open_[0])
        if tag == "@end" and len(open_) > 1:
            open_.pop()
            continue
        found = _ATTRIBUTE.match(_uncommented(line))
        if not found:
            raise _wrong(
                path, number, "@attribute NAME TYPE, @end or @data", "@attribute 名称 类型、@end 或 @data", line
            )
        attribute = _attribute(path, number, line, _unquoted(found[1]), found[2].strip())
        open_[-1].append(attribute)
        if attribute.kind == "relation":
            open_.append(attribute.inner)
    raise DataError(
        f"{path} has no data section: expected a line @data after the attributes. Is the file whole?",
        f"{path} 没有数据部分：属性声明之后应有 @data 行。文件是否完整？",
    )


def _attribute(path: Path, number: int, line: str, name: str, kind: str) -> Attribute:
    word = kind.split(maxsplit=1)[0].lower() if kind else ""
    if word in ("numeric", "real", "integer"):
        return Attribute(name, "number")
    if kind.startswith("{") and kind.endswith("}"):
        cells = _cells(kind[1:-1])
        return Attribute(name, "nominal", dict.fromkeys(c for c in cells if c is not None))
    if word == "string":
        return Attribute(name, "string")
    if word == "date":
        pattern = _unquoted(kind[4:].strip()) or ISO
        try:
            return Attribute(name, "date", moment=reader(pattern))
        except ValueError:
            en, zh = (
                "a date format of letters such as yyyy-MM-dd HH:mm:ss",
                "由 yyyy-MM-dd HH:mm:ss 等字母组成的日期格式",
            )
            raise _wrong(path, number, en, zh, line) from None
    if word == "relational":
        return Attribute(name, "relation")
    en = "a type: numeric, {a,b,...}, string, date or relational"
    raise _wrong(path, number, en, "类型：numeric、{a,b,...}、string、date 或 relational", line)


def _renamed(attributes: list[Attribute]) -> list[Attribute]:
    for attribute, name in zip(attributes, unique_names([a.name for a in attributes])):
        attribute.name = name
    return attributes


def _wrong(path: Path, number: int, en: str, zh: str, said: str) -> DataError:
    said = said[:60]
    return DataError(
        f"{path}, line {number}: expected {en}, received `{said}`.",
        f"{path} 第 {number} 行：应为{zh}，收到的是 `{said}`。",
    )


def _unquoted(cell: str) -> str:
    return _unescaped(cell[1:-1]) if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"" else cell


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda m: _MARKS.get(m[1], m[1]), text) if "\\" in text else text


def _cells(line: str) -> list[str | None]:
    """Return the cells of a line, quotes taken off; None for `?`."""
    if "'" not in line and '"' not in line:
        plain = (c.strip() for c in line.split(","))
        return [None if c == "?" else c for c in plain]
    out: list[str | None] = []
    at = 0
    while True:
        found = _CELL.match(line, at)
        if not found:
            raise ValueError(line[at : at + 20])
        bare = found[3].strip() if found[3] is not None else None
        out.append(_unescaped(found[1] if found[1] is not None else found[2]) if bare is None else bare)
        if bare == "?":
            out[-1] = None
        if not found[4]:
            return out
        at = found.end()


def _uncommented(line: str) -> str:
    """Return a line without the comment at its end; `%` within a word or quotes begins none."""
    found = _COMMENT.fullmatch(line) if "%" in line else None
    return found[1].rstrip() if found else line


def _row(path: Path, number: int, line: str, attributes: list[Attribute]) -> list[Any]:
    line = _uncommented(line)
    try:
        if line.startswith("{") and line.endswith("}"):
            return [
                _value(path, number, c, a) if isinstance(c, str) else _left_out(a) if c is _ABSENT else None
                for c, a in zip(_sparse(line[1:-1], len(attributes)), attributes)
            ]
        cells = _cells(line)
    except (ValueError, IndexError) as e:
        raise _wrong(
            path, number, "cells separated by `,`, quotes closed", "以 `,` 分隔、引号成对的单元格", str(e)
        ) from None
    if len(cells) != len(attributes) and len(words := _WORDS.findall(line)) == len(attributes):  # blanks may separate
        cells = [None if w == "?" else _unquoted(w) for w in words]
    if len(cells) != len(attributes):
        raise _wrong(path, number, f"{len(attributes)} cells", f" {len(attributes)} 个单元格", f"{len(cells)}: {line}")
    return [None if c is None else _value(path, number, c, a) for c, a in zip(cells, attributes)]


_ABSENT = object()


def _sparse(body: str, width: int) -> list[Any]:
    """Return the cells of a sparse row `{2 1.5, 7 b}`: text, None for `?`, `_ABSENT` for what is left out."""
    out: list[Any] = [_ABSENT] * width
    at = 0
    while body[at:].strip():
        found = _PAIR.match(body, at)
        if not found or out[int(found[1])] is not _ABSENT:
            raise ValueError(body[at : at + 20])
        bare = found[4].strip() if found[4] is not None else None
        cell = bare if bare is not None else _unescaped(found[2] if found[2] is not None else found[3])
        out[int(found[1])] = None if bare == "?" else cell
        at = found.end()
    return out


def _left_out(attribute: Attribute) -> Any:
    """Return what a sparse row means by leaving an attribute out."""
    if attribute.kind == "number":
        return 0.0
    if attribute.kind == "nominal":
        return next(iter(attribute.values), None)
    return _EPOCH if attribute.kind == "date" else None


_EPOCH = dt.datetime(1970, 1, 1)


def _value(path: Path, number: int, cell: str, attribute: Attribute) -> Any:
    if attribute.kind == "string":
        return cell
    if attribute.kind == "nominal":
        if cell not in attribute.values:
            shown = ", ".join(list(attribute.values)[:8])
            said = f"{cell} ({attribute.name})"
            raise _wrong(path, number, f"one of {shown}", f" {shown} 之一", said)
        return cell
    if attribute.moment is not None:
        try:
            return attribute.moment(cell)
        except (ValueError, OverflowError):
            said = f"{cell} ({attribute.name})"
            raise _wrong(path, number, "a date in the declared format", "符合声明格式的日期", said) from None
    try:
        if attribute.kind == "number":
            return float(cell)
        wanted = len(attribute.inner)
        channels = [
            [None if c.strip() == "?" else float(c) for c in r.split(",")] for r in cell.split("\n") if r.strip()
        ]
    except ValueError:
        raise _wrong(path, number, "numbers", "数字", f"{cell} ({attribute.name})") from None
    if any(len(c) != wanted for c in channels):
        sizes = ", ".join(str(len(c)) for c in channels[:6])
        said = f"{sizes} ({attribute.name})"
        raise _wrong(path, number, f"{wanted} values in every channel", f"每个通道 {wanted} 个值", said)
    return channels or None


def _table(block: list[list[Any]], attributes: list[Attribute]) -> pa.Table:
    columns = {}
    for i, attribute in enumerate(attributes):
        cells = [row[i] for row in block]
        if attribute.kind == "nominal":
            columns[attribute.name] = pa.array(cells, pa.string()).cast(_TYPES["nominal"])
        else:
            columns[attribute.name] = pa.array(cells, _TYPES[attribute.kind])
    return pa.table(columns)
