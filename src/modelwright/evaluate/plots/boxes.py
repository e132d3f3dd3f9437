"""Pictures of found boxes: precision against recall, and pictures with their boxes drawn into them.

Legend: N judged pictures.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.judged import Judged
from modelwright.core.schema import Table
from modelwright.core.task import Plot
from modelwright.core.words import Words
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.image import decode
from modelwright.evaluate.metrics import coco
from modelwright.evaluate.metrics.boxes import units_of
from modelwright.evaluate.metrics.tide import right_and_wrong, sorted_errors
from modelwright.evaluate.plots import _class_plots as lines
from modelwright.evaluate.plots import canvas as c

_SIDE = 420  # pixels of a picture's longer side in the report
_SHOWN = 3  # pictures of the best and of the worst
_LONGEST = 90_000  # characters of one picture


def detection(judged: Judged, table: Table) -> list[Plot]:
    """Return the curves, and the worst and best pictures with their boxes. Raises MissingExtra without matplotlib."""
    if not len(judged.rows):
        return []
    curves = _curves(judged)
    return [*([curves] if curves is not None else []), *_pictures(judged, table)]


def _curves(judged: Judged) -> Plot | None:
    units = units_of(judged)
    pictures = [p for _, p in units]
    columns, areas = [], []
    for label in units[0][0]:
        recall, precision, _ = coco.curve(pictures, label)
        if len(recall):
            columns.append((label, *lines._thin(recall, precision)))
            areas.append(coco.average_precision(pictures, label))
    if not columns:
        return None
    title = Words("Precision and recall of boxes", "检测框的精确率与召回率")
    fig, ax = lines._square()
    lines._curves(ax, columns, areas, lambda r, p: (r, p), 0.03)
    c.name_axes(ax, Words("recall", "召回率"), Words("precision", "精确率"))
    says = Words(
        f"What share of the boxes is right (up) when a given share of the things is to be found (right), at an overlap of one half; AP50 {np.mean(areas):.3f}.",
        f"要找出相应比例的目标（横轴）时，检测框正确的比例（纵轴），重叠度 0.5；AP50 {np.mean(areas):.3f}。",
    )
    return Plot("precision-recall", title, says, c.svg(fig, "precision-recall", title))


def _pictures(judged: Judged, table: Table) -> list[Plot]:
    """Return some pictures with true boxes (broken lines) and found ones (whole lines), the worst first."""
    name = next((x.name for x in table.schema.inputs if x.modality == "image"), None)
    if name is None:
        return []
    found = []
    for i in range(len(judged.rows)):
        truth, answer = judged.truth[i] or [], [b for b in judged.scores[i, 0] or () if b.get("sure", True)]
        kinds, pairs = sorted_errors([truth], [answer])
        right, wrong = right_and_wrong(kinds, pairs)
        total = sum(1 for b in truth if not b.get("crowd"))
        good = 2 * right / (right + wrong + total) if wrong + total else 1.0
        found.append((good, total, i, right, wrong))
    order = sorted(found, key=lambda f: (f[0], -f[1]))
    best = sorted(
        found, key=lambda f: (-f[0], -f[1])
    )  # those in which many things were found before those in which is nothing
    chosen = [(f, "worst") for f in order[:_SHOWN]] + [(f, "best") for f in best[:_SHOWN] if f not in order[:_SHOWN]]
    places = {int(r): i for i, r in enumerate(table.rows)}
    out = []
    for n, ((_, total, i, right, wrong), which) in enumerate(chosen):
        at = places.get(int(judged.rows[i]))
        cell = table.column(name)[at].as_py() if at is not None else None
        drawn = (
            _drawn(
                cell, judged.truth[i] or [], [b for b in judged.scores[i, 0] or () if b.get("sure", True)], f"boxes-{n}"
            )
            if cell
            else None
        )
        if drawn is None:
            continue
        row = int(judged.rows[i]) + 1
        title = Words(
            f"{'Among the worst' if which == 'worst' else 'Among the best'}: row {row}",
            f"{'较差' if which == 'worst' else '较好'}的图片：第 {row} 行",
        )
        says = Words(
            f"{right} of {total} things found, {wrong} boxes too many or wrong. Broken lines: marked; whole lines: found, red where wrong.",
            f"{total} 个目标中找到 {right} 个，另有 {wrong} 个多余或错误的框。虚线为标注，实线为检测结果，红色表示错误。",
        )
        out.append(Plot(f"boxes-{n}", title, says, drawn, private=True))
    return out


def _drawn(cell: Mapping[str, Any], truth: list[Any], answer: list[Any], name: str) -> str | None:
    """Return a picture with its boxes as SVG; None where it cannot be read or takes too much room."""
    from PIL import Image

    try:
        pixels = decode(cell)
    except Unreadable:
        return None
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = Image.fromarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels).resize(size)
    held = io.BytesIO()
    shown.save(held, "JPEG", quality=72)
    url = "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode()
    if len(url) > _LONGEST:
        return None
    up = 1.0 if max(size) >= 240 else 240 / max(size)
    parts = [f'<image href="{url}" width="{size[0] * up:.0f}" height="{size[1] * up:.0f}"/>']
    wrong = {id(b) for b in answer} - _right(truth, answer)
    parts += [_rect(b, scale * up, "#ffffff", broken=True) for b in truth]
    for b in sorted(answer, key=lambda b: float(b["score"])):
        colour = "#e5484d" if id(b) in wrong else "#0b82f0"
        parts += [_rect(b, scale * up, colour), _name(b, scale * up, colour)]
    box = f"0 0 {size[0] * up:.0f} {size[1] * up:.0f}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" aria-label="{name}" style="width:100%;max-width:{size[0] * up:.0f}px;height:auto" viewBox="{box}" font-family="system-ui,sans-serif">'
    return head + "".join(parts) + "</svg>"


def _right(truth: list[Any], answer: list[Any]) -> set[int]:
    """Return which answered boxes (by identity) are right."""
    out, free = set(), list(truth)
    for b in sorted(answer, key=lambda b: -float(b["score"])):
        same = [t for t in free if t["label"] == b["label"]]
        over = _overlap(b, same)
        if len(same) and over.max() >= 0.5:
            free.remove(same[int(over.argmax())])
            out.add(id(b))
    return out


def _overlap(one: Mapping[str, Any], others: list[Any]) -> np.ndarray:
    """Return the overlaps of a box with others [N]."""
    from modelwright.models.overlap import overlaps_np

    return (
        overlaps_np(np.array([one["box"]], float), np.array([b["box"] for b in others], float).reshape(-1, 4))[0]
        if others
        else np.zeros(0)
    )


def _rect(b: Mapping[str, Any], scale: float, colour: str, broken: bool = False) -> str:
    left, top, right, bottom = (float(v) * scale for v in b["box"])
    dash = ' stroke-dasharray="5 4" stroke-opacity="0.9"' if broken else ""
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def _name(b: Mapping[str, Any], scale: float, colour: str) -> str:
    text = html.escape(f"{b['label']} {float(b['score']):.2f}")
    x, y = float(b["box"][0]) * scale + 3, max(12.0, float(b["box"][1]) * scale - 3)
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="{colour}" stroke="#ffffff" stroke-width="2.5" paint-order="stroke">{text}</text>'
