"""Boxes against their pictures: brought to pixels of the upright picture, and those that cannot be are told and left out."""

from __future__ import annotations

import io
import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from modelwright.core.budget import step
from modelwright.core.errors import DataError, MissingExtra
from modelwright.core.events import EventStream
from modelwright.core.words import Words
from modelwright.data.annotations.base import BOXES, PICTURE, Box, Marked

_MOST_BAD = 0.2  # share of boxes that cannot be, above which the source must be in another form
_EXIF_ORIENTATION = 0x0112
_SAME = 1e-3  # of the sides: two boxes of a label that differ by less are one
_SHOWN = 3
_RARE = 5  # boxes below which a label is told to have too few


class Shape(NamedTuple):
    """What a picture's header says: its size as stored, and the EXIF orientation 1 to 8."""

    width: int
    height: int
    turned: int

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as it is shown."""
        return (self.height, self.width) if self.turned >= 5 else (self.width, self.height)


class Faults:
    """What was wrong with boxes, with the first places of each kind."""

    words: Mapping[str, Words] = {
        "inverted": Words("whose right is left of its left, or bottom above its top", "左右或上下颠倒的"),
        "empty": Words("of no area", "面积为零的"),
        "outside": Words("outside the picture", "在图片之外的"),
        "twice": Words("marked twice", "重复标注的"),
        "clipped": Words("over the edge of the picture", "超出图片边缘的"),
        "turned": Words("drawn before the picture was turned by its EXIF data", "在按 EXIF 旋转之前标注的"),
        "scaled": Words("drawn on a picture of another size", "在其他尺寸图片上标注的"),
    }

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.places: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        """Note one box."""
        self.count[kind] += 1
        found = self.places.setdefault(kind, [])
        if len(found) < _SHOWN and place not in found:
            found.append(place)

    def tell(self, name: str, boxes: int, events: EventStream | None) -> None:
        """Say what was left out and what was brought right. Raises DataError where too many boxes cannot be."""
        bad = sum(self.count[k] for k in ("inverted", "empty", "outside"))
        if boxes and bad > max(2, _MOST_BAD * boxes):
            kind = max(("inverted", "empty", "outside"), key=lambda k: self.count[k])
            raise DataError(
                f"{bad} of the {boxes} boxes of {name} cannot be (the first one {self.words[kind].en}: {self.places[kind][0]}). Are they in another "
                "form, such as left, top, width, height for left, top, right, bottom, or in shares for pixels?",
                f"{name} 的 {boxes} 个框中有 {bad} 个不成立（例如{self.words[kind].zh}：{self.places[kind][0]}）。"
                "是否为其他格式，例如把“左上宽高”当作“左上右下”，或把比例当作像素？",
            )
        if events is None:
            return
        done = {
            "clipped": Words("cut there", "已裁至边缘"),
            "turned": Words("turned with it", "已随图片旋转"),
            "scaled": Words("scaled to it", "已按比例缩放"),
        }
        for kind, count in self.count.items():
            what = done.get(kind, Words("left out", "已排除"))
            some, words = ", ".join(self.places[kind]), self.words[kind]
            es, are = ("", "is") if count == 1 else ("es", "are")
            events.warn(
                f"{name}: {count} box{es} {words.en} {are} {what.en} ({some}).",
                f"{name}：{count} 个{words.zh}框{what.zh}（{some}）。",
            )


def beside(found: list[Marked], folder: Path) -> list[Marked]:
    """Return pictures of a source with paths from the `folder` that holds it, as those of a table are, where they were from the
    working folder."""
    for m in found:
        if isinstance(m.picture, str) and not m.picture.startswith("data:") and not Path(m.picture).is_absolute():
            m.picture = os.path.relpath(m.picture, folder)
    return found


def settled(
    found: list[Marked],
    name: str,
    folder: Path,
    events: EventStream | None = None,
    names: tuple[str, str] = (PICTURE, BOXES),
) -> pa.Table:
    """Return the pictures and boxes of a source as a table with two columns of these `names`, boxes as JSON, and further cells of its rows.

    A picture whose header cannot be read keeps its boxes as they are: its row is named where pictures are read. Raises DataError
    where more than a fifth of the boxes cannot be.
    """
    faults, cells = Faults(), []
    total = sum(len(m.boxes) for m in found)
    for m in found:
        step()
        cells.append(json.dumps(_boxes(m, shape_of(m.picture, folder), faults), ensure_ascii=False))
    faults.tell(name, total, events)
    if events is not None:
        _tell_rare(name, cells, events)
    columns: dict[str, Any] = {names[0]: [m.picture for m in found], names[1]: cells}
    for key in dict.fromkeys(k for m in found for k in m.more):
        columns[key] = [m.more.get(key) for m in found]
    return pa.table(columns)


def _tell_rare(name: str, cells: list[str], events: EventStream) -> None:
    """Say which labels have so few boxes that they can be neither learnt nor judged."""
    counts = Counter(b["label"] for cell in cells for b in json.loads(cell) if not b.get("crowd"))
    rare = {label: n for label, n in counts.items() if n < _RARE}
    if not rare or len(rare) == len(counts):
        return
    some, more = ", ".join(f"`{label}` ({n})" for label, n in list(rare.items())[:_SHOWN]), len(rare) > _SHOWN
    events.warn(
        f"{name}: too few boxes to learn from and to judge by: {some}{' ...' if more else ''}. Mark more, or take the label out.",
        f"{name}：以下类别的框太少，无法学习与评估：{some}{' ...' if more else ''}。请补充标注，或去掉该类别。",
    )


def shape_of(picture: Any, folder: Path) -> Shape | None:
    """Return what a picture's header says; None where there is none that can be read."""
    try:
        from PIL import Image
    except ImportError as e:
        raise MissingExtra("image", "Reading images", "读取图片") from e
    from modelwright.core.encrypted_files import open_plain
    from modelwright.data._faults import FAULTS
    from modelwright.data.kinds.base import Unreadable, media

    faults: tuple[type[Exception], ...] = (Unreadable, OSError, *FAULTS)
    try:
        path = _path(picture, folder)
        cell: Any = {"path": str(path), "bytes": None} if path is not None else media(picture, folder)
        if cell is None:
            return None
        with open_plain(Path(cell["path"])) if cell["bytes"] is None else io.BytesIO(cell["bytes"]) as f:
            image = Image.open(f)
            turned = image.getexif().get(_EXIF_ORIENTATION, 1)
            return Shape(*image.size, turned if turned in range(1, 9) else 1)
    except faults:
        return None


