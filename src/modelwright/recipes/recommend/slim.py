"""SLIM over neighbours: each item told by a ridge regression on the items likest to it, sparse, for catalogues of any size.

The neighbours are chosen first (fsSLIM: Ning & Karypis 2011, section 4.3); the ridge and the diagonal left out give each item's small
system a closed form, as EASE has one for all items at once (arXiv 1905.03375).

Legend: U users, I items, M neighbours.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.histories import Histories
from modelwright.recipes.shared.item_weights import ItemWeightsModel
from modelwright.recipes.shared.neighbours import capped, likest, weighed_by_activity
from modelwright.recipes.shared.recommend import RankModel, RankRecipe, ranked

_DENSE = 8_000  # items up to which the counts of all pairs are kept at once, 4 I^2 bytes
_HALF = 0.5  # of the time, for finding neighbours


class SlimOptions(Options):
    """Each item is told from its `neighbours`; `ridge` is added to an item's count, in parts of the mean count; users count by their
    number of items to the power of minus `active`; weights to an item are multiplied by its count to the power of minus `popularity`."""

    neighbours: int = Field(default=100, ge=5, le=1000)
    ridge: float = Field(default=1.0, gt=0)
    active: float = Field(default=0.5, ge=0, le=1.5)
    popularity: float = Field(default=0.15, ge=-1, le=1)


class SlimModel(ItemWeightsModel):
    """Weights of neighbours."""

    recipe = "slim"


class Slim(RankRecipe):
    """Many small systems, one for each item."""

    name = "slim"
    title = Words("SLIM over neighbours (sparse linear item-item)", "近邻 SLIM（稀疏线性物品关联）")
    rank = 3
    paper = "Ning & Karypis 2011"
    options = SlimOptions
    model = SlimModel
    space: ClassVar[dict[str, Axis]] = {
        "neighbours": Choice((50, 100, 200)),
        "ridge": Range(0.1, 10.0, log=True),
        "active": Range(0.0, 1.0),
        "popularity": Range(-0.2, 0.4),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [SlimOptions(), SlimOptions(neighbours=200), SlimOptions(ridge=4.0)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, SlimOptions)
        size, m = self.items(ctx.target), options.neighbours
        each = 1e-10 * m**3 + 2e-8 * m * m + 6e-4
        return Estimate(2e-6 * len(train) + 1.2e-8 * size * size + each * size + 0.2, (1 << 29) + 100 * len(train))

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, SlimOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        size = len(target.items)
        weighed, counts = weighed_by_activity(capped(histories.matrix(size)), options.active)
        near = likest(
            weighed,
            options.neighbours,
            (counts**0.5, counts**0.5),
            1.0,
            ctx.deadline.sub(_HALF * ctx.deadline.remaining()),
        )
        ridge = float(options.ridge * counts.mean())
        told = _solved(weighed, near, ridge, ctx)
        damped = csr_matrix(told @ diags(np.maximum(counts, 1.0) ** -options.popularity)).astype(np.float32)
        return SlimModel(target, histories, damped, histories.counts(size), 1.0, 1000)


def _solved(weighed: csr_matrix, near: csr_matrix, ridge: float, ctx: FitContext) -> csr_matrix:
    """Return weights [I, I] from neighbours (rows) to each item (columns); items that time did not reach keep their likeness."""
    size = weighed.shape[1]
    whole = np.asarray((weighed.T @ weighed).todense(), np.float32) if size <= _DENSE else None
    by_item = None if whole is not None else weighed.tocsc()
    rows, columns, data = [], [], []
    for item in range(size):
        found = near.indices[near.indptr[item] : near.indptr[item + 1]]
        if not len(found):
            continue
        if item % 64 == 0 and ctx.deadline.expired():
            value = near.data[near.indptr[item] : near.indptr[item + 1]]
        else:
            if whole is not None:
                gram, right = whole[np.ix_(found, found)].astype(np.float64), whole[found, item]
            else:
                assert by_item is not None
                part = by_item[:, np.r_[found, item]]
                both = np.asarray((part.T @ part).todense(), np.float64)
                gram, right = both[:-1, :-1], both[:-1, -1]
            gram[np.diag_indices_from(gram)] += ridge
            value = np.linalg.solve(gram, right)
        rows.append(found)
        columns.append(np.full(len(found), item))
        data.append(value)
    if not data:
        return csr_matrix((size, size), dtype=np.float32)
    place = (np.concatenate(rows), np.concatenate(columns))
    return csr_matrix((np.concatenate(data), place), (size, size))


RECIPE = Slim
