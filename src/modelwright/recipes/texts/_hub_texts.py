"""What the recipes around a pretrained encoder-decoder share: fitting through the one loop, answering, saving whole."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.pretrained import find
from modelwright.core.recipe import Estimate, FitContext, Model, Options, get_recipe
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.hub_pairs import HubPairs
from modelwright.features.shared.slots import SlotCheck
from modelwright.features.shared.source import Source, SourceReader
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer, Precision
from modelwright.recipes.texts._texts import StoredText, TextModel, TextRecipe, pairs, reading, watcher

_BATCHES = 20
_PROBE = 3


class HubTextOptions(LoopOptions):
    """`pretrained` is the model's folder or hub name, which no saved model repeats; `lora_rank` 0 trains all of it."""

    pretrained: str = ""
    lora_rank: int = Field(default=0, ge=0, le=512)
    longest: int = Field(default=384, ge=8, le=4096)
    beams: int = Field(default=4, ge=1, le=32)
    length_penalty: float = Field(default=1.0, ge=-4, le=4)
    no_repeat: int = Field(default=0, ge=0, le=16)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    tokens: int = Field(default=1024, ge=16, le=1 << 18)
    epochs: int = 4
    lr: float = 1e-4
    optimizer: Optimizer = "adamw"
    patience: int = 4
    precision: Precision = "auto"


