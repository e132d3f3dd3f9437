"""A number.

Legend: N rows.
"""

from __future__ import annotations

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


class ValueCodec(TargetCodec):
    """A number. `mean` and `std` (never zero) serve models that want it standardised; `low` and `high` its range.

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

    def __init__(self, mean: float, std: float, low: float, high: float) -> None:
        self.mean, self.std, self.low, self.high = mean, std, low, high

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
    def fit(cls, values: pa.Array) -> ValueCodec:
        """Learn mean and deviation. Raises DataError where no number, or only one different number, occurs."""
        numbers = np.asarray(values.drop_null(), np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers) == 0 or numbers.min() == numbers.max():
            raise DataError(
                "The target column must hold at least two different numbers.",
                "目标列至少需要两个不同的数值。",
            )
        return cls(float(numbers.mean()), float(numbers.std()), float(numbers.min()), float(numbers.max()))

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, values: pa.Array) -> np.ndarray:
        return np.asarray(values.cast(pa.float64()).fill_null(float("nan")), np.float64)

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        beside = {} if self.prices is None else {"quantity": self.quantity(scores).tolist()}
        return Answers([float(v) for v in scores[:, 0]], None, beside)

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
        half, most = rounded(float(np.median(off))), rounded(float(np.quantile(off, 0.9)))
        return Words(
            f"typically off by {half} on {len(truth):,} unseen rows, by at most {most} in nine of ten",
            f"在 {len(truth):,} 行未见过的数据上，误差通常约为 {half}，九成不超过 {most}",
        )

    def guessing(self, truth: np.ndarray) -> Words | None:
        off = rounded(float(np.median(np.abs(truth - np.median(truth)))))
        return Words(
            f"Always answering the median would typically be off by {off}.", f"若一律回答中位数，误差通常约为 {off}。"
        )

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: a finite number."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
            raise expected("a number", "数值")
        return float(value), False

    def answer_fields(self) -> dict[str, Any]:
        return {"prediction": (float, ...), **({} if self.prices is None else {"quantity": (float, ...)})}

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, with the quantity to order where it has a price."""
        found = super().columns(answers, flat=flat)
        if self.prices is not None:
            found["quantity"] = pa.array([a.get("quantity") for a in answers], pa.float64())
        return found

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        return pa.array(predictions, pa.float64())

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> ValueCodec:
        out = cls(state["mean"], state["std"], state["low"], state["high"])
        told = state.get("order")
        if told is None:
            return out
        much, little = of_state(told)
        shift, slope = float(told["shift"]), float(told["slope"])
        if not np.isfinite([shift, slope]).all():
            raise BundleError("The bundle's quantities to order are damaged.", "模型包中的订货数量已损坏。")
        return out.priced(much, little, (shift, slope))

    def state(self) -> dict[str, Any]:
        told = {"kind": self.kind, "mean": self.mean, "std": self.std, "low": self.low, "high": self.high}
        if self.prices is None:
            return told
        names = ("too_much", "too_little", "shift", "slope")
        return {**told, "order": dict(zip(names, (*self.prices.tolist(), *self.order), strict=True))}


CODEC = ValueCodec
