"""Boxes in pictures: a JSON list of {"box": [left, top, right, bottom], "label": text} in pixels of the upright picture.

A target only: nothing is recognised as such by itself. Sources in other forms are brought to this one by `data/annotations/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data.kinds.base import Kind, Unreadable, seeded


class BoxesKind(Kind):
    """Lists of boxes with a label; an empty list says that there is nothing in the picture."""

    modality = "boxes"
    title = Words("boxes", "标注框")

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        return None

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        from modelwright.data.annotations.shared.tables import parsed

        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            boxes = parsed(value, "", "")
        except DataError:
            raise Unreadable(
                f'expected a list of {{"box": [left, top, right, bottom], "label": ...}}, received `{str(value)[:60]}`',
                f'应为 `{{"box": [左, 上, 右, 下], "label": ...}}` 的列表，收到的是 `{str(value)[:60]}`',
            ) from None
        for b in boxes:
            left, top, right, bottom = b["box"]
            if not (right > left and bottom > top):
                raise Unreadable(f"the box {b['box']} has no area", f"框 {b['box']} 没有面积")
        return json.dumps(boxes, ensure_ascii=False)

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        rng = seeded(states, seed)
        at = rng.integers(0, 10, (len(states), 2))
        return [
            json.dumps([{"box": [int(x), int(y), int(x) + 8, int(y) + 8], "label": str(s)}])
            for s, (x, y) in zip(states, at)
        ]


KIND = BoxesKind
