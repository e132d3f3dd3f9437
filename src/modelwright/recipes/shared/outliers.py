"""What recipes that find anomalies share: a score for each row, its conformal p-value, and what every column adds.

The p-value of a row is the share of calibration rows that are at least as unusual, itself counted in (split conformal prediction: Laxhammar and
Falkman 2010; Bates et al., Testing for outliers with conformal p-values, arXiv 2104.08279). Calibration rows train nothing.
Legend: N rows, C columns, M calibration rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.anomaly import P_VALUE, PARTS, PLANTED, SCORE, AnomalyCodec
from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import FitContext, Model, Options, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.planted import Planter

_HELD = 0.25  # of the training rows, for calibration
STRETCHES = 4  # of time, in each of which false alarms are counted by a model of the others
_BLOCK = 100  # moments of a series that are held out together, at least
_ROUNDING = 1e-5  # of a score
_EXPLAINED = 0.05  # p-value up to which it is told what made a row unusual


def anomalies(target: TargetCodec) -> AnomalyCodec:
    """Return the target as what it must be for these recipes."""
    if not isinstance(target, AnomalyCodec):
        raise ModelwrightError("its recipe is for anomaly-detection", "该方案仅用于 anomaly-detection")
    return target


def windows_column(schema: Schema) -> str | None:
    """Return the column that holds windows of a series; None where rows are no moments."""
    return next((c.name for c in schema.inputs if "trailing" in c.options), None)


def held_apart(table: Table, seed: int) -> tuple[Table, Table]:
    """Return the rows to learn from, and those to calibrate on: of a series every fourth block of time, as what is usual changes with it,
    else drawn by chance."""
    count = len(table)
    held = max(1, min(count // 2, round(_HELD * count)))
    if windows_column(table.schema) is not None:
        order = np.argsort(moments_of(table), kind="stable")
        each = round(1 / _HELD)
        own = np.arange(count) // max(_BLOCK, season_of(table)) % each == each - 1
        if own.any():
            return table.take(np.sort(order[~own])), table.take(np.sort(order[own]))
    else:
        order = np.random.default_rng([seed, 41]).permutation(count)
    return table.take(np.sort(order[: count - held])), table.take(np.sort(order[count - held :]))


def season_of(table: Table) -> int:
    """Return the season of the series whose windows a table holds, in rows; 0 where it has none."""
    name = windows_column(table.schema)
    return 0 if name is None else int(table.schema[name].options["trailing"].get("season") or 0)


def moments_of(table: Table) -> np.ndarray:
    """Return when each row was [N], as numbers that are in order."""
    columns = table.schema.of_role("time")
    if not columns:
        return table.rows.astype(np.float64)
    values = table.column(columns[0].name)
    if str(values.type).startswith("timestamp"):
        values = values.cast("int64")
    return np.asarray(values.cast("float64").fill_null(-np.inf), np.float64)


class OutlierModel(Model):
    """Says how unusual rows are. Derived classes measure rows that were read, and say what is stored of that."""

    extent: dict[str, Any]
    history: list[dict[str, float]]

    def __init__(self, target: AnomalyCodec) -> None:
        self.target = target
        self.extent, self.history = {}, []
        self.usual = np.empty(0)  # sorted scores of calibration rows [M]
        self.planter = Planter({})

    @abstractmethod
    def read(self, table: Table) -> Any:
        """Return the rows as `measured` and `added` take them, an array [N, ...]."""

    @abstractmethod
    def measured(self, rows: Any) -> np.ndarray:
        """Return how unusual rows are [N] float64; larger is more so."""

    @abstractmethod
    def added(self, rows: Any, scores: np.ndarray) -> np.ndarray:
        """Return what each column adds to the scores of rows [N, C]."""

    @abstractmethod
    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is stored of the model: JSON values and arrays, each in a shape of its own."""

    @classmethod
    @abstractmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        """Make the model from its parts, arrays in their shapes. Raises ValueError where they do not fit together."""

    def calibrated(self, train: Table, held: Table) -> OutlierModel:
        """Return this model with the scores of calibration rows, and what may be planted by a profile of training rows."""
        self.usual = np.sort(self.measured(self.read(held)))
        self.planter = Planter.fit(train)
        return self

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """Return the conformal p-values of scores [N]; calibration scores that are equal but for rounding count as no less odd.

        A network's sums differ by the number of rows that it answers together, and a p-value is a step function.
        """
        above = len(self.usual) - np.searchsorted(self.usual, scores - _ROUNDING * np.abs(scores), side="left")
        return np.asarray((1 + above) / (1 + len(self.usual)))

    def scores(self, table: Table) -> np.ndarray:
        rows = self.read(table)
        out = np.zeros((len(table), self.target.outputs))
        if len(table):
            out[:, SCORE] = self.measured(rows)
            out[:, P_VALUE] = self.p_values(out[:, SCORE])
            odd = np.flatnonzero(out[:, P_VALUE] <= max(_EXPLAINED, self.target.rate))
            if len(odd):
                out[odd, PARTS:] = self.added(rows[odd], out[odd, SCORE])
        return out

    def judge(self, table: Table) -> np.ndarray:
        """Return the scores [N, K], with how unusual each row is once something is planted in it."""
        out = self.scores(table)
        out[:, PLANTED] = self.measured(self.read(self.planter.plant(table))) if len(table) else 0.0
        return out

    def save(self, folder: Path) -> None:
        state, arrays = self.parts()
        own = {"extent": self.extent, "history": self.history, "planter": self.planter.columns}
        write_state(folder, {**own, "own": state})
        write_arrays(folder / "model.safetensors", {"usual": self.usual, **{f"own.{k}": a for k, a in arrays.items()}})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        with Loading(folder):
            state, arrays = read_state(folder), read_arrays(folder / "model.safetensors")
            own = {k.removeprefix("own."): a for k, a in arrays.items() if k.startswith("own.")}
            model = cls.made(anomalies(target), state["own"], own)
            model.extent, model.history = state["extent"], state["history"]
            model.usual, model.planter = arrays["usual"].astype(np.float64), Planter(state["planter"])
            if not len(model.usual) or not np.isfinite(model.usual).all() or (np.diff(model.usual) < 0).any():
                raise ValueError("calibration")
            return model


