"""Product pictures enlarged twice and cleaned, as a shop needs them that has small ones only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelwright.core.words import Words
from modelwright.data.projects import Project
from modelwright.data.projects._pictures import png

_PICTURES, _SIDE, _FINE = 48, 96, 3  # pictures, pixels of a side, and how many times finer they are drawn
_KINDS = ("mug", "bottle", "box", "lamp")


def _drawn(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return a product before a plain ground [S, S, 3] uint8, drawn finer and averaged."""
    size = _SIDE * _FINE
    y, x = np.mgrid[:size, :size] / size
    ground = rng.uniform(0.75, 0.98) - 0.12 * y
    out = np.repeat(ground[:, :, None], 3, 2) * rng.uniform(0.96, 1.0, 3)
    colour, second = rng.uniform(0.1, 0.9, 3), rng.uniform(0.1, 0.9, 3)
    u, v = (x - 0.5) / rng.uniform(0.8, 1.15), (y - 0.52) / rng.uniform(0.85, 1.1)
    shape = {
        "mug": ((np.abs(u) < 0.2) & (np.abs(v) < 0.22)) | ((np.abs(np.hypot(u - 0.22, v) - 0.11) < 0.03) & (u > 0.15)),
        "bottle": (np.abs(u) < np.where(v < -0.12, 0.05 + 0.1 * np.clip(v + 0.22, 0, 1), 0.13)) & (np.abs(v) < 0.34),
        "box": (np.abs(u) + 0.25 * np.abs(v) < 0.3) & (np.abs(v) < 0.26),
        "lamp": ((np.abs(u) < 0.09 + 0.25 * (v + 0.3)) & (v > -0.3) & (v < 0.05)) | ((np.abs(u) < 0.02) & (v >= 0.05) & (v < 0.3))
        | (np.hypot(u, 3 * (v - 0.3)) < 0.14),
    }[kind]  # fmt: skip
    shadow = np.exp(-((u / 0.28) ** 2) - ((v - 0.33) / 0.05) ** 2)
    out *= 1 - 0.35 * shadow[:, :, None]
    light = 0.75 + 0.45 * np.exp(-(((u + 0.08) / 0.07) ** 2))
    stripes = np.sin((v + rng.uniform(-0.5, 0.5) * u) * rng.uniform(60, 160)) > rng.uniform(0.0, 0.8)
    body = np.where(stripes[:, :, None], second, colour) * light[:, :, None]
    out = np.where(shape[:, :, None], body, out)
    label = shape & (np.abs(u) < 0.1) & (np.abs(v - 0.05) < 0.07)
    letters = (np.sin(u * 300) * np.sin(v * 240 + rng.uniform(0, 6)) > 0.2) & (np.abs(v - 0.05) < 0.045)
    out = np.where(label[:, :, None], np.where(letters[:, :, None], 0.15, 0.95), out)
    fine = np.clip(out, 0, 1).reshape(_SIDE, _FINE, _SIDE, _FINE, 3).mean((1, 3))
    return np.rint(255 * fine).astype(np.uint8)


def _files() -> Mapping[str, bytes]:
    rng = np.random.default_rng(11)
    out = {f"photos/{kind}-{i:02d}.png": _drawn(kind, rng) for i in range(_PICTURES // len(_KINDS)) for kind in _KINDS}
    small = _drawn("mug", np.random.default_rng(99))
    small = small.reshape(_SIDE // 2, 2, _SIDE // 2, 2, 3).mean((1, 3)).astype(np.uint8)
    return {**{name: png(pixels) for name, pixels in out.items()}, "small/mug.png": png(small)}


PROJECT = Project(
    title=Words("Product pictures", "商品图片"),
    about=Words(
        "Makes small, grainy product pictures twice as large and clean.",
        "将小而有噪点的商品图片放大两倍并去噪。",
    ),
    data=Words(
        f"`photos/`: {_PICTURES} pictures of {_SIDE} x {_SIDE} pixels, drawn by a program for this example. They show the form; how well it mends them says "
        "nothing about photographs.",
        f"`photos/`：{_PICTURES} 张 {_SIDE} x {_SIDE} 像素的图片，由程序为本示例绘制。它们仅展示形式，修复效果不代表真实照片。",
    ),
    own=Words(
        "Replace `photos/` by good pictures of your own, some dozens at least, and `degrade` in `run.yaml` by what is wrong with yours: `bicubic x2`, `noise 25`, "
        "`jpeg 30`, `blur 2`. Where you have bad and good ones of the same things, put them into `low/` and `high/` under the same names, and leave `degrade` out.",
        "用自己的优质图片（至少几十张）替换 `photos/`，并将 `run.yaml` 中的 `degrade` 改为您的图片的问题：`bicubic x2`、`noise 25`、`jpeg 30`、`blur 2`。"
        "若有同一物品的差图与好图，请以相同文件名放入 `low/` 与 `high/`，并去掉 `degrade`。",
    ),
    task="image-to-image",
    settings={"data": "photos", "degrade": "bicubic x2 + noise 4", "budget": "2m", "gate": "psnr>=24"},
    files=_files,
    asks=({"picture": "small/mug.png"},),
)
