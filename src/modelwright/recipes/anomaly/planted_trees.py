"""Boosted trees that tell planted anomalies from usual moments.

No anomaly is known, so some are made: spikes, levels that shift, noise, stuck sensors, drifts, stretches of another time, calmer and wilder ones,
of many sizes and lengths, planted at the end of windows of the series itself. Trees over features of a moment learn to tell these from
usual moments, moments just behind an anomaly among them. Trees do not extrapolate: how far beyond the usual a residual lies is added to what
they say, as much as finds most of the planted anomalies that trained nothing. What they answer is no probability: false alarms are declared as for every model
here, by p-values among usual moments that trained nothing.
Legend: N rows, C channels, L moments of a window, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.libraries import lightgbm, loading_seconds
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.lightgbm_text import read_forest
from modelwright.recipes.anomaly._moments import MomentReader, in_parts, needed
from modelwright.recipes.anomaly._planting import planted
from modelwright.recipes.shared.outlier_windows import WindowModel, filled, layout_of
from modelwright.recipes.shared.outliers import STRETCHES, OutlierModel, OutlierRecipe, anomalies, moments_of
from modelwright.recipes.shared.planted import Planter

_LEAST_ROWS = 200  # moments with enough before them, to learn from
_MOST_ROWS = 8000  # usual moments that trees learn from and that calibrate
_APART = 24  # moments beside those held out that train nothing, as their windows hold the same values
_KNOWN = 0.9  # share of the moments needed that must be known; gaps are closed by the value before
_REACHES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # what a residual counts that is e times as large as usual ones ever are
_USUAL, _BEHIND = 2.0, 0.3  # weights of usual moments, and of those behind an anomaly, beside anomalies


class PlantedOptions(Options):
    """`planted` anomalies are made, a third as many moments behind one; the rest are those of the trees."""

    planted: int = Field(default=5000, ge=50, le=200_000)
    rounds: int = Field(default=120, ge=5, le=5000)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    num_leaves: int = Field(default=15, ge=2, le=512)
    lambda_l2: float = Field(default=5.0, ge=0)


class PlantedModel(WindowModel):
    """Features of moments, and trees over them."""

    recipe = "planted-trees"

    def __init__(
        self, target: AnomalyCodec, layout: Mapping[str, Any], reader: MomentReader, booster: Any, far: float = 0.0
    ) -> None:
        super().__init__(target, layout)
        self.reader, self.booster, self.reach = reader, booster, far

    def features(self, x: np.ndarray, channel: int) -> np.ndarray:
        """Return features [N, D] of windows [N, L]."""
        return self.reader.read(filled(x), channel)

    def far(self, x: np.ndarray, channel: int) -> np.ndarray:
        """As WindowModel.far: how sure the trees are, above 0; NaN where too little came before."""
        out = np.full(len(x), np.nan)
        known = np.isfinite(x[:, -needed(self.reader.season, self.reader.length) :]).mean(axis=1) >= _KNOWN
        if known.any():
            matrix = self.features(x[known], channel)
            out[known] = _sureness(self.booster, matrix) + self.reach * self.reader.beyond(matrix, channel)
        return out

    def added(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        out = np.zeros((len(rows), len(self.target.columns_read)))
        out[:, self.place] = self.each(rows)
        return out

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        text = np.frombuffer(self.booster.model_to_string().encode("ascii"), np.uint8)
        return {"layout": self.layout, "reach": self.reach}, {**self.reader.arrays, "trees": text}

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        lgb = lightgbm()

        layout = state["layout"]
        own = {k: a for k, a in arrays.items() if k != "trees"}
        reader = MomentReader(int(layout["season"]), int(layout["length"]), own)
        reader.check()
        if reader.channels != len(layout["channels"]):
            raise ValueError("channels")
        width = reader.read(np.zeros((1, reader.length)), 0).shape[1]
        forest = read_forest(arrays["trees"].tobytes().decode("ascii"), width)
        if forest.per_round != 1 or forest.objective.split(" ")[0] != "binary":
            raise ValueError("the trees answer another question")
        # the library ends the whole process over a damaged text: it may only see what was checked
        return cls(target, layout, reader, lgb.Booster(model_str=forest.text), float(state["reach"]))


@dataclass(frozen=True)
class _Lesson:
    """What trees learn from: features [M, D], whether a moment is unusual [M], its weight [M], and where in time it is, counted among
    the moments that are learnt from [M]."""

    matrix: np.ndarray
    odd: np.ndarray
    weight: np.ndarray
    place: np.ndarray
    channel: np.ndarray  # whose moment it is [M]


class PlantedTrees(OutlierRecipe):
    """Learns what anomalies look like from anomalies that it plants."""

    name = "planted-trees"
    title = Words("trees that learnt planted anomalies", "学习植入异常的提升树")
    rank = 1
    paper = "Carmona et al. 2021, arXiv 2107.07702; Vovk 2015, doi 10.1007/s10472-013-9368-4"
    needs: ClassVar[tuple[str, ...]] = ("lightgbm",)
    seeded = True
    options = PlantedOptions
    model = PlantedModel
    windows_only: ClassVar[bool] = True
    leads: ClassVar[str] = "series"
    space: ClassVar[dict[str, Axis]] = {
        "num_leaves": Range(6, 48, log=True, whole=True),
        "learning_rate": Range(0.04, 0.2, log=True),
        "lambda_l2": Range(0.5, 30.0, log=True),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        why = super().refuses(schema, target, rows)
        if why is None and rows < 2 * _LEAST_ROWS:
            return Words(
                f"{rows} moments are too few to plant anomalies in; it takes {2 * _LEAST_ROWS}",
                f"{rows} 个时刻不足以植入异常，至少需要 {2 * _LEAST_ROWS} 个",
            )
        return why

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, PlantedOptions)
        parts = ((2, 2), (4, 3))
        return [
            options.model_copy(update={"planted": max(50, options.planted // p), "rounds": max(5, options.rounds // r)})
            for p, r in parts
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, PlantedOptions)
        layout = layout_of(train)
        rows = min(len(train), _MOST_ROWS) + 4 * options.planted / 3
        features = 7e-7 * rows * layout["length"]
        trees = 8e-7 * rows * options.rounds * np.log2(options.num_leaves) / 4
        whole = loading_seconds() + features + trees * (1 + 0.75 * STRETCHES)
        return Estimate(whole, int(16 * rows * layout["length"] + 1200 * rows) + (64 << 20), features + 2 * trees)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, PlantedOptions)
        model, rows = _begun(train, ctx)
        lesson, usual = _lesson(model.reader, rows, options, ctx)
        model.booster = _grown(lesson, np.ones(len(lesson.odd), bool), options, ctx)
        count = len(rows)
        stretch = np.arange(count) * STRETCHES // count
        told: list[tuple[np.ndarray, ...]] = []
        for number in range(STRETCHES):
            own = stretch == number
            near = np.convolve(own, np.ones(2 * _APART + 1), "same") > 0
            part = _grown(lesson, ~near[lesson.place], options, ctx)
            odd = (lesson.odd > 0) & own[lesson.place]
            sure = _sureness(part, usual[own].reshape(-1, usual.shape[2])).reshape(-1, usual.shape[1])
            each = [model.reader.beyond(usual[own, c], c) for c in range(usual.shape[1])]
            far = np.empty(int(odd.sum()))
            for c in np.unique(lesson.channel[odd]):
                these = lesson.channel[odd] == c
                far[these] = model.reader.beyond(lesson.matrix[odd][these], int(c))
            told.append((sure, np.stack(each, axis=1), _sureness(part, lesson.matrix[odd]), far))
            if ctx.deadline.expired():
                break
        sure, beyond, found, far = (np.concatenate(t) for t in zip(*told, strict=True))
        rate = model.target.rate

        def caught(reach: float) -> float:
            cut = np.quantile((sure + reach * beyond).max(axis=1), 1 - rate, method="higher")
            return float((found + reach * far > cut).mean())

        model.reach = max(_REACHES, key=caught)
        model.usual = np.sort((sure + model.reach * beyond).max(axis=1))
        model.planter = Planter.fit(train)
        return model

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        assert isinstance(options, PlantedOptions)
        model, rows = _begun(train, ctx)
        lesson, _ = _lesson(model.reader, rows, options, ctx)
        model.booster = _grown(lesson, np.ones(len(lesson.odd), bool), options, ctx)
        return model


def _begun(train: Table, ctx: FitContext) -> tuple[PlantedModel, np.ndarray]:
    """Return a model without trees, and the windows to learn from without gaps [N, C, L], in the order of time. Raises ModelwrightError
    where too few have enough before them."""
    layout = layout_of(train)
    model = PlantedModel(anomalies(ctx.target), layout, MomentReader(0, 0, {}), None)
    order = np.argsort(moments_of(train), kind="stable")
    rows = model.read(train)[order]
    known = np.isfinite(rows[:, :, -needed(layout["season"], layout["length"]) :]).mean(axis=2)
    rows = rows[(known >= _KNOWN).all(axis=1)]
    if len(rows) < _LEAST_ROWS:
        raise ModelwrightError(
            f"only {len(rows)} moments have enough before them to be judged by; it takes {_LEAST_ROWS}",
            f"只有 {len(rows)} 个时刻之前有足够的数据，至少需要 {_LEAST_ROWS} 个",
        )
    if len(rows) > _MOST_ROWS:
        rows = rows[np.sort(np.random.default_rng(ctx.seed).choice(len(rows), _MOST_ROWS, replace=False))]
    rows = np.stack([filled(rows[:, c]) for c in range(rows.shape[1])], axis=1)
    model.reader = MomentReader.fit(rows, layout["season"], ctx.seed)
    return model, rows


def _lesson(
    reader: MomentReader, rows: np.ndarray, options: PlantedOptions, ctx: FitContext
) -> tuple[_Lesson, np.ndarray]:
    """Return what trees learn from, and the features of all usual moments [N, C, D]."""
    rng = np.random.default_rng([ctx.seed, 43])
    count, channels, _ = rows.shape
    usual = np.stack([in_parts(rows[:, c], reader, c) for c in range(channels)], axis=1)
    some = rng.integers(0, channels, count)  # of several channels one of each moment is learnt from
    parts, odd, weight = [usual[np.arange(count), some]], [np.zeros(count)], [np.full(count, _USUAL)]
    places: list[np.ndarray] = [np.arange(count)]
    whose: list[np.ndarray] = [np.asarray(some)]
    for after, number, heavy in ((False, options.planted, 1.0), (True, options.planted // 3, _BEHIND)):
        at, of = rng.integers(0, count, number), rng.integers(0, channels, number)
        made = planted(rows[at, of], reader.arrays["deviations"][of], rng, after=after)
        matrix = np.empty((number, usual.shape[2]), np.float32)
        for c in np.unique(of):
            matrix[of == c] = in_parts(made[of == c], reader, int(c))
        parts.append(matrix)
        odd.append(np.full(number, 0.0 if after else 1.0))
        weight.append(np.full(number, heavy))
        places.append(at)
        whose.append(of)
    return _Lesson(*(np.concatenate(one) for one in (parts, odd, weight, places, whose))), usual


def _grown(lesson: _Lesson, kept: np.ndarray, options: PlantedOptions, ctx: FitContext) -> Any:
    """Return trees that were grown on some of the moments."""
    lgb = lightgbm()

    parameters = {
        "objective": "binary", "num_leaves": options.num_leaves, "learning_rate": options.learning_rate, "lambda_l2": options.lambda_l2,
        "min_data_in_leaf": 30, "max_bin": 63, "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1, "verbosity": -1,
        "num_threads": ctx.threads, "seed": ctx.seed, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    data = lgb.Dataset(lesson.matrix[kept], lesson.odd[kept], weight=lesson.weight[kept])
    return lgb.train(parameters, data, options.rounds)


def _sureness(booster: Any, features: np.ndarray) -> np.ndarray:
    """Return how sure trees are that moments are unusual, above 0 [M]; features [M, D]."""
    threads = 1 if len(features) < 500 else 0
    return np.logaddexp(0.0, np.asarray(booster.predict(features, raw_score=True, num_threads=threads)))


RECIPE = PlantedTrees
