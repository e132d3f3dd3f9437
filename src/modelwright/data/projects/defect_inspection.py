"""Inspection of parts: where a metal plate has a scratch, a dent or a stain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelwright.core.words import Words
from modelwright.data.projects import Project, table
from modelwright.data.projects._pictures import png

_PLATES = 120
_HIGH, _WIDE = 96, 128
_CLEAN = 0.2  # share of plates without a fault


def _files() -> Mapping[str, str | bytes]:
    rng = np.random.default_rng(17)
    files: dict[str, str | bytes] = {}
    rows: list[list[object]] = []
    for i in range(_PLATES):
        name = f"plates/{i:03}.png"
        pixels = _plate(rng)
        faults = (
            []
            if rng.random() < _CLEAN
            else [str(rng.choice(["scratch", "dent", "stain"])) for _ in range(rng.integers(1, 4))]
        )
        taken = np.zeros((_HIGH, _WIDE), bool)
        boxes = [b for kind in faults if (b := _fault(pixels, taken, kind, rng)) is not None]
        files[name] = png(np.clip(pixels, 0, 255).astype(np.uint8))
        rows += [[name, kind, *box] for kind, box in boxes] or [[name, "", "", "", "", ""]]
    return {"plates.csv": table(["picture", "label", "xmin", "ymin", "xmax", "ymax"], rows), **files}


def _plate(rng: np.random.Generator) -> np.ndarray:
    """Return a brushed plate float32 [H, W, 3]: bright, with fine lines along it, darker to one side."""
    lines = rng.normal(0, 5, (_HIGH, 1, 1)) + rng.normal(0, 3, (_HIGH, _WIDE, 1))
    shade = np.linspace(0, rng.uniform(-25, 25), _WIDE)[None, :, None]
    tint = np.array([1.0, 1.01, 1.03]) * rng.uniform(150, 185)
    return (lines + shade + tint).astype(np.float32)


def _fault(
    pixels: np.ndarray, taken: np.ndarray, kind: str, rng: np.random.Generator
) -> tuple[str, tuple[int, int, int, int]] | None:
    """Draw a fault where there is none yet; return it with its box (left, top, right, bottom), None where there is no room."""
    y, x = np.mgrid[:_HIGH, :_WIDE]
    for _ in range(20):
        cx, cy = rng.uniform(18, _WIDE - 18), rng.uniform(18, _HIGH - 18)
        if kind == "scratch":
            turn, length = rng.uniform(0, np.pi), rng.uniform(10, 16)
            along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
            across = -(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)
            depth = np.where((abs(along) < length) & (abs(across) < 1.1), -75.0, 0.0)
            where = depth < 0
            colour = np.array([1.0, 1.0, 1.0])
        elif kind == "dent":
            r = rng.uniform(7, 11)
            far = np.hypot(x - cx, y - cy) / r
            depth = np.where(far < 1, 70 * ((x - cx) + (y - cy)) / (1.5 * r), 0.0)
            where = far < 1
            colour = np.array([1.0, 1.0, 1.0])
        else:
            a, b = rng.uniform(8, 13), rng.uniform(5, 9)
            far = np.hypot((x - cx) / a, (y - cy) / b)
            depth = np.where(far < 1, -60 * (1 - 0.5 * far), 0.0)
            where = far < 1
            colour = np.array([0.4, 0.9, 1.6])  # brown
        rows, columns = np.nonzero(where)
        box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        if taken[box[1] : box[3], box[0] : box[2]].any():
            continue
        taken[box[1] : box[3], box[0] : box[2]] = True
        pixels += depth[..., None] * colour
        return kind, box
    return None


PROJECT = Project(
    title=Words("Defect inspection", "缺陷检测"),
    about=Words(
        "Finds scratches, dents and stains on metal plates, and draws a box around each.",
        "检测金属板上的划痕、凹坑与污渍，并用框标出每一处。",
    ),
    data=Words(
        f"`plates.csv`: a row for each fault of {_PLATES} plates in `plates/`, whose pictures were drawn for this example; plates without a fault have a "
        "row without a box. Real surfaces are less even.",
        f"`plates.csv`：`plates/` 中 {_PLATES} 块金属板，每处缺陷一行；图片由为本示例编写的程序绘制。无缺陷的板占一行且没有框。真实表面更为复杂。",
    ),
    own=Words(
        "Replace `plates.csv` by your own boxes, or name a folder of VOC XML or YOLO text, a COCO JSON or an export of Label Studio in `run.yaml`. A hundred "
        "pictures are a beginning; with `--pretrained efficientnet-lite0` fewer suffice.",
        "用自己的标注替换 `plates.csv`，或在 `run.yaml` 中指定 VOC XML、YOLO 文本文件夹、COCO JSON 或 Label Studio 导出文件。上百张图片即可起步；"
        "使用 `--pretrained efficientnet-lite0` 可以更少。",
    ),
    task="object-detection",
    settings={"data": "plates.csv", "budget": "5m", "gate": "recall>=0.7"},
    files=_files,
    asks=({"picture": "plates/000.png"}, {"picture": "plates/001.png"}),
)
