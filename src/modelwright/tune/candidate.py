"""Training one candidate over the validation splits, timing it, and keeping it on disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.core.errors import ClusterLost, ModelwrightError
from modelwright.core.events import Working
from modelwright.core.judged import Beside, Judged, Metric, judge
from modelwright.core.recipe import FitContext, Model, Options, Recipe, get_recipe
from modelwright.core.rows_not_held import Rest
from modelwright.core.run import read_json, write_json
from modelwright.core.schema import Table
from modelwright.core.stored_data import keeping_folder, kept_folder
from modelwright.tune.pace import Stopwatch
from modelwright.tune.timing import answer_time
from modelwright.tune.without_media import seen

Splits = list[tuple[np.ndarray, np.ndarray]]

# Of the epochs that a fit went through, the share that a refit takes at least: which epoch was best on few held-out rows is
# mostly chance, and the learning rate should come down as slowly.
_THROUGH = 0.7
_WAITS = 0.15  # processor time by time on the clock below which work waits for more than a core


@dataclass
class Validation:
    """The rows candidates are compared on: one held-out part, or all rows out of fold.

    `table` holds the rows that may be trained on; `splits` are (train, valid) indices into it. `index` [V] are the
    rows that stand in some valid part; a candidate's scores [V, K] follow that order (a mean where repeated).
    """

    table: Table
    target: TargetCodec
    metric: Metric
    splits: Splits
    index: np.ndarray = field(init=False)
    parts: list[tuple[Table, Table]] = field(init=False)
    caches: list[dict[Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.index = np.unique(np.concatenate([v for _, v in self.splits]))
        self.parts = [(self.table.take(t), self.table.take(v)) for t, v in self.splits]
        self.caches = [{} for _ in self.splits]
        self._known: dict[tuple[str, int], tuple[np.ndarray, float]] = {}
        self._latest: tuple[np.ndarray, Judged] | None = None
        name = self.table.schema.target
        self.truth = self.table.take(self.index).column(name.name if name else "")

    def added(self, scores: np.ndarray | None, folds: Sequence[int], new: np.ndarray, split: int) -> np.ndarray:
        """Return scores [V, K] of `folds` and one more split; NaN where none of them holds a row out, a mean where several do."""
        at = np.searchsorted(self.index, self.splits[split][1])
        if not self.target.averages:  # the last split that holds a row out has answered it
            fresh = scores is None or not len(scores)
            made = np.empty((len(self.index), *new.shape[1:]), new.dtype) if fresh else np.array(scores)
            made[at] = new
            return made
        times = np.zeros(len(self.index))
        for i in folds:
            times[np.searchsorted(self.index, self.splits[i][1])] += 1
        across = (slice(None), *[None] * (new.ndim - 1))  # over all that a row's scores hold
        total = np.zeros((len(self.index), *new.shape[1:]))
        if scores is not None:
            total[times > 0] = scores[times > 0] * times[times > 0][across]
        total[at] += new
        times[at] += 1
        return np.where(times[across] > 0, total / np.maximum(times, 1)[across], np.nan)

    def on(self, folds: Sequence[int]) -> Validation:
        """Return the same with only these of the splits."""
        if len(folds) == len(self.splits):
            return self
        return Validation(self.table, self.target, self.metric, [self.splits[i] for i in folds])

    def rows_of(self, folds: Iterable[int]) -> np.ndarray:
        """Return which of the rows [V] are held out by one of these splits."""
        out = np.zeros(len(self.index), bool)
        for i in folds:
            out[np.searchsorted(self.index, self.splits[i][1])] = True
        return out

    def judged(self, scores: np.ndarray) -> Judged:
        """Return validation rows judged by scores [V, K]; rows that have none (NaN) are left out."""
        if (
            self._latest is not None and self._latest[0] is scores
        ):  # what ranks and what breaks ties ask one after the other
            return self._latest[1]
        rows, truth, some = self.table.rows[self.index], self.truth, scores
        if (known := self._answered(scores)) is not None:
            rows, truth, some = rows[known], truth.take(pa.array(known)), scores[known]
        found = self._beside.beside(judge(self.target, truth, some, rows))
        self._latest = scores, found
        return found

    @cached_property
    def _beside(self) -> Beside:
        return Beside.of(self.table.take(self.index), [self.metric])

    def _answered(self, scores: np.ndarray) -> np.ndarray | None:
        """Return which rows have scores; None where all have. Answers that were made stand in all rows of the one split."""
        answered = self.target.answered(scores)
        if not self.target.averages and len(self.splits) > 1:
            answered = np.array([s is not None for s in scores[:, 0]], bool)
        return None if answered.all() else np.flatnonzero(answered)

    def value(self, scores: np.ndarray) -> float:
        """Return the ranking metric of scores [N, K], signed so that more is better; minus infinity where undefined."""
        return self._once("value", scores, self._value)

    def _once(self, what: str, scores: np.ndarray, found: Callable[[np.ndarray], float]) -> float:
        """Return what is found of scores, asked once of answers that were made: no mean is ever taken of those, so the same come again
        with every new candidate, and reading thousands of lists or sentences takes a while."""
        if self.target.averages:
            return found(scores)
        key = what, id(scores)
        held = self._known.get(key)
        if held is None or held[0] is not scores:
            held = self._known[key] = scores, found(scores)
        return held[1]

    def _value(self, scores: np.ndarray) -> float:
        value = self.metric(self.judged(scores))
        if not np.isfinite(value):
            return -np.inf
        return value if self.metric.higher else -value

    def fine(self, scores: np.ndarray) -> float:
        """Return a smooth score of scores [N, K] for ties: minus the mean of `TargetCodec.losses`; what ranks where there are none."""
        return self._once("fine", scores, self._fine)

    def _fine(self, scores: np.ndarray) -> float:
        judged = self.judged(scores)
        losses = judged.target.losses(judged.truth, judged.scores)
        return self.value(scores) if losses is None else -float(losses.mean())

    def only(self, scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return scores [V, K] with those of other rows than `rows` [V] taken away; as they are where there is one split."""
        if not self.target.averages:
            if len(self.splits) == 1:
                return scores
            made = np.array(scores)
            made[~rows] = None
            return made
        return np.where(rows.reshape(-1, *[1] * (scores.ndim - 1)), scores, np.nan)


