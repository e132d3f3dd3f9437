"""Texts to learn a language model from: text files and folders of them, tables with a text column, chats, preferences."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import ColumnError, DataError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.data.collect import collect
from modelwright.data.encodings import find_encoding
from modelwright.data.folders import files_below
from modelwright.data.messages import ASSISTANT, read_messages
from modelwright.data.sources import read_table, source_name
from modelwright.data.turns import answer_column, asked, led, systems, turns

SUFFIXES = (".txt", ".md", ".markdown", ".text")
_CHATS = ("messages", "conversations", "conversation")
_TEXTS = ("text", "content", "body", "document", "paragraphs", "文本", "内容", "正文")
_MOST = 2000  # characters of a passage
_PARTS = 40  # passages that a short text is cut into at least, where its lines allow it


def read_corpus(
    source: Any, reading: Reading | None = None, events: EventStream | None = None
) -> tuple[pa.Table, Detected]:
    """Return a source as one column `passage`, `messages` (JSON) or `preference` (JSON), beside what else a table held, with what
    was detected in a table. Raises DataError for what holds no text.
    """
    reading = reading or Reading()
    if isinstance(source, (str, Path)) and "://" not in str(source):
        path = Path(source)
        if path.is_dir() or path.suffix.lower() in SUFFIXES:
            return collect([_files(path, reading.encoding)], reading, str(path), events), Detected()
    raw, detected = read_table(source, reading, events)
    return shaped(raw, source_name(source)), detected


def _files(path: Path, encoding: str | None) -> pa.Table:
    files = [p for p in files_below(path) if p.suffix.lower() in SUFFIXES] if path.is_dir() else [path]
    if not files:
        raise DataError(
            f"The folder {path} holds no text files ({', '.join(SUFFIXES)}).",
            f"文件夹 {path} 中没有文本文件（{'、'.join(SUFFIXES)}）。",
        )
    texts, names = [], []
    for file in files:
        if not file.is_file():
            raise DataError(f"There is no file {file}.", f"找不到文件 {file}。")
        data = file.read_bytes()
        zeros = encoding is None and not data.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\x00" in data[:4096]
        text = "" if zeros else data.decode(find_encoding(data[: 1 << 16], file, encoding), "replace").lstrip("\ufeff")
        if zeros or "\x00" in text[:4096]:
            raise DataError(f"{file} is not a text file.", f"{file} 不是文本文件。")
        texts.append(text.replace("\r\n", "\n").replace("\r", "\n"))
        names.append(file.relative_to(path).as_posix() if path.is_dir() else file.name)
    total = sum(map(len, texts))
    if not any(t.strip() for t in texts):
        raise DataError(f"{path} is empty.", f"{path} 是空文件。")
    size = max(80, min(_MOST, total // _PARTS))
    cells, origin = [], []
    for name, text in zip(names, texts):
        parts = passages(text, size)
        cells += parts
        origin += [name] * len(parts)
    columns = {"passage": pa.array(cells, pa.string())}
    if len(files) > 1:
        columns["file"] = pa.array(origin, pa.string())
    return pa.table(columns)


def passages(text: str, size: int) -> list[str]:
    """Return a text cut where lines end, into passages of about `size` characters; joined they are the text again.

    A line that is much longer than `size` is cut after sentences, or anywhere where there is none.
    """
    out: list[str] = []
    held: list[str] = []
    length = 0
    for line in _short_lines(text, size):
        held.append(line)
        length += len(line)
        if length >= size:
            out.append("".join(held))
            held, length = [], 0
    if held:
        out.append("".join(held))
    return [p for p in out if p.strip()] if any(not p.strip() for p in out) else out


def _short_lines(text: str, size: int) -> Iterable[str]:
    for line in text.splitlines(keepends=True):
        while len(line) > 2 * size:
            cut = max(
                line.rfind(mark, size // 2, size) for mark in (". ", "。", "！", "？", "! ", "? ", "；", "，", " ")
            )
            cut = size if cut < 0 else cut + 1
            yield line[:cut]
            line = line[cut:]
        yield line


def shaped(raw: pa.Table, name: str) -> pa.Table:
    """Return a table whose chats, preferences, or questions beside their answers are in one column of JSON text. Raises DataError
    naming the row."""
    names = raw.column_names
    if "chosen" in names and "rejected" in names:
        return _preferences(raw, name)
    for chat in _CHATS:
        if chat in names:
            before = systems(raw)
            chats = [_messages(v, f"{name}, row {i}: ") for i, v in enumerate(raw.column(chat).to_pylist(), 1)]
            cells = [None if c is None else led(b, c) for b, c in zip(before, chats, strict=True)]
            return raw.drop_columns([chat]).append_column("messages", _dumped(cells))
    answers = answer_column(names)
    if answers and not set(names) & set(_TEXTS):
        told = raw.column(answers).to_pylist()
        before = asked(raw, name)
        made = [
            led(b, turns(v, ASSISTANT, f"{name}, row {i}: ")) if b and v not in (None, "") else None
            for i, (b, v) in enumerate(zip(before, told, strict=True), 1)
        ]
        return raw.append_column("messages", _dumped(made))
    return raw


def _dumped(cells: Iterable[Any]) -> pa.Array:
    return pa.array([None if c is None else json.dumps(c, ensure_ascii=False) for c in cells], pa.string())


def _preferences(raw: pa.Table, name: str) -> pa.Table:
    cells: list[dict[str, Any] | None] = []
    rows = zip(asked(raw, name), raw.column("chosen").to_pylist(), raw.column("rejected").to_pylist(), strict=True)
    for i, (before, chosen, rejected) in enumerate(rows, 1):
        if chosen is None or rejected is None:
            cells.append(None)
            continue
        where = f"{name}, row {i}: "
        better, worse = (led(before, turns(side, ASSISTANT, where)) for side in (chosen, rejected))
        shared: list[dict[str, str]] = []
        while len(better) > 1 and len(worse) > 1 and better[0] == worse[0]:  # chats part ways at their end
            shared.append(better.pop(0))
            worse.pop(0)
        cells.append({"prompt": shared, "chosen": better, "rejected": worse})
    rest = [n for n in raw.column_names if n not in ("prompt", "chosen", "rejected")]
    return raw.select(rest).append_column("preference", _dumped(cells))


def _messages(value: Any, where: str) -> list[dict[str, str]] | None:
    if value is None:
        return None
    return read_messages(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), where)


def target_column(raw: pa.Table) -> str | None:
    """Return the column of texts: by its name, else the one with the longest cells. Raises ColumnError where there is none."""
    for name in ("passage", "messages", "preference", *_TEXTS):
        if name in raw.column_names:
            return name
    texts = [n for n in raw.column_names if pa.types.is_string(raw.schema.field(n).type)]
    if not texts:
        raise ColumnError(
            f"There is no column of texts among {', '.join(raw.column_names[:8])}. Name one with --target.",
            f"列 {'、'.join(raw.column_names[:8])} 中没有文本列。请用 --target 指定。",
        )

    def longest(name: str) -> float:
        cells = [c for c in raw.column(name).slice(0, 1000).to_pylist() if c]
        return sum(map(len, cells)) / max(1, len(cells))

    return max(texts, key=longest)
