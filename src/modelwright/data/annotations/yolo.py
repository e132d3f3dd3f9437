"""YOLO text: a file for each picture, a line `class centre-x centre-y width height` for each box, in shares of the picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from modelwright.core.errors import DataError
from modelwright.core.words import Words
from modelwright.data.annotations.base import Box, Format, Marked, number, pictures_below

_NAMES = ("classes.txt", "obj.names", "labels.txt")
_LOOK = 50
_LINE = re.compile(r"\s*\d+(\s+[-+]?[\d.]+(e[-+]?\d+)?){4,}\s*$", re.IGNORECASE | re.MULTILINE)


class Yolo(Format):
    """A folder of pictures whose labels stand beside them, or in `labels/` where the pictures are in `images/`; or data.yaml.

    Names of classes come from data.yaml, classes.txt or obj.names in the folder or up to three above it; without them the
    numbers are the labels. A line with more numbers is an outline, of which the box is taken.
    """

    title = Words("YOLO text", "YOLO 文本")
    first = 30

    def fits(self, path: Path) -> bool:
        if path.is_file():
            return path.suffix.lower() in (".yaml", ".yml") and isinstance(_yaml(path).get("names"), (list, dict))
        if not path.is_dir():
            return False
        return any(_labels(p) is not None for p in pictures_below(path)[:_LOOK])

    def sure(self, path: Path) -> bool:
        """Of texts beside pictures, which may be captions, one must begin with a class and numbers."""
        if path.is_file():
            return True
        labels = (file for p in pictures_below(path)[:_LOOK] if (file := _labels(p)) is not None)
        return any(_LINE.match(file.read_text(encoding="utf-8-sig", errors="replace")) for file in labels)

    def read(self, path: Path) -> list[Marked]:
        folder = path if path.is_dir() else _folder(path)
        names = _names(folder if path.is_dir() else path)
        out = []
        for picture in pictures_below(folder):
            file = _labels(picture)
            read = _read_boxes(file, names) if file is not None else []
            place = str(file if file is not None else picture.relative_to(folder))
            boxes, lines = [box for box, _ in read], [Words(f"{place}, {w.en}", f"{place} {w.zh}") for _, w in read]
            out.append(Marked(place, str(picture), boxes, relative=True, places=lines))
        if not out:
            raise DataError(f"There is no picture in {folder}.", f"{folder} 中没有图片。")
        return out


def _labels(picture: Path) -> Path | None:
    """Return the file of a picture's boxes: beside it, or below `labels` where it is below `images`."""
    parts = list(picture.parts)
    places = [picture.with_suffix(".txt")]
    if "images" in parts:
        at = len(parts) - 1 - parts[::-1].index("images")
        places.append(Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt"))
    return next((p for p in places if p.is_file() and p.name not in _NAMES), None)


def _read_boxes(file: Path, names: dict[int, str] | None) -> list[tuple[Box, Words]]:
    """Return the boxes of a file, each with its line."""
    out: list[tuple[Box, Words]] = []
    for line, text in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        cells = text.split()
        if not cells:
            continue
        place = Words(f"line {line}", f"第 {line} 行")
        outline = len(cells) >= 7 and len(cells) % 2 == 1
        if not (len(cells) == 5 or outline) or not cells[0].isdigit():
            raise DataError(
                f"{file}, {place.en}: expected `class x y width height`, received `{text[:60]}`.",
                f"{file}，{place.zh}：应为“类别 x y 宽 高”，收到的是 `{text[:60]}`。",
            )
        kind, values = int(cells[0]), [number(c, file, place, "x y width height") for c in cells[1:]]
        if names is not None and kind not in names:
            raise DataError(
                f"{file}, {place.en}: there is no class {kind}; the names are {', '.join(list(names.values())[:8])}. Correct it, or add the name.",
                f"{file}，{place.zh}：没有类别 {kind}；现有类别：{'、'.join(list(names.values())[:8])}。请改正，或补上类别名。",
            )
        if max(values) > 2:
            raise DataError(
                f"{file}, {place.en}: expected shares of width and height (0 to 1), received `{text[:60]}`.",
                f"{file}，{place.zh}：坐标应为占宽高的比例（0 至 1），收到的是 `{text[:60]}`。",
            )
        if outline:
            sides = [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]
        else:
            x, y, w, h = values
            sides = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        out.append(({"box": sides, "label": names[kind] if names is not None else str(kind)}, place))
    return out


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _folder(path: Path) -> Path:
    """Return the folder of pictures that data.yaml names for training."""
    told = _yaml(path)
    base = path.parent / str(told.get("path", "."))
    base = base if base.is_dir() else path.parent
    place = base / str(told.get("train", "."))
    return place if place.is_dir() else base


def _names(start: Path) -> dict[int, str] | None:
    """Return the names of classes by number; None where no file tells them."""
    for place in [start, *start.resolve().parents[:3]]:
        files = [place] if place.is_file() else [*sorted(place.glob("*.yaml")), *sorted(place.glob("*.yml"))]
        for file in files:
            told = _yaml(file).get("names")
            if isinstance(told, list):
                return dict(enumerate(map(str, told)))
            if isinstance(told, dict):
                return {int(k): str(v) for k, v in told.items()}
        for name in _NAMES:
            if place.is_dir() and (place / name).is_file():
                lines = (place / name).read_text(encoding="utf-8-sig", errors="replace").splitlines()
                return dict(enumerate(line.strip() for line in lines if line.strip()))
    return None


FORMAT = Yolo
