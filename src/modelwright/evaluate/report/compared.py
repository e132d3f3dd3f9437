"""Pictures side by side: what was given and what was made of it under one slider, and what was wanted. Legend: H height, W width."""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import Sequence

import numpy as np

from modelwright.core.answers.media import file_bytes
from modelwright.core.facts.details import PictureFact
from modelwright.core.judged import Judged
from modelwright.core.recipe import Model
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.data.colour import in_channels
from modelwright.data.image_quality import fitted
from modelwright.data.kinds.image import decode
from modelwright.data.resize import resized, to_bytes
from modelwright.evaluate.report.html import Html, join, tag

SIDE = 288  # pixels of what is shown of a picture
_QUALITY = 90
_MOST = 4  # rows
_KINDS = ("before", "after", "wanted")
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+")


def sections(model: Model, judged: Judged, test: Table, seconds: float) -> list[Section]:
    """Return the test pictures that came out best and worst, with where they changed most, and the figures of the lowest ones."""
    values = np.array([(s or {}).get("figures", {}).get("psnr", 0.0) for s in judged.scores[:, 0]])
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    some = list(dict.fromkeys(int(order[int(p * (len(order) - 1))]) for p in (0.0, 0.35, 0.7, 1.0)))[:_MOST]
    places = {int(r): i for i, r in enumerate(test.rows)}
    until, pictures = time.monotonic() + seconds, list[PictureFact]()
    for i in some:
        if pictures and time.monotonic() > until:
            break
        made = _made_from(model, test.take(np.array([places[int(judged.rows[i])]])), float(values[i]))
        pictures += [made] if made is not None else []
    rows = [_row(judged, int(i)) for i in order[:20]]
    return [
        Section(
            "pictures",
            Words("Pictures", "图片"),
            Words(
                "Parts of test pictures from the worst to the best, where they changed most. Drag the line: what was given is on its left, "
                "what was made of it on its right; what was wanted stands beside them.",
                "测试图片中变化最大的部分，从最差到最好。拖动分界线：左侧为输入，右侧为生成结果；旁边为目标图片。",
            ),
            (Words("row", "行"), Words("PSNR, dB", "PSNR（dB）"), Words("SSIM", "SSIM")),
            rows,
            private=True,
            pictures=tuple(pictures),
        )
    ]


def painted(model: Model, judged: Judged, test: Table, styles: Sequence[str], seconds: float) -> list[Section]:
    """Return some test pictures in each of the styles, and what each recipe's figures mean."""
    import pyarrow as pa

    from modelwright.core.schema import Column, Schema

    until, pictures = time.monotonic() + seconds, list[PictureFact]()
    schema = Schema((*test.schema.inputs, Column("style", "text")))
    for i, name in enumerate(styles[:_MOST]):
        if (pictures and time.monotonic() > until) or not len(test):
            break
        row = test.take(np.array([i % len(test)]))
        data = row.data.select([test.schema.inputs[0].name]).append_column("style", pa.array([name]))
        asked = Table(data, schema, row.rows)
        given = decode(row.column(test.schema.inputs[0].name)[0].as_py())
        made = decode({"path": None, "bytes": file_bytes(model.scores(asked)[0, 0]), "digest": "", "how": None})
        scale = min(1.0, SIDE / max(made.shape[:2]))
        small = [_small(in_channels(p, 3), made.shape[:2], scale) for p in (given, made)]
        pictures.append({"title": [name, name], "before": data_url(small[0]), "after": data_url(small[1])})
    values = [(s or {}).get("figures", {}) for s in judged.scores[:, 0]]
    rows = [
        [str(int(r)), *(f"{v.get(k, 0.0):.3f}" for k in ("style_left", "content_left"))]
        for r, v in zip(judged.rows[:20], values)
    ]
    says = Words(
        "Test pictures in the styles. What is missed of a style is a share of what the picture as it came misses, of the content a share of what noise misses.",
        "测试图片的各种风格。风格的缺失以原图为 1，内容的缺失以噪声为 1。",
    )
    head = (Words("row", "行"), Words("style missed", "风格缺失"), Words("content missed", "内容缺失"))
    return [Section("styles", Words("Styles", "风格"), says, head, rows, private=True, pictures=tuple(pictures))]


