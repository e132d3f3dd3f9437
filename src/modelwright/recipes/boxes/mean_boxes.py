"""The same boxes whatever a picture shows: as many of each label as pictures usually have, where they usually are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.boxes._boxes import BoxRecipe, Found, answers, marked_rows, picture_column
from modelwright.recipes.boxes._sizes import sizes_of

_MOST = 40  # boxes of a label


class MeanBoxesOptions(Options):
    """`most` is how many boxes of a label are answered at most."""

    most: int = Field(default=_MOST, ge=1, le=200)


class MeanBoxesModel(Model):
    """Boxes in shares of width and height [D, 4], the numbers of their labels and how often each is there."""

    recipe = "mean-boxes"

    def __init__(self, boxes: np.ndarray, kinds: np.ndarray, scores: np.ndarray, target: TargetCodec) -> None:
        self.boxes, self.kinds, self.often, self.target = boxes, kinds, scores, target
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        name = picture_column(table.schema)
        values = table.column(name) if name else pa.nulls(len(table))
        found = [
            None if size is None else Found(self.boxes * np.array([*size, *size]), self.often, self.kinds)
            for size in sizes_of(values)
        ]
        return answers(found, self.target.labels, [0.0] * len(self.target.labels))

    def save(self, folder: Path) -> None:
        write_state(folder, {"boxes": self.boxes.tolist(), "kinds": self.kinds.tolist(), "scores": self.often.tolist()})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> MeanBoxesModel:
        with Loading(folder):
            data = read_state(folder)
            boxes = np.array(data["boxes"], np.float64).reshape(-1, 4)
            return cls(boxes, np.array(data["kinds"], np.int64), np.array(data["scores"], np.float64), target)


class MeanBoxes(BoxRecipe):
    """The usual boxes of each label, whatever the picture shows: what every detector has to beat."""

    name = "mean-boxes"
    title = Words("always the same boxes", "恒定的检测框")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    options = MeanBoxesOptions
    model = MeanBoxesModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(0.5 + 2e-3 * len(train), 100 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> MeanBoxesModel:
        from sklearn.cluster import KMeans

        assert isinstance(options, MeanBoxesOptions)
        train, marked = marked_rows(train, ctx.target)
        name = picture_column(train.schema)
        sizes = sizes_of(train.column(name or ""))
        boxes, kinds, scores = [], [], []
        for k in range(len(ctx.target.labels)):
            counts = np.array([int((kind == k).sum()) for _, kind in marked])
            there = [
                b[kind == k] / np.array([*s, *s]) for (b, kind), s in zip(marked, sizes, strict=True) if s is not None
            ]
            all_of = np.concatenate(there) if there else np.zeros((0, 4))
            many = min(
                options.most, len(all_of), max(1, int(np.median(counts[counts > 0])) if (counts > 0).any() else 0)
            )
            if not len(all_of):
                continue
            fitted = KMeans(many, n_init=1, random_state=ctx.seed).fit(all_of)
            held = np.bincount(fitted.labels_, minlength=many)
            boxes.append(fitted.cluster_centers_)
            kinds.append(np.full(many, k))
            scores.append(np.clip(held / max(1, len(train)), 0, 1))
        whole = np.concatenate(boxes) if boxes else np.zeros((0, 4))
        return MeanBoxesModel(
            whole,
            np.concatenate(kinds) if kinds else np.zeros(0, np.int64),
            np.concatenate(scores) if scores else np.zeros(0),
            ctx.target,
        )


RECIPE = MeanBoxes
