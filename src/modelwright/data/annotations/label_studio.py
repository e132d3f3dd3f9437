"""An export of Label Studio (JSON): tasks with `annotations`, whose results of kind `rectanglelabels` are in per cent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError
from modelwright.core.words import Words
from modelwright.data import label_studio
from modelwright.data.annotations.base import Box, Format, Marked, none_found, number, read_json


class LabelStudio(Format):
    """One JSON file; of a task's annotations the last one that was not cancelled counts. Turned boxes give the box around them."""

    title = Words("Label Studio JSON", "Label Studio JSON")
    first = 15

    def fits(self, path: Path) -> bool:
        if path.suffix.lower() != ".json" or not path.is_file():
            return False
        with path.open(encoding="utf-8-sig", errors="replace") as f:
            start = f.read(1 << 16)
        return start.lstrip().startswith("[") and '"annotations"' in start and '"data"' in start

    def read(self, path: Path) -> list[Marked]:
        tasks = read_json(path)
        out = []
        for i, task in enumerate(tasks if isinstance(tasks, list) else []):
            place = f"task {task.get('id', i + 1)}" if isinstance(task, dict) else f"task {i + 1}"
            data = task.get("data") if isinstance(task, dict) else None
            url = next((v for v in data.values() if isinstance(v, str)), None) if isinstance(data, dict) else None
            if url is None:
                raise DataError(
                    f"{path}, {place} names no picture in `data`.", f"{path}，{place} 的 `data` 中没有图片。"
                )
            boxes, size = _boxes(label_studio.results(task.get("annotations")) or [], path, place)
            out.append(Marked(place, _picture(url, path), boxes, size, relative=True))
        return out


def _boxes(results: Sequence[Mapping[str, Any]], path: Path, place: str) -> tuple[list[Box], tuple[int, int] | None]:
    out: list[Box] = []
    size = None
    for r in results:
        if r.get("type") != "rectanglelabels":
            continue
        value, labels = r.get("value") or {}, (r.get("value") or {}).get("rectanglelabels") or []
        x, y, w, h = (number(value.get(k), path, place, k) / 100 for k in ("x", "y", "width", "height"))
        wide, high = (int(r.get(k) or 0) for k in ("original_width", "original_height"))
        size = (wide, high) if wide and high else size
        sides = _around(x, y, w, h, float(value.get("rotation") or 0), wide / high if wide and high else 1.0)
        if not labels:
            raise DataError(f"{path}, {place}: a box has no label.", f"{path}，{place}：有一个框没有标签。")
        out += [{"box": sides, "label": str(label)} for label in labels[:1]]
    return out, size


def _around(x: float, y: float, w: float, h: float, degrees: float, aspect: float) -> list[float]:
    """Return the upright box around one that is turned about its upper left corner; lengths in shares of the picture."""
    if not degrees:
        return [x, y, x + w, y + h]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [
        (x + (a * w * c - b * h / aspect * s), y + (a * w * aspect * s + b * h * c)) for a in (0, 1) for b in (0, 1)
    ]
    xs, ys = [p[0] for p in corners], [p[1] for p in corners]
    return [min(xs), min(ys), max(xs), max(ys)]


def _picture(url: str, path: Path) -> str:
    """Return the file that a task's picture is: by its name beside the export, or below `images`."""
    if url.startswith("data:"):
        return url
    found = label_studio.beside(url, path, "images")
    if found is None:
        raise none_found(path, [path.parent, path.parent / "images"], label_studio.file_of(url).name)
    return str(found.resolve())


FORMAT = LabelStudio
