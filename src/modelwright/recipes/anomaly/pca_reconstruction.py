"""What principal components cannot rebuild of a row, and how far out it lies among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.outlier_rows import RowModel, RowReader
from modelwright.recipes.shared.outliers import OutlierModel, OutlierRecipe, anomalies

_MOST_ROWS = 50_000
_FLOOR = 0.02  # of the mean variance: directions in which nothing varies are not counted endlessly


class PcaOptions(Options):
    """`kept`: share of the variance that the components keep; what is outside of them is what counts."""

    kept: float = Field(default=0.9, gt=0, lt=1)


class PcaModel(RowModel):
    """Components [K, D] of a matrix with mean [D]; a row counts by its squared distance, each direction by its own variance."""

    recipe = "pca-reconstruction"

    def __init__(self, target: AnomalyCodec, reader: RowReader, arrays: Mapping[str, np.ndarray]) -> None:
        super().__init__(target, reader)
        self.arrays = dict(arrays)

    def measured(self, rows: np.ndarray) -> np.ndarray:
        centred = rows - self.arrays["mean"]
        inside = centred @ self.arrays["components"].T
        outside = centred - inside @ self.arrays["components"]
        # beside what cannot be rebuilt, the place among the components counts as one direction more does
        among = (inside**2 / self.arrays["variances"]).mean(axis=1) if inside.shape[1] else 0.0
        return np.asarray((outside**2 / self.arrays["left"]).sum(axis=1) + among)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"columns": self.reader.columns}, self.arrays

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        reader = RowReader(state["columns"])
        shapes = {k: arrays[k].shape for k in ("mean", "components", "variances", "left")}
        size = shapes["components"][0]
        if shapes != {
            "mean": (reader.width,),
            "components": (size, reader.width),
            "variances": (size,),
            "left": (reader.width,),
        }:
            raise ValueError("components")
        return cls(target, reader, {k: arrays[k] for k in shapes})


class PcaReconstruction(OutlierRecipe):
    """Columns that go together, and rows in which they do not."""

    name = "pca-reconstruction"
    title = Words("reconstruction by principal components", "主成分重构")
    rank = 2
    paper = "Shyu et al. 2003, A novel anomaly detection scheme based on principal component classifier"
    options = PcaOptions
    model = PcaModel
    space: ClassVar[dict[str, Axis]] = {"kept": Range(0.5, 0.99)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [PcaOptions(), PcaOptions(kept=0.6)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        width = 4 * max(1, len(train.schema.inputs))
        return Estimate(
            0.05 + 2e-8 * min(len(train), _MOST_ROWS) * width**2 + 1e-5 * len(train), 32 * len(train) * width
        )

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        assert isinstance(options, PcaOptions)
        target = anomalies(ctx.target)
        reader = RowReader.fit(train, target.columns_read)
        rows = reader.encode(train)
        if len(rows) > _MOST_ROWS:
            rows = rows[np.random.default_rng(ctx.seed).choice(len(rows), _MOST_ROWS, replace=False)]
        mean = np.median(rows, axis=0)
        # the farthest rows are left out of the second look, so that anomalies among the training rows do not draw components
        near = np.ones(len(rows), bool)
        arrays: dict[str, np.ndarray] = {}
        for _ in range(2):
            some = rows[near] - mean
            values, vectors = np.linalg.eigh(some.T @ some / max(1, len(some)))
            order = np.argsort(-values)
            values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
            total = values.sum()
            kept = int(np.searchsorted(np.cumsum(values), options.kept * total) + 1) if total > 0 else 0
            kept = min(kept, max(0, len(values) - 1))
            components = vectors[:, :kept].T
            outside = some - (some @ components.T) @ components
            floor = _FLOOR * float(outside.var(axis=0).mean()) + 1e-9
            arrays = {
                "mean": mean, "components": np.ascontiguousarray(components),
                "variances": values[:kept] + 1e-9, "left": (outside**2).mean(axis=0) + floor,
            }  # fmt: skip
            far = PcaModel(target, reader, arrays).measured(rows)
            near = far <= np.quantile(far, 0.98)
        return PcaModel(target, reader, arrays)


RECIPE = PcaReconstruction
