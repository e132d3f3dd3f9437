"""The items that users of a kind had most: popularity within the values of one column of the table of users.

Legend: U users, I items, S segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from scipy.sparse import csr_matrix

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.shared.histories import Histories
from modelwright.recipes.shared.recommend import RankModel, RankRecipe, ranked

_MOST = 50  # values of a column of segments
_ASIDE = 0.2  # of the users, on whom the column is chosen


class PopularSegmentsOptions(Options):
    """`column` of the table of users; the one that tells most where it is empty. What all users had counts as `prior` events of a
    segment's own."""

    column: str = ""
    prior: float = Field(default=200.0, gt=0)


class PopularSegmentsModel(RankModel):
    """What each segment had [S, I], and what all had [I]; the segment of each user with a history."""

    recipe = "popular-segments"
    reads_users = True

    def __init__(
        self, target: RankedCodec, histories: Histories, column: str, values: Sequence[str], shares: np.ndarray,
        everyone: np.ndarray,
    ) -> None:  # fmt: skip
        super().__init__(target, histories)
        self.column, self.values, self.shares, self.everyone = column, list(values), shares, everyone

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return np.tile(self.everyone, (len(had), 1))

    def rank_told(self, had: Sequence[np.ndarray], told: Table | None) -> np.ndarray:
        scores = self.rank(had)
        if told is not None and self.column in told.data.column_names:
            where = pc.index_in(told.column(self.column).cast(pa.string()), pa.array(self.values, pa.string()))
            places = np.asarray(where.fill_null(-1), np.int64)
            known = places >= 0
            scores[known] = self.shares[places[known]]
        return scores

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        state = {"column": self.column, "values": self.values}
        return state, {"shares": self.shares, "everyone": self.everyone}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        size, values = len(target.items), [str(v) for v in state["values"]]
        if arrays["shares"].shape != (len(values), size) or arrays["everyone"].shape != (size,):
            raise ValueError("shares")
        return cls(target, histories, str(state["column"]), values, arrays["shares"], arrays["everyone"])


class PopularSegments(RankRecipe):
    """Counts by segment, smoothed by those of all."""

    name = "popular-segments"
    title = Words("popular items of a segment", "分群热门物品")
    rank = 1
    paper = ""
    options = PopularSegmentsOptions
    model = PopularSegmentsModel
    related = ("users",)
    space: ClassVar[dict[str, Axis]] = {"prior": Range(10.0, 2000.0, log=True)}

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-6 * len(train) + 0.1, 200 * len(train) + 8 * _MOST * self.items(ctx.target))

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, PopularSegmentsOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        users = train.related["users"]
        lines = users.lines(histories.users)
        names = [c.name for c in users.inputs if c.modality in ("category", "boolean")]
        if options.column:
            users.table.schema[options.column]  # raises ColumnError with the nearest names
            names = [options.column]
        aside = np.random.default_rng(ctx.seed).random(len(histories)) < _ASIDE
        found: tuple[float, str, list[str]] | None = None
        for name in names:
            values = lines.column(name).cast(pa.string())
            counts = values.drop_null().value_counts()
            common = sorted(zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist()), reverse=True)[
                :_MOST
            ]
            kept = [v for _, v in common]
            if len(kept) < 2 and not options.column:
                continue
            told = _likelihood(histories, target, _codes(values, kept), len(kept), aside, options.prior)
            if found is None or told > found[0]:
                found = (told, name, kept)
        if found is None:
            raise ModelwrightError(
                "no column of --users holds a few values that repeat", "--users 中没有由少量重复取值组成的列"
            )
        codes = _codes(lines.column(found[1]).cast(pa.string()), found[2])
        shares, everyone = _shares(
            histories, target, codes, len(found[2]), np.ones(len(histories), bool), options.prior
        )
        return PopularSegmentsModel(target, histories, found[1], found[2], shares, everyone)


def _codes(values: pa.Array, kept: list[str]) -> np.ndarray:
    """Return the segment of each user [U], -1 for those in none."""
    return np.asarray(pc.index_in(values, pa.array(kept, pa.string())).fill_null(-1), np.int64)


def _shares(
    histories: Histories, target: RankedCodec, codes: np.ndarray, count: int, users: np.ndarray, prior: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each item in the events of each segment [S, I], smoothed, and of all [I]; of some `users` [U]."""
    matrix = histories.matrix(len(target.items))
    all_of = np.asarray(matrix[np.flatnonzero(users)].sum(axis=0), np.float64).ravel() + 1e-3
    everyone = all_of / all_of.sum()
    known = np.flatnonzero(users & (codes >= 0))
    pick = csr_matrix((np.ones(len(known), np.float32), (codes[known], known)), (count, len(histories)))
    own = np.asarray((pick @ matrix).todense(), np.float64)
    shares = (own + prior * everyone) / (own.sum(axis=1, keepdims=True) + prior)
    return shares.astype(np.float32), everyone.astype(np.float32)


def _likelihood(
    histories: Histories, target: RankedCodec, codes: np.ndarray, count: int, aside: np.ndarray, prior: float
) -> float:
    """Return the mean log likelihood of what users set aside had, by the shares of the others."""
    shares, everyone = _shares(histories, target, codes, count, ~aside, prior)
    table = np.log(np.vstack([shares, everyone[None, :]]))
    user = np.repeat(np.arange(len(histories)), np.diff(histories.begins))
    some = aside[user]
    return float(table[codes[user[some]], histories.items[some]].mean()) if some.any() else 0.0


RECIPE = PopularSegments
