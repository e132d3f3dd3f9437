"""COCO JSON: `images`, `annotations` with `bbox` [left, top, width, height] in pixels, `categories` (Lin et al., arXiv 1405.0312)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError, nearest
from modelwright.core.words import Words
from modelwright.data.annotations.base import Box, Format, Marked, none_found, number, read_json


class Coco(Format):
    """One JSON file; its pictures stand beside it, in `images`, or in a folder that is called as the file's last part."""

    title = Words("COCO JSON", "COCO JSON")
    first = 10

    def fits(self, path: Path) -> bool:
        if path.suffix.lower() != ".json" or not path.is_file():
            return False
        with path.open(encoding="utf-8-sig", errors="replace") as f:
            start = f.read(1 << 16)
        return start.lstrip().startswith("{") and any(
            f'"{k}"' in start for k in ("images", "annotations", "categories")
        )

    def sure(self, path: Path) -> bool:
        with path.open(encoding="utf-8-sig", errors="replace") as f:
            start = f.read(1 << 16)
        return '"file_name"' in start or '"bbox"' in start

    def read(self, path: Path) -> list[Marked]:
        data = read_json(path)
        absent = [k for k in ("images", "annotations", "categories") if not isinstance(data.get(k), list)]
        if absent:
            raise DataError(
                f"{path} lacks the list{'s' if len(absent) > 1 else ''} {', '.join(absent)}; expected COCO JSON with images, annotations and categories.",
                f"{path} 缺少列表 {'、'.join(absent)}；应为含 images、annotations、categories 的 COCO JSON。",
            )
        for key in ("images", "annotations", "categories"):
            for i, entry in enumerate(data[key]):
                ids = [entry.get(k) for k in ("id", "image_id", "category_id")] if isinstance(entry, dict) else [[]]
                if any(isinstance(v, (list, dict)) for v in ids):
                    raise DataError(
                        f"{path}, {key}[{i}]: expected an object whose ids are numbers or texts, received `{str(entry)[:60]}`.",
                        f"{path}，{key}[{i}]：应为对象，且 id 为数字或文本；收到的是 `{str(entry)[:60]}`。",
                    )
        for key in ("images", "categories"):
            _told_apart(data[key], key, path)
        names = {c.get("id"): str(c.get("name", c.get("id"))) for c in data["categories"]}
        by_image = _by_image(data, names, path)
        folder = _folder(path, data["images"])
        out = []
        for i, image in enumerate(data["images"]):
            name = image.get("file_name")
            if not name:
                raise DataError(f"{path}, images[{i}] has no file_name.", f"{path} 的 images[{i}] 没有 file_name。")
            told = image.get("width"), image.get("height")
            size = (int(told[0]), int(told[1])) if all(isinstance(v, (int, float)) and v > 0 for v in told) else None
            boxes = by_image.get(image.get("id"), {})
            places = [Words(f"{name}, {at}", f"{name}，{at}") for at in boxes]
            out.append(Marked(f"{name}", str(folder / str(name)), list(boxes.values()), size, places=places))
        return out


def _told_apart(entries: list[Any], key: str, path: Path) -> None:
    """Raise DataError where two entries have one id: what belongs to which could not be told."""
    first: dict[Any, int] = {}
    for i, entry in enumerate(entries):
        at = first.setdefault(entry.get("id"), i)
        if at != i:
            raise DataError(
                f"{path}: {key}[{at}] and {key}[{i}] have the same id, {entry.get('id')!r}. Give each an id of its own.",
                f"{path}：{key}[{at}] 与 {key}[{i}] 的 id 相同（{entry.get('id')!r}）。请使每个 id 唯一。",
            )


def _by_image(data: dict[str, Any], names: dict[Any, str], path: Path) -> dict[Any, dict[str, Box]]:
    """Return the boxes of each image by their places in the file."""
    known = {image.get("id") for image in data["images"]}
    out: dict[Any, dict[str, Box]] = {}
    for i, a in enumerate(data["annotations"]):
        place = f"annotations[{i}]"
        if a.get("category_id") not in names:
            near = ", ".join(nearest(str(a.get("category_id")), [str(k) for k in names])[:3])
            raise DataError(
                f"{path}, {place}: there is no category {a.get('category_id')!r}; the categories are {near or list(names)[:5]}. Correct it, or add the category.",
                f"{path}，{place}：没有类别 {a.get('category_id')!r}；现有类别：{near or list(names)[:5]}。请改正，或补上该类别。",
            )
        if a.get("image_id") not in known:
            raise DataError(
                f"{path}, {place}: there is no image {a.get('image_id')!r} in `images`. Add it there, or take the box out.",
                f"{path}，{place}：`images` 中没有图片 {a.get('image_id')!r}。请补上，或删去该框。",
            )
        box = a.get("bbox")
        if not isinstance(box, list) or len(box) != 4:
            raise DataError(
                f"{path}, {place}: expected bbox [left, top, width, height], received `{str(box)[:60]}`.",
                f"{path}，{place}：bbox 应为 `[左, 上, 宽, 高]`，收到的是 `{str(box)[:60]}`。",
            )
        x, y, w, h = (number(v, path, place, "bbox") for v in box)
        made: Box = {"box": [x, y, x + w, y + h], "label": names[a["category_id"]]}
        out.setdefault(a["image_id"], {})[place] = made | ({"crowd": True} if a.get("iscrowd") else {})
    return out


def _folder(path: Path, images: list[Any]) -> Path:
    """Return the folder in which the first picture is found. Raises DataError."""
    name = next((str(i["file_name"]) for i in images if i.get("file_name")), "")
    last = path.stem.rsplit("_", 1)[-1]
    here, above = path.parent, path.parent.parent
    places = [
        here,
        here / "images",
        here / last,
        here / path.stem,
        above / "images",
        above / last,
        above / "images" / last,
        above,
    ]
    for place in places:
        if (place / name).is_file():
            return place
    raise none_found(path, places[:5], name)


FORMAT = Coco
