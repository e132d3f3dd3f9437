"""A Transformer trained from scratch on pairs of texts, answering by beam search."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import Ragged
from modelwright.features.shared.slots import SlotCheck
from modelwright.features.shared.source import Source, SourceReader
from modelwright.features.shared.subwords import Subwords
from modelwright.recipes.shared.cut_plan import seconds_asked
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer, Precision
from modelwright.recipes.texts._texts import StoredText, TextModel, TextRecipe, pairs, reading, watcher

_BATCHES = 40  # of an epoch at least: few pairs are gone through several times between looks
_PROBE = 4  # steps


class Seq2SeqOptions(LoopOptions):
    """Defaults chosen by measurement on validation rows; see docs/log.md. `tokens` of both sides make a batch.

    `length_penalty` is the power of its length by which an answer's log probability is divided; with `no_repeat` no run
    of so many pieces stands twice in an answer. With `suited` rows of named values get a smaller network and more beams,
    from which the check of slots chooses.
    """

    suited: bool = True

    pieces: int = Field(default=6000, ge=64, le=64_000)
    width: int = Field(default=192, ge=16, le=2048)
    heads: int = Field(default=4, ge=1, le=32)
    wide: int = Field(default=768, ge=16, le=8192)
    encoder_layers: int = Field(default=3, ge=1, le=24)
    decoder_layers: int = Field(default=3, ge=1, le=24)
    dropout: float = Field(default=0.15, ge=0, lt=1)
    token_dropout: float = Field(default=0.0, ge=0, lt=1)
    longest: int = Field(default=512, ge=8, le=4096)
    beams: int = Field(default=5, ge=1, le=32)
    length_penalty: float = Field(default=1.0, ge=0, le=4)
    no_repeat: int = Field(default=0, ge=0, le=16)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    tokens: int = Field(default=3072, ge=64, le=1 << 18)
    lr: float = 1e-3
    optimizer: Optimizer = "muon"
    patience: int = 8
    precision: Precision = "auto"


class Seq2SeqModel(TextModel):
    """A trained network with its pieces. `stretch` and `room` bound an answer's pieces by those of its source."""

    recipe = "seq2seq"

    def __init__(
        self, reader: SourceReader, check: SlotCheck | None, subwords: Subwords, network: Any, options: Seq2SeqOptions,
        bounds: Mapping[str, float], device: str = "cpu",
    ) -> None:  # fmt: skip
        super().__init__(reader, check)
        self.subwords, self.network, self.options, self.device = subwords, network, options, device
        self.bounds = dict(bounds)

    def answers(self, sources: Sequence[Source]) -> list[list[str]]:
        return self.search(sources, self.options.beams)

    def search(self, sources: Sequence[Source], beams: int) -> list[list[str]]:
        """Return the best answers to each source, at most `beams`."""
        from modelwright.models.beam import answer

        o = self.options
        ids = self.subwords.encode([self.reader.hide(s)[0] for s in sources], o.longest)
        limits = np.minimum(self.bounds["longest"], self.bounds["stretch"] * ids.lengths + self.bounds["room"])
        found = answer(
            self.network, ids, limits.astype(np.int64), beams=beams, penalty=o.length_penalty, ngram=o.no_repeat,
            device=self.device,
        )  # fmt: skip
        made = [
            [self.reader.show(self.subwords.decode(p), s) for _, p in f] for f, s in zip(found, sources, strict=True)
        ]
        return [list(dict.fromkeys(m)) or [""] for m in made]

    def state(self) -> dict[str, Any]:
        return {
            "subwords": self.subwords.state(), "options": self.options.model_dump(), "bounds": self.bounds,
            "extent": self.extent,
        }  # fmt: skip

    def save(self, folder: Path) -> None:
        super().save(folder)
        write_tensors(folder / "weights.safetensors", self.network.state_dict())

    @classmethod
    def restore(cls, stored: StoredText) -> Seq2SeqModel:
        from modelwright.models.seq2seq import Seq2Seq

        state = stored.state
        options, subwords = Seq2SeqOptions(**state["options"]), Subwords.restore(state["subwords"], {})
        network = Seq2Seq(subwords.size, options)
        network.load_state_dict(read_tensors(stored.folder / "weights.safetensors"))
        network.eval()
        out = cls(stored.reader, stored.check, subwords, network, options, state["bounds"])
        out.extent = state["extent"]
        return out


