"""LightGCN: item vectors learnt through the graph of users and items, users as sums of what they had.

Legend: U users, I items, B users of a block, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.histories import Histories, rows_of
from modelwright.recipes.shared.ranknet import RankNetOptions, RankNetRecipe
from modelwright.recipes.shared.recommend import RankModel, nothing, ranked

_EVENTS = 2_000_000  # of an epoch at most


class LightgcnOptions(RankNetOptions):
    """`hops` steps over the graph; `tokens` are the events of a batch."""

    width: int = Field(default=64, ge=4, le=1024)
    hops: int = Field(default=1, ge=0, le=4)
    tokens: int = Field(default=16_384, ge=16, le=1 << 20)
    negatives: int = Field(default=1024, ge=1, le=65_536)
    epochs: int = 30
    lr: float = 1e-2


class LightgcnModel(RankModel):
    """Smoothed vectors of items [I, D], and what each counts in its users' sums [I]."""

    recipe = "lightgcn"

    def __init__(
        self, target: RankedCodec, histories: Histories, vectors: np.ndarray, inside: np.ndarray, counts: np.ndarray
    ) -> None:
        super().__init__(target, histories)
        self.vectors, self.inside, self.counts = vectors, inside, counts

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return nothing(had, self.counts, self.query(had) @ self.vectors.T)

    @property
    def item_vectors(self) -> np.ndarray:
        return self.vectors

    def query(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(rows_of(had, len(self.target.items)) @ diags(self.inside) @ self.vectors, np.float32)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {"vectors": self.vectors, "inside": self.inside, "counts": self.counts}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        size = len(target.items)
        if arrays["vectors"].shape[0] != size or arrays["inside"].shape != (size,) or arrays["counts"].shape != (size,):
            raise ValueError("vectors")
        return cls(target, histories, arrays["vectors"], arrays["inside"], arrays["counts"])


class Lightgcn(RankNetRecipe):
    """A graph convolution without weights."""

    name = "lightgcn"
    title = Words("LightGCN (graph convolution)", "LightGCN（图卷积）")
    rank = 41
    paper = "arXiv 2002.02126"
    options = LightgcnOptions
    model = LightgcnModel
    space: ClassVar[dict[str, Axis]] = {
        "width": Choice((64, 128, 256)),
        "hops": Choice((0, 1, 2)),
        "lr": Range(2e-3, 3e-2, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few: dict[str, Any] = {"tokens": 512, "negatives": 128} if rows < 20_000 else {}
        return [LightgcnOptions(**few), LightgcnOptions(**few, hops=2), LightgcnOptions(**few, width=128)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, LightgcnOptions)
        key = ("lightgcn", options.model_dump_json(exclude={"epochs"}), len(train))
        return self.probed(
            key, lambda: self._made(train, options, ctx)[:3], options.epochs, len(train), self.items(ctx.target), ctx
        )

    def _made(self, train: Table, options: LightgcnOptions, ctx: FitContext) -> tuple[Any, Any, Any, np.ndarray]:
        """Return network, feed and loss, and what each item counts in its users' sums [I]."""
        import torch

        from modelwright.models.item_graph import ItemGraph
        from modelwright.train.interactions import EdgeFeed

        target = ranked(ctx.target)
        matrix = Histories.kept(train, target, ctx).matrix(len(target.items))
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        lengths = np.asarray(matrix.sum(axis=1)).ravel()
        inside = (np.maximum(counts, 1) ** -0.5).astype(np.float32)
        graph = csr_matrix(diags(np.maximum(lengths, 1) ** -0.5) @ matrix @ diags(inside)).astype(np.float32)
        torch.manual_seed(ctx.seed)
        feed = EdgeFeed(graph, batch=options.tokens, negatives=min(options.negatives, len(counts)), most=_EVENTS)
        return ItemGraph(graph, options.width, options.hops), feed, ctx.loss, inside

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        import torch

        assert isinstance(options, LightgcnOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        counts = histories.counts(len(target.items))
        network, feed, loss, inside = self._made(train, options, ctx)

        def model(net: Any) -> RankModel:
            with torch.inference_mode():
                vectors = np.ascontiguousarray(net.vectors().float().cpu().numpy())
            return LightgcnModel(target, histories, vectors, inside, counts)

        return self.run(network, feed, loss, valid, options, ctx, model)


RECIPE = Lightgcn
