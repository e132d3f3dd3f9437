"""How pretrained recognisers are fitted: kept as they are, tuned whole, or with adapters. Whisper and encoders with CTC alike.

Legend: N rows, T samples, V units with the blank.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.pretrained import Found, find
from modelwright.core.recipe import Estimate, FitContext, Model, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import Ragged
from modelwright.features.shared.hub_speech import WhisperFront, WhisperText, head_of, letters_of
from modelwright.features.shared.speech import wave, waves
from modelwright.features.shared.speech_units import Units, suited
from modelwright.recipes.shared.cut_plan import seconds_asked
from modelwright.recipes.speech._ctc_recipe import Watched, given_lm, to_train
from modelwright.recipes.speech._decoding import Decoder
from modelwright.recipes.speech._hub_models import HubFrameModel, HubSpeechModel, HubSpeechOptions, WhisperModel
from modelwright.recipes.speech._speech import SpeechRecipe, column_of, transcribed
from modelwright.recipes.speech._sureness import Sureness

_WAVES = ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat")
_BATCHES = 12  # of an epoch at least
_PROBE = 2  # steps
_RATE = 16_000
_JUDGED = 1000  # validation rows at most
_LOOK, _WATCHED = 60, 120.0  # validation rows, and seconds of them, that Whisper writes at each look


class HubSpeechRecipe(SpeechRecipe):
    """A recogniser that somebody trained before; `learns` says what of it does here: nothing, all, or adapters."""

    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "soundfile", "soxr")
    extra = "speech-pretrained"
    options = HubSpeechOptions
    model = HubSpeechModel
    learns: ClassVar[str] = "all"

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self._speech_networks():
            return Words(
                "no pretrained recogniser (Whisper, wav2vec 2.0 and its kin) was named: --pretrained NAME_OR_FOLDER",
                "未指定预训练识别模型（Whisper、wav2vec 2.0 等）：--pretrained 名称或文件夹",
            )
        return super().refuses(schema, target, rows)

    def _speech_networks(self) -> list[str]:
        return [n for n in self.bases.encoders.get("audio", ()) if find(n).config["model_type"] in ("whisper", *_WAVES)]

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        made: Any = self.options
        epochs = 6 if rows >= 2000 else min(40, max(8, 6000 // max(1, rows)))
        return [made(pretrained=name, epochs=epochs) for name in self._speech_networks()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        """As Recipe.estimate, from a few steps; what learns nothing takes the time of reading its weights."""
        assert isinstance(options, HubSpeechOptions)
        key = (self.name, "estimate", len(train), options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        epoch, memory, steps, answering = ctx.cache[key]
        # answering the validation rows takes longer than reading the weights does
        answers = 3.0 + answering * min(_JUDGED, len(train) / 4)
        if not steps:
            return Estimate(answers, memory)
        seconds = seconds_asked(epoch, options.epochs, ctx)
        return Estimate(seconds + answers, memory, least=min(seconds, 3 * epoch) + answers)

    def _probe(self, train: Table, options: HubSpeechOptions, ctx: FitContext) -> tuple[float, int, int, float]:
        import torch

        torch.set_num_threads(max(1, ctx.threads))
        count = len(train)
        some, texts = transcribed(train.take(np.sort(np.random.default_rng(0).permutation(count)[:24])), ctx)
        made = self._made(some, texts, options, ctx)
        weights = sum(p.numel() for p in made.network.parameters()) * 4
        model = made.model(self.name, options, ctx)
        made.network.to(ctx.device).eval()
        began = time.process_time() if ctx.device == "cpu" else time.perf_counter()
        model.transcribe([wave(made.held, i) for i in range(min(_PROBE, len(made.held)))])
        spent = (time.process_time() if ctx.device == "cpu" else time.perf_counter()) - began
        answering = spent / min(_PROBE, len(made.held))
        if not made.learns:
            return 0.0, 2 * weights + (400 << 20), 0, answering
        made.network.train()
        feed = made.feed(options, changed=True, least=1)
        seconds = []
        for batch in (feed.epoch(np.random.default_rng(0)) * _PROBE)[:_PROBE]:
            begin = time.process_time() if ctx.device == "cpu" else time.perf_counter()
            inputs, expected = feed.load(batch, ctx.device)
            ctx.loss(made.network.to(ctx.device)(inputs), expected).backward()
            spent = (time.process_time() if ctx.device == "cpu" else time.perf_counter()) - begin
            seconds.append(spent / feed.size(batch))
        samples = float(made.held.lengths.mean()) * count
        passes = max(1.0, _BATCHES * options.seconds * made.rate / max(1.0, samples))
        memory = int(4 * weights + 40 * options.seconds * made.rate * 4 + (600 << 20))
        return 1.1 * min(seconds) * samples * passes, memory, 1, answering

    def _made(self, train: Table, texts: Sequence[str], options: HubSpeechOptions, ctx: FitContext) -> _Made:
        import torch

        from modelwright.models.hub_speech import HubCtc, HubWhisper, load_whisper

        found = find(options.pretrained)
        rate = int(found.told().get("sampling_rate", _RATE))
        key = ("hub-speech", len(train), hash(train.rows.tobytes()), rate, options.longest)
        if key not in ctx.cache:
            ctx.cache[key] = waves(train.column(column_of(train.schema) or ""), rate, options.longest)
        held: Ragged = ctx.cache[key]
        torch.manual_seed(ctx.seed)
        if found.config["model_type"] == "whisper":
            text = WhisperText.fit(found, str(ctx.target.rules.language))  # type: ignore[attr-defined]
            spoken = float(held.lengths.max(initial=rate)) / rate
            # what was never tuned to less hears short recordings best with some silence behind them, if not with 30 s of it
            longest = (
                np.clip(2 * spoken + 4, 10, 30) if self.learns == "none" else np.clip(np.ceil(spoken + 0.5), 2, 30)
            )
            front = WhisperFront.fit(found, float(longest))
            model = load_whisper(found.config, found.folder, front.state["frames"] // 2)
            rank = options.lora_rank if self.learns == "lora" else 0
            network: Any = HubWhisper(model, text.end, rank)
            network.model.proj_out.weight.requires_grad_(self.learns == "all")
            return _Made(
                found, network, held, rate, self.learns != "none", text=text, front=front, tokens=text.encode(texts)
            )
        known = letters_of(found, texts)
        units = Units("characters", known[0], {}, None) if known else Units.fit(texts, suited(texts)[0])
        train_what = {"none": "head", "all": "all", "lora": "lora"}[self.learns]
        normalise = bool(found.told().get("do_normalize", True))
        network = HubCtc(found.config, found.folder, normalise, units.size, train_what, options.lora_rank)
        if known:
            weight, bias = head_of(found, known[1])
            with torch.no_grad():
                network.units.weight.copy_(torch.from_numpy(weight))
                network.units.bias.copy_(torch.from_numpy(bias))
        else:
            for p in network.units.parameters():
                p.lr_scale = options.head_lr / options.lr
        # frozen with a head of its own there is nothing to learn
        return _Made(
            found, network, held, rate, not (known and self.learns == "none"), units=units, ids=units.encode(texts)
        )

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.models.pretrained import merge_lora
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, HubSpeechOptions)
        train, texts = transcribed(train, ctx)
        made = self._made(train, texts, options, ctx)
        model = made.model(self.name, options, ctx)
        watch: Any = None
        if valid is not None and len(valid):
            known, said = transcribed(valid, ctx)
            watch = made.watch(model, known, said, ctx)
        epochs = int((ctx.extent or {}).get("epochs", options.epochs)) if made.learns else 0
        if made.learns:
            feed = made.feed(options, changed=True, least=_BATCHES)
            trained = run_loop(made.network, feed, ctx.loss, watch, options, to_train(ctx, watch), epochs=epochs)
            if valid is None and trained.epochs < epochs // 2:
                raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
            if self.learns == "lora":
                merge_lora(made.network.model)
            model.history = trained.history
            epochs = max(1, trained.best_epoch or trained.epochs)
        made.network.to(ctx.device).eval()
        model.extent = {"epochs": epochs}
        if isinstance(model, HubFrameModel):
            model.decoder = Decoder.fit(model.units, texts, given_lm(train, ctx))
            if watch is not None:
                watch.settle(ctx)
            elif ctx.extent:
                model.decoder = model.decoder.again(ctx.extent)
                model.sureness = Sureness.from_json(ctx.extent.get("sureness", []))
            model.extent |= {"sureness": model.sureness.to_json(), **model.decoder.extent()}
        return model


@dataclass
class _Made:
    """A recogniser ready to be fitted, with the recordings held: Whisper with its tokens, or an encoder with its units."""

    found: Found
    network: Any
    held: Ragged
    rate: int
    learns: bool
    text: WhisperText | None = None
    front: WhisperFront | None = None
    tokens: Sequence[Sequence[int]] = ()
    units: Units | None = None
    ids: Ragged | None = None

    def feed(self, options: HubSpeechOptions, *, changed: bool, least: int) -> Any:
        """Return the feed of the recordings that teach something. Raises DataError where none does."""
        from modelwright.train.hub_speech import TokenFeed, WaveFeed

        if self.text is not None and self.front is not None:
            most = int(self.found.config.get("max_target_positions", 448)) - len(self.text.state["prompt"]) - 1
            good = np.array([0 < len(t) <= most for t in self.tokens]) & (self.held.lengths > 0)
            index = _some(good, options)
            held, tokens = self.held.take(index), [self.tokens[i] for i in index]
            told = self.text.state
            return TokenFeed(
                held, tokens, self.front.mel, self.rate, options.seconds, least, prompt=told["prompt"], end=told["end"], changed=changed
            )  # fmt: skip
        assert self.ids is not None
        frames = self.held.lengths // 320
        cut = self.held.lengths >= int(options.longest * self.rate) - 1
        index = _some((self.ids.lengths > 0) & ~cut & (frames >= 1.05 * self.ids.lengths + 2), options)
        return WaveFeed(self.held.take(index), self.ids.take(index), self.rate, options.seconds, least, changed=changed)

    def model(self, recipe: str, options: HubSpeechOptions, ctx: FitContext) -> WhisperModel | HubFrameModel:
        """Return the model around the network."""
        origin, config = self.found.origin(), self.found.config
        if self.text is not None and self.front is not None:
            rules = ctx.target.rules  # type: ignore[attr-defined]
            return WhisperModel(recipe, self.network, self.text, self.front, rules, options, origin, config, ctx.device)
        assert self.units is not None
        return HubFrameModel(recipe, self.network, self.units, self.rate, options, origin, config, ctx.device)

    def watch(self, model: Any, valid: Table, texts: Sequence[str], ctx: FitContext) -> Any:
        """Return what looks at validation rows."""
        if isinstance(model, HubFrameModel):
            return _WatchedWaves(model, valid, texts, ctx, ctx.loss)
        return _written(model, valid, texts, ctx, self)


def _some(good: np.ndarray, options: HubSpeechOptions) -> np.ndarray:
    if not good.any():
        raise DataError(
            f"No recording can be learnt from: of {len(good)} all are silent, longer than {options.longest:g} s, or too short for their text.",
            f"没有可学习的录音：{len(good)} 段录音均无声、超过 {options.longest:g} 秒，或时长不足以说完其文本。",
        )
    return np.flatnonzero(good)


class _WatchedWaves(Watched):
    """As Watched, for encoders of waves."""

    def feed_of(self, held: Ragged, ids: Ragged) -> Any:
        from modelwright.train.hub_speech import WaveFeed

        return WaveFeed(held, ids, self.model.front.rate, self.model.options.seconds)

    def alone(self, row: int) -> Any:
        return row, 0


def _written(
    model: WhisperModel, valid: Table, texts: Sequence[str], ctx: FitContext, made: _Made
) -> Callable[[Any], tuple[float, float]]:
    """Return what tells the loss of some validation rows, and the metric that ranks of what Whisper writes of them."""
    import torch

    from modelwright.train.hub_speech import TokenFeed

    index = np.sort(np.random.default_rng(0).permutation(len(valid))[:_LOOK])
    held = waves(valid.column(column_of(valid.schema) or "").take(index), made.rate, model.options.longest)
    enough = int(np.searchsorted(np.cumsum(held.lengths), _WATCHED * made.rate)) + 1
    index = index[:enough]
    table = valid.take(index)
    parts = [wave(held, i) for i in range(len(index))]
    tokens = model.text.encode([texts[i] for i in index])
    told = model.text.state
    feed = TokenFeed(held, tokens, model.whisper.mel, made.rate, 60.0, prompt=told["prompt"], end=told["end"])
    kept = [i for i in range(len(index)) if held.lengths[i] and tokens[i]]
    batches = [[(i, 0) for i in kept[k : k + 8]] for k in range(0, len(kept), 8)]

    def look(network: Any) -> tuple[float, float]:
        total = 0.0
        with torch.inference_mode():
            for batch in batches:
                inputs, expected = feed.load(batch, ctx.device)
                total += float(ctx.loss(network(inputs).float(), expected)) * len(batch)
        signed = ctx.value(table, as_objects(model.transcribe(parts))[:, None])
        loss = total / max(1, len(kept))
        return loss, (signed if np.isfinite(signed) else 0.0) - 1e-3 * min(loss, 50.0)

    return look
