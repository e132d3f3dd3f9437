"""Tables in which each row is a part of a recording, by two columns of times: NeMo's manifests (`offset`, `duration`), `start` and `end`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.data.cues import seconds_of
from modelwright.data.kinds.audio import SUFFIXES, name_part
from modelwright.data.sources import batches, read_table

_STARTS = frozenset(
    "start starttime startsec startsecs startseconds offset begin begintime onset 开始 开始时间 起始 起始时间".split()
)
_ENDS = frozenset("end endtime endsec endsecs endseconds stop stoptime 结束 结束时间 终止时间".split())
_LENGTHS = frozenset("duration dur durationsec durationseconds 时长 持续时间".split())
_MOST = 360_000.0  # seconds: larger numbers are moments of a calendar


@dataclass(frozen=True)
class _Times:
    """The columns that say which part of the recording a row is; `lengths` says that the second one tells how long it is."""

    recording: str
    start: str
    end: str
    lengths: bool
    scale: float


def cut_table(path: Path, reading: Reading, events: EventStream | None) -> tuple[pa.Table, Detected] | None:
    """Return a table whose recordings are cut by columns of times, which it then lacks; None for tables without.

    Raises DataError for a row whose times run backwards or are none.
    """
    try:
        first = next(iter(batches(str(path), reading=reading, rows=256)), None)
    except ModelwrightError:  # what is wrong with it is told where tables are read
        return None
    times = _times(first) if first is not None else None
    if times is None:
        return None
    table, detected = read_table(str(path), reading, events)
    cells = (table.column(n).to_pylist() for n in (times.recording, times.start, times.end))
    parts = [_part(row, times, path, number) for number, row in enumerate(zip(*cells, strict=True), 1)]
    at = table.column_names.index(times.recording)
    table = table.set_column(at, times.recording, pa.array(parts, pa.string()))
    if events is not None:
        events.note(
            f"Recordings are cut by the columns `{times.start}` and `{times.end}`.",
            f"录音按 `{times.start}` 和 `{times.end}` 两列的时间切分。",
        )
    return table.drop_columns([times.start, times.end]), detected


def _times(table: pa.Table) -> _Times | None:
    names: dict[str, str] = {}
    for name in table.column_names:
        names.setdefault(re.sub(r"[\W_]", "", name).lower(), name)
    for scale, unit in ((1.0, ""), (1e-3, "ms")):
        start = next((names[s + unit] for s in _STARTS if s + unit in names), None)
        end = next((names[s + unit] for s in _ENDS if s + unit in names), None)
        length = next((names[s + unit] for s in _LENGTHS if s + unit in names), None)
        second = end or length
        if start is None or second is None or not _are_times(table, (start, second), scale):
            continue
        sounds = [n for n in table.column_names if _are_sounds(table.column(n).to_pylist())]
        if len(sounds) == 1:
            return _Times(sounds[0], start, second, end is None, scale)
    return None


def _are_times(table: pa.Table, names: Sequence[str], scale: float) -> bool:
    cells = [v for n in names for v in table.column(n).to_pylist() if v is not None and v != ""]
    found = [_seconds(v) for v in cells]
    return bool(found) and all(v is not None and v * scale < _MOST for v in found)


def _are_sounds(cells: Sequence[Any]) -> bool:
    given = [c for c in cells if c is not None]
    return bool(given) and all(
        isinstance(c, str) and "://" not in c and Path(c.strip()).suffix.lower() in SUFFIXES for c in given
    )


def _part(row: tuple[Any, Any, Any], times: _Times, path: Path, number: int) -> str | None:
    """Return a row's recording with its part; a row without times is a whole recording."""
    recording, *given = row
    if recording is None:
        return None
    place = str((path.parent / str(recording).strip()).absolute())
    if all(v is None or v == "" for v in given):
        return place
    start, second = ((_seconds(v) if v is not None and v != "" else None) for v in given)
    start = 0.0 if start is None and given[0] in (None, "") else start
    if start is not None and second is not None:
        begin = start * times.scale
        end = second * times.scale + (begin if times.lengths else 0.0)
        if 0 <= begin < end:
            return name_part(place, begin, end)
    raise DataError(
        f"{path}, row {number}: expected times in `{times.start}` and `{times.end}` that tell a part of the recording, received {given[0]} and {given[1]}.",
        f"{path} 第 {number} 行：`{times.start}` 与 `{times.end}` 应说明录音的一段时间，收到的是 {given[0]} 和 {given[1]}。",
    )


def _seconds(value: Any) -> float | None:
    """Return a number, or a time such as 00:01:02.5, as seconds; None for what is neither."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return seconds_of(value.strip()) if isinstance(value, str) else None
    return found if math.isfinite(found) else None
