"""Any source to a raw Arrow table: files, databases, Python objects. Whole, or in a stream of batches."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Drawn, Reading
from modelwright.core.urls import masked
from modelwright.data import _media
from modelwright.data._faults import permitted
from modelwright.data._files import file_batches, remote_parquet
from modelwright.data._remote import extra_of, is_url, url_batches
from modelwright.data.arrow import plain
from modelwright.data.collect import collect, room
from modelwright.data.frames import frame_batches
from modelwright.data.records import BLANK, Misfit
from modelwright.data.row_groups import row_groups

_BATCH = 8192
_ENDINGS = {".xlsx": "excel", ".pdf": "documents", ".docx": "documents", ".dcm": "dicom"}  # -> extra
_SAMPLE = 3  # one part in so many of the room for rows is for a sample where others read the rest: it goes to them, too


def read(source: Any, *, reading: Reading | None = None, events: EventStream | None = None, **options: Any) -> pa.Table:
    """Read a whole source as `read_table` does; `options` stand for a `reading` made of them."""
    return read_table(source, reading or Reading(**options), events)[0]


def read_table(source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
    """Read a whole source; return its rows and what was detected. Text formats give strings, typed formats keep their types.

    Where the rows would take more than a fifth of the memory that is left, a uniform sample of them is kept and a warning says so; where time
    ends, the rest is left unread, which a warning says too. Under `by_groups` such a sample comes from some row groups of Parquet, the only
    ones that are read. Raises DataError for what cannot be read.
    """
    parts: Iterator[pa.Table]
    detected = Detected()
    groups = row_groups(source) if reading.by_groups else None
    if groups is not None and groups.size > room(reading):
        reading = replace(reading, part=_SAMPLE)
        some = groups.drawn(room(reading), reading.seed)
        parts = (part for _, part in groups.read(some, _BATCH))
        table = collect(parts, reading, source_name(source), events, detected, rows=groups.rows)
        drawn = detected.drawn or Drawn(1.0, table.num_rows, table.num_rows, 0.0)
        detected.drawn = replace(drawn, groups=some, rows=groups.rows) if table.num_rows < groups.rows else None
        return table, detected
    rows = (
        sys.maxsize if _is_folder_or_archive(source) else _BATCH
    )  # what is listed as a whole is in hand: time could only cut off its last classes
    parts = batches(source, reading=reading, rows=rows, events=events, detected=detected)
    return collect(parts, reading, source_name(source), events, detected), detected


def one_file(source: Any) -> bool:
    """Return whether a source is a file of rows, or several behind a URL, which gives the same rows in the same order when it is read again."""
    text = str(source) if isinstance(source, (str, Path)) else ""
    return is_url(text) or (bool(text) and Path(text).is_file() and not text.lower().endswith(".zip"))


def _is_folder_or_archive(source: Any) -> bool:
    """Return whether a source is a folder or an archive, whose files are listed before its first rows come."""
    text = str(source) if isinstance(source, (str, Path)) else ""
    return bool(text) and not is_url(text) and (text.lower().endswith(".zip") or Path(text).is_dir())


def source_name(source: Any, other: str = "the data") -> str:
    """Return a source as messages call it: a path, or a URL without its password; `other` for rows in memory."""
    return masked(str(source)) if isinstance(source, (str, Path)) else other


def batches(
    source: Any,
    *,
    reading: Reading | None = None,
    rows: int = 4096,
    events: EventStream | None = None,
    misfits: list[Misfit] | None = None,
    detected: Detected | None = None,
    **options: Any,
) -> Iterator[pa.Table]:
    """Yield a source in tables of up to `rows` rows, in constant memory where the format allows it; `options` stand for a
    `reading` made of them. What is detected is noted in `detected` before the first rows come.

    Rows of text that cannot be read are set aside with a warning; where `misfits` is given they stay as rows without values, and
    are added to it, as are blank rows of any source.

    Raises DataError for what cannot be read, MissingExtra where a format needs a library that is not installed.
    """
    how = reading or Reading(**options)
    parts = (plain(part) for part in _any(source, how, rows, events, misfits, detected or Detected()))
    yield from parts if misfits is None else _with_blank(parts, misfits)


def _with_blank(parts: Iterator[pa.Table], misfits: list[Misfit]) -> Iterator[pa.Table]:
    """Pass on tables, and add their rows without any value to `misfits`, which stay in order."""
    row = told = 0
    for part in parts:
        counts = [column.null_count for column in part.columns]
        if counts and min(counts):
            empty = reduce(pc.and_, (column.is_null() for column in part.columns))
            known = {m.row for m in misfits[told:]}
            numbers = (np.flatnonzero(np.asarray(empty)) + row + 1).tolist()
            misfits += [Misfit(n, None, BLANK, blank=True) for n in numbers if n not in known]
            misfits[told:] = sorted(misfits[told:], key=lambda m: m.row)
        row, told = row + part.num_rows, len(misfits)
        yield part


def _any(
    source: Any,
    how: Reading,
    rows: int,
    events: EventStream | None,
    misfits: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    if not isinstance(source, (str, Path)):
        yield from frame_batches(source, rows)
        return
    text = str(source)
    if is_url(text):
        yield from url_batches(
            text, rows, remote_parquet, lambda path: _any(path, how, rows, events, misfits, detected)
        )
        return
    if "://" in text:
        from modelwright.data._sql import sql_batches

        yield from sql_batches(text, how.query, how.table, rows)
        return
    path = Path(text)
    with permitted(path):
        yield from _local(path, how, rows, events, misfits, detected)


def _local(
    path: Path,
    how: Reading,
    rows: int,
    events: EventStream | None,
    misfits: list[Misfit] | None,
    detected: Detected,
) -> Iterator[pa.Table]:
    if path.is_dir():
        table = _media.folder_table(path, events)
        detected.target = _media.LABEL
        yield from _media.batches(table, rows)
        return
    _check_path(path)
    endings = [s.lower() for s in path.suffixes if s.lower() not in (".gz", SUFFIX)]
    if endings[-1:] == [".zip"]:
        from modelwright.core.device import free_memory

        yield from _media.batches(
            _media.zip_table(path, (how.memory or free_memory()) // 3, how, detected, events), rows
        )
        return
    yield from file_batches(path, endings[-1] if endings else "", how, rows, events, misfits, detected)


def extras_of(source: str) -> set[str]:
    """Return the extras that reading a file, a URL or a database needs."""
    found = {_ENDINGS[e] for e in [Path(source.partition("?")[0]).suffix.lower()] if e in _ENDINGS}
    if is_url(source):
        found.add(extra_of(source))
    elif "://" in source:
        found |= {"sql", "postgres"} if source.startswith("postgres") else {"sql"}
    return found


def folder_of(source: Any) -> Path:
    """Return the folder from which a source's paths of media are taken: its own, else the working folder."""
    if isinstance(source, (str, Path)):
        text = str(source).removeprefix("file://")
        if "://" not in text:
            return Path(text).resolve().parent
    return Path().resolve()


def _check_path(path: Path) -> None:
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else Path()
        names = [p.name for p in folder.iterdir() if p.is_file()]
        near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        hint_zh = f"是否指 {'、'.join(near)}？" if near else ""
        raise DataError(f"There is no file {path}.{hint}", f"找不到文件 {path}。{hint_zh}")
