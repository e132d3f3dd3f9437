"""How recognisers by CTC are trained: units chosen, waveforms held, the one loop, looks at validation rows."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.data.cues import text_of
from modelwright.features.base import Ragged
from modelwright.features.shared.edit_distance import errors, matched
from modelwright.features.shared.speech import FRAME, Front, wave, waves
from modelwright.features.shared.speech_units import Units, suited
from modelwright.features.shared.transcript_rules import words_of
from modelwright.models.word_ngrams import WordNgrams
from modelwright.recipes.shared.cut_plan import seconds_asked
from modelwright.recipes.speech._decoding import Decoder
from modelwright.recipes.speech._frames import FrameModel, FrameOptions, brief_of
from modelwright.recipes.speech._speech import SpeechRecipe, column_of, transcribed
from modelwright.recipes.speech._sureness import Sureness, looks

_BATCHES = 20  # of an epoch at least: few recordings are gone through several times between looks
_LOOK = 300  # validation rows that are looked at
_SOUNDS = 60  # of them, where units are phonemes: each has many
_PROBE = 3  # steps
_SEARCHED, _DOUBTED = (
    3,
    3,
)  # recordings whose search is timed, and frames of each unit in which a half-trained network doubts
_SHORT = 3.0  # seconds: recordings of words and commands, which are joined
_TUNED, _TUNING = 80, 20.0  # rows, and seconds, for the weights of the language model
_READ = 16  # validation rows from which it is learnt how sure words are, however little time is left
_TRAINING = 0.88  # share of a fit's time in which the network learns where validation rows are read after it
_WATCHED = 400.0  # seconds of validation sound at most
_ELSEWHERE = {"centre": True, "colour": 0.8, "warp": 0.15}  # voices and microphones that were never heard


class CtcRecipe(SpeechRecipe):
    """A network over frames, trained from scratch with CTC."""

    needs: ClassVar[tuple[str, ...]] = ("torch", "soundfile", "soxr")
    extra = "speech"
    leads = "audio"
    options = FrameOptions
    model: ClassVar[type[FrameModel]]
    space: ClassVar[Mapping[str, Axis]] = {
        "dropout": Range(0.05, 0.4),
        "lr": Range(5e-4, 5e-3, log=True),
        "speed": Choice((0.05, 0.12, 0.2)),
        "warp": Choice((0.0, 0.1, 0.15)),
        "colour": Choice((0.0, 0.8, 1.4)),
    }
    sized: ClassVar[Mapping[str, Any]] = {}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        plan = dict(self.sized) | _plan(rows) | _ELSEWHERE
        return [self.options(**plan)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, FrameOptions)
        key = (self.name, "estimate", len(train), options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        epoch, memory, row = ctx.cache[key]
        seconds = seconds_asked(epoch, options.epochs, ctx)
        return Estimate(seconds + 1.0, memory, least=min(seconds, 3 * epoch) + 1.0, row=row)

    def _probe(self, train: Table, options: FrameOptions, ctx: FitContext) -> tuple[float, int, float]:
        """Return processor seconds of an epoch, bytes of memory, and processor seconds in which a row is read, from a few steps on some of
        the rows."""
        import torch

        from modelwright.models.speech import Recogniser

        torch.set_num_threads(max(1, ctx.threads))
        count = len(train)
        began = time.process_time()
        some, texts = transcribed(train.take(np.sort(np.random.default_rng(0).permutation(count)[:64])), ctx)
        made = self._made(some, texts, options, ctx)
        reading = (time.process_time() - began) / max(1, len(some)) * count
        network = Recogniser(made.front.bands, made.units.size, made.options).to(ctx.device)
        feed = made.feed(made.options, 1)
        steps, sound = [], []
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            start, worked = time.perf_counter(), time.process_time()
            inputs, expected = feed.load(batch, ctx.device)
            ctx.loss(network(inputs), expected).backward()
            wall, own = time.perf_counter() - start, time.process_time() - worked
            steps.append(own if ctx.device == "cpu" else wall)
            sound.append(feed.size(batch))
        rate = min(s / max(1, t) for s, t in zip(steps, sound, strict=True))
        whole = float(made.held.lengths.mean()) * count
        passes = max(1.0, _BATCHES * made.options.seconds * made.front.rate / max(1.0, whole))
        weights = sum(p.numel() for p in network.parameters()) * 4
        frames = made.options.seconds / FRAME * 2
        memory = int(
            8 * weights + 2 * whole + frames * 4 * 60 * (made.options.width + made.options.channels * 20) + (200 << 20)
        )
        row = _searching(Decoder.fit(made.units, made.texts, given_lm(train, ctx)), made.ids)
        return 1.1 * rate * whole * passes + reading / max(1, options.epochs), memory, row

    def _made(self, train: Table, texts: Sequence[str], options: FrameOptions, ctx: FitContext) -> _Made:
        """Return the recordings held, with their units; found once for the same rows and options."""
        key = ("speech", len(train), hash(train.rows.tobytes()), options.units, options.pieces, options.bands)
        if key not in ctx.cache:
            name = column_of(train.schema) or ""
            values = train.column(name)
            front = Front.fit(values, train.schema[name].options, options.bands)
            kind = suited(texts)[0] if options.units == "auto" else options.units
            held = waves(values, front.rate, options.longest)
            ctx.cache[key] = front, Units.fit(texts, kind, options.pieces, language_of(ctx)), held
        front, units, held = ctx.cache[key]
        return _Made(front, units, held, list(texts), _fitting(options, held, front, units.kind), train)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.speech import Recogniser
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, FrameOptions)
        train, texts = transcribed(train, ctx)
        made = self._made(train, texts, options, ctx)
        made = made.usable(ctx)
        options = made.options
        torch.manual_seed(ctx.seed)
        network = Recogniser(made.front.bands, made.units.size, options)
        mean, std = made.moments()
        network.mean.copy_(torch.from_numpy(mean))
        network.std.copy_(torch.from_numpy(std))
        feed = made.feed(options, _BATCHES)
        model = self.model(made.front, made.units, network, options, ctx.device)
        model.brief = brief_of(made.units, made.ids.lengths.tolist(), feed.speech)

        def loss(outputs: Any, expected: Any) -> Any:
            return ctx.loss(outputs, expected, smoothing=options.smoothing)

        looked = None
        if valid is not None and len(valid):
            known, said = transcribed(valid, ctx)
            looked = Watched(model, known, said, ctx, loss)
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(network, feed, loss, looked, options, to_train(ctx, looked), epochs=epochs)
        if valid is None and trained.epochs < epochs // 2:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        model.decoder = Decoder.fit(made.units, made.texts, given_lm(train, ctx))
        model.units = model.decoder.units
        if looked is not None:
            looked.settle(ctx)
        elif ctx.extent:
            model.decoder = model.decoder.again(ctx.extent)
            model.sureness = Sureness.from_json(ctx.extent.get("sureness", []))
        model.extent = {
            "epochs": max(1, trained.best_epoch or trained.epochs), "sureness": model.sureness.to_json(), **model.decoder.extent(),
        }  # fmt: skip
        model.history = trained.history
        return model


class _Made:
    """Recordings and transcripts of a fit, ready to be fed."""

    def __init__(
        self, front: Front, units: Units, held: Ragged, texts: list[str], options: FrameOptions, table: Table
    ) -> None:
        self.front, self.units, self.held, self.texts, self.options, self.table = (
            front,
            units,
            held,
            texts,
            options,
            table,
        )
        self.ids = units.encode(texts)

    def usable(self, ctx: FitContext) -> _Made:
        """Return these without rows that teach nothing: longer than is read, or with more units than frames. Says how many."""
        frames = np.array([self.front.count(int(n)) // (self.options.step or 2) for n in self.held.lengths])
        cut = self.held.lengths >= int(self.options.longest * self.front.rate) - 1
        good = (self.held.lengths > 0) & (self.ids.lengths > 0) & ~cut & (frames >= 1.05 * self.ids.lengths)
        if not good.any():
            raise DataError(
                f"No recording can be learnt from: of {len(good)}, {int(cut.sum())} are longer than {self.options.longest:g} s, "
                f"the others are shorter than their transcripts take. Cut long recordings at their sentences (SRT, VTT, TextGrid or CTM beside them).",
                f"没有可学习的录音：共 {len(good)} 段，其中 {int(cut.sum())} 段超过 {self.options.longest:g} 秒，其余的时长不足以说完转写文本。请按句切分长录音（在旁边放 SRT、VTT、TextGrid 或 CTM）。",
            )
        if good.all():
            return self
        gone = int((~good).sum())
        ctx.events.note(
            f"{ctx.name}: {gone} of {len(good)} recordings are not learnt from: longer than {self.options.longest:g} s, or too short for their text.",
            f"{ctx.name}：{len(good)} 段录音中有 {gone} 段不用于学习：超过 {self.options.longest:g} 秒，或时长不足以说完其文本。",
        )
        index = np.flatnonzero(good)
        held = self.held.take(index)
        return _Made(self.front, self.units, held, [self.texts[i] for i in index], self.options, self.table.take(index))

    def feed(self, options: FrameOptions | None, least: int) -> Any:
        """Return the feed of these recordings; without options nothing is changed."""
        from modelwright.train.frame_alignment import Laid
        from modelwright.train.utterances import UtteranceFeed, speech_of

        speech = speech_of(self.held, self.front)
        one = bool(self.ids.lengths.mean() < 1.2)
        laid = None
        if options is not None and not one and self.units.kind != "words":  # a word is more than one sound
            laid = Laid(self.held, self.ids, speech, self.front, self.units.sounds())
        return UtteranceFeed(
            self.held, self.ids, self.units.between, self.front, self.options.seconds, options, least, self.options.step or 2,
            speech, one, laid,
        )  # fmt: skip

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and deviation of each band [M] over frames of some recordings."""
        index = np.random.default_rng(0).permutation(len(self.held))[:256]
        frames = np.concatenate([self.front.frames(wave(self.held, int(i))) for i in index])
        return frames.mean(0).astype(np.float32), np.maximum(frames.std(0), 0.5).astype(np.float32)