@dataclass
class Candidate:
    """A recipe with chosen options, trained: one row of the leaderboard. One model for each of `folds`, the splits done.

    `scores` [V, K] are NaN for rows that none of these splits holds out; `seconds` are those of all fits and scorings.
    `ms_per_row` and `batch_ms` are what all its models together take for an answer, warm: to one row by itself, and to a row
    in a batch; `single_ms` is what one of them takes for one row. `cut` are those of its folds in whose fit the run was stopped.
    """

    name: str
    recipe: str
    options: dict[str, Any]
    models: list[Model]
    scores: np.ndarray
    value: float
    seconds: float
    ms_per_row: float
    seed: int
    batch_ms: float = 0.0
    single_ms: float = 0.0
    refitted: bool = False
    fold_values: tuple[float, ...] = ()
    folds: tuple[int, ...] = (0,)
    cut: tuple[int, ...] = ()

    @property
    def fit_seconds(self) -> float:
        """Seconds on the clock that one more of its fits takes: what the first ones made ready for it is not made again."""
        return max(0.0, self.seconds - sum(m.lent for m in self.models)) / max(1, len(self.folds))

    def answering(self, target: TargetCodec) -> list[Model]:
        """Return the models that answer: all whose answers have a mean, else the one of the latest split that was done.

        Windows of a backtest stand in order of time: the last one has learnt from the newest rows.
        """
        if target.averages or len(self.models) == 1:
            return self.models
        return [self.models[self.folds.index(max(self.folds))]]


@dataclass
class Fold:
    """What a fit on one split gave: a model, its scores [rows held out, K], and what it took; `cut` where the run was stopped meanwhile."""

    split: int
    model: Model
    scores: np.ndarray
    seconds: float
    batch_ms: float
    cut: bool = False


def stays_here(recipe: Recipe, rest: Rest | None) -> bool:
    """Return whether a fit reads rows that the run does not hold, and which workers of a cluster were not given."""
    return rest is not None and rest.share is None and type(recipe).reads_on