def _small(pixels: np.ndarray, like: tuple[int, ...], scale: float) -> np.ndarray:
    """Return a picture of a size like another's, times `scale`."""
    height, width = (max(1, round(side * scale)) for side in like[:2])
    return (
        to_bytes(resized(pixels, height, width, height / pixels.shape[0]))
        if pixels.shape[:2] != (height, width)
        else pixels
    )


def _row(judged: Judged, i: int) -> list[str]:
    found = (judged.scores[i, 0] or {}).get("figures", {})
    return [str(int(judged.rows[i])), f"{found.get('psnr', 0.0):.2f}", f"{found.get('ssim', 0.0):.4f}"]


def _made_from(model: Model, row: Table, value: float) -> PictureFact | None:
    target = row.schema.target
    assert target is not None
    data = file_bytes(model.scores(row)[0, 0])
    if data is None:
        return None
    made = decode({"path": None, "bytes": data, "digest": "", "how": None})
    given = decode(row.column(row.schema.inputs[0].name)[0].as_py())
    scale = max(1, made.shape[0] // given.shape[0])
    if scale > 1:
        given = to_bytes(resized(given, made.shape[0], made.shape[1], float(scale)))
    wanted = fitted(decode(row.column(target.name)[0].as_py()), *made.shape[:2])
    shown = [in_channels(p, 3) for p in (given, made, *([] if wanted is None else [wanted]))]
    top, left = _changed(shown[0], shown[1])
    urls = [data_url(_to_be_seen(p[top : top + SIDE, left : left + SIDE])) for p in shown]
    number = int(row.rows[0])
    out: PictureFact = {
        "title": [f"row {number}: {value:.2f} dB", f"第 {number} 行：{value:.2f} dB"],
        "before": urls[0],
        "after": urls[1],
    }
    if wanted is not None:
        out["wanted"] = urls[2]
    return out


def _changed(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """Return top and left of the part in which two pictures differ most."""
    differs = np.abs(a.astype(np.float32) - b).mean(axis=2)
    sums = np.pad(differs, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    height, width = (min(SIDE, side) for side in differs.shape)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(top), int(left)


def _to_be_seen(pixels: np.ndarray) -> np.ndarray:
    """Return small pictures a whole number of times as large, each pixel a square: an icon would hide what changed."""
    times = max(1, SIDE // max(pixels.shape[:2]))
    return pixels.repeat(times, 0).repeat(times, 1)


def data_url(pixels: np.ndarray) -> str:
    """Return pixels [H, W, 3] uint8 as a JPEG in a data URL."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(held, "JPEG", quality=_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode("ascii")


def compared(pictures: Sequence[PictureFact], lang: str) -> Html:
    """Return pictures under a slider that needs no script: the upper one stands in a box that can be drawn wider."""
    out = [_figure(p, lang) for p in pictures if all(_PICTURE.fullmatch(str(p[k])) for k in _KINDS if k in p)]  # type: ignore[literal-required]
    return tag("div", *out, class_="compared") if out else Html("")


def _figure(picture: PictureFact, lang: str) -> Html:
    zh = lang == "zh"
    names = dict(zip(_KINDS, ("输入", "结果", "目标") if zh else ("given", "made", "wanted"), strict=True))
    title = picture["title"][1 if zh else 0]
    shown = [k for k in _KINDS if k in picture]
    drawn = {k: tag("img", src=picture[k], alt=f"{title} {names[k]}".strip(), class_=k) for k in shown}  # type: ignore[literal-required]
    if "before" not in drawn:
        caption = tag("figcaption", title) if title else ""
        return tag("figure", *drawn.values(), caption, class_="beside")
    parts = [
        tag("div", drawn["after"], tag("div", drawn["before"], class_="over"), class_="slide"),
        drawn.get("wanted", ""),
    ]
    stop, comma = ("。", "，") if zh else (". ", ", ")
    told = f"{title}{stop}{names['before']} | {names['after']}" + (
        f"{comma}{names['wanted']}" if "wanted" in drawn else ""
    )
    return tag("figure", join(parts), tag("figcaption", told))
