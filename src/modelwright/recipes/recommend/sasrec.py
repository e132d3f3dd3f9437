"""SASRec: a Transformer over what a user had last, for what comes next.

Trained on the item that follows each place against negatives drawn for a batch (sampled softmax), or by the calibrated binary loss of
gSASRec (arXiv 2308.07192). Histories are packed by length, so that a short one costs little.

Legend: B users, T items, I items of the catalogue, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.histories import Histories, ordered
from modelwright.recipes.shared.ranknet import RankNetOptions, RankNetRecipe
from modelwright.recipes.shared.recommend import RankModel, nothing, ranked

_LEAST, _FEW = 150, 20_000  # batches of an epoch: between them the validation rows are looked at
_TOKENS = 20_000  # items of histories that are read at a time


class SasrecOptions(RankNetOptions):
    """`longest` items of a history are read, by `layers` of `heads`; `calibration` is that of the loss `gbce`."""

    longest: int = Field(default=50, ge=2, le=1000)
    layers: int = Field(default=2, ge=1, le=12)
    heads: int = Field(default=2, ge=1, le=16)
    loss: Literal["softmax", "gbce"] = "softmax"
    calibration: float = Field(default=0.75, ge=0, le=1)


class SasrecModel(RankModel):
    """The network; `popularity` [I] is answered where nothing was had."""

    recipe = "sasrec"

    def __init__(
        self, target: RankedCodec, histories: Histories, options: SasrecOptions, network: Any, popularity: np.ndarray,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        super().__init__(target, histories)
        self.options, self.network, self.popularity, self.device = options, network, popularity, device

    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        return nothing(had, self.popularity, self.query(had) @ self.item_vectors.T)

    @cached_property
    def item_vectors(self) -> np.ndarray:
        return np.asarray(self.network.items.weight.detach().float().cpu().numpy())

    def query(self, had: Sequence[np.ndarray]) -> np.ndarray:
        import torch

        last = [np.asarray(h[-self.options.longest :], np.int64) for h in had]
        sizes = np.array([len(h) for h in last])
        out = np.zeros((len(had), self.network.items.weight.shape[1]), np.float32)
        order = np.argsort(sizes, kind="stable")
        order = order[sizes[order] > 0]
        self.network.eval()
        at = 0
        with torch.inference_mode():
            while at < len(order):
                ahead = order[at : at + 1024]
                ahead = ahead[: max(1, int((sizes[ahead] * np.arange(1, len(ahead) + 1) <= _TOKENS).sum()))]
                items = np.zeros((len(ahead), int(sizes[ahead[-1]])), np.int64)
                for row, i in zip(items, ahead.tolist()):
                    row[: sizes[i]] = last[i]
                told = torch.from_numpy(items).to(self.device), torch.from_numpy(sizes[ahead]).to(self.device)
                out[ahead] = self.network.last(*told).float().cpu().numpy()
                at += len(ahead)
        return out

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        weights = {f"net.{k}": v.detach().cpu().numpy() for k, v in self.network.state_dict().items()}
        return {"options": self.options.model_dump(mode="json")}, {**weights, "popularity": self.popularity}

    @classmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        import torch

        options = SasrecOptions(**state["options"])
        size = len(target.items)
        network = network_of(options, size)
        network.load_state_dict(
            {k.removeprefix("net."): torch.from_numpy(np.array(v)) for k, v in arrays.items() if k.startswith("net.")}
        )
        if arrays["popularity"].shape != (size,):
            raise ValueError("popularity")
        return cls(target, histories, options, network.eval(), arrays["popularity"])


def network_of(options: SasrecOptions, size: int) -> Any:
    """Return a new network for a catalogue of `size` items."""
    from modelwright.models.sequential import SequentialNetwork

    return SequentialNetwork(size, options.longest, options.width, options.layers, options.heads, options.dropout)


class Sasrec(RankNetRecipe):
    """Self-attention over a user's last items."""

    name = "sasrec"
    title = Words("SASRec (Transformer over a history)", "SASRec（历史序列 Transformer）")
    rank = 7
    paper = "arXiv 1808.09781; arXiv 2308.07192"
    also = ("bert4rec", "gru4rec")
    options = SasrecOptions
    model = SasrecModel
    space: ClassVar[dict[str, Axis]] = {
        "width": Choice((48, 64, 96, 128)),
        "dropout": Range(0.1, 0.6),
        "negatives": Choice((256, 512, 1024)),
        "loss": Choice(("softmax", "gbce")),
        "lr": Range(5e-4, 5e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few: dict[str, Any] = {"tokens": 256, "negatives": 64, "epochs": 30} if rows < 20_000 else {}
        return [SasrecOptions(**few), SasrecOptions(**few, loss="gbce"), SasrecOptions(**{**few, "dropout": 0.5})]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, SasrecOptions)
        target = ranked(ctx.target)
        if not train.schema.of_role("time") and not ordered(Histories.kept(train, target, ctx), target):
            raise ModelwrightError(
                "not tried: the order in which users' items stand tells nothing, and no column says when they were had",
                "未尝试：用户物品的排列次序不含信息，也没有时间列",
            )
        key = ("sasrec", options.model_dump_json(exclude={"epochs"}), len(train))
        return self.probed(
            key, lambda: self._made(train, options, ctx), options.epochs, len(train), self.items(ctx.target), ctx
        )

    def _made(self, train: Table, options: SasrecOptions, ctx: FitContext) -> tuple[Any, Any, Any]:
        """Return network, feed and loss."""
        import torch

        from modelwright.models.sequential import calibrated
        from modelwright.train.sequences import SequenceFeed

        target = ranked(ctx.target)
        size = len(target.items)
        histories = Histories.kept(train, target, ctx)
        torch.manual_seed(ctx.seed)
        feed = SequenceFeed(
            histories.items, histories.begins, size, longest=options.longest, tokens=options.tokens,
            negatives=min(options.negatives, size), least=max(1, min(_LEAST, _LEAST * len(histories.items) // _FEW)),
        )  # fmt: skip
        if not len(feed.users):
            raise ModelwrightError(
                "no user had two items, so nothing follows anything", "没有用户拥有两个以上的物品，无从学习先后"
            )

        def loss(logits: Any, due: Any) -> Any:
            return ctx.loss(logits, due) if options.loss == "softmax" else calibrated(logits, size, options.calibration)

        return network_of(options, size), feed, loss

    def learn(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> RankModel:
        assert isinstance(options, SasrecOptions)
        target = ranked(ctx.target)
        histories = Histories.kept(train, target, ctx)
        popularity = histories.counts(len(target.items))
        network, feed, loss = self._made(train, options, ctx)

        def model(net: Any) -> RankModel:
            return SasrecModel(target, histories, options, net, popularity, ctx.device)

        return self.run(network, feed, loss, valid, options, ctx, model)


RECIPE = Sasrec
