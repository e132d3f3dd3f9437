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
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.words import Words, counted
from modelwright.data.annotations.base import BOXES, PICTURE, Box, Marked

_MOST_BAD = 0.2  # share of boxes that cannot be, above which the source must be in another form
_SAME = 1e-3  # of the sides: two boxes of a label that differ by less are one
_SHOWN = 3
_ASPECT = 0.03  # of the logarithm of width by height: two sizes that differ by less are of one shape
_RARE = 5  # boxes below which a label is told to have too few


class Shape(NamedTuple):
    """What a picture's header says: its size as stored, and the EXIF orientation 1 to 8."""

    width: int
    height: int
    turned: int

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as it is shown."""
        return (self.height, self.width) if self.turned >= 5 else self.stored

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height as it is stored."""
        return self.width, self.height


class Faults:
    """What was wrong with boxes, with the first places of each kind."""

    words: Mapping[str, Words] = {
        "inverted": Words("whose right is left of its left, or bottom above its top", "左右或上下颠倒的"),
        "empty": Words("of no area", "面积为零的"),
        "outside": Words("outside the picture", "在图片之外的"),
        "twice": Words("marked twice", "重复标注的"),
        "clipped": Words("over the edge of the picture", "超出图片边缘的"),
        "turned": Words("drawn before the picture was turned by its EXIF data", "在按 EXIF 旋转之前标注的"),
        "unsure": Words(
            "that may have been drawn before or after the picture was turned by its EXIF data",
            "可能在按 EXIF 旋转之前或之后标注的",
        ),
        "scaled": Words("drawn on a picture of another size", "在其他尺寸图片上标注的"),
    }

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.places: dict[str, list[Words]] = {}

    def add(self, kind: str, place: Words) -> None:
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
                f"{bad} of the {boxes} boxes of {name} cannot be (the first one {self.words[kind].en}: {self.places[kind][0].en}). Are they in another "
                "form, such as left, top, width, height for left, top, right, bottom, or in shares for pixels?",
                f"{name} 的 {boxes} 个框中有 {bad} 个不成立（例如{self.words[kind].zh}：{self.places[kind][0].zh}）。"
                "是否为其他格式，例如把“左上宽高”当作“左上右下”，或把比例当作像素？",
            )
        if events is None:
            return
        done = {
            "clipped": Words("cut there", "已裁至边缘"),
            "turned": Words("turned with it", "已随图片旋转"),
            "unsure": Words(
                "taken as drawn after; if they were not, take the orientation out of the files",
                "按旋转之后处理；如非如此，请去掉文件中的方向信息",
            ),
            "scaled": Words("scaled to it", "已按比例缩放"),
        }
        for kind, count in self.count.items():
            what = done.get(kind, Words("left out", "已排除"))
            words, places = self.words[kind], self.places[kind]
            some, some_zh = ", ".join(p.en for p in places), "，".join(p.zh for p in places)
            es, are = ("", "is") if count == 1 else ("es", "are")
            events.warn(
                f"{name}: {count} box{es} {words.en} {are} {what.en} ({some}).",
                f"{name}：{count} 个{words.zh}框{what.zh}（{some_zh}）。",
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
    found = _each_once(found, name, events)
    faults, shapes = Faults(), []
    for m in found:
        step()
        shapes.append(shape_of(m.picture, folder))
    ways = _drawn_before(found, shapes, faults)
    cells = [_boxes(m, shape, before, faults) for m, shape, before in zip(found, shapes, ways, strict=True)]
    faults.tell(name, sum(len(m.boxes) for m in found), events)
    if events is not None:
        _tell_rare(name, found, cells, events)
    columns: dict[str, Any] = {
        names[0]: [m.picture for m in found],
        names[1]: [json.dumps(boxes, ensure_ascii=False) for boxes in cells],
    }
    for key in dict.fromkeys(k for m in found for k in m.more):
        columns[key] = [m.more.get(key) for m in found]
    return pa.table(columns)


def _each_once(found: list[Marked], name: str, events: EventStream | None) -> list[Marked]:
    """Return the pictures of a source with the boxes of those that it names several times together: what one entry leaves out would
    be learnt as nothing, and one picture could stand on both sides of a split."""
    first: dict[str, Marked] = {}
    out, again = [], []
    for m in found:
        if not isinstance(m.picture, str) or (known := first.setdefault(m.picture, m)) is m:
            out.append(m)
            continue
        known.places = [*known.each_place(), *m.each_place()]
        known.boxes = [*known.boxes, *m.boxes]
        again.append(m.placed)
    if again and events is not None:
        more = " ..." if len(again) > _SHOWN else ""
        events.warn(
            f"{name}: {counted(len(again), 'entry', 'entries')} of pictures that stand there already; the boxes of each picture are taken together "
            f"({', '.join(p.en for p in again[:_SHOWN])}{more}).",
            f"{name}：{len(again)} 个条目的图片重复出现；同一图片的框已合并（{'，'.join(p.zh for p in again[:_SHOWN])}{more}）。",
        )
    return out


def _tell_rare(name: str, found: list[Marked], cells: list[list[Box]], events: EventStream) -> None:
    """Say which labels have so few boxes that they can be neither learnt nor judged, and where the first one of each is."""
    counts: Counter[str] = Counter()
    first: dict[str, Words] = {}
    for m, boxes in zip(found, cells, strict=True):
        for b in boxes:
            if not b.get("crowd"):
                counts[b["label"]] += 1
                first.setdefault(b["label"], m.placed)
    rare = {label: n for label, n in counts.items() if n < _RARE}
    if not rare or len(rare) == len(counts):
        return
    more = " ..." if len(rare) > _SHOWN else ""
    shown = [(label, n, first[label]) for label, n in list(rare.items())[:_SHOWN]]
    en = ", ".join(f"`{label}` ({n}: {place.en}{' ...' if n > 1 else ''})" for label, n, place in shown)
    zh = "，".join(f"`{label}`（{n}：{place.zh}{' ...' if n > 1 else ''}）" for label, n, place in shown)
    events.warn(
        f"{name}: too few boxes to learn from and to judge by: {en}{more}. Mark more, or take the label out.",
        f"{name}：以下类别的框太少，无法学习与评估：{zh}{more}。请补充标注，或去掉该类别。",
    )


def shape_of(picture: Any, folder: Path) -> Shape | None:
    """Return what a picture's header says; None where there is none that can be read."""
    from modelwright.core.encrypted_files import open_plain
    from modelwright.data.kinds.base import Unreadable, media
    from modelwright.data.kinds.image import picture_in, turned_by

    try:
        path = _path(picture, folder)
        cell: Any = {"path": str(path), "bytes": None} if path is not None else media(picture, folder)
        if cell is None:
            return None
        with open_plain(Path(cell["path"])) if cell["bytes"] is None else io.BytesIO(cell["bytes"]) as f:
            return picture_in(f, lambda image: Shape(*image.size, turned_by(image)))
    except (Unreadable, OSError):
        return None


def _path(picture: Any, folder: Path) -> Path | None:
    """Return the file of a cell that is a path."""
    if isinstance(picture, Mapping):
        picture = picture.get("bytes") or picture.get("path")
    if not isinstance(picture, str) or picture.startswith("data:"):
        return None
    return Path(picture) if Path(picture).is_absolute() else folder / picture


def _drawn_before(found: list[Marked], shapes: list[Shape | None], faults: Faults) -> list[bool]:
    """Return whether the boxes of each picture were drawn on it as it is stored, before EXIF data turned it.

    Where neither the size that is told nor the boxes say so of a picture, those of the source that do decide, as one tool drew
    them all; where there are none, boxes count as drawn upright, which is told.
    """
    clear = [None if shape is None else _clearly_before(m, shape) for m, shape in zip(found, shapes, strict=True)]
    before, after = clear.count(True), clear.count(False)
    out = []
    for m, shape, known in zip(found, shapes, clear, strict=True):
        turned = shape is not None and shape.turned > 1
        if turned and known is None and before == after:
            for place in m.each_place():
                faults.add("unsure", place)
        out.append(turned and (known if known is not None else before > after))
    return out


def _clearly_before(m: Marked, shape: Shape) -> bool | None:
    """Return whether boxes were drawn before EXIF data turned their picture; None where nothing tells it, as of one turned upside down."""
    if not m.boxes or shape.stored == shape.upright:
        return None
    if m.size is not None:
        stored, upright = (
            abs(math.log(m.size[0] * h / (m.size[1] * w))) < _ASPECT for w, h in (shape.stored, shape.upright)
        )
        return stored if stored != upright else None
    if m.relative:
        return None
    upright = _inside(m.boxes, shape.upright)
    return None if upright == _inside(m.boxes, shape.stored) else not upright


def _boxes(m: Marked, shape: Shape | None, before: bool, faults: Faults) -> list[Box]:
    """Return the boxes of a picture in pixels of it, upright, without those that cannot be; `before` it was turned they were drawn."""
    boxes, places = m.boxes, m.each_place()
    size = drawn_on = m.size
    if shape is not None:
        size, drawn_on = shape.upright, shape.stored if before else shape.upright
    if m.relative:
        if drawn_on is None:
            return []  # the picture cannot be read, and its row is left out for that
        boxes = _scaled(boxes, *drawn_on)
    elif m.size is not None and drawn_on is not None and _on_other(m.size, drawn_on, boxes):
        for place in places:
            faults.add("scaled", place)
        boxes = _scaled(boxes, drawn_on[0] / m.size[0], drawn_on[1] / m.size[1])
    if before and shape is not None:
        for place in places:
            faults.add("turned", place)
        boxes = [{**b, "box": turn(b["box"], shape)} for b in boxes]
    out: list[Box] = []
    for b, place in zip(boxes, places, strict=True):
        kind, box = _checked(b["box"], size)
        if kind is not None:
            faults.add(kind, place)
        if box is None:
            continue
        made = {**b, "box": box}
        if any(_same_box(made, other) for other in out):
            faults.add("twice", place)
            continue
        out.append(made)
    return out


def _on_other(told: tuple[int, int], size: tuple[int, int], boxes: list[Box]) -> bool:
    """Whether boxes were drawn on a picture of the size that is told: where they fit the other alone, what is told is wrong."""
    return told != size and (_inside(boxes, told) or not _inside(boxes, size))


def _scaled(boxes: list[Box], across: float, down: float) -> list[Box]:
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


def _same_box(a: Box, b: Box) -> bool:
    if a["label"] != b["label"]:
        return False
    size = max(a["box"][2] - a["box"][0], a["box"][3] - a["box"][1])
    return max(abs(x - y) for x, y in zip(a["box"], b["box"], strict=True)) <= _SAME * size
