"""Files and folders of boxes as sources: their pictures as rows, and what is told of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.words import Words, counted
from modelwright.data.annotations.base import Marked, format_of
from modelwright.data.annotations.shared.settle import beside, settled
from modelwright.data.annotations.shared.tables import rows_of, tells_boxes
from modelwright.data.sources import folder_of, source_name

_SHOWN = 8  # labels in a line


def marked_in(source: Any, *, asked: bool = True) -> list[Marked] | None:
    """Return the pictures of a file or folder of boxes, with paths from the folder that holds it; None for what is none.

    Where boxes were not `asked` for, only a source that cannot be taken for anything else is one. Raises DataError for one that cannot be read.
    """
    if not isinstance(source, (str, Path)) or "://" in str(source):
        return None
    path = Path(source)
    found = format_of(path, asked=asked) if path.exists() else None
    return beside(found.read(path), folder_of(source)) if found is not None else None


def boxes_table(source: Any, events: EventStream | None = None, *, asked: bool = True) -> pa.Table | None:
    """Return the pictures and boxes of such a source as `settled` does; None for what is none."""
    marked = marked_in(source, asked=asked)
    return None if marked is None else settled(marked, source_name(source, "table"), folder_of(source), events)


def described(cells: list[str]) -> Words:
    """Say how many pictures and boxes there are in rows of boxes (JSON), of which labels, and how many pictures have none."""
    boxes = [json.loads(cell) for cell in cells]
    counts = Counter(b["label"] for row in boxes for b in row)
    bare = sum(not row for row in boxes)
    shown = counts.most_common(_SHOWN)
    rest = " ..." if len(counts) > _SHOWN else ""
    en, zh = ", ".join(f"{label} {n:,}" for label, n in shown), "、".join(f"{label} {n:,}" for label, n in shown)
    without = (f"; {counted(bare, 'picture')} without boxes", f"；{bare:,} 张图片没有框") if bare else ("", "")
    total = sum(counts.values())
    kinds = (f": {en}{rest}", f"：{zh}{rest}") if counts else ("", "")
    return Words(
        f"{counted(len(boxes), 'picture')}, {total:,} box{'es' * (total != 1)} of {len(counts)} class{'es' * (len(counts) != 1)}{kinds[0]}{without[0]}. "
        "To learn from them: --task object-detection",
        f"{len(boxes):,} 张图片，{total:,} 个框，{len(counts)} 个类别{kinds[1]}{without[1]}。用于训练：--task object-detection",
    )


def boxes_of_rows(raw: pa.Table, source: Any, events: EventStream | None = None) -> tuple[pa.Table, str] | None:
    """Return the pictures and boxes of rows that can only be boxes, as `settled` does, and what the column of boxes is called; None for
    others: a row for each box with its corners beside a picture, or for each picture a list of boxes.

    Where such rows cannot be read as boxes, that is told, and None returned.
    """
    name = source_name(source, "table")
    if not tells_boxes(raw):
        return None
    try:
        marked, names = rows_of(raw, name)
        return settled(marked, name, folder_of(source), events, names), names[1]
    except DataError as e:
        if events is not None:
            more = Words(
                "The rows look like boxes in pictures, but cannot be read so, and are shown as they stand:",
                "这些行看起来是图片中的标注框，但无法如此读取，以下按原样显示：",
            )
            events.warn(f"{more.en} {e.words.en}", f"{more.zh}{e.words.zh}")
        return None
