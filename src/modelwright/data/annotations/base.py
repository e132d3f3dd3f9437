"""The contract of sources of boxes in pictures, and their one form: a picture and a JSON list of boxes a row.

One file per format in this folder; its name is the format's. It defines `FORMAT`, a subclass of `Format`. A box is
`{"box": [left, top, right, bottom], "label": text}` in pixels of the upright picture; `"crowd": true` marks a region that is
neither right nor wrong to find (COCO's iscrowd, VOC's difficult).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from modelwright.core.errors import DataError
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

FORMATS = "modelwright.data.annotations"
PICTURE, BOXES = "picture", "boxes"
PICTURES = frozenset((".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".avif", ".dcm"))
Box = dict[str, Any]


@dataclass
class Marked:
    """One picture as a source tells it: `place` names it in messages, `size` (width, height) is what the source says of it.

    Boxes are in pixels, or with `relative` in shares of width and height. `more` are further cells of its row. `places` name the
    boxes, one each, where the source has places of their own for them.
    """

    place: str | Words
    picture: Any
    boxes: list[Box]
    size: tuple[int, int] | None = None
    relative: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)
    places: list[Words] = field(default_factory=list)

    @property
    def placed(self) -> Words:
        """What names it in messages of either language."""
        return Words(self.place, self.place) if isinstance(self.place, str) else self.place

    def each_place(self) -> list[Words]:
        """Return what names each box."""
        return self.places or [self.placed] * len(self.boxes)


class Format(ABC):
    """How boxes are read from one kind of source."""

    title: ClassVar[Words]
    first: ClassVar[int] = 50  # asked in this order, the smallest first

    @abstractmethod
    def fits(self, path: Path) -> bool:
        """Whether a file or folder is of this format, from its names and its beginning."""

    def sure(self, path: Path) -> bool:
        """Whether a file or folder that fits holds boxes though nobody said so: a table or captions beside pictures may look alike."""
        return True

    @abstractmethod
    def read(self, path: Path) -> list[Marked]:
        """Return its pictures with their boxes. Raises DataError, naming file and place, for what cannot be read."""


def format_of(path: Path, *, asked: bool = True) -> Format | None:
    """Return the format that a file or folder is of; None for none. Where boxes were not `asked` for it must be sure."""
    made: list[Format] = [load_file(FORMATS, n, Words("format", "格式")).FORMAT() for n in names_in(FORMATS)]
    return next((f for f in sorted(made, key=lambda f: f.first) if f.fits(path) and (asked or f.sure(path))), None)


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures of a folder and the folders in it, in order of their paths."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def read_json(path: Path) -> Any:
    """Return what a JSON file holds. Raises DataError where it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as e:
        raise DataError(
            f"{path} is not a complete JSON file ({type(e).__name__}).",
            f"{path} 不是完整的 JSON 文件（{type(e).__name__}）。",
        ) from e


def number(value: Any, path: Path, place: str | Words, what: str) -> float:
    """Return a coordinate as float. Raises DataError, naming where it stands."""
    en, zh = (place, place) if isinstance(place, str) else (place.en, place.zh)
    try:
        out = float(value)
        if out != out or abs(out) == float("inf"):
            raise ValueError(value)
    except (TypeError, ValueError) as e:
        raise DataError(
            f"{path}, {en}: expected a number for {what}, received `{str(value)[:40]}`.",
            f"{path}，{zh}：{what} 应为数字，收到的是 `{str(value)[:40]}`。",
        ) from e
    return out


def none_found(path: Path, looked: Iterable[Path], name: str) -> DataError:
    """Return the error for a source whose pictures are not where they should be."""
    places = ", ".join(dict.fromkeys(str(p) for p in looked))
    return DataError(
        f"The pictures of {path} were not found: {name} is in none of {places}. Put the pictures beside it, or in a folder `images`.",
        f"未找到 {path} 的图片：{name} 不在 {places} 中。请将图片放在同一文件夹或 `images` 文件夹中。",
    )
