"""Two towers: vectors of items from their columns, of users from what they had and their columns, trained so that both meet.

Legend: U users, I items, B users of a block, D width, S features of users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.described import Described, described_items, readable
from modelwright.recipes.shared.histories import Histories, rows_of
from modelwright.recipes.shared.ranknet import RankNetOptions, RankNetRecipe
from modelwright.recipes.shared.recommend import RankModel, nothing, ranked


class TwoTowerOptions(RankNetOptions):
    """`longest` items of a history are read; `blank` is how often an item's own vector, or a history, is left out in training;
    `tokens` are the users of a batch."""

    width: int = Field(default=64, ge=4, le=1024)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    longest: int = Field(default=20, ge=1, le=1000)
    blank: float = Field(default=0.3, ge=0, lt=1)
    tokens: int = Field(default=1024, ge=16, le=1 << 20)
    negatives: int = Field(default=1024, ge=1, le=65_536)
    epochs: int = 30
    lr: float = 3e-3


class TwoTowerModel(RankModel):
    """Vectors of items [I, D], and the tower of users."""

    recipe = "two-tower"
    reads_users = True

    def __init__(
        self, target: RankedCodec, histories: Histories, options: TwoTowerOptions, network: Any, vectors: np.ndarray,
        counts: np.ndarray, device: str = "cpu",
    ) -> None:  # fmt: skip
        super().__init__(target, histories)
        self.options, self.network, self.vectors, self.counts = options, network, vectors, counts
        self.device = device
        self.people: Described | None = None
        self._widths: dict[str, int] = {}

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return nothing(had, self.counts, self.query(had) @ self.vectors.T)

    @property
    def item_vectors(self) -> np.ndarray:
        return self.vectors

    def query(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return self._users(had, None)

    def rank_told(self, had: Sequence[np.ndarray], told: Table | None) -> np.ndarray:
        if self.people is None or told is None or not self.people.fits(told):
            return self.rank(had)
        scores = self._users(had, self.people.encode(told)) @ self.vectors.T
        scores[[i for i, h in enumerate(had) if len(h) == 0 and not self._says(told, i)]] = self.counts
        return scores

    def _says(self, told: Table, row: int) -> bool:
        """Whether anything is known of the user of a line."""
        assert self.people is not None
        return any(told.column(n)[row].is_valid for n in self.people.names)

    def _users(self, had: Sequence[np.ndarray], told: csr_matrix | None) -> np.ndarray:
        """Return the users' vectors [B, D], from what they had and what is told of them."""
        import torch

        from modelwright.train.profiles import bag_of

        rows = rows_of([h[-self.options.longest :] for h in had], len(self.target.items))
        lengths = np.maximum(np.diff(rows.indptr), 1)
        mean = np.asarray(diags(1.0 / lengths) @ rows @ self.vectors, np.float32)
        bag = None
        if told is not None and self.network.told is not None:
            found = bag_of(told)
            bag = tuple(torch.from_numpy(found[k]).to(self.device) for k in ("index", "offsets", "value"))
        self.network.eval()
        with torch.inference_mode():
            users = self.network.users(torch.from_numpy(mean).to(self.device), bag).float().cpu().numpy()
        return np.asarray(users, np.float32)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        weights = {
            f"net.{k}": v.detach().cpu().numpy()
            for k, v in self.network.state_dict().items()
            if not k.startswith(("items.", "features."))
        }
        told = self.network.told.num_embeddings if self.network.told is not None else 0
        state = {
            "options": self.options.model_dump(mode="json"),
            "told": told,
            "widths": self.people.widths if self.people else {},
        }
        return state, {**weights, "vectors": self.vectors, "counts": self.counts}

    def save_more(self, folder: Path) -> None:
        if self.people is not None:
            (folder / "people").mkdir()
            self.people.save(folder / "people")

    def load_more(self, folder: Path) -> None:
        if self._widths:
            self.people = Described.load(folder / "people", self._widths)

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        import torch

        from modelwright.models.two_tower import TwoTower

        options = TwoTowerOptions(**state["options"])
        size = len(target.items)
        if arrays["vectors"].shape != (size, options.width) or arrays["counts"].shape != (size,):
            raise ValueError("vectors")
        network = TwoTower(1, 0, int(state["told"]), options.width, options.dropout, options.blank)
        weights = {k.removeprefix("net."): torch.from_numpy(np.array(v)) for k, v in arrays.items() if k[:4] == "net."}
        network.load_state_dict({"items.weight": network.items.weight.detach(), **weights})
        model = cls(target, histories, options, network.eval(), arrays["vectors"], arrays["counts"])
        model._widths = {str(k): int(v) for k, v in state["widths"].items()}
        return model