class OutlierRecipe(Recipe):
    """A recipe of this task: what all have in common."""

    tasks = frozenset({"anomaly-detection"})
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""
    baseline = False
    seeded = False
    options = Options
    space: ClassVar[dict[str, Any]] = {}
    windows_only: ClassVar[bool] = False

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if self.windows_only and windows_column(schema) is None:
            return Words(
                "made for series: name the column of times with --time", "用于时间序列：请用 --time 指定时间列"
            )
        return None

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        if self.windows_only:
            return self._crossed(train, options, ctx)
        learn, held = held_apart(train, ctx.seed)
        model = self.grown(learn, options, ctx)
        return model.calibrated(learn, held)

    def _crossed(self, train: Table, options: Options, ctx: FitContext) -> Model:
        """Return a model of all rows, calibrated on all: on each of four stretches of time by a model of the others.

        What is usual in a series changes with time, so one stretch alone says little of it (cross-conformal prediction, Vovk 2015,
        doi 10.1007/s10472-013-9368-4).
        """
        stretches = np.array_split(np.argsort(moments_of(train), kind="stable"), STRETCHES)
        found = []
        for own in stretches:
            if not len(own):
                continue
            others = np.sort(np.setdiff1d(np.arange(len(train)), own))
            part = self.grown(train.take(others if len(others) else own), options, ctx)
            held = train.take(np.sort(own))
            found.append(part.measured(part.read(held)))
        model = self.grown(train, options, ctx)
        model.usual = np.sort(np.concatenate(found))
        model.planter = Planter.fit(train)
        return model

    @abstractmethod
    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        """Return a model of training rows, not yet calibrated."""