def _path(picture: Any, folder: Path) -> Path | None:
    """Return the file of a cell that is a path."""
    if isinstance(picture, Mapping):
        picture = picture.get("bytes") or picture.get("path")
    if not isinstance(picture, str) or picture.startswith("data:"):
        return None
    return Path(picture) if Path(picture).is_absolute() else folder / picture


def _boxes(m: Marked, shape: Shape | None, faults: Faults) -> list[Box]:
    """Return the boxes of a picture in pixels of it, upright, without those that cannot be."""
    boxes = m.boxes
    size = shape.upright if shape is not None else m.size
    if m.relative:
        if size is None:
            return []  # the picture cannot be read, and its row is left out for that
        told = m.size if m.size is not None and shape is not None and _turned_size(m.size, shape) else size
        boxes = [{**b, "box": [v * told[i % 2] for i, v in enumerate(b["box"])]} for b in boxes]
    if shape is not None:
        boxes = _upright(m, boxes, shape, faults)
    out: list[Box] = []
    for b in boxes:
        kind, box = _checked(b["box"], size)
        if kind is not None:
            faults.add(kind, m.place)
        if box is None:
            continue
        made = {**b, "box": box}
        if any(_same(made, other) for other in out):
            faults.add("twice", m.place)
            continue
        out.append(made)
    return out


def _turned_size(told: tuple[int, int], shape: Shape) -> bool:
    return shape.turned >= 5 and told == (shape.width, shape.height) != shape.upright


def _upright(m: Marked, boxes: list[Box], shape: Shape, faults: Faults) -> list[Box]:
    """Turn boxes that were drawn on the picture as it is stored, and scale those drawn on one of another size."""
    turned = m.size is not None and _turned_size(m.size, shape)
    if m.size is None and shape.turned >= 5 and boxes:
        turned = not _inside(boxes, shape.upright) and _inside(boxes, (shape.width, shape.height))
    if turned:
        for _ in boxes:
            faults.add("turned", m.place)
        return [{**b, "box": turn(b["box"], shape)} for b in boxes]
    if m.size is None or m.relative or m.size == shape.upright:
        return boxes
    across, down = shape.upright[0] / m.size[0], shape.upright[1] / m.size[1]
    if boxes and _inside(boxes, shape.upright) and not _inside(boxes, m.size):
        return boxes  # they fit the picture, and only what is said of its size does not
    for _ in boxes:
        faults.add("scaled", m.place)
    return [{**b, "box": [v * (across, down)[i % 2] for i, v in enumerate(b["box"])]} for b in boxes]


def _inside(boxes: list[Box], size: tuple[int, int]) -> bool:
    return all(b["box"][2] <= size[0] + 1 and b["box"][3] <= size[1] + 1 for b in boxes)


def turn(box: list[float], shape: Shape) -> list[float]:
    """Return a box of the picture as it is stored as one of the picture upright, by its EXIF orientation."""
    left, top, right, bottom = box
    w, h = shape.width, shape.height
    ways = {
        2: (w - right, top, w - left, bottom), 3: (w - right, h - bottom, w - left, h - top), 4: (left, h - bottom, right, h - top),
        5: (top, left, bottom, right), 6: (h - bottom, left, h - top, right), 7: (h - bottom, w - right, h - top, w - left),
        8: (top, w - right, bottom, w - left),
    }  # fmt: skip
    return list(ways.get(shape.turned, tuple(box)))


def _checked(box: list[float], size: tuple[int, int] | None) -> tuple[str | None, list[float] | None]:
    """Return what is wrong with a box, and the box within the picture; None for one that cannot be."""
    left, top, right, bottom = box
    if not all(map(math.isfinite, box)) or right < left or bottom < top:
        return "inverted", None
    if size is not None:
        cut = [min(max(v, 0.0), float(size[i % 2])) for i, v in enumerate(box)]
        if (cut[2] - cut[0] <= 0 or cut[3] - cut[1] <= 0) and right > left and bottom > top:
            return "outside", None
        over = max(abs(a - b) for a, b in zip(cut, box, strict=True))
        left, top, right, bottom = cut
        if right - left > 0 and bottom - top > 0:
            return ("clipped" if over > 1 else None), [round(v, 2) for v in cut]
    if right - left <= 0 or bottom - top <= 0:
        return "empty", None
    return None, [round(v, 2) for v in (left, top, right, bottom)]


def _same(a: Box, b: Box) -> bool:
    if a["label"] != b["label"]:
        return False
    size = max(a["box"][2] - a["box"][0], a["box"][3] - a["box"][1])
    return max(abs(x - y) for x, y in zip(a["box"], b["box"], strict=True)) <= _SAME * size