class Watched:
    """What the loop looks at: the loss of validation rows as they are, and the metric that ranks of texts read greedily."""

    def __init__(
        self, model: FrameModel, valid: Table, texts: Sequence[str], ctx: FitContext, loss: Callable[[Any, Any], Any]
    ) -> None:
        index = np.sort(np.random.default_rng(0).permutation(len(valid))[:_LOOK])
        name = column_of(valid.schema) or ""
        held = waves(valid.column(name).take(index), model.front.rate, model.options.longest)
        enough = int(np.searchsorted(np.cumsum(held.lengths), _WATCHED * model.front.rate)) + 1
        index = index[:enough]
        self.model, self.ctx, self.loss = model, ctx, loss
        self.table = valid.take(index)
        self.parts = [wave(held, i) for i in range(len(index))]
        ids = model.units.encode([texts[i] for i in index])
        self.ids = [ids.values[a:b].tolist() for a, b in itertools.pairwise(ids.offsets)]
        kept = np.flatnonzero(held.lengths[: len(index)] > 0)
        self.feed = self.feed_of(held, ids)
        order = kept[np.argsort(self.feed.sizes[kept], kind="stable")]
        self.batches = [[self.alone(int(i)) for i in order[k : k + 16]] for k in range(0, len(order), 16)]

    def feed_of(self, held: Ragged, ids: Ragged) -> Any:
        """Return the feed of recordings and units, as they are."""
        from modelwright.train.utterances import UtteranceFeed

        return UtteranceFeed(
            held, ids, [], self.model.front, self.model.options.seconds, step=self.model.options.step or 2
        )

    def alone(self, row: int) -> Any:
        """Return what stands in a batch of the feed for a row by itself."""
        from modelwright.train.utterances import Utterance

        return Utterance((row,), 0)

    def __call__(self, network: Any) -> tuple[float, float]:
        import torch

        total, count = 0.0, 0
        with torch.inference_mode():
            for batch in self.batches:
                inputs, expected = self.feed.load(batch, self.ctx.device)
                total += float(self.loss(network(inputs), expected)) * len(batch)
                count += len(batch)
        loss = total / max(1, count)
        # of two that err alike the surer one is kept
        return loss, self.signed() - 1e-3 * min(loss, 50.0)

    def signed(self) -> float:
        """Return the metric that ranks, more is better, of texts read greedily; of phonemes, whose words are searched for once, their error rate."""
        sounds = self.model.units.kind == "phonemes"
        heard = [
            self.model.guessed(told) for told in self.model.emissions(self.parts[:_SOUNDS] if sounds else self.parts)
        ]
        if sounds:
            return -sum(map(errors, self.ids, heard)) / max(1, sum(map(len, self.ids[:_SOUNDS])))
        found = [{"text": self.model.units.text(ids), "words": [], "seconds": 0.0} for ids in heard]
        signed = self.ctx.value(self.table, as_objects(found)[:, None])
        return signed if np.isfinite(signed) else 0.0

    def settle(self, ctx: FitContext) -> None:
        """Choose the weights of the language model and learn how sure words are, on the same rows, in the time of the fit."""
        model, column = self.model, self.table.schema.target
        found = model.emissions(self.parts)
        name = column.name if column is not None else ""
        truth = [str(t) for t in ctx.target.encode(self.table.column(name))]

        def wrong(texts: Sequence[str]) -> float:
            return sum(errors(words_of(t), words_of(s)) for t, s in zip(truth, texts))

        spoken = [told.logs for told in found[:_TUNED]]
        model.decoder = model.decoder.tuned(spoken, wrong, min(_TUNING, max(1.0, 0.1 * ctx.deadline.remaining())))
        looks_, right = [], []
        for row, (told, text) in enumerate(zip(found, truth, strict=True)):
            if row >= _READ and ctx.deadline.expired():
                break
            ids, words = model.decoded(told)
            places, sure = model.placed(told, ids)
            kept = matched(words_of(text), [w for w, _, _ in words])
            for k, (_, a, b) in enumerate(words):
                looks_.append(looks(sure[a : b + 1], told.speech[places[a, 0] : places[b, 1] + 1]))
                right.append(k in kept)
        model.sureness = Sureness.fit(looks_, right)


