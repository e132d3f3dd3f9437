"""A template of each label slid over the picture: the mean of its boxes in training, found by normalised correlation.

Lewis 1995, Fast Normalized Cross-Correlation. Legend: H height, W width, D answered boxes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.canvas import upright
from modelwright.models.overlap import suppress
from modelwright.recipes.boxes._boxes import (
    BoxRecipe,
    Found,
    answers,
    curves_of,
    marked_rows,
    picture_column,
    thresholds_of,
)

_LEAST = 0.3  # correlation of an answer
_TOGETHER = 0.4  # overlap above which one of two answers of a label goes
_CROPS = 200  # boxes of a label that a template is made of
_PEAKS = 60


class TemplateOptions(Options):
    """`side` is the longer side of the picture that is searched, `templates` how many sizes a label has."""

    side: int = Field(default=160, ge=32, le=1024)
    templates: int = Field(default=2, ge=1, le=8)


class TemplateModel(Model):
    """Templates [H, W, 3] with the number of their label, and thresholds of the labels."""

    recipe = "box-template"

    def __init__(
        self, templates: list[np.ndarray], kinds: list[int], options: TemplateOptions, target: TargetCodec, curves: list[dict[str, Any]],
    ) -> None:  # fmt: skip
        self.templates, self.kinds, self.options, self.target, self.curves = templates, kinds, options, target, curves
        self.thresholds = thresholds_of(curves)
        self.extent: dict[str, Any] = {"curves": curves}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        return answers(self.find(table), self.target.labels, self.thresholds)

    def find(self, table: Table) -> list[Found | None]:
        """Return what is found in each picture."""
        name = picture_column(table.schema)
        return [self._found_in(upright(cell)) for cell in table.column(name or "").to_pylist()]

    def _found_in(self, pixels: np.ndarray | None) -> Found | None:
        if pixels is None:
            return None
        small, scale = _smaller(pixels, self.options.side)
        boxes, scores, kinds = [np.zeros((0, 4))], [np.zeros(0)], [np.zeros(0, np.int64)]
        for template, kind in zip(self.templates, self.kinds, strict=True):
            map_ = correlation(small, template)
            y, x = _peaks(map_)
            high, wide = template.shape[:2]
            boxes.append(np.stack([x, y, x + wide, y + high], 1) / scale)
            scores.append(np.clip(map_[y, x], 0, 1))
            kinds.append(np.full(len(x), kind))
        b, s, k = np.concatenate(boxes), np.concatenate(scores), np.concatenate(kinds)
        keep = suppress(b, s, k, _TOGETHER)
        return Found(np.clip(b[keep], 0, np.array([pixels.shape[1], pixels.shape[0]] * 2)), s[keep], k[keep])

    def save(self, folder: Path) -> None:
        write_arrays(folder / "templates.safetensors", {str(i): t for i, t in enumerate(self.templates)})
        write_state(folder, {"kinds": self.kinds, "options": self.options.model_dump(), "curves": self.curves})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> TemplateModel:
        with Loading(folder):
            data, arrays = read_state(folder), read_arrays(folder / "templates.safetensors")
            templates = [arrays[str(i)] for i in range(len(data["kinds"]))]
            return cls(
                templates, [int(k) for k in data["kinds"]], TemplateOptions(**data["options"]), target, data["curves"]
            )


def _smaller(pixels: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Return a picture float32 [H, W, 3] whose longer side is `side` at most, and how many times as large it is."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(
        Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32
    ), scale


def correlation(picture: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Return the correlation, float64 -1..1, of a template [h, w, C] with every place of a picture [H, W, C] where it lies inside, by its upper left
    corner: [H - h + 1, W - w + 1]; -1 alone where it fits nowhere."""
    from scipy.signal import fftconvolve

    high, wide = template.shape[:2]
    if picture.shape[0] < high or picture.shape[1] < wide:
        return np.full((1, 1), -1.0)
    plain = template - template.mean()
    ones = np.ones((high, wide, 1), np.float32)
    size = template.size
    both = fftconvolve(picture, plain[::-1, ::-1, ::-1], mode="valid")[..., 0]
    flat, square = picture.sum(2, keepdims=True), (picture**2).sum(2, keepdims=True)
    mean = fftconvolve(flat, ones, mode="valid")[..., 0] / size
    spread = np.maximum(fftconvolve(square, ones, mode="valid")[..., 0] - size * mean**2, 1.0)
    out: np.ndarray = both / np.sqrt(spread * max(1e-6, float((plain**2).sum())))
    return np.clip(out, -1.0, 1.0)


