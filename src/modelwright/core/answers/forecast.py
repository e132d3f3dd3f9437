"""The future of a series: for each step ahead, quantiles of what may come.

Legend: N rows (a series up to some moment), H steps ahead, Q quantile levels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import Answers, TargetCodec
from modelwright.core.answers.corrections import Form, expected
from modelwright.core.answers.prices import cost_of, critical_share, of_state, quantile_at
from modelwright.core.errors import DataError
from modelwright.core.figures import rounded
from modelwright.core.words import Words

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_TINY = 1e-12


def level_name(level: float) -> str:
    """Return how a quantile is called in files and answers: `q05`, `q50`, `q97.5`."""
    return f"q{100 * level:02.4g}" if level >= 0.1 else f"q0{100 * level:.4g}"


class ForecastCodec(TargetCodec):
    """Scores are [N, H, Q]: quantiles in the target's own unit, rising with the level. The median is the prediction.

    `frequency` is a `data.frequency.Frequency` as JSON; `season` the steps that errors are scaled by, `seasons` those after which a
    pattern comes again, `country` whose days of rest count, empty for none; `positive` whether all values are above 0, so
    that logarithms make sense.
    """

    kind = "forecast"
    link = "identity"
    explains = False
    compares_groups = False
    told_as: ClassVar[Form] = "text"
    agrees_from = 0.5
    blends_within = (
        0.05  # months that validate are unlike those that follow: what only helps there is far behind by itself
    )
    quick = 0.5  # nobody waits for tomorrow by the millisecond
    labels = ()

    def __init__(
        self,
        horizon: int,
        levels: Sequence[float],
        frequency: Mapping[str, Any],
        season: int,
        seasons: Sequence[int],
        country: str = "",
        positive: bool = False,
    ) -> None:
        self.horizon, self.levels = int(horizon), tuple(float(q) for q in levels)
        self.frequency, self.season, self.seasons = dict(frequency), int(season), tuple(int(s) for s in seasons)
        self.country, self.positive = country, positive

    @classmethod
    def fit(cls, values: pa.Array, options: Mapping[str, Any]) -> ForecastCodec:
        """Make the codec from what the target column's options say. Raises DataError where no number is to be learnt from."""
        made = cls(
            options["horizon"],
            options.get("levels") or LEVELS,
            options["frequency"],
            options["season"],
            options["seasons"],
            options.get("country") or "",
            bool(options.get("positive")),
        )
        if not np.isfinite(made.encode(values)).any():
            raise DataError("The target column holds no number to learn from.", "目标列中没有可供学习的数值。")
        return made

    def priced(self, too_much: float, too_little: float) -> ForecastCodec:
        """Return this codec with what a unit too much and one too little cost: answers then say how much to order for each step."""
        out = copy(self)
        out.prices = np.array([too_much, too_little], np.float64)
        return out

    def quantity(self, scores: np.ndarray) -> np.ndarray | None:
        """Return how much to order for each step [N, H]: the quantile that costs least."""
        return None if self.prices is None else quantile_at(critical_share(self.prices), self.levels, scores)

    def paid(self, truth: np.ndarray, chosen: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
        """Return what ordering the quantities cost [N], by row the mean of its known steps."""
        quantity = self.quantity(scores)
        if quantity is None or self.prices is None:
            return None
        return np.asarray(np.nanmean(cost_of(truth, quantity, self.prices), axis=1))

    @property
    def outputs(self) -> int:
        return self.horizon

    @property
    def middle(self) -> int:
        """Where among the levels the median stands."""
        return int(np.argmin(np.abs(np.array(self.levels) - 0.5)))

    def encode(self, values: pa.Array) -> np.ndarray:
        """Return what came [N, H] float64, NaN where it is not known."""
        out = np.full((len(values), self.horizon), np.nan)
        for row, cell in zip(out, values.to_pylist()):
            known = cell[0][: self.horizon] if cell else []
            row[: len(known)] = [np.nan if v is None else v for v in known]
        return out

    def known(self, values: pa.Array, encoded: np.ndarray) -> np.ndarray:
        return np.asarray(np.isfinite(encoded).any(axis=1))

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        names, middle = [level_name(q) for q in self.levels], self.middle
        found = [
            {"values": row[middle], "quantiles": dict(zip(names, row, strict=True))}
            for row in scores.transpose(0, 2, 1).tolist()
        ]
        quantity = self.quantity(scores)
        return Answers(found, None, {} if quantity is None else {"quantity": quantity.tolist()})

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return np.asarray(scores[:, :, self.middle], np.float64)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        return np.repeat(np.nan_to_num(truth)[:, :, None], len(self.levels), axis=2)

    def losses(self, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the mean quantile loss of each row [N], as a share of how large its values are."""
        off = truth[:, :, None] - scores
        levels = np.array(self.levels)
        loss = np.nanmean(2 * np.maximum(levels * off, (levels - 1) * off), axis=(1, 2))
        return np.asarray(loss / np.maximum(np.nanmean(np.abs(truth), axis=1), _TINY))

    def agreement(self, truth: np.ndarray, chosen: np.ndarray) -> float:
        """Return the share of the variance within rows [N, H] and between them that is explained."""
        known = np.isfinite(truth)
        return 1 - float(np.mean((chosen[known] - truth[known]) ** 2) / max(float(np.var(truth[known])), _TINY))

    def faults(self, scores: np.ndarray) -> str | None:
        if (found := super().faults(scores)) is not None:
            return found
        if scores.ndim != 3 or scores.shape[2] != len(self.levels):
            return "scores are not [N, H, Q]"
        scale = np.abs(scores).max(axis=2)
        return (
            "a higher quantile is lower" if (np.diff(scores, axis=2) < -1e-9 * (1 + scale[:, :, None])).any() else None
        )

    @property
    def stretches(self) -> bool:
        return True

    def tempered(self, scores: np.ndarray, temperature: float) -> np.ndarray:
        """Return quantiles [N, H, Q] with their distance from the median times `temperature`; none falls below 0 that did not before."""
        if temperature == 1.0:
            return scores
        middle = scores[:, :, self.middle, None]
        moved = middle + temperature * (scores - middle)
        return np.where(scores >= 0, np.maximum(moved, 0), moved)

    def stretch(self, truth: np.ndarray, scores: np.ndarray) -> float:
        """Return the factor by which the outermost interval of quantiles [N, H, Q] covers as much of the truth as it says (split conformal, arXiv
        2107.07511), in .25 .. 4; 1 where fewer than 100 values are known."""
        known = np.isfinite(truth)
        if known.sum() < 100 or len(self.levels) < 3:
            return 1.0
        middle = scores[:, :, self.middle]
        off = truth - middle
        room = np.where(off >= 0, scores[:, :, -1] - middle, middle - scores[:, :, 0])
        times = np.abs(off[known]) / np.maximum(room[known], _TINY * (1 + np.abs(middle[known])))
        wanted = min(1.0, (self.levels[-1] - self.levels[0]) * (1 + 1 / known.sum()))
        return float(np.clip(np.quantile(times, wanted), 0.25, 4.0))

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        known = np.isfinite(truth)
        size = float(np.abs(truth[known]).mean())
        off = float(np.abs(chosen[known] - truth[known]).mean())
        if size <= 0:
            return None
        return Words(
            f"off by {rounded(off)} on average, {off / size:.1%} of the mean value, on {len(truth):,} unseen stretches of {self.horizon} steps",
            f"在 {len(truth):,} 段未见过的数据（各 {self.horizon} 步）上，平均误差为 {rounded(off)}，相当于均值的 {off / size:.1%}",
        )

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: what came, a list of numbers or a text of them, from the first step on; at most as many as steps."""
        if isinstance(value, str):
            value = [v for v in re.split(r"[\s,;，；]+", value.strip("[] ")) if v]
        try:
            numbers = [float(v) for v in value if not isinstance(v, bool)] if isinstance(value, list) else []
        except (TypeError, ValueError):
            numbers = []
        if not 0 < len(numbers) <= self.horizon or len(numbers) != len(value) or not np.isfinite(numbers).all():
            raise expected(f"a list of 1 to {self.horizon} numbers", f"1 到 {self.horizon} 个数值组成的列表")
        return {"values": numbers}, False

    def gist(self, answer: Any) -> Any:
        """Return the values, without quantiles."""
        return answer["values"] if isinstance(answer, dict) else answer

    def answer_fields(self) -> dict[str, Any]:
        priced = {} if self.prices is None else {"quantity": (list[float], ...)}
        return {"prediction": (dict[str, Any], ...), **priced}

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, with the quantities to order where they have a price."""
        found = super().columns(answers, flat=flat)
        if self.prices is not None:
            found["quantity"] = _numbers([a.get("quantity") for a in answers], flat)
        return found

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return the medians of each answer; in formats that hold no lists divided by blanks."""
        return _numbers([None if p is None else p["values"] for p in predictions], flat)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ForecastCodec:
        out = cls(
            state["horizon"],
            state["levels"],
            state["frequency"],
            state["season"],
            state["seasons"],
            str(state.get("country") or ""),
            bool(state.get("positive")),
        )
        return out.priced(*of_state(state["order"])) if state.get("order") else out

    def state(self) -> dict[str, Any]:
        told = {
            "kind": self.kind, "horizon": self.horizon, "levels": list(self.levels), "frequency": self.frequency,
            "season": self.season, "seasons": list(self.seasons), "country": self.country, "positive": self.positive,
        }  # fmt: skip
        if self.prices is None:
            return told
        return {**told, "order": dict(zip(("too_much", "too_little"), self.prices.tolist(), strict=True))}


def _numbers(rows: Sequence[Sequence[float] | None], flat: bool) -> pa.Array:
    """Return lists of numbers as a column, as texts divided by blanks where a file holds no lists."""
    if flat:
        return pa.array([None if v is None else " ".join(f"{x:.10g}" for x in v) for v in rows], pa.string())
    return pa.array(rows, pa.list_(pa.float64()))


CODEC = ForecastCodec