class TwoTowerRecipe(RankNetRecipe):
    """Sampled softmax between a user and the item that came next."""

    name = "two-tower"
    title = Words("two towers (columns of items and users)", "双塔（物品与用户的列）")
    rank = 42
    paper = "Yi et al. 2019"
    related = ("items", "users")
    options = TwoTowerOptions
    model = TwoTowerModel
    space: ClassVar[dict[str, Axis]] = {
        "width": Choice((32, 64, 128)),
        "blank": Range(0.1, 0.6),
        "lr": Range(1e-3, 1e-2, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few: dict[str, Any] = {"tokens": 64, "negatives": 64, "epochs": 60} if rows < 20_000 else {}
        return [TwoTowerOptions(**few), TwoTowerOptions(**few, width=128), TwoTowerOptions(**few, blank=0.5)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, TwoTowerOptions)
        key = ("two-tower", options.model_dump_json(exclude={"epochs"}), len(train))
        return self.probed(
            key, lambda: self._made(train, options, ctx)[:3], options.epochs, len(train), self.items(ctx.target), ctx
        )

    def _made(
        self, train: Table, options: TwoTowerOptions, ctx: FitContext
    ) -> tuple[Any, Any, Any, csr_matrix | None, Described | None]:
        """Return network, feed and loss, the features of items, and the codecs of users' columns."""
        import torch

        from modelwright.models.two_tower import TwoTower
        from modelwright.train.profiles import ProfileFeed

        target = ranked(ctx.target)
        size = len(target.items)
        histories = Histories.kept(train, target, ctx)
        features, told, people = None, None, None
        items, users = train.related.get("items"), train.related.get("users")
        if items is not None and readable(items):
            features = described_items(train, target, histories.counts(size), ctx)[1]
        if users is not None and readable(users):
            places = users.places(histories.users)
            if (places >= 0).any():
                people = Described.fit(users, np.sort(places[places >= 0]), ctx)
                told = people.encode(users.table.take(np.maximum(places, 0)))
                told = csr_matrix(diags((places >= 0).astype(np.float32)) @ told)
        torch.manual_seed(ctx.seed)
        network = TwoTower(
            size,
            0 if features is None else features.shape[1],
            0 if told is None else told.shape[1],
            options.width,
            options.dropout,
            options.blank,
        )
        feed = ProfileFeed(
            histories.items, histories.begins, size, features, told, longest=options.longest, batch=options.tokens,
            negatives=min(options.negatives, size), blank=options.blank, passes=4,
        )  # fmt: skip
        return network, feed, ctx.loss, features, people

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        import torch

        from modelwright.train.profiles import bag_of

        assert isinstance(options, TwoTowerOptions)
        target = ranked(ctx.target)
        size = len(target.items)
        histories = Histories.kept(train, target, ctx)
        counts = histories.counts(size)
        network, feed, loss, features, people = self._made(train, options, ctx)

        def model(net: Any) -> RankModel:
            net.eval()
            bag = None
            if features is not None:
                made = bag_of(features)
                bag = tuple(torch.from_numpy(made[k]).to(ctx.device) for k in ("index", "offsets", "value"))
            known = torch.from_numpy((counts > 0).astype(np.float32)).to(ctx.device)
            with torch.inference_mode():
                vectors = net.place(torch.arange(size, device=ctx.device), bag, known).float().cpu().numpy()
            out = TwoTowerModel(target, histories, options, net, np.ascontiguousarray(vectors), counts, ctx.device)
            out.people = people
            return out

        return self.run(network, feed, loss, valid, options, ctx, model)


RECIPE = TwoTowerRecipe