class HubTextModel(TextModel):
    """A fine-tuned encoder-decoder; `most` bounds the pieces of an answer. What it saves is whole and needs no base."""

    def __init__(
        self, reader: SourceReader, check: SlotCheck | None, pieces: HubPairs, network: Any, options: HubTextOptions, most: int,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        super().__init__(reader, check)
        self.pieces, self.network, self.options, self.most, self.device = pieces, network, options, most, device

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the model comes from."""
        return [self.pieces.state["origin"]]

    def answers(self, sources: Sequence[Source]) -> list[list[str]]:
        return self.search(sources, self.options.beams)

    def search(self, sources: Sequence[Source], beams: int) -> list[list[str]]:
        """Return the best answers to each source, at most `beams`."""
        o, told = self.options, self.pieces.state
        ids = self.pieces.encode([s.text for s in sources], o.longest)
        found = self.network.answer(
            ids, beams=beams, most=self.most, penalty=o.length_penalty, ngram=o.no_repeat,
            first=told["first"][0] if told["first"] else None, end=told["end"], start=told["start"], device=self.device,
        )  # fmt: skip
        return [list(dict.fromkeys(self.pieces.decode(f) for f in several)) or [""] for several in found]

    def state(self) -> dict[str, Any]:
        options = self.options.model_dump(exclude={"pretrained"})
        return {"pieces": self.pieces.state, "options": options, "most": self.most, "extent": self.extent}

    def save(self, folder: Path) -> None:
        super().save(folder)
        write_tensors(folder / "weights.safetensors", self.network.tensors())

    @classmethod
    def restore(cls, stored: StoredText) -> HubTextModel:
        from modelwright.models.hub_pairs import HubSeq2Seq, load_pairs

        made: Any = type(get_recipe(cls.recipe)).options
        state = stored.state
        pieces = HubPairs(state["pieces"])
        network = HubSeq2Seq(load_pairs(pieces.state["config"], None), int(pieces.state["pad"]))
        network.fill(read_tensors(stored.folder / "weights.safetensors"))
        network.eval()
        out = cls(stored.reader, stored.check, pieces, network, made(**state["options"]), int(state["most"]))
        out.extent = state["extent"]
        return out


class HubTextRecipe(TextRecipe):
    """A pretrained encoder-decoder, fine-tuned on the pairs by the one loop."""

    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers")
    extra = "pretrained"

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self.bases.text2text:
            return Words(
                "no pretrained encoder-decoder was named: --pretrained NAME_OR_FOLDER",
                "未指定预训练的编码器-解码器模型：--pretrained 名称或文件夹",
            )
        return super().refuses(schema, target, rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        epochs = 4 if rows >= 2000 else min(60, max(8, 8000 // max(1, rows)))
        made: Any = self.options
        return [made(pretrained=name, epochs=epochs) for name in self.bases.text2text]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """As Recipe.estimate, from a few steps."""
        assert isinstance(options, HubTextOptions)
        key = ("hub-texts-estimate", self.name, len(train), options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        epoch, memory = ctx.cache[key]
        return Estimate(epoch * options.epochs + 2.0, memory)

    def _probe(self, train: Table, options: HubTextOptions, ctx: FitContext) -> tuple[float, int]:
        import torch

        from modelwright.train.optim import make_optimizers

        torch.set_num_threads(max(1, ctx.threads))
        count = len(train)
        some, answers = pairs(train.take(np.sort(np.random.default_rng(0).permutation(count)[:200])), ctx)
        sources = SourceReader.fit(some, answers).read(some)
        pieces, network = self._network(options, [s.text for s in sources], answers, ctx)
        left, right = self._ids(pieces, [s.text for s in sources], answers, options)
        feed = _feed(pieces, left, right, options)
        optimizers = make_optimizers(network, options.lr, options.weight_decay, options.optimizer)
        seconds = []
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            begin = time.perf_counter()
            inputs, expected = feed.load(batch, ctx.device)
            loss = ctx.loss(network(inputs).float(), expected - 1)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            seconds.append((time.perf_counter() - begin) / feed.size(batch))
        weights = sum(p.numel() for p in network.parameters()) * 4
        trained = sum(p.numel() for p in network.parameters() if p.requires_grad) * 4
        # averaged weights and best weights are kept beside the network's own
        return min(seconds) * feed.total * count / len(answers), int(4 * weights + 3 * trained + (400 << 20))

    def _network(
        self, options: HubTextOptions, sources: list[str], answers: list[str], ctx: FitContext
    ) -> tuple[HubPairs, Any]:
        from modelwright.models.hub_pairs import HubSeq2Seq, load_pairs

        found = find(options.pretrained)
        pieces = HubPairs.fit(found, sources, answers)
        network = HubSeq2Seq(load_pairs(found.config, found.folder), int(pieces.state["pad"]), options.lora_rank)
        return pieces, network.to(ctx.device)

    def _ids(
        self, pieces: HubPairs, sources: list[str], answers: list[str], options: HubTextOptions
    ) -> tuple[Any, Any]:
        return pieces.encode(sources, options.longest), pieces.encode(answers, options.longest, answers=True)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.pretrained import merge_lora
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, HubTextOptions)
        train, answers = pairs(train, ctx)
        reader, check, sources = reading(train, answers, ctx)
        reader = SourceReader(reader.form, reader.columns)  # it has read names before, and copies them by itself
        texts = [s.text for s in sources]
        torch.manual_seed(ctx.seed)
        pieces, network = self._network(options, texts, answers, ctx)
        left, right = self._ids(pieces, texts, answers, options)
        feed = _feed(pieces, left, right, options, _BATCHES)
        made: Any = self.model
        model: HubTextModel = made(
            reader, check, pieces, network, options, int(right.lengths.max(initial=1)) + 8, ctx.device
        )

        def loss(outputs: Any, expected: Any) -> Any:
            return ctx.loss(outputs.float(), expected - 1, smoothing=options.smoothing)

        def ids(rows: Sequence[tuple[str, str]]) -> Any:
            sides = [list(side) for side in zip(*rows, strict=True)]
            return _feed(pieces, *self._ids(pieces, sides[0], sides[1], options), options)

        epochs = int(ctx.extent["epochs"]) if ctx.extent else max(1, round(options.epochs / feed.passes))
        watch = watcher(model, ids, loss, valid, ctx) if valid is not None and len(valid) else None
        trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs)
        if valid is None and trained.epochs < epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        if options.lora_rank:
            merge_lora(network.model)
        model.extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model.history = trained.history
        return model


def _feed(pieces: HubPairs, left: Any, right: Any, options: HubTextOptions, least: int = 1) -> Any:
    from modelwright.train.pairs import PairFeed

    begin, end = int(pieces.state["start"]) + 1, int(pieces.state["end"]) + 1
    return PairFeed(left, right, options.tokens, least, begin=begin, end=end)
