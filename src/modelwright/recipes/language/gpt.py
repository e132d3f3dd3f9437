"""A decoder-only Transformer trained from nothing on the run's own texts or chats."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range, Recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.chats import Chat, documents, opening
from modelwright.features.shared.vocabulary import Characters, Subwords, Vocabulary
from modelwright.recipes.language._gpt import GPTModel
from modelwright.recipes.language._ngram import ROLES
from modelwright.recipes.shared.loop_options import LoopOptions, Precision

_SIZES = {"micro": (64, 3), "tiny": (128, 4), "small": (384, 6), "base": (768, 12)}
_SUBWORDS_FROM = 4 << 20  # characters of text from which on sub-words pay
_WATCHED = 65_536  # characters of validation rows that are looked at between epochs
_LEAST_STEPS = 30  # below which nothing is learnt
_LN2 = float(np.log(2))


class GPTOptions(LoopOptions):
    """Options of a GPT. `vocabulary` auto takes sub-words for large texts, else characters; `size` auto grows with device
    and texts; `batch` counts ids; `looks` are the steps between two looks at the validation rows."""

    size: Literal["auto", "micro", "tiny", "small", "base"] = "auto"
    width: int | None = Field(default=None, ge=16, le=16384, multiple_of=8)
    layers: int | None = Field(default=None, ge=1, le=200)
    head: int = Field(default=32, ge=8, le=256, multiple_of=2)
    group: int = Field(default=1, ge=1, le=64)
    grow: float = Field(default=2.75, gt=0, le=16)
    activation: Literal["silu", "relu2"] = "silu"
    qk_norm: bool = True
    tied: bool = False
    context: int = Field(default=256, ge=8, le=131_072)
    vocabulary: Literal["auto", "characters", "subwords"] = "auto"
    subwords: int = Field(default=8192, ge=300, le=200_000)
    lr: float = 4e-3
    weight_decay: float = 0.0
    batch: int = Field(default=2048, ge=8)
    epochs: int = Field(default=40, ge=1, le=100_000)
    looks: int = Field(default=100, ge=1)
    patience: int = 4
    clip: float = 0.0
    dropout: float = Field(default=0.0, ge=0, lt=1)
    ema: float = 0.0
    precision: Precision = "auto"


class GPTFromTexts(GPTModel):
    """A GPT of the recipe `gpt`."""

    recipe = "gpt"


class GPTRecipe(Recipe):
    """Pre-norm, RMS norm, rotary positions, grouped-query attention, gated MLP, normalised queries and keys; Muon and AdamW."""

    name = "gpt"
    title = Words("Transformer from nothing (GPT)", "从头训练的 Transformer（GPT）")
    rank = 20
    paper = "Radford et al. 2019; Jordan et al. 2024 (Muon)"
    needs = ("torch",)
    extra = "nn"
    tasks = frozenset({"text-generation"})
    options = GPTOptions
    model = GPTFromTexts
    space: ClassVar[dict[str, Axis]] = {
        "lr": Range(1e-3, 8e-3, log=True),
        "layers": Choice((3, 4, 6)),
        "width": Choice((96, 128, 192, 256)),
        "activation": Choice(("silu", "relu2")),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if self.bases.causal:
            return Words("left out: --base names a model to go on from", "已略去：--base 指定了要继续训练的模型")
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [GPTOptions(context=512) if getattr(target, "form", "") in ("chats", "preferences") else GPTOptions()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """As Recipe.estimate: from a few steps on the first texts."""
        import torch

        from modelwright.train.optim import make_optimizers

        assert isinstance(options, GPTOptions)
        key = ("gpt-estimate", options.model_dump_json(exclude={"epochs", "lr"}))
        if key not in ctx.cache:
            torch.set_num_threads(max(1, ctx.threads))
            cells = _cells(train)
            few = train.take(np.arange(min(len(train), 1 + len(train) * 200_000 // max(1, sum(map(len, cells))))))
            network, feed, _, _ = self._made(few, options, ctx)
            network.to(ctx.device)
            optimizers = make_optimizers(network, options.lr, 0.0, options.optimizer)
            times = []
            for batch in (feed.epoch(np.random.default_rng(0)) * 4)[:4]:
                begin = time.perf_counter()
                x, y = feed.load(batch, ctx.device)
                value = network.loss(network(x), y)
                value.backward()
                for optimizer in optimizers:
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                float(value.detach())
                times.append(time.perf_counter() - begin)
                if sum(times) > 3:
                    break
            weights = sum(p.numel() for p in network.parameters())
            ctx.cache[key] = min(times[1:] or times), weights, sum(map(len, cells))
        step, weights, characters = ctx.cache[key]
        steps = options.epochs * min(options.looks, max(1, characters // options.batch))
        memory = 16 * weights + 60 * options.batch * (options.width or 256) * 24 + 12 * characters + (200 << 20)
        whole = step * steps * 1.1 + 1e-7 * characters + 0.5
        # a plan is cut to the time there is, and a short one is still worth having
        return Estimate(max(_LEAST_STEPS * step, min(whole, 8 * ctx.deadline.remaining())), int(memory))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.train.loop import train as run_loop

        assert isinstance(options, GPTOptions)
        torch.manual_seed(ctx.seed)
        network, feed, vocabulary, form = self._made(train, options, ctx)
        network.dropping(options.dropout)
        watch = None
        if valid is not None and len(valid):
            some = _within(valid, _WATCHED)

            def watch(net: Any) -> tuple[float, float]:
                told = GPTFromTexts(net, vocabulary, form, {}, [], ctx.device).judge(some)[:, 0]
                bits, size = sum(t["bits"] for t in told), sum(t["bytes"] for t in told)
                tokens = sum(t["tokens"] for t in told)
                return bits * _LN2 / max(1.0, tokens), -bits / size

        # the network multiplies in bf16 by itself: nothing is left for autocast to do
        plain = options.model_copy(update={"precision": "float32"})
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(network, feed, lambda hidden, y: network.loss(hidden, y), watch, plain, ctx, epochs=epochs)
        if valid is None and trained.epochs < epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        network.compute = torch.float32
        network.requires_grad_(False)
        extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        return GPTFromTexts(network, vocabulary, form, extent, trained.history, ctx.device)

    def _made(self, train: Table, options: GPTOptions, ctx: FitContext) -> tuple[Any, Any, Vocabulary, str]:
        """Return a fresh network, what it is fed with, the vocabulary, and the form of the texts."""
        import torch

        from modelwright.models.gpt import GPT, GPTConfig
        from modelwright.train.precision import in_bf16
        from modelwright.train.tokens import TokenFeed

        form = str(getattr(ctx.target, "form", "texts"))
        cells = _cells(train)
        vocabulary = _vocabulary(cells, options)
        docs = documents(cells, form, vocabulary, Chat(vocabulary))
        first = opening(form, vocabulary) or [vocabulary.end]
        feed = TokenFeed(docs, first, options.context, max(1, options.batch // options.context), options.looks)
        size = options.size
        if size == "auto":
            large = ctx.device.startswith("cuda") and len(feed.ids) > 500_000
            size = "small" if large else "tiny" if len(feed.ids) > 20_000 else "micro"
        width, layers = options.width or _SIZES[size][0], options.layers or _SIZES[size][1]
        heads = max(options.group, width // options.head)
        config = GPTConfig(
            vocabulary.size, width, layers, heads, max(1, heads // options.group), options.head,
            max(8, int(options.grow * width) // 8 * 8), options.context, norm_weights=False, qk_norm=options.qk_norm,
            activation=options.activation, tied=options.tied,
        )  # fmt: skip
        bf16 = in_bf16(options.precision, ctx.device)
        return GPT(config, torch.bfloat16 if bf16 else torch.float32), feed, vocabulary, form


def _cells(table: Table) -> list[str]:
    column = table.schema.target
    return [c or "" for c in table.column(column.name if column else "").to_pylist()]


def _within(table: Table, characters: int) -> Table:
    """Return rows spread over the table that hold about so many characters."""
    total = sum(map(len, _cells(table)))
    few = max(1, int(len(table) * min(1.0, characters / max(1, total))))
    return table.take(np.unique(np.linspace(0, len(table) - 1, few).astype(int)))


def _vocabulary(cells: list[str], options: GPTOptions) -> Vocabulary:
    import importlib.util

    total = sum(map(len, cells))
    large = total >= _SUBWORDS_FROM and importlib.util.find_spec("tokenizers") is not None
    if options.vocabulary == "subwords" or (options.vocabulary == "auto" and large):
        return Subwords.fit(cells, options.subwords)
    # characters seen once teach little, and leave the sign for unknown ones something to be trained on
    distinct = len(set().union(*map(set, cells)))
    return Characters.fit([*cells, ROLES], 2 if distinct > 1000 else 1)


RECIPE = GPTRecipe