def fitted(
    recipe: Recipe, train: Table, valid: Table | None, options: Options, ctx: FitContext, split: int | None
) -> Model:
    """Return the model of a fit on one split (None for all rows), with the processes that train along where there are some."""
    if split is None and ctx.cluster is not None and not stays_here(recipe, ctx.rest):
        with suppress(ClusterLost):
            refitted: Model = ctx.cluster.model(recipe, options, ctx)
            return refitted
    if ctx.crew is None:
        return recipe.fit(train, valid, options, ctx)
    model: Model = ctx.crew.fit(recipe, train, valid, options, ctx, split)
    return model


def fit_fold(
    name: str, recipe: Recipe, options: Options, validation: Validation, split: int, ctx: FitContext, watch: Stopwatch
) -> Fold:
    """Fit the recipe on one split under `ctx.deadline` and score the rows that it holds out.

    Raises ModelwrightError where no usable model came about. `watch` measures the fit alone.
    """
    train, valid = validation.parts[split]
    count = len(validation.splits)
    of = (split + 1, count) if count > 1 else (0, 0)
    own = replace(
        ctx,
        seed=ctx.seed + split,
        cache=validation.caches[split],
        folder=None if ctx.folder is None else ctx.folder / _place(options, split, ctx.seed),
    )
    begun = time.monotonic()
    ctx.events.emit(Working(name, recipe.name, "fit", *of, share=ctx.deadline.remaining()))
    with watch:
        model = fitted(recipe, seen(train, options), seen(valid, options), options, own, split)
    cut = ctx.deadline.stopped
    ctx.events.emit(Working(name, recipe.name, "score", *of))
    scoring = Stopwatch()
    with scoring:
        scores = model.judge(valid)
    batch = 1000 * _alone(scoring) / max(len(valid), 1)
    if not validation.target.finite(scores):
        raise ModelwrightError("its scores were not finite (training diverged)", "模型输出不是有限数（训练发散）")
    return Fold(split, model, scores, time.monotonic() - begun, batch, cut)


def _place(options: Options, split: int, seed: int) -> str:
    """Return the folder of a fit's checkpoints: a run that goes on may give the name of its candidate to other options."""
    return f"{split}-{hashlib.sha256(f'{options.model_dump_json()} {seed}'.encode()).hexdigest()[:12]}"


def _alone(watch: Stopwatch) -> float:
    """Return the seconds that a piece of work takes on an idle machine: its processor time, where other programs had the rest; on the
    clock where it waited for something else."""
    return watch.cpu if _WAITS * watch.wall < watch.cpu < watch.wall else watch.wall


def candidate_of(
    name: str, recipe: Recipe, options: Options, validation: Validation, fold: Fold, seed: int
) -> Candidate:
    """Make a candidate of its first fold."""
    made = Candidate(name, recipe.name, options.model_dump(), [], np.empty(0), 0.0, 0.0, 0.0, seed, folds=())
    add_fold(made, fold, validation)
    return made


def add_fold(candidate: Candidate, fold: Fold, validation: Validation) -> None:
    """Add what a further fold gave, in place."""
    before = candidate.scores if candidate.folds else None
    candidate.scores = validation.added(before, candidate.folds, fold.scores, fold.split)
    candidate.folds = (*candidate.folds, fold.split)
    candidate.cut = (*candidate.cut, fold.split) if fold.cut else candidate.cut
    before_models = len(candidate.models)
    candidate.models = [*candidate.models, fold.model]
    candidate.seconds += fold.seconds
    candidate.value = validation.value(candidate.scores)
    # models of one candidate share what they read: together they answer in less than so many times one
    answering = candidate.answering(validation.target)
    known = fold.batch_ms * len(answering)
    took = answer_time(answering, validation.parts[0][1], validation.target, known=known)
    candidate.ms_per_row, candidate.batch_ms = took.one, took.batch
    if not before_models:
        candidate.single_ms = took.one
    if len(validation.splits) > 1:
        valid = validation.parts[fold.split][1]
        one = judge(validation.target, _truth(valid), fold.scores, valid.rows).in_units(valid, [validation.metric])
        candidate.fold_values = (*candidate.fold_values, validation.metric(one))