def _searching(decoder: Decoder, ids: Ragged) -> float:
    """Return the processor seconds in which words are searched in a recording, on the mean of a few with as many units as transcripts have.

    Frames in which a network is sure of silence cost next to nothing, so those are counted in which it doubts.
    """
    rng = np.random.default_rng(0)
    sizes = np.sort(ids.lengths)[np.linspace(0, len(ids) - 1, _SEARCHED).astype(int)]
    began = time.process_time()
    for size in sizes:
        scores = rng.normal(size=(_DOUBTED * int(size) + 1, decoder.units.size))
        decoder.read(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))
    return (time.process_time() - began) / len(sizes)


def to_train(ctx: FitContext, looked: Watched | None) -> FitContext:
    """Return the context of a network's training, which leaves time for `settle`: searching words in validation rows may take as long as
    epochs do."""
    if looked is None:
        return ctx
    return replace(ctx, deadline=ctx.deadline.sub(_TRAINING * ctx.deadline.remaining()))


def language_of(ctx: FitContext) -> str:
    """Return the code of the language of the run's transcripts, "" where it is not known."""
    rules = ctx.target.rules  # type: ignore[attr-defined]
    return str(rules.language)


def given_lm(table: Table, ctx: FitContext) -> WordNgrams | None:
    """Return the language model of the text or ARPA file that the run names; None where it names none."""
    column = table.schema.target
    named = column.options.get("lm") if column is not None else None
    if not named:
        return None
    key = ("language-model", str(named))
    if key not in ctx.cache:
        rules = ctx.target.rules  # type: ignore[attr-defined]
        path = Path(str(named))
        ctx.cache[key] = WordNgrams.of_file(path, text_of(path), lambda line: words_of(rules.apply(line)))
    found: WordNgrams = ctx.cache[key]
    return found


def _plan(rows: int) -> dict[str, Any]:
    """Return batches and epochs for a number of recordings."""
    if rows < 200:
        return {"seconds": 10.0, "epochs": 25, "patience": 10, "joined": 2.5}
    if rows < 6000:
        return {"seconds": 20.0, "epochs": 60, "patience": 15}
    return {"seconds": 60.0, "epochs": 60, "patience": 10, "width": 144, "hidden": 160, "channels": 24}


def _fitting(options: FrameOptions, held: Ragged, front: Front, kind: str) -> FrameOptions:
    """Return the options for what the recordings are: short ones (words, commands) are joined in training, others now and then."""
    changes: dict[str, Any] = {"step": options.step or (4 if kind == "words" else 2)}
    if options.join is None:
        short = len(held) > 0 and float(np.median(held.lengths)) < _SHORT * front.rate
        changes["join"] = 0.6 if short else 0.1
    return options.model_copy(update=changes)
