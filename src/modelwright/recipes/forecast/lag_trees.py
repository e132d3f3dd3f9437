"""Boosted trees over last values, values a season before, the calendar and known covariates: one forest for all series and steps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.libraries import lightgbm
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.lightgbm_text import read_forest
from modelwright.recipes.forecast._ahead_features import View, labels
from modelwright.recipes.forecast._lags import Centre, Levelling, Scale
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, codec, size_of

_FEWEST = 30  # examples below which nothing is learnt
_NEAR = 12
_WATCHED = 20_000  # examples that early stopping looks at


class LagTreesOptions(Options):
    """`examples` are steps of stretches to learn from, at most; the latest ones count first."""

    centre: Centre = "season"
    scale: Scale = "deviation"
    log: bool = False
    rounds: int = Field(default=400, ge=1)
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    num_leaves: int = Field(default=31, ge=2)
    examples: int = Field(default=400_000, ge=100)


class LagTreesModel(ForecastModel):
    """A LightGBM forest that answers each step of a row by itself, in units of how restless the row is."""

    recipe = "lag-trees"

    def __init__(self, target: ForecastCodec, view: View, text: str, rounds: int) -> None:
        lgb = lightgbm()

        super().__init__(target)
        self.view, self.text = view, text
        self.extent = {"rounds": [rounds]}
        self._booster = lgb.Booster(model_str=text)

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        made = [self.view.features(r.history, r.first, r.numbers, r.fixed) for r in rows]
        flat = self._booster.predict(np.concatenate([f for f, *_ in made]), num_threads=1)
        out = np.asarray(flat).reshape(len(rows), -1)
        levelling = self.view.levelling
        return np.stack([levelling.straight(row * s + c, unit) for row, (_, c, s, unit) in zip(out, made)])

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        view = {**self.view.__dict__, "levelling": self.view.levelling.__dict__}
        checksum = hashlib.sha256(self.text.encode()).hexdigest()
        return {"view": view, "sha256": checksum, "rounds": self.extent["rounds"]}, {}

    def keep(self, folder: Path) -> None:
        (folder / "trees.txt").write_text(self.text, encoding="ascii")

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        text = (folder / "trees.txt").read_bytes()
        if hashlib.sha256(text).hexdigest() != state["sha256"]:
            raise ValueError("checksum")
        told = dict(state["view"])
        lists = {k: tuple(told[k]) for k in ("seasons", "known", "past")}
        view = View(**{**told, **lists, "levelling": Levelling(**told["levelling"])})
        # the library ends the whole process over a damaged text: it may only see what was checked
        forest = read_forest(text.decode("ascii"), view.width)
        return cls(target, view, forest.text, int(state["rounds"][0]))


class LagTrees(ForecastRecipe):
    """LightGBM on lags, seasons, dates and covariates."""

    name = "lag-trees"
    title = Words("boosted trees over past values", "历史值提升树")
    rank = 4
    paper = "Ke et al. 2017, LightGBM; as in Makridakis et al. 2022 (M5)"
    also = ("lightgbm", "lgbm", "xgboost", "xgb", "gbm")
    options = LagTreesOptions
    model = LagTreesModel
    space: ClassVar[dict[str, Axis]] = {
        "learning_rate": Range(0.02, 0.2, log=True),
        "num_leaves": Range(8, 128, log=True, whole=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        log: list[Options] = [LagTreesOptions(log=True)] if codec(target).positive else []
        return [LagTreesOptions(), *log, LagTreesOptions(centre="last", scale="unrest")]

    def cheaper(self, options: Options, schema: Schema) -> list[Options]:
        assert isinstance(options, LagTreesOptions)
        return [
            options.model_copy(update={"examples": n, "learning_rate": 0.1, "rounds": 150}) for n in (100_000, 20_000)
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, LagTreesOptions)
        count = min(options.examples, size_of(train) * codec(ctx.target).horizon)
        width = 40
        seconds = (
            1.5 + 1.2e-5 * count / codec(ctx.target).horizon * 3 + 1.2e-8 * count * width * min(options.rounds, 250)
        )
        return Estimate(seconds, 16 * count * width + (100 << 20))

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        lgb = lightgbm()

        target = codec(ctx.target)
        view = view_of(rows, target, options)
        features, truth = examples(rows, view, options.examples, ctx)
        if len(features) < _FEWEST:
            raise ModelwrightError("the series are too short to learn from", "序列太短，无法学习")
        fixed = list(range(features.shape[1] - len(view.fixed), features.shape[1]))
        settings = {
            "objective": "regression_l1", "learning_rate": options.learning_rate, "num_leaves": options.num_leaves,
            "min_child_samples": int(np.clip(len(features) // 200, 5, 100)), "bagging_fraction": 0.8, "bagging_freq": 1,
            "feature_fraction": 0.8, "verbose": -1, "seed": ctx.seed, "deterministic": True, "num_threads": max(1, ctx.threads),
        }  # fmt: skip
        whole = lgb.Dataset(features, truth, categorical_feature=fixed, free_raw_data=True)
        asked = (ctx.extent or {}).get("rounds")
        rounds = int(asked[0]) if asked else options.rounds
        held, watch = [], []
        if valid and not asked:
            of_valid, came = watched(valid, view)
            held = [lgb.Dataset(of_valid, came, reference=whole)]
            watch = [lgb.early_stopping(30, verbose=False)]

        def stop(env: Any) -> None:
            if ctx.deadline.expired() and env.iteration >= 10:
                raise lgb.callback.EarlyStopException(env.iteration, env.evaluation_result_list or [])

        booster = lgb.train(settings, whole, rounds, valid_sets=held, callbacks=[*watch, stop])
        best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        # what is read back knows one kind of regression: both answer with the sum of the leaves
        text = booster.model_to_string(num_iteration=best).replace("objective=regression_l1", "objective=regression", 1)
        return LagTreesModel(target, view, read_forest(text, view.width).text, best)


def view_of(rows: Sequence[Row], target: ForecastCodec, options: LagTreesOptions) -> View:
    """Return the features that series of these columns have."""
    typical = float(np.median([len(r.whole) for r in rows]))
    seasons = tuple(s for s in target.seasons if s < 0.5 * typical)
    lags = int(min(max(2 * max(seasons, default=8), 2 * target.horizon, _NEAR), max(2, typical // 2)))
    levelling = Levelling(lags, options.centre, options.scale, options.log, seasons[0] if seasons else min(8, lags))
    horizon = target.horizon
    moving = sorted({n for r in rows for n in r.numbers})
    known = tuple(
        n for n in moving if any(len(r.numbers[n]) >= len(r.whole) + (r.came is None) * horizon for r in rows)
    )
    fixed = {n: labels([r.fixed.get(n) for r in rows]) for n in (rows[0].fixed if rows else {})}
    past = tuple(n for n in moving if n not in known)
    return View(levelling, horizon, _NEAR, seasons, known, past, fixed, target.frequency, target.country)


def examples(rows: Sequence[Row], view: View, most: int, ctx: FitContext) -> tuple[np.ndarray, np.ndarray]:
    """Return features [E, F] float32 and levelled truth [E] of stretches of the series."""
    horizon = view.horizon
    places = [(i, end) for i, r in enumerate(rows) for end in range(2, len(r.whole) - horizon + 1)]
    wanted = max(1, most // horizon)
    if len(places) > wanted:
        step = len(places) / wanted
        places = [places[int(k * step)] for k in range(wanted)]
    features, truth = [], []
    for i, end in places:
        whole = rows[i].whole
        if end < min(view.levelling.lags, len(whole) // 2):
            continue
        found, centre, size, _ = view.features(whole[:end], rows[i].first, rows[i].numbers, rows[i].fixed)
        came, unit = whole[end : end + horizon], 0.0
        if view.levelling.log:
            _, unit = view.levelling.bent(whole[:end])
            came = np.arcsinh(came / unit)
        features.append(found.astype(np.float32))
        truth.append((came - centre) / size)
        if ctx.deadline.expired():
            break
    if not features:
        return np.zeros((0, view.width)), np.zeros(0)
    return np.concatenate(features), np.concatenate(truth)


def watched(rows: Sequence[Row], view: View) -> tuple[np.ndarray, np.ndarray]:
    """Return features [M, D] and levelled truth [M] of held-out rows, one for each step whose value came."""
    features, truth = [], []
    for row in rows[: max(1, _WATCHED // view.horizon)]:
        if not len(row.history) or row.came is None:
            continue
        found, centre, size, unit = view.features(row.history, row.first, row.numbers, row.fixed)
        came = np.arcsinh(row.came / unit) if view.levelling.log else row.came
        known = np.isfinite(came)
        features.append(found[known])
        truth.append((came[known] - centre) / size)
    return np.concatenate(features), np.concatenate(truth)


RECIPE = LagTrees
