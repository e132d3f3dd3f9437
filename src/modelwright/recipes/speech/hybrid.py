"""A network that tells frames apart as Gaussians of sounds laid them, read by a hidden Markov model of units: for little speech and little time.

Where CTC must find by itself where each unit stands, this is told: units are laid over the recordings by `models/forced_alignment.py`, sounds and tones
are learnt apart from one another (so that a final in a tone that was never heard is still known), and what unit follows which weighs in when frames are read.
Legend: S frames of 10 ms, T frames of units, V units with the blank, P parts of a unit, L units of a row.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.edit_distance import errors
from modelwright.features.shared.speech import FRAME
from modelwright.features.shared.transcript_rules import words_of
from modelwright.recipes.shared.cut_plan import seconds_asked
from modelwright.recipes.speech._ctc_recipe import Watched, given_lm, to_train
from modelwright.recipes.speech._decoding import Decoder
from modelwright.recipes.speech._frames import brief_of
from modelwright.recipes.speech._laid_units import ROUNDS, Laid, read_and_laid
from modelwright.recipes.speech._speech import SpeechRecipe, transcribed
from modelwright.recipes.speech._states import (
    SCALES,
    HybridModel,
    HybridOptions,
)
from modelwright.recipes.speech._sureness import Sureness
from modelwright.recipes.speech._whole_words import Cost, cost_of, fitted, set_aside, suits

_BATCHES = 30  # of an epoch at least
_PROBE = 2  # steps
_FEW_WORDS, _OFTEN, _BRIEF = 60, 20, 4  # different words that come that often each, and the epochs that they get
_BEFORE, _MANY = 0.25, 12  # share of the epochs after which units are laid anew, where there are so many
# of who speaks, what differs from sound to sound: means of sounds of three synthetic voices lie .57 nats apart, their spreads by up to 1.4 times
_OTHERS = {"warp": 0.12, "colour": 0.5, "accent": 0.3, "contrast": 0.15, "bend": 0.4}
_WITHIN = 0.9  # share of the time left that the network of whole words gets where validation rows are read after it
_TUNED, _TUNING = 80, 15.0  # validation recordings, and seconds, for the weight of the network's scores


class Hybrid(SpeechRecipe):
    """Gaussians lay units over recordings; a time-delay network learns them, lays them anew and learns again; a hidden Markov model reads."""

    name = "hybrid"
    title = Words("time-delay network over laid sounds (hybrid HMM)", "时延网络与对齐音素（混合 HMM）")
    rank = 15
    paper = "Bourlard & Morgan 1994; Peddinti et al. 2015, doi 10.21437/Interspeech.2015-647"
    needs: ClassVar[tuple[str, ...]] = ("torch", "soundfile", "soxr")
    extra = "speech"
    leads = "audio"
    options = HybridOptions
    model = HybridModel
    space: ClassVar[Mapping[str, Axis]] = {
        "dropout": Range(0.05, 0.4),
        "lr": Range(1e-3, 8e-3, log=True),
        "width": Choice((96, 128, 192)),
        "warp": Choice((0.0, 0.08, 0.15)),
        "colour": Choice((0.0, 0.3, 0.8)),
        "accent": Choice((0.0, 0.2, 0.4)),
    }

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        plan: dict[str, Any] = {"epochs": 24, "patience": 12, "precision": "auto", "step": 2}
        if rows < 100:
            plan = {"epochs": 8, "patience": 4, "seconds": 5.0, "width": 96}
        elif rows >= 1000:
            plan |= {
                "width": 192,
                "seconds": 30.0 if rows >= 4000 else 20.0,
                "optimizer": "muon",
                "lr": 2e-3,
                **_OTHERS,
            }
        return [self.options(**plan)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, HybridOptions)
        key = (self.name, "estimate", len(train), options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        epoch, reading, memory, whole = ctx.cache[key]
        seconds = seconds_asked(epoch, _epochs(train, options, ctx), ctx)
        return Estimate(seconds + reading + whole + 1.0, memory, least=min(seconds, 2 * epoch) + reading + 1.0)

    def _probe(self, train: Table, options: HybridOptions, ctx: FitContext) -> tuple[float, float, int, float]:
        """Return processor seconds of an epoch and of what comes before, bytes of memory, and processor seconds of the network of whole
        words, from a few steps on some of the rows."""
        import torch

        from modelwright.models.frame_sounds import told_loss

        torch.set_num_threads(max(1, ctx.threads))
        count = len(train)
        some, texts = transcribed(train.take(np.sort(np.random.default_rng(0).permutation(count)[:48])), ctx)
        few = min(8, len(some))  # what is imported and set up once is no part of a row's cost
        read_and_laid(some.take(np.arange(few)), texts[:few], options, ctx, 1, False)
        began = time.process_time()
        made = Laid.of(some, texts, options, ctx, rounds=2)
        reading = (time.process_time() - began) / max(1, len(some)) * count
        network, feed = made.network(), made.feed(1)
        rates = []
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            start, worked = time.perf_counter(), time.process_time()
            inputs, expected = feed.load(batch, "cpu")
            told_loss(network(inputs), expected).backward()
            wall, own = time.perf_counter() - start, time.process_time() - worked
            rates.append((own if ctx.device == "cpu" else wall) / max(1, feed.size(batch)))
        whole = sum(len(r.mel) for r in made.rows) / len(made.rows) * count
        passes = max(1.0, _BATCHES * options.seconds / FRAME / whole)
        memory = int(
            whole * 4 * (options.bands + 8) * 2
            + options.seconds / FRAME * options.width * options.layers * 60
            + (250 << 20)
        )
        cost = _whole_cost(train, made, ctx)
        beside = 0.0 if cost is None else cost.seconds
        # units are laid anew once
        return 1.2 * min(rates) * whole * passes, reading + 0.4 * min(rates) * whole, memory, beside

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.frame_sounds import told_loss
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, HybridOptions)
        train, texts = transcribed(train, ctx)
        made = Laid.of(train, texts, options, ctx, rounds=ROUNDS, tell=True)
        torch.manual_seed(ctx.seed)
        network = made.network()
        model = HybridModel(
            made.front, made.units, network, made.options, ctx.device, prior=made.prior(), after=made.after()
        )
        model.brief = brief_of(made.units, [len(i) for i in made.ids], [r.sound > 0 for r in made.rows])
        looked = None
        if valid is not None and len(valid):
            known, said = transcribed(valid, ctx)
            looked = _Looked(model, known, said, ctx, told_loss)
        epochs = int(ctx.extent["epochs"]) if ctx.extent else _epochs(train, options, ctx)
        first = round(_BEFORE * epochs) if epochs >= _MANY and made.units.kind != "words" else 0
        if first:
            kept = itertools.count()  # the weights of the last epoch are taken
            early = replace(ctx, folder=None, deadline=ctx.deadline.sub(_BEFORE * ctx.deadline.remaining()))
            run_loop(
                network,
                made.feed(_BATCHES),
                told_loss,
                lambda _: (0.0, float(next(kept))),
                made.options,
                early,
                epochs=first,
            )
            made = made.again(network)
            model.prior, epochs = made.prior(), epochs - first
        cost = _whole_cost(train, made, ctx)
        if ctx.crew is not None and _single(train, made, ctx):
            ctx.events.note(
                f"{ctx.name}: single words are told by frames alone, since several processes train together",
                f"{ctx.name}：多个进程共同训练，单个词仅按帧识别",
            )
        if ctx.extent and not ctx.extent.get("whole"):
            cost = None  # the fit that is repeated had none
        aside = 0.0 if cost is None else set_aside(cost, ctx)
        own = to_train(
            replace(ctx, deadline=ctx.deadline.sub(ctx.deadline.remaining() - aside)) if aside else ctx, looked
        )
        trained = run_loop(network, made.feed(_BATCHES), told_loss, looked, made.options, own, epochs=epochs)
        if valid is None and trained.epochs < epochs // 2:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        model.decoder = Decoder.fit(made.units, made.texts, given_lm(train, ctx))
        model.units = model.decoder.units
        if looked is not None:
            looked.weigh(ctx)
        whole = self._whole(train, texts, model, looked, cost, ctx) if cost is not None else None
        if looked is not None:
            looked.settle(ctx)
        elif ctx.extent:
            model.scale = float(ctx.extent.get("scale", model.scale))
            model.decoder = model.decoder.again(ctx.extent)
            model.sureness = Sureness.from_json(ctx.extent.get("sureness", []))
        model.extent = {
            "epochs": first + max(1, trained.best_epoch or trained.epochs), "scale": model.scale, "sureness": model.sureness.to_json(),
            "whole": whole, **model.decoder.extent(),
        }  # fmt: skip
        model.history = trained.history
        return model

    def _whole(
        self, train: Table, texts: Sequence[str], model: HybridModel, looked: _Looked | None, cost: Cost, ctx: FitContext
    ) -> dict[str, Any] | None:  # fmt: skip
        """Give the model a network of whole words, in the time that is left, and return what a refit repeats; None, and a note, where there is
        no time for it. Raises ModelwrightError in a refit that lacks it."""
        known = None if looked is None else looked.single()
        try:
            if ctx.deadline.remaining() < cost.least * max(1.0, ctx.load):
                raise ModelwrightError("no time is left for the network of whole words", "没有时间训练整词网络")
            within = replace(
                ctx, deadline=ctx.deadline.sub((1.0 if known is None else _WITHIN) * ctx.deadline.remaining())
            )
            net, epoch = fitted(train, texts, model.front, model.units, known, cost, within)
        except ModelwrightError as e:
            if ctx.extent:
                raise
            ctx.events.note(
                f"{ctx.name}: single words are told by frames alone: {e.words.en}",
                f"{ctx.name}：单个词仅按帧识别：{e.words.zh}",
            )
            return None
        model.whole = net
        return {"epochs": epoch}


def _single(train: Table, made: Laid, ctx: FitContext) -> bool:
    """Return whether a network of whole words is worth having."""
    return bool(made.units.kind == "words" and made.options.whole and suits(transcribed(train, ctx)[1], "words"))


def _whole_cost(train: Table, made: Laid, ctx: FitContext) -> Cost | None:
    """Return what a network of whole words costs, where one is worth having and can be had."""
    if ctx.crew is not None or not _single(train, made, ctx):
        return None
    return cost_of(train, made.front, made.units, ctx)


def _epochs(train: Table, options: HybridOptions, ctx: FitContext) -> int:
    """Return how many epochs are worth their time: a few where a few words come again and again, since CTC hears such words better as
    wholes and needs the time (FSDD in 10 minutes: word error rate .0067 where CTC had nearly all of them, .0133 where it had two)."""
    words = [w for text in transcribed(train, ctx)[1] for w in words_of(text)]
    few = len(set(words)) <= min(_FEW_WORDS, len(words) / _OFTEN)
    return min(options.epochs, _BRIEF) if few else options.epochs


class _Looked(Watched):
    """What the loop looks at: texts of validation rows, read as they will be."""

    model: HybridModel

    def feed_of(self, held: Any, ids: Any) -> Any:
        from modelwright.train.utterances import UtteranceFeed

        return UtteranceFeed(held, ids, [], self.model.front, self.model.options.seconds)

    def __call__(self, network: Any) -> tuple[float, float]:
        signed = self.signed()
        return -signed, signed

    def single(self) -> tuple[list[np.ndarray], np.ndarray] | None:
        """Return the log energies [S, M] of recordings as short as single words, and their words [N] from 0; None where there are none."""
        found = self.model.emissions(self.parts)
        kept = [i for i, told in enumerate(found) if len(self.ids[i]) == 1 and self.model.is_brief(told.speech)]
        if not kept:
            return None
        return [self.model.front.frames(self.parts[i]) for i in kept], np.array([self.ids[i][0] - 1 for i in kept])

    def weigh(self, ctx: FitContext) -> None:
        """Choose how much the network's scores weigh beside those of pairs: what makes the fewest errors of words."""
        if (
            self.model.units.kind == "phonemes"
        ):  # what a word weighs beside its sounds is chosen with the language model
            return
        column = self.table.schema.target
        truth = [
            words_of(str(t)) for t in ctx.target.encode(self.table.column(column.name if column is not None else ""))
        ]
        told = self.model.told(self.parts[:_TUNED])
        least, until = float("inf"), time.monotonic() + min(_TUNING, max(1.0, 0.1 * ctx.deadline.remaining()))
        for scale in SCALES:
            texts = [words_of(self.model.units.text(self.model.guessed(self.model.smoothed(t, scale)))) for t in told]
            wrong = sum(errors(a, b) for a, b in zip(truth, texts, strict=False))
            if wrong < least:
                least, self.model.scale = wrong, scale
            if time.monotonic() > until:
                break


RECIPE = Hybrid
