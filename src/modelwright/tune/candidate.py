"""Training one candidate over the validation splits, timing it, and keeping it on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import Working
from modelwright.core.kept import keeping_folder, kept_folder
from modelwright.core.recipe import FitContext, Model, Options, Recipe, get_recipe
from modelwright.core.run import read_json, write_json
from modelwright.core.schema import Table
from modelwright.core.target import TargetCodec, as_objects
from modelwright.core.task import Judged, Metric, judge
from modelwright.tune.lean import seen
from modelwright.tune.timing import answer_time

Splits = list[tuple[np.ndarray, np.ndarray]]


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
        name = self.table.schema.target
        self.truth = self.table.take(self.index).column(name.name if name else "")

    def gather(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return scores [V, K] from the scores of each split's valid rows."""
        if parts[0].dtype == object:  # answers that were made cannot be averaged
            made = np.empty((len(self.index), 1), object)
            for (_, valid), scores in zip(self.splits, parts, strict=True):
                made[np.searchsorted(self.index, valid)] = scores
            return made
        total = np.zeros((len(self.index), parts[0].shape[1]))
        times = np.zeros(len(self.index))
        for (_, valid), scores in zip(self.splits, parts, strict=True):
            at = np.searchsorted(self.index, valid)
            np.add.at(total, at, scores)
            np.add.at(times, at, 1)
        return total / times[:, None]

    def judged(self, scores: np.ndarray) -> Judged:
        """Return validation rows judged by scores [V, K]."""
        return judge(self.target, self.truth, scores, self.table.rows[self.index])

    def value(self, scores: np.ndarray) -> float:
        """Return the ranking metric, signed so that more is better; minus infinity where undefined."""
        value = self.metric(self.judged(scores))
        if not np.isfinite(value):
            return -np.inf
        return value if self.metric.higher else -value

    def fine(self, scores: np.ndarray) -> float:
        """Return a smooth score for ties: minus the log loss, or minus the squared error; what ranks for made answers."""
        if self.target.kind == "objects":
            return self.value(scores)
        judged = self.judged(scores)
        if self.target.kind == "value":
            return -float(np.mean((judged.scores[:, 0] - judged.truth) ** 2))
        p = np.clip(judged.scores, 1e-9, 1 - 1e-9)
        if self.target.kind == "classes":
            return float(np.log(p[np.arange(len(p)), judged.truth]).mean())
        return float((judged.truth * np.log(p) + (1 - judged.truth) * np.log1p(-p)).mean())


@dataclass
class Candidate:
    """A recipe with chosen options, trained: one row of the leaderboard. One model per split.

    `ms_per_row` and `batch_ms` are what all its models together take for an answer, warm: to one row by itself, and to
    a row in a batch.
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
    refitted: bool = False
    fold_values: tuple[float, ...] = ()


def train_candidate(
    name: str,
    recipe: Recipe,
    options: Options,
    validation: Validation,
    ctx: FitContext,
    folder: Path | None,
) -> Candidate:
    """Fit the recipe on every split under `ctx.deadline`, score the held-out rows, and save the whole.

    Raises ModelwrightError where a fit gave no usable model or the deadline passed before the last split.
    """
    start = time.monotonic()
    models, parts, fold_values, batch = [], [], [], np.inf
    count = len(validation.splits)
    for i, (train, valid) in enumerate(validation.parts):
        if i and ctx.deadline.expired():
            raise ModelwrightError(
                f"the time ended after {i} of {count} folds", f"时间在完成 {count} 折中的 {i} 折后用尽"
            )
        share = ctx.deadline.remaining() / (count - i)
        own = FitContext(
            **{
                **ctx.__dict__,
                "deadline": ctx.deadline.sub(share) if count > 1 else ctx.deadline,
                "seed": ctx.seed + i,
                "cache": validation.caches[i],
                "folder": None if ctx.folder is None else ctx.folder / str(i),
            }
        )
        of = (i + 1, count) if count > 1 else (0, 0)
        ctx.events.emit(Working(name, recipe.name, "fit", *of, share=share))
        model = recipe.fit(seen(train, options), seen(valid, options), options, own)
        ctx.events.emit(Working(name, recipe.name, "score", *of))
        scored = time.perf_counter()
        scores = model.judge(valid)
        batch = min(batch, 1000 * (time.perf_counter() - scored) / max(len(valid), 1))  # the first one warms up
        if scores.dtype != object and not np.isfinite(scores).all():
            raise ModelwrightError("its scores were not finite (training diverged)", "模型输出不是有限数（训练发散）")
        models.append(model)
        parts.append(scores)
        if count > 1:
            one = judge(validation.target, _truth(valid), scores, valid.rows)
            fold_values.append(validation.metric(one))
    scores = validation.gather(parts)
    took = answer_time(models, validation.parts[0][1], validation.target, known=batch * count)
    candidate = Candidate(
        name=name,
        recipe=recipe.name,
        options=options.model_dump(),
        models=models,
        scores=scores,
        value=validation.value(scores),
        seconds=time.monotonic() - start,
        ms_per_row=took.one,
        batch_ms=took.batch,
        seed=ctx.seed,
        fold_values=tuple(fold_values),
    )
    if folder is not None:
        save_candidate(candidate, folder)
    return candidate


def _truth(table: Table) -> Any:
    target = table.schema.target
    return table.column(target.name if target else "")


def save_candidate(candidate: Candidate, folder: Path) -> None:
    """Write a candidate as a folder: its models, what it scored, and what it cost."""
    with keeping_folder(folder) as part:
        for i, model in enumerate(candidate.models):
            (part / f"model-{i}").mkdir()
            model.save(part / f"model-{i}")
            write_json(part / f"curves-{i}.json", model.history)
        if candidate.scores.dtype == object:
            write_json(part / "validation.json", candidate.scores[:, 0].tolist())
        else:
            save_file({"scores": np.ascontiguousarray(candidate.scores)}, str(part / "validation.safetensors"))
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
    if target.kind == "objects":
        scores = as_objects(read_json(folder / "validation.json"))[:, None]
    else:
        scores = load_file(str(folder / "validation.safetensors"))["scores"]
    plain = {k: v for k, v in data.items() if k not in ("models", "extents")}
    plain["fold_values"] = tuple(np.nan if v is None else v for v in plain["fold_values"])
    plain["value"] = -np.inf if plain["value"] is None else plain["value"]  # undefined: JSON knows no infinity
    return Candidate(models=models, scores=scores, **plain)


def refit(
    candidate: Candidate, table: Table, ctx: FitContext, deadline: Deadline, *, seed: int | None = None
) -> Candidate:
    """Train a candidate again on all rows that are not test rows, for as long as it trained before.

    Its validation scores stay those of the first fit, since the new model has seen those rows.
    """
    recipe = get_recipe(candidate.recipe)
    options = type(recipe).options(**candidate.options)
    own = FitContext(
        **{
            **ctx.__dict__,
            "deadline": deadline,
            "seed": candidate.seed if seed is None else seed,
            "cache": {},
            "folder": None,
            "name": candidate.name,
            "extent": candidate.models[0].extent,
        }
    )
    what = "refit" if seed is None else "twin"
    ctx.events.emit(Working(candidate.name, recipe.name, what, share=deadline.remaining()))
    model = recipe.fit(seen(table, options), None, options, own)
    model.history = candidate.models[0].history
    again = {"models": [model], "refitted": True}
    if len(candidate.models) > 1:  # one model answers where several did
        took = answer_time([model], table, ctx.target)
        again |= {"ms_per_row": took.one, "batch_ms": took.batch}
    return Candidate(**{**candidate.__dict__, **again})
