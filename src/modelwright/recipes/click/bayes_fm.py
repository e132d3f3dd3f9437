"""A factorisation machine whose weights and penalties are drawn, not tuned; answers are the mean over draws.

Legend: N rows, F fields, D values of a field, K factors, S kept draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import Step
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.click._click import ClickRecipe
from modelwright.recipes.click._effects import keys_of
from modelwright.recipes.click._fields import Fields, crossed, times
from modelwright.recipes.click._gibbs import Draws, drawn
from modelwright.recipes.click._statistics import LEAST
from modelwright.recipes.shared.rows import fewer, known_rows

_MOST_ROWS = 2_000_000
_MOST_FIELDS = 24
_ENOUGH = 0.3  # share of its sweeps that a fit must go through


class BayesFmOptions(Options):
    """`factors` are the numbers of a vector; `sweeps` how often everything is drawn, of which the first `burn` count nothing and `keep` are kept."""

    factors: int = Field(default=5, ge=1, le=64)
    sweeps: int = Field(default=100, ge=2, le=2000)
    burn: int = Field(default=20, ge=1, le=1000)
    keep: int = Field(default=40, ge=1, le=200)


class Codes:
    """The values of fields as numbers: 0 for what is rare or unknown. A user's day is a field of its own where times are known."""

    def __init__(self, fields: Fields, used: Sequence[int], keys: Sequence[np.ndarray], day: int | None) -> None:
        self.fields, self.used, self.keys, self.day = fields, [int(u) for u in used], list(keys), day

    @classmethod
    def fit(cls, table: Table) -> tuple[Codes, list[np.ndarray]]:
        """Return the codes fitted on a table, and those of its rows by field, each [N]."""
        fields = Fields.fit(table)
        hashes = fields.hashes(table)
        keys = keys_of(fields, hashes)
        used = [i for i in range(len(hashes)) if i in keys or _tells(hashes, i, keys)][:_MOST_FIELDS]
        day = keys[-1] if times(table) is not None and fields.place("user") is not None else None
        self = cls(fields, used, [], day)
        for column in self._columns(table, hashes):
            distinct, counts = np.unique(column, return_counts=True)
            self.keys.append(distinct[counts >= LEAST])
        return self, self.encode(table)

    def encode(self, table: Table) -> list[np.ndarray]:
        """Return the codes of rows by field, each [N]."""
        out = []
        for column, keys in zip(self._columns(table, self.fields.hashes(table)), self.keys, strict=True):
            if not len(keys):
                out.append(np.zeros(len(table), np.int64))
                continue
            at = np.minimum(np.searchsorted(keys, column), len(keys) - 1)
            out.append(np.where(keys[at] == column, at + 1, 0))
        return out

    def _columns(self, table: Table, hashes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return one hash a row and field [N]; several features of a field become one."""
        out = []
        for place in self.used:
            own = hashes[place][:, :1]
            for more in range(1, hashes[place].shape[1]):
                further = hashes[place][:, more : more + 1]
                own = np.where(further == 0, own, crossed(own, np.maximum(further, 1)))
            out.append(own[:, 0])
        if self.day is not None:
            when = times(table)
            days = np.zeros(len(table)) if when is None else np.nan_to_num(np.floor(when))
            out.append(
                crossed(hashes[self.day][:, :1], (days.astype(np.int64).astype(np.uint64) + np.uint64(1))[:, None])[
                    :, 0
                ]
            )
        return out


class BayesFmModel(Model):
    """Draws of weights and vectors by hashed value."""

    recipe = "bayes-fm"

    def __init__(self, codes: Codes, draws: Draws, extent: dict[str, Any]) -> None:
        self.codes, self.draws, self.extent = codes, draws, extent
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        p = self.draws.chances(self.codes.encode(table))
        return np.stack([1 - p, p], axis=1)

    def save(self, folder: Path) -> None:
        codes = self.codes
        write_state(
            folder, {"fields": codes.fields.state(), "used": codes.used, "day": codes.day, "extent": self.extent}
        )
        arrays = {"bias": self.draws.bias}
        for i, keys in enumerate(codes.keys):
            arrays |= {f"keys{i}": keys, f"weights{i}": self.draws.weights[i], f"vectors{i}": self.draws.vectors[i]}
        write_arrays(folder / "arrays.safetensors", arrays)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> BayesFmModel:
        with Loading(folder, Words("factorisation machine", "因子分解机")):
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            fields, used, day = Fields.restore(state["fields"]), state["used"], state["day"]
            count = len(used) + (day is not None)
            places = [*used, *([day] if day is not None else [])]
            if not all(0 <= p < len(fields.fields) for p in places):
                raise ValueError("fields")
            keys, weights, vectors = ([arrays[f"{n}{i}"] for i in range(count)] for n in ("keys", "weights", "vectors"))
            bias = arrays["bias"]
            for k, w, v in zip(keys, weights, vectors, strict=True):
                if w.shape != (len(bias), len(k) + 1) or v.shape[:2] != w.shape:
                    raise ValueError("draws")
            return cls(Codes(fields, used, keys, day), Draws(bias, weights, vectors), state["extent"])


class BayesFm(ClickRecipe):
    """Gibbs sampling with a hidden normal value: nothing to tune, and calibrated by itself."""

    name = "bayes-fm"
    title = Words("Bayesian factorisation machine", "贝叶斯因子分解机")
    rank = 2
    paper = "Freudenthaler et al. 2011, Bayesian factorization machines; Rendle 2012, doi 10.1145/2168752.2168771"
    seeded = True
    options = BayesFmOptions
    model = BayesFmModel
    space: ClassVar[dict[str, Axis]] = {"factors": Range(2, 12, whole=True)}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, BayesFmOptions)
        rows, fields = min(len(train), _MOST_ROWS), min(_MOST_FIELDS, len(train.schema.inputs) + 3)
        sweep = rows * fields * (1.2e-8 * options.factors + 1.5e-8) + 1e-7 * rows
        return Estimate(
            0.5 + sweep * options.sweeps,
            (64 << 20) + rows * (16 * options.factors + 16 * fields),
            0.6 * sweep * options.sweeps,
        )

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> BayesFmModel:
        assert isinstance(options, BayesFmOptions)
        train, truth = known_rows(train, ctx.target)
        train, truth = fewer(train, truth, _MOST_ROWS, ctx.seed)
        codes, own = Codes.fit(train)
        done = 0

        def going(sweep: int) -> bool:
            nonlocal done
            done = sweep
            if sweep % 10 == 0:
                ctx.events.emit(Step(ctx.name, sweep, options.sweeps, {}))
            return not ctx.deadline.expired()

        burn = min(options.burn, options.sweeps - 1)
        draws = drawn(
            own, [len(k) + 1 for k in codes.keys], truth.astype(np.float64), factors=options.factors, sweeps=options.sweeps, burn=burn,
            keep=options.keep, seed=ctx.seed, going=going,
        )  # fmt: skip
        if done < _ENOUGH * options.sweeps:
            raise ModelwrightError("time ran out before enough was drawn", "抽样未完成，时间已用尽")
        return BayesFmModel(codes, draws, {"sweeps": done, "learnt": len(train)})


RECIPE = BayesFm


def _tells(hashes: Sequence[np.ndarray], place: int, keys: Sequence[int]) -> bool:
    """Whether a field tells something beside the keys: its values recur, and are not one for each value of a key."""
    own = hashes[place]
    distinct = len(np.unique(own[:, 0]))
    if distinct < 2 or distinct > 0.5 * len(own):
        return False
    for key in keys:
        many = len(np.unique(hashes[key][:, 0]))
        pairs = len(np.unique(crossed(hashes[key][:, :1], own[:, :1])))
        if pairs <= 1.02 * many and distinct >= 0.8 * many:
            return False
    return True
