"""The `.ts` format of the UCR/UEA archives (as read by sktime and aeon): a header of @ lines, then one series a line.

A line holds its channels separated by `:`, each a list of numbers separated by `,` (`?` for a missing one), and last
the label. Legend: C channels, T time.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.schema import arrow_type
from modelwright.data.encodings import find_encoding
from modelwright.data.text import beginning, open_bytes

_SAMPLE = 64 << 10


@dataclass
class Header:
    """What the @ lines say; None where they do not say it. `labels` is empty where any label may come."""

    univariate: bool | None = None
    dimensions: int | None = None
    length: int | None = None
    labelled: bool = False
    labels: tuple[str, ...] = ()


def ts_batches(path: Path, rows: int, encoding: str | None = None) -> Iterator[pa.Table]:
    """Yield tables with `series` and, where the file has them, `label`. Raises DataError, naming the line."""
    sample = beginning(path, _SAMPLE)
    with open_bytes(path) as raw:
        lines = enumerate(io.TextIOWrapper(raw, encoding=find_encoding(sample, path, encoding), errors="replace"), 1)
        header = _header(path, lines)
        series: list[list[np.ndarray]] = []
        labels: list[str | None] = []
        count = 0
        for number, line in lines:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            channels, label = _row(path, number, line, header)
            series.append(channels)
            labels.append(label)
            count += 1
            if len(series) == rows:
                yield _table(series, labels, header)
                series, labels = [], []
        if series:
            yield _table(series, labels, header)
    if not count:
        raise DataError(f"{path} has no series after @data.", f"{path} 在 @data 之后没有任何序列。")


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> Header:
    header = Header()
    for number, line in lines:
        words = line.strip().split()
        if not words or words[0].startswith(("#", "%")):
            continue
        tag, rest = words[0].lower(), words[1:]
        said = rest[0].lower() if rest else ""
        if tag == "@data":
            return header
        if not tag.startswith("@"):
            raise _wrong(path, number, "a header line that begins with @, or @data", "以 @ 开头的头部行或 @data", line)
        if tag == "@timestamps" and said == "true":
            raise DataError(
                f"{path}, line {number}: series with time stamps (@timeStamps true) are not read. Resample them to equal "
                "steps and write plain values.",
                f"{path} 第 {number} 行：不支持带时间戳的序列（@timeStamps true）。请重采样为等间隔并只写数值。",
            )
        if tag == "@univariate":
            header.univariate = said == "true"
        elif tag in ("@dimensions", "@dimension"):
            header.dimensions = _count(path, number, line, said)
        elif tag == "@serieslength":
            header.length = _count(path, number, line, said)
        elif tag == "@equallength" and said == "false":
            header.length = None
        elif tag in ("@classlabel", "@targetlabel"):
            header.labelled = said == "true"
            header.labels = tuple(rest[1:]) if tag == "@classlabel" else ()
    raise DataError(
        f"{path} has no data section: expected a line @data after the header. Is the file whole?",
        f"{path} 没有数据部分：头部之后应有 @data 行。文件是否完整？",
    )


def _count(path: Path, number: int, line: str, said: str) -> int:
    if not said.isdigit() or int(said) < 1:
        raise _wrong(path, number, "a whole number", "整数", line)
    return int(said)


def _wrong(path: Path, number: int, en: str, zh: str, line: str) -> DataError:
    said = line.strip()[:60]
    return DataError(
        f"{path}, line {number}: expected {en}, received `{said}`.",
        f"{path} 第 {number} 行：应为{zh}，收到的是 `{said}`。",
    )


def _row(path: Path, number: int, line: str, header: Header) -> tuple[list[np.ndarray], str | None]:
    """Return the channels (float32 [T] each) and the label of one line."""
    parts = [p.strip() for p in line.split(":")]
    wanted = 1 if header.univariate else header.dimensions
    have = len(parts) - header.labelled
    if (wanted is not None and have != wanted) or have < 1:
        ending = " and a label" if header.labelled else ""
        ending_zh = "和一个标签" if header.labelled else ""
        raise DataError(
            f"{path}, line {number}: expected {wanted or 'some'} channels{ending}, separated by `:`, received {len(parts)} "
            "parts. Is the file whole?",
            f"{path} 第 {number} 行：应有 {wanted or '若干'} 个以 `:` 分隔的通道{ending_zh}，收到 {len(parts)} 部分。文件是否完整？",
        )
    header.dimensions = have
    label = parts.pop() if header.labelled else None
    if label is not None and header.labels and label not in header.labels:
        shown, shown_zh = ", ".join(header.labels[:8]), "、".join(header.labels[:8])
        raise DataError(
            f"{path}, line {number}: the label `{label[:40]}` is not one of the header's ({shown}).",
            f"{path} 第 {number} 行：标签 `{label[:40]}` 不在头部所列之中（{shown_zh}）。",
        )
    channels = [_values(path, number, i, part) for i, part in enumerate(parts, 1)]
    lengths = {len(c) for c in channels} | ({header.length} if header.length else set())
    if len(lengths) > 1:
        shown = ", ".join(str(len(c)) for c in channels[:6])
        expected = header.length or len(channels[0])
        raise DataError(
            f"{path}, line {number}: expected {expected} values in every channel, received {shown}.",
            f"{path} 第 {number} 行：每个通道应有 {expected} 个值，收到 {shown} 个。",
        )
    return channels, label or None


def _values(path: Path, number: int, channel: int, part: str) -> np.ndarray:
    cells = part.split(",")
    try:
        return np.array([np.nan if c.strip() in ("?", "") else float(c) for c in cells], np.float32)
    except ValueError:
        bad = next(c for c in cells if not _is_number(c))
        said = f"{bad.strip()[:30]} (channel {channel})"
        raise _wrong(path, number, "numbers separated by `,`", "以 `,` 分隔的数字", said) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip() in ("?", "")
    return True


def _table(series: list[list[np.ndarray]], labels: list[str | None], header: Header) -> pa.Table:
    columns = {"series": pa.array(series, arrow_type("series"))}
    if header.labelled:
        columns["label"] = pa.array(labels, pa.string())
    return pa.table(columns)
