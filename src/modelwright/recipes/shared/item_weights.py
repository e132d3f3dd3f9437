"""Models whose scores are sums over what a user had of sparse weights between items: neighbours, sparse linear models.

Legend: I items, B users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from modelwright.core.answers.ranked import RankedCodec
from modelwright.recipes.shared.histories import Histories, rows_of
from modelwright.recipes.shared.recommend import RankModel, nothing, sparse_made, sparse_parts

_FLOOR = 1e-6  # of the highest weight: how far popularity counts where nothing leads to an item


class ItemWeightsModel(RankModel):
    """Weights [I, I], from the item of the row to that of the column; what was had longer ago counts `decay` to the power of how
    many items came later, and only the last `last` items do."""

    def __init__(
        self,
        target: RankedCodec,
        histories: Histories,
        weights: csr_matrix,
        counts: np.ndarray,
        decay: float,
        last: int,
    ) -> None:
        super().__init__(target, histories)
        self.weights, self.counts, self.decay, self.last = weights, counts, decay, last

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        rows = rows_of([h[-self.last :] for h in had], len(self.target.items), self.decay)
        scores = np.asarray((rows @ self.weights).todense(), np.float32)
        floor = _FLOOR * float(self.weights.data.max(initial=1.0))
        scores += floor * self.counts[None, :] / max(1.0, float(self.counts.max()))
        return nothing(had, self.counts, scores)

    def because(self, had: np.ndarray, item: int) -> list[int]:
        last = had[-self.last :]
        age = np.arange(len(last) - 1, -1, -1.0)
        weights = np.asarray(self.weights[last, item].todense()).ravel() * self.decay**age
        order = np.argsort(-weights, kind="stable")
        return [int(last[i]) for i in order if weights[i] > 0]

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"decay": self.decay, "last": self.last}, {**sparse_parts(self.weights), "counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        size = len(target.items)
        weights = sparse_made(arrays, (size, size))
        if arrays["counts"].shape != (size,):
            raise ValueError("counts")
        return cls(target, histories, weights, arrays["counts"], float(state["decay"]), int(state["last"]))