class Seq2SeqRecipe(TextRecipe):
    """Encoder and decoder over shared subwords, label smoothing, averaged weights."""

    name = "seq2seq"
    title = Words("encoder-decoder Transformer trained from scratch", "从零训练的编码器-解码器 Transformer")
    rank = 25
    paper = "Vaswani et al. 2017, arXiv 1706.03762"
    needs: ClassVar[tuple[str, ...]] = ("torch", "tokenizers")
    extra = "language"
    options = Seq2SeqOptions
    model = Seq2SeqModel
    space: ClassVar[Mapping[str, Axis]] = {
        "width": Choice((128, 192, 256, 384)),
        "dropout": Range(0.1, 0.4),
        "smoothing": Choice((0.0, 0.1, 0.2)),
        "lr": Range(3e-4, 3e-3, log=True),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [Seq2SeqOptions(**plan(rows))]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, Seq2SeqOptions)
        key = ("seq2seq-estimate", len(train), options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        epoch, memory = ctx.cache[key]
        return Estimate(seconds_asked(epoch * 1.05, options.epochs, ctx) + 1.0, memory)

    def _probe(self, train: Table, options: Seq2SeqOptions, ctx: FitContext) -> tuple[float, int]:
        """Return seconds of one pass over the rows, and bytes of memory, from a few steps on some of them."""
        import torch

        from modelwright.models.seq2seq import Seq2Seq
        from modelwright.train.optim import make_optimizers
        from modelwright.train.pairs import PairFeed
        from modelwright.train.precision import in_bf16

        torch.set_num_threads(max(1, ctx.threads))
        count = len(train)
        train, answers = pairs(train.take(np.sort(np.random.default_rng(0).permutation(count)[:600])), ctx)
        reader = SourceReader.fit(train, answers)
        options = _suited(options, reader)
        hidden = [reader.hide(s, a) for s, a in zip(reader.read(train), answers, strict=True)]
        subwords = Subwords.fit([t for h in hidden for t in h], options.pieces)
        ids = [subwords.encode(list(side), options.longest) for side in zip(*hidden, strict=True)]
        network = Seq2Seq(max(options.pieces + 300, subwords.size), options).to(ctx.device)
        feed = PairFeed(ids[0], ids[1], options.tokens)
        optimizers = make_optimizers(network, options.lr, options.weight_decay, options.optimizer)
        bf16 = in_bf16(options.precision, ctx.device)
        seconds, tokens = [], []
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            begin, worked = time.perf_counter(), time.process_time()
            inputs, expected = feed.load(batch, ctx.device)
            with torch.autocast(torch.device(ctx.device).type, torch.bfloat16, enabled=bf16):
                loss = ctx.loss(network(inputs).float(), expected, smoothing=options.smoothing)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            wall, own = time.perf_counter() - begin, (time.process_time() - worked) / max(1, ctx.threads)
            # where others use the machine too, the clock on the wall says nothing; the plan is cut as training goes
            seconds.append(max(own, min(wall, 2 * own)) if ctx.device == "cpu" else wall)
            tokens.append(feed.size(batch))
        rate = min(s / t for s, t in zip(seconds, tokens, strict=True))
        # the first step sets things up; a vocabulary of few rows cuts texts somewhat finer
        each = 0.9 * feed.total / feed.passes / len(answers)
        weights = sum(p.numel() for p in network.parameters()) * 4
        held = options.tokens * (
            options.pieces * 3 + options.width * 40 * (options.encoder_layers + options.decoder_layers)
        )
        return rate * each * count, int(7 * weights + 4 * held + 2000 * count + (200 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.seq2seq import Seq2Seq
        from modelwright.train.loop import train as run_loop
        from modelwright.train.pairs import PairFeed

        assert isinstance(options, Seq2SeqOptions)
        train, answers = pairs(train, ctx)
        reader, check, sources = reading(train, answers, ctx)
        options = _suited(options, reader)
        hidden = [reader.hide(s, a) for s, a in zip(sources, answers, strict=True)]
        key = ("subwords", len(hidden), hash(tuple(hidden)), options.pieces)
        if key not in ctx.cache:
            ctx.cache[key] = Subwords.fit([t for h in hidden for t in h], options.pieces)
        subwords: Subwords = ctx.cache[key]
        left, right = (subwords.encode(list(side), options.longest) for side in zip(*hidden, strict=True))
        feed = PairFeed(left, right, options.tokens, _BATCHES)
        torch.manual_seed(ctx.seed)
        network = Seq2Seq(subwords.size, options)
        model = Seq2SeqModel(reader, check, subwords, network, options, _bounds(left, right), ctx.device)

        def loss(outputs: Any, expected: Any) -> Any:
            return ctx.loss(outputs.float(), expected, smoothing=options.smoothing)

        def feed_of(rows: Sequence[tuple[str, str]]) -> PairFeed:
            sides = (subwords.encode(list(side), options.longest) for side in zip(*rows, strict=True))
            return PairFeed(next(sides), next(sides), options.tokens)

        epochs = int(ctx.extent["epochs"]) if ctx.extent else max(1, round(options.epochs / feed.passes))
        watch = watcher(model, feed_of, loss, valid, ctx) if valid is not None and len(valid) else None
        trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs)
        if valid is None and trained.epochs < epochs:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        model.extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model.history = trained.history
        return model


def plan(rows: int) -> dict[str, Any]:
    """Return sizes and epochs that suit a number of rows; {} for 8,000 to 200,000."""
    if rows > 200_000:
        return {"pieces": 16_000, "width": 384, "wide": 1536, "heads": 6, "dropout": 0.1, "tokens": 8192, "epochs": 10}
    if rows >= 8000:
        return {}
    if rows >= 1500:
        return {"pieces": 4000, "epochs": 60, "tokens": 2048}
    small = {"pieces": 2000, "width": 128, "wide": 256, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.1}
    return {**small, "tokens": 1024, "epochs": min(160, max(60, 40_000 // max(1, rows))), "lr": 2e-3}


def _suited(options: Seq2SeqOptions, reader: SourceReader) -> Seq2SeqOptions:
    """Return the options for what the rows are: named values are few words, and their texts much alike."""
    if not (options.suited and reader.slotted):
        return options
    small = {
        "pieces": 3000,
        "width": 128,
        "wide": 512,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "dropout": 0.1,
        "beams": 10,
    }
    most = {k: min(v, getattr(options, k)) if k not in ("dropout", "beams") else v for k, v in small.items()}
    return options.model_copy(update={**most, "suited": False})


def _bounds(left: Ragged, right: Ragged) -> dict[str, float]:
    """Return what bounds the pieces of an answer: the training rows' longest, and their length beside the source's."""
    share = (right.lengths + 1) / np.maximum(1, left.lengths)
    return {"longest": int(right.lengths.max(initial=1)) + 2, "stretch": float(np.percentile(share, 99)), "room": 12}


RECIPE = Seq2SeqRecipe
