"""Tables of boxes: a row for each box, or a row for each picture with a list of boxes in one column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.words import Words
from modelwright.data.annotations.base import BOXES, PICTURE, Box, Marked

# names of the four columns of a row for each box, and how they make left, top, right, bottom
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"), ("x_min", "y_min", "x_max", "y_max"), ("left", "top", "right", "bottom"), ("x1", "y1", "x2", "y2"),
)  # fmt: skip
_SIZES = (
    ("x", "y", "width", "height"),
    ("x", "y", "w", "h"),
    ("left", "top", "width", "height"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"),
)
_CENTRES = (
    ("x_center", "y_center", "width", "height"),
    ("cx", "cy", "w", "h"),
    ("center_x", "center_y", "width", "height"),
)
_LABELS = ("label", "class", "category", "name", "cell_type", "label_name", "class_name", "type", "标签", "类别")
_PICTURES = (
    "picture",
    "image",
    "filename",
    "file_name",
    "file",
    "path",
    "image_path",
    "image_name",
    "img",
    "image_id",
    "图片",
)
_LISTS = ("boxes", "objects", "annotations", "bboxes", "标注", "框")
_LOOK = 200


def rows_of(raw: pa.Table, name: str) -> tuple[list[Marked], tuple[str, str]]:
    """Return the pictures of a table with their boxes, and what the columns of both are called; `name` names it in messages.

    Raises DataError where its columns tell no boxes, with what was looked for.
    """
    lower = {c.lower().strip(): c for c in raw.column_names}
    corners = _four(lower)
    picture = next((lower[n] for n in _PICTURES if n in lower), None)
    if corners is not None and picture is not None:
        return _by_box(raw, name, picture, *corners, lower), (PICTURE, BOXES)
    boxes = list_column(raw)
    if boxes is not None:
        picture = picture if picture != boxes else None
        picture = picture or next((c for c in raw.column_names if c != boxes and _holds_media(raw.column(c))), None)
        if picture is not None:
            return _by_picture(raw, name, picture, boxes), (picture, boxes)
    raise DataError(
        f"No boxes were found in {name}. Expected a row for each box (filename, xmin, ymin, xmax, ymax, label), or for each picture "
        f"with a list of boxes in `boxes`; the columns are {', '.join(raw.column_names[:12])}.",
        f"{name} 中没有标注框。应每框一行（filename, xmin, ymin, xmax, ymax, label），或每张图片一行并在 `boxes` 列给出框的列表；"
        f"现有列：{'、'.join(raw.column_names[:12])}。",
    )


def tells_boxes(raw: pa.Table) -> bool:
    """Whether rows can only be boxes, though nobody said so: sides of boxes and a label beside a column of pictures, or lists of boxes
    beside one."""
    lower = {c.lower().strip(): c for c in raw.column_names}
    pictures = [c for c in raw.column_names if _holds_media(raw.column(c))]
    if not pictures:
        return False
    if (
        _four(lower) is not None
        and any(n in lower for n in _LABELS)
        and any(lower.get(n) in pictures for n in _PICTURES)
    ):
        return True
    boxes = list_column(raw)
    if boxes is None or boxes in pictures:
        return False
    cells = [v for v in raw.column(boxes).slice(0, _LOOK).to_pylist() if v is not None and v != ""]
    try:
        found = [
            parsed(cell, "", "") for cell in cells
        ]  # all of them, so that one that is no list of boxes tells against it
    except DataError:
        return False
    return any(found)


def _four(lower: Mapping[str, str]) -> tuple[list[str], str] | None:
    for way, sets in (("corners", _CORNERS), ("centres", _CENTRES), ("sizes", _SIZES)):
        for names in sets:
            if all(n in lower for n in names):
                return [lower[n] for n in names], way
    return None


def list_column(raw: pa.Table) -> str | None:
    """Return the column that holds lists of boxes: by its name, else by what its cells look like."""
    lower = {c.lower().strip(): c for c in raw.column_names}
    named = next((lower[n] for n in _LISTS if n in lower), None)
    if named is not None:
        return named
    for c in raw.column_names:
        kind = raw.schema.field(c).type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            cells = [v for v in raw.column(c).slice(0, _LOOK).to_pylist() if v and v.strip()]
            if cells and all(v.lstrip().startswith("[") for v in cells) and any('"b' in v for v in cells):
                return c
    return None


def _holds_media(values: pa.ChunkedArray) -> bool:
    from modelwright.data.kinds.image import KIND

    return KIND().recognise("", values) is not None


def _by_box(
    raw: pa.Table, name: str, picture: str, four: list[str], way: str, lower: Mapping[str, str]
) -> list[Marked]:
    label = next((lower[n] for n in _LABELS if n in lower and lower[n] not in (*four, picture)), None)
    if label is None:
        raise DataError(
            f"{name} has boxes, but no column of their labels; expected one called label, class or category. Its columns: {', '.join(raw.column_names[:12])}.",
            f"{name} 有框但没有标签列；应有名为 label、class 或 category 的列。现有列：{'、'.join(raw.column_names[:12])}。",
        )
    found: dict[str, Marked] = {}
    columns = [raw.column(c).to_pylist() for c in (picture, *four, label)]
    for row, (shown, a, b, c, d, said) in enumerate(zip(*columns, strict=True), 1):
        if shown is None or not str(shown).strip():
            raise DataError(f"{name}, row {row}: `{picture}` is empty.", f"{name} 第 {row} 行：`{picture}` 为空。")
        key = str(shown).strip()
        marked = found.setdefault(key, Marked(_row(row), key, []))
        cells = (a, b, c, d)
        if all(v is None or not str(v).strip() for v in cells):
            continue  # a picture without boxes
        values = []
        for column, v in zip(four, cells, strict=True):
            try:
                values.append(float(str(v).strip()))
            except ValueError as e:
                raise DataError(
                    f"{name}, row {row}, column `{column}`: expected a number, received `{str(v)[:40]}`.",
                    f"{name} 第 {row} 行，列 `{column}`：应为数字，收到的是 `{str(v)[:40]}`。",
                ) from e
        if said is None or not str(said).strip():
            raise DataError(
                f"{name}, row {row}: a box without a label (`{label}`).",
                f"{name} 第 {row} 行：框没有标签（`{label}`）。",
            )
        marked.boxes.append({"box": _sides(values, way), "label": str(said).strip()})
        marked.places.append(_row(row))
    return _shares(list(found.values()))


def _row(number: int) -> Words:
    return Words(f"row {number}", f"第 {number} 行")


def _sides(v: list[float], way: str) -> list[float]:
    if way == "corners":
        return v
    if way == "sizes":
        return [v[0], v[1], v[0] + v[2], v[1] + v[3]]
    return [v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2]


def _by_picture(raw: pa.Table, name: str, picture: str, boxes: str) -> list[Marked]:
    out = []
    others = [c for c in raw.column_names if c not in (picture, boxes)]
    rest = raw.select(others).to_pylist() if others else [{}] * raw.num_rows
    for row, (shown, cell, more) in enumerate(
        zip(raw.column(picture).to_pylist(), raw.column(boxes).to_pylist(), rest, strict=True), 1
    ):
        out.append(
            Marked(
                _row(row),
                shown,
                [] if cell is None else parsed(cell, f"{name}, row {row}", f"{name} 第 {row} 行"),
                more=more,
            )
        )
    return _shares(out)


def parsed(cell: Any, where: str, where_zh: str) -> list[Box]:
    """Return the boxes of a cell: JSON text or a list of {box: [left, top, right, bottom] or bbox: [left, top, width, height],
    label}, or {bbox: [...], category: [...]}. Raises DataError, `where` naming the cell."""
    try:
        value = json.loads(cell) if isinstance(cell, (str, bytes)) else cell
        if isinstance(value, Mapping):
            kinds = value.get("category", value.get("label", value.get("categories", value.get("labels"))))
            value = [{"bbox": b, "label": k} for b, k in zip(value["bbox"], kinds, strict=True)]
        return [_box(one) for one in value]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise DataError(
            f'{where}: expected a list of boxes such as [{{"box": [left, top, right, bottom], "label": "cat"}}], received `{str(cell)[:80]}`.',
            f'{where_zh}：应为框的列表，如 `[{{"box": [左, 上, 右, 下], "label": "cat"}}]`，收到的是 `{str(cell)[:80]}`。',
        ) from e


def _box(one: Mapping[str, Any]) -> Box:
    label = (
        next(one[k] for k in ("label", "class", "category", "name", "label_name") if one.get(k) is not None)
        if any(one.get(k) is not None for k in ("label", "class", "category", "name", "label_name"))
        else None
    )
    if label is None or not str(label).strip():
        raise ValueError("label")
    if "box" in one:
        sides = [float(v) for v in one["box"]]
    elif "bbox" in one:
        sides = _sides([float(v) for v in one["bbox"]], "sizes")
    else:
        found = _four({str(k).lower(): str(k) for k in one})
        if found is None:
            raise ValueError("box")
        sides = _sides([float(one[k]) for k in found[0]], found[1])
    if len(sides) != 4:
        raise ValueError("box")
    crowd = one.get("crowd") or one.get("iscrowd")
    return {"box": sides, "label": str(label).strip(), **({"crowd": True} if crowd else {})}


def _shares(found: list[Marked]) -> list[Marked]:
    """Take boxes for shares of width and height where none of a whole table reaches beyond 1 and they are not all whole numbers."""
    values = [v for m in found for b in m.boxes for v in b["box"]]
    if values and max(values) <= 1.0 + 1e-6 and any(v != int(v) for v in values):
        for m in found:
            m.relative = True
    return found
