"""A number.

Legend: N rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import Answers, TargetCodec
from modelwright.core.answers.corrections import Form, expected
from modelwright.core.answers.prices import cost_of, of_state
from modelwright.core.errors import BundleError, DataError
from modelwright.core.figures import rounded
from modelwright.core.words import Words

_MOST = 1e300  # no number that people tell is larger; infinite ones and NaN are not smaller


def unit_of(options: Mapping[str, Any]) -> str | None:
    """Return the unit that a column's options tell its numbers to be in; None without one, or for several currencies."""
    if options.get("percent"):
        return "%"
    money: list[Any] = list(options.get("money") or [])
    return str(money[0]) if len(money) == 1 else options.get("unit")


def in_unit(value: float, unit: str) -> str:
    """Return a number as people write it in a unit: `29.1%` of the share .291, `¥2,911`, `-$3.50`, `29.11 EUR`, `3.2 kg`."""
    if unit == "%":
        return f"{rounded(100 * value)}%"
    if not _is_money(unit):
        return f"{rounded(value)} {unit}"
    size = abs(value)
    amount = rounded(size) if 0 < size < 0.01 else f"{size:,.2f}" if size < 1000 else f"{size:,.0f}"
    sign = "-" if value < 0 else ""
    return f"{sign}{amount} {unit}" if unit.isalpha() else f"{sign}{unit}{amount}"


def _is_money(unit: str) -> bool:
    return unicodedata.category(unit[-1]) == "Sc" or (unit.isalpha() and unit.isupper() and len(unit) == 3)


def _distance(off: float, unit: str | None) -> Words:
    """Return how far two values are apart, in words."""
    if unit is None:
        return Words(rounded(off), rounded(off))
    if unit == "%":
        points = rounded(100 * off)
        return Words(f"{points} percentage points", f"{points} 个百分点")
    return Words(in_unit(off, unit), in_unit(off, unit))


class ValueCodec(TargetCodec):
    """A number. `mean` and `std` (never zero) serve models that want it standardised; `low` and `high` its range.

    `unit` is what the numbers are in where
    their cells say so: `%` of shares, a currency such as `¥` or `EUR`, `kg`; answers are written with it beside the number.
    With `prices` [too much, too little] an answer also says which quantity to order: `order` (a, b) makes a + b times the prediction of it.
    """

    kind = "value"
    weighs_rows = True
    taught = True
    link = "identity"
    told_as: ClassVar[Form] = "number"
    agrees_from = 0.5
    labels = ()

    order: tuple[float, float] = (0.0, 1.0)

    def __init__(self, mean: float, std: float, low: float, high: float, unit: str | None = None) -> None:
        self.mean, self.std, self.low, self.high, self.unit = mean, std, low, high, unit

    def priced(self, too_much: float, too_little: float, order: tuple[float, float] = (0.0, 1.0)) -> ValueCodec:
        """Return this codec with what a unit too much and one too little cost, and how a prediction becomes a quantity."""
        out = copy(self)
        out.prices, out.order = np.array([too_much, too_little], np.float64), order
        return out

    def quantity(self, scores: np.ndarray) -> np.ndarray:
        """Return how much to order [N]; not below 0 where no training row is."""
        found = self.order[0] + self.order[1] * scores[:, 0]
        return np.asarray(np.maximum(found, 0.0) if self.low >= 0 else found, np.float64)

    def paid(self, truth: np.ndarray, chosen: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
        """Return what ordering the quantities cost, by row [N]."""
        return None if self.prices is None else cost_of(truth, self.quantity(scores), self.prices)

    @classmethod
    def fit(cls, values: pa.Array, unit: str | None = None) -> ValueCodec:
        """Learn mean and deviation of numbers [N] in a unit. Raises DataError where no number, or only one different number, occurs."""
        numbers = np.asarray(values.drop_null(), np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers) == 0 or numbers.min() == numbers.max():
            raise DataError(
                "The target column must hold at least two different numbers.",
                "目标列至少需要两个不同的数值。",
            )
        return cls(float(numbers.mean()), float(numbers.std()), float(numbers.min()), float(numbers.max()), unit)

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, values: pa.Array) -> np.ndarray:
        return np.asarray(values.cast(pa.float64()).fill_null(float("nan")), np.float64)

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        beside = {} if self.prices is None else {"quantity": self.quantity(scores).tolist()}
        made = [float(v) for v in scores[:, 0]]
        if self.unit is not None:
            beside["written"] = [in_unit(v, self.unit) for v in made]
        return Answers(made, None, beside)

    def known(self, values: pa.Array, encoded: np.ndarray) -> np.ndarray:
        return np.asarray(values.is_valid()) & np.isfinite(encoded)

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return np.asarray(scores[:, 0], np.float64)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        return truth[:, None].astype(np.float64)

    def losses(self, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the squared error of each row [N]."""
        return np.asarray((scores[:, 0] - truth) ** 2)

    def agreement(self, truth: np.ndarray, chosen: np.ndarray) -> float:
        """Return the share of the variance of the truth [N] that is explained."""
        return 1 - float(np.mean((chosen - truth) ** 2) / np.var(truth))

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        off = np.abs(chosen - truth)
        half, most = (_distance(float(x), self.unit) for x in (np.median(off), np.quantile(off, 0.9)))
        return Words(
            f"typically off by {half.en} on {len(truth):,} unseen rows, by at most {most.en} in nine of ten",
            f"在 {len(truth):,} 行未见过的数据上，误差通常约为 {half.zh}，九成不超过 {most.zh}",
        )

    def guessing(self, truth: np.ndarray) -> Words | None:
        off = _distance(float(np.median(np.abs(truth - np.median(truth)))), self.unit)
        return Words(
            f"Always answering the median would typically be off by {off.en}.",
            f"若一律回答中位数，误差通常约为 {off.zh}。",
        )

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: a finite number."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
            raise expected("a number", "数值")
        return float(value), False

    def answer_fields(self) -> dict[str, Any]:
        quantity = {} if self.prices is None else {"quantity": (float, ...)}
        return {"prediction": (float, ...), **quantity, **({} if self.unit is None else {"written": (str, ...)})}

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, with the number as it is written in its unit, and the quantity to order where it has a price."""
        found = super().columns(answers, flat=flat)
        if self.unit is not None:
            found["written"] = pa.array([a.get("written") for a in answers], pa.string())
        if self.prices is not None:
            found["quantity"] = pa.array([a.get("quantity") for a in answers], pa.float64())
        return found

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        return pa.array(predictions, pa.float64())

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ValueCodec:
        unit = state.get("unit")
        out = cls(state["mean"], state["std"], state["low"], state["high"], str(unit) if unit else None)
        told = state.get("order")
        if told is None:
            return out
        much, little = of_state(told)
        shift, slope = float(told["shift"]), float(told["slope"])
        if not np.isfinite([shift, slope]).all():
            raise BundleError("The bundle's quantities to order are damaged.", "模型包中的订货数量已损坏。")
        return out.priced(much, little, (shift, slope))

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = {"kind": self.kind, "mean": self.mean, "std": self.std, "low": self.low}
        told |= {"high": self.high, **({} if self.unit is None else {"unit": self.unit})}
        if self.prices is None:
            return told
        names = ("too_much", "too_little", "shift", "slope")
        return {**told, "order": dict(zip(names, (*self.prices.tolist(), *self.order), strict=True))}


CODEC = ValueCodec