def _peaks(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the highest places that no neighbour exceeds."""
    from scipy.ndimage import maximum_filter

    top = (found == maximum_filter(found, 3)) & (found >= _LEAST)
    y, x = np.nonzero(top)
    order = np.argsort(-found[y, x], kind="stable")[:_PEAKS]
    return y[order], x[order]


class BoxTemplate(BoxRecipe):
    """Mean pictures of each label, slid over the picture: the simplest thing that looks at it."""

    name = "box-template"
    title = Words("sliding template", "滑动模板匹配")
    rank = 4
    paper = "Lewis 1995, Fast Normalized Cross-Correlation"
    baseline = True
    seeded = False
    options = TemplateOptions
    model = TemplateModel
    space: ClassVar[dict[str, Axis]] = {"templates": Choice((1, 2, 3))}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        labels = len(ctx.target.labels)
        return Estimate(0.5 + 0.015 * min(len(train), 400) + 0.012 * labels * 60, 300 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> TemplateModel:
        assert isinstance(options, TemplateOptions)
        train, marked = marked_rows(train, ctx.target)
        some = np.random.default_rng(ctx.seed).permutation(len(train))[:400]
        crops: dict[int, list[tuple[np.ndarray, tuple[float, float]]]] = {}
        cells = train.column(picture_column(train.schema) or "")
        for i in some.tolist():
            pixels = upright(cells[i].as_py())
            if pixels is not None:
                _crop(pixels, marked[i][0], marked[i][1], options.side, crops)
            if ctx.deadline.expired():
                break
        if not crops:
            raise ModelwrightError("no box could be cut out of the training pictures", "无法从训练图片中裁出任何框")
        templates, kinds = _templates(crops, options.templates, ctx.seed)
        told = (ctx.extent or {}).get("curves")
        model = TemplateModel(
            templates,
            kinds,
            options,
            ctx.target,
            list(told or [{"threshold": [], "precision": [], "recall": []}] * len(ctx.target.labels)),
        )
        if told is None:
            watched = (valid if valid is not None else train).take(
                np.arange(min(60, len(valid if valid is not None else train)))
            )
            held, truth = marked_rows(watched, ctx.target)
            curves = curves_of(model.find(held), truth, len(ctx.target.labels))
            model = TemplateModel(templates, kinds, options, ctx.target, [dict(c) for c in curves])
        return model


def _crop(pixels: np.ndarray, boxes: np.ndarray, kinds: np.ndarray, side: int, crops: dict[int, list[Any]]) -> None:
    small, scale = _smaller(pixels, side)
    for box, kind in zip(boxes * scale, kinds.tolist(), strict=True):
        left, top, right, bottom = (round(float(v)) for v in box)
        part = small[max(0, top) : bottom, max(0, left) : right]
        if kind >= 0 and min(part.shape[:2]) >= 2 and len(crops.setdefault(kind, [])) < _CROPS:
            crops[kind].append((part, (box[2] - box[0], box[3] - box[1])))


def _templates(crops: dict[int, list[Any]], count: int, seed: int) -> tuple[list[np.ndarray], list[int]]:
    """Return mean pictures of each label by size, and the numbers of their labels."""
    from PIL import Image
    from sklearn.cluster import KMeans

    out, kinds = [], []
    for kind, found in sorted(crops.items()):
        sizes = np.array([s for _, s in found])
        many = min(count, len(np.unique(sizes, axis=0)))
        groups = KMeans(many, n_init=1, random_state=seed).fit_predict(sizes)
        for g in range(many):
            wide, high = (max(2, round(float(v))) for v in np.median(sizes[groups == g], axis=0))
            parts = [p for (p, _), own in zip(found, groups, strict=True) if own == g]
            shown = [np.asarray(Image.fromarray(p.astype(np.uint8)).resize((wide, high)), np.float32) for p in parts]
            out.append(np.mean(shown, axis=0).astype(np.float32))
            kinds.append(kind)
    return out, kinds


RECIPE = BoxTemplate