def _truth(table: Table) -> Any:
    target = table.schema.target
    return table.column(target.name if target else "")


def save_candidate(candidate: Candidate, folder: Path, target: TargetCodec) -> None:
    """Write a candidate as a folder: its models, what it scored, and what it cost."""
    with keeping_folder(folder) as part:
        for i, model in enumerate(candidate.models):
            (part / f"model-{i}").mkdir()
            model.save(part / f"model-{i}")
            write_json(part / f"curves-{i}.json", model.history)
        target.save_scores(part, candidate.scores)
        plain = {k: v for k, v in candidate.__dict__.items() if k not in ("models", "scores")}
        extents = [model.extent for model in candidate.models]
        write_json(part / "candidate.json", {**plain, "models": len(candidate.models), "extents": extents})


def load_candidate(folder: Path, target: TargetCodec) -> Candidate:
    """Read what `save_candidate` wrote. Raises BundleError where it is damaged, VaultError without its key."""
    with kept_folder(folder) as place:
        return _load(place, target)


def _load(folder: Path, target: TargetCodec) -> Candidate:
    data: Mapping[str, Any] = read_json(folder / "candidate.json")
    cls = type(get_recipe(data["recipe"])).model
    models = [cls.load(folder / f"model-{i}", target) for i in range(data["models"])]
    for i, model in enumerate(models):
        model.history = read_json(folder / f"curves-{i}.json")
        model.extent = data["extents"][i]
    scores = target.load_scores(folder)
    plain = {k: v for k, v in data.items() if k not in ("models", "extents")}
    plain["fold_values"] = tuple(np.nan if v is None else v for v in plain["fold_values"])
    plain["value"] = -np.inf if plain["value"] is None else plain["value"]  # undefined: JSON knows no infinity
    # what was kept before folds could be unfinished has done all of them
    plain["folds"] = tuple(plain.get("folds") or range(len(models)))
    plain["cut"] = tuple(plain.get("cut", ()))
    return Candidate(models=models, scores=scores, **plain)


def _extent(candidate: Candidate) -> Mapping[str, Any]:
    """Return how long a refit goes on: the mean of what the folds found best, and not far short of what they went through."""
    found = [m.extent for m in candidate.models]
    out = dict(found[0])
    if "rounds" in out:
        out["rounds"] = [round(float(r)) for r in np.mean([e["rounds"] for e in found], axis=0)]
    if "epochs" in out:
        best = float(np.mean([e["epochs"] for e in found]))
        through = float(np.mean([len(m.history) for m in candidate.models]))
        out["epochs"] = max(1, round(max(best, _THROUGH * through)))
    return out


def refit_share(candidate: Candidate) -> float:
    """Return the share of its epochs that a candidate's refit takes; 1 for what has no epochs."""
    if not candidate.models or any("epochs" not in m.extent or not m.history for m in candidate.models):
        return 1.0
    through = float(np.mean([len(m.history) for m in candidate.models]))
    return min(1.0, float(_extent(candidate)["epochs"]) / through)


def refit(
    candidate: Candidate, table: Table, ctx: FitContext, deadline: Deadline, *, seed: int | None = None
) -> Candidate:
    """Train a candidate again on all rows that are not test rows, for as long as it trained before.

    Its validation scores stay those of the first fit, since the new model has seen those rows.
    """
    recipe = get_recipe(candidate.recipe)
    options = type(recipe).options(**candidate.options)
    own = replace(
        ctx,
        deadline=deadline,
        seed=candidate.seed if seed is None else seed,
        cache={},
        folder=None,
        name=candidate.name,
        extent=_extent(candidate),
    )
    what = "refit" if seed is None else "twin"
    ctx.events.emit(Working(candidate.name, recipe.name, what, share=deadline.remaining()))
    model = fitted(recipe, seen(table, options), None, options, own, None)
    model.history = candidate.models[0].history
    again = {"models": [model], "refitted": True}
    if len(candidate.models) > 1:  # one model answers where several did
        took = answer_time([model], table, ctx.target)
        again |= {"ms_per_row": took.one, "batch_ms": took.batch}
    return Candidate(**{**candidate.__dict__, **again})
