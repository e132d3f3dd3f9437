"""What users have by what is known of them: a ridge regression of items on features of users, for those without a history.

Legend: U users, I items, S features of users (their directions, where they are many), M lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.recipes.shared.described import Described, readable
from modelwright.recipes.shared.histories import Histories

_MOST = 1000  # features beyond which their main directions are taken
_DIRECTIONS = 200
_RIDGE = 20.0  # users' worth of evidence that stands against each feature
_CELLS = 1 << 27  # weights at most


class People:
    """Weights [S, I] that make expected items of features of users, with the mean over all as their base [I]."""

    def __init__(
        self,
        described: Described | None,
        turn: np.ndarray | None,
        weights: np.ndarray,
        base: np.ndarray,
        widths: dict[str, int],
    ) -> None:
        self.described, self.turn, self.weights, self.base, self.widths = described, turn, weights, base, widths

    @classmethod
    def fit(cls, train: Table, histories: Histories, size: int, ctx: FitContext) -> People | None:
        """Fit on the users of training events; None where nothing is known of users, or too much would have to be kept."""
        users = train.related.get("users")
        if users is None or not readable(users) or len(histories) == 0 or size * _DIRECTIONS > _CELLS:
            return None
        places = users.places(histories.users)
        known = np.flatnonzero(places >= 0)
        if len(known) == 0:
            return None
        described = Described.fit(users, np.sort(places[known]), ctx)
        features = described.encode(users.table.take(places[known]))
        turn = None
        dense: np.ndarray
        if features.shape[1] > _MOST:
            from sklearn.utils.extmath import randomized_svd

            count = min(_DIRECTIONS, min(features.shape) - 1)
            turn = np.ascontiguousarray(randomized_svd(features, count, random_state=ctx.seed)[2].T, np.float32)
            dense = np.asarray(features @ turn)
        else:
            dense = np.asarray(features.todense())
        had = histories.matrix(size)[known]
        lengths = np.maximum(np.diff(had.indptr), 1)
        # every user counts alike, however much each had
        share = csr_matrix(had.multiply((1.0 / lengths)[:, None]))
        mean = np.asarray(share.sum(axis=0)).ravel() / len(known)
        gram = dense.T.astype(np.float64) @ dense
        gram[np.diag_indices_from(gram)] += _RIDGE
        crossed = np.asarray(share.T @ dense).T - np.outer(dense.sum(axis=0), mean)
        weights = np.linalg.solve(gram, crossed).astype(np.float32)
        return cls(described, turn, weights, mean.astype(np.float32), described.widths)

    def fits(self, table: Table) -> bool:
        """Whether a table has any of the columns."""
        return self.described is not None and any(n in table.data.column_names for n in self.described.names)

    def scores(self, told: Table) -> np.ndarray:
        """Return what users are expected to have [M, I] from their lines; what is missing says nothing."""
        assert self.described is not None
        data = told.data
        for column, _ in self.described.codecs.codecs.values():
            if column.name not in data.column_names:
                from modelwright.core.schema import arrow_type

                data = data.append_column(column.name, pa.nulls(data.num_rows, arrow_type(column.modality)))
        features = self.described.encode(told.with_data(data))
        dense = np.asarray(features @ self.turn) if self.turn is not None else np.asarray(features.todense())
        return np.asarray(self.base[None, :] + dense @ self.weights, np.float32)

    def state(self) -> dict[str, Any]:
        """Return what is stored as JSON."""
        return {"widths": self.widths}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what is stored as arrays, each in a shape of its own."""
        turn = {"people_turn": self.turn} if self.turn is not None else {}
        return {"people_weights": self.weights, "people_base": self.base, **turn}

    @classmethod
    def restored(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], size: int) -> People:
        """Read what was stored, in its shapes. Raises ValueError where it does not fit together."""
        weights, base = arrays["people_weights"], arrays["people_base"]
        if weights.ndim != 2 or weights.shape[1] != size or base.shape != (size,):
            raise ValueError("people")
        return cls(None, arrays.get("people_turn"), weights, base, dict(state["widths"]))
