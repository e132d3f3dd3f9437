"""What follows what: items that came soon after those that a user had last (a Markov chain over a window, smoothed by age)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.recommend import Histories, RankModel, RankRecipe, nothing, ranked

_BOTH = 0.5  # what an item that came before counts, beside one that came after


class TransitionsOptions(Options):
    """Pairs up to `window` events apart count `decay` to the power of their distance; so do a user's last events. Counts are
    divided by those of both items to the powers `source` and `popularity`."""

    window: int = Field(default=10, ge=1, le=100)
    decay: float = Field(default=0.8, gt=0, le=1)
    source: float = Field(default=0.5, ge=0, le=1)
    popularity: float = Field(default=0.3, ge=0, le=1)


class TransitionsModel(RankModel):
    """Weights of what follows what [I, I], sparse."""

    recipe = "transitions"

    def __init__(
        self,
        target: RankedCodec,
        histories: Histories,
        window: int,
        decay: float,
        follows: csr_matrix,
        counts: np.ndarray,
    ) -> None:
        super().__init__(target, histories)
        self.window, self.decay, self.follows, self.counts = window, decay, follows, counts

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        last = [h[-self.window :] for h in had]
        begins = np.r_[0, np.cumsum([len(h) for h in last])].astype(np.int64)
        weights = [self.decay ** np.arange(len(h) - 1, -1, -1.0) for h in last]
        items = np.concatenate(last).astype(np.int64)
        rows = csr_matrix(
            (np.concatenate(weights).astype(np.float32), items, begins), (len(had), len(self.target.items))
        )
        scores = np.asarray((rows @ self.follows).todense(), np.float32)
        # what nothing leads to stands behind, in the order of popularity
        scores += 1e-6 * self.counts[None, :] / max(1.0, float(self.counts.max()))
        return nothing(had, self.counts, scores)

    def because(self, had: np.ndarray, item: int) -> list[int]:
        last = had[-self.window :]
        weights = np.asarray(self.follows[last, item].todense()).ravel() * self.decay ** np.arange(
            len(last) - 1, -1, -1.0
        )
        order = np.argsort(-weights, kind="stable")
        return [int(last[i]) for i in order if weights[i] > 0]

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        f = self.follows
        arrays = {"data": f.data, "indices": f.indices.astype(np.int32), "indptr": f.indptr.astype(np.int64)}
        return {"window": self.window, "decay": self.decay}, {**arrays, "counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        size = len(target.items)
        follows = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), (size, size))
        follows.check_format(full_check=True)
        if arrays["counts"].shape != (size,):
            raise ValueError("counts")
        return cls(target, histories, int(state["window"]), float(state["decay"]), follows, arrays["counts"])


class Transitions(RankRecipe):
    """Counts of pairs within a window."""

    name = "transitions"
    title = Words("what follows what (Markov chain)", "接续关系（马尔可夫链）")
    rank = 1
    paper = "Rendle et al. 2010"
    options = TransitionsOptions
    model = TransitionsModel
    space: ClassVar[dict[str, Axis]] = {
        "window": Choice((3, 5, 10, 20, 50)),
        "decay": Range(0.5, 1.0),
        "source": Range(0.0, 1.0),
        "popularity": Range(0.0, 0.8),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [
            TransitionsOptions(),
            TransitionsOptions(window=20, decay=0.9),
            TransitionsOptions(window=50, decay=1.0),
            TransitionsOptions(window=5, decay=0.7),
        ]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, TransitionsOptions)
        return Estimate(
            1e-6 * len(train) + 1.2e-7 * options.window * len(train) + 0.1, 60 * options.window * len(train)
        )

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, TransitionsOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        size, items = len(target.items), histories.items.astype(np.int64)
        user = np.repeat(np.arange(len(histories)), np.diff(histories.begins))
        follows = csr_matrix((size, size), dtype=np.float32)
        for distance in range(1, min(options.window, len(items) - 1) + 1):
            same = user[:-distance] == user[distance:]
            if not same.any():
                break
            a, b = items[:-distance][same], items[distance:][same]
            weight = np.full(len(a), options.decay**distance, np.float32)
            step = csr_matrix((weight, (a, b)), (size, size))
            follows = follows + step
            if ctx.deadline.expired():
                break
        follows = follows + _BOTH * csr_matrix(follows.T)
        counts = np.bincount(items, minlength=size).astype(np.float64)
        floor = np.maximum(counts, 1)
        scaled = csr_matrix(
            follows.multiply(floor[:, None] ** -options.source).multiply(floor[None, :] ** -options.popularity)
        )
        return TransitionsModel(
            target, histories, options.window, options.decay, scaled.astype(np.float32), counts.astype(np.float32)
        )


RECIPE = Transitions
