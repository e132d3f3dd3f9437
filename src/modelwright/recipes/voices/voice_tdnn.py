"""A small ECAPA-TDNN: trained to tell its speakers apart with a margin between angles, then asked for vectors alone."""

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
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.speech import Front
from modelwright.recipes.shared.cut_plan import seconds_asked
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.voices._voices import VoiceModel, VoiceRecipe, front_of, spoken, voiced

_BATCHES = 10  # of an epoch at least
_FEW = 200
_PROBE = 2  # steps
_SOUND = 60.0  # seconds of padded sound that are read at once


class VoiceTdnnOptions(LoopOptions):
    """`size` numbers of a vector; `margin` in radians and `scale` of the angular loss; `speeds` of each speaker that count as others;
    `seconds` of a stretch; shares of stretches with `noise` and in a `room`; `gain` in dB."""

    bands: int = Field(default=40, ge=20, le=128)
    width: int = Field(default=128, ge=16, le=1024, multiple_of=4)
    size: int = Field(default=96, ge=8, le=512)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    margin: float = Field(default=0.2, ge=0, le=1)
    scale: float = Field(default=20.0, gt=0, le=100)
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    speeds: int = Field(default=3, ge=1, le=3)
    seconds: float = Field(default=2.0, gt=0, le=30)
    gain: float = Field(default=6.0, ge=0, le=40)
    noise: float = Field(default=0.5, ge=0, le=1)
    room: float = Field(default=0.2, ge=0, le=1)
    band_masks: int = Field(default=1, ge=0, le=16)
    batch: int = Field(default=32, ge=2, le=4096)
    epochs: int = 40
    weight_decay: float = 0.02
    optimizer: Optimizer = "adamw"


class VoiceTdnnModel(VoiceModel):
    """A trained encoder of voices; the vectors of its own speakers are not kept."""

    recipe = "voice-tdnn"

    def __init__(self, front: Front, network: Any, options: VoiceTdnnOptions, device: str = "cpu") -> None:
        super().__init__(front)
        self.network, self.options, self.device = network, options, device

    def vectors(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        import torch

        mels = {i: self.front.frames(h) for i, p in enumerate(parts) if len(h := voiced(p, self.front))}
        out = np.zeros((len(parts), self.options.size))
        order = sorted(mels, key=lambda i: len(mels[i]))
        at = 0
        with torch.inference_mode():
            while at < len(order):
                longest = 1.3 * len(mels[order[at]]) + 20
                most = max(1, int(_SOUND * 100 / longest))
                batch = [i for i in order[at : at + most] if len(mels[i]) <= longest]
                at += len(batch)
                mel = np.zeros((len(batch), max(len(mels[i]) for i in batch), self.front.bands), np.float32)
                for k, i in enumerate(batch):
                    mel[k, : len(mels[i])] = mels[i]
                lengths = torch.tensor([len(mels[i]) for i in batch])
                told = self.network({"mel": torch.from_numpy(mel).to(self.device), "lengths": lengths.to(self.device)})
                out[batch] = told.float().cpu().numpy()
        return out

    def save(self, folder: Path) -> None:
        write_state(folder, {**self.told(), "options": self.options.model_dump(), "extent": self.extent})
        write_tensors(folder / "weights.safetensors", self.network.state_dict())

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> VoiceTdnnModel:
        from modelwright.models.voices import VoiceEncoder, options_of

        with Loading(folder):
            state = read_state(folder)
            options, front = VoiceTdnnOptions(**state["options"]), front_of(state)
            network = VoiceEncoder(front.bands, *options_of(options))
            network.load_state_dict(read_tensors(folder / "weights.safetensors"))
            out = cls(front, network.eval(), options).take_up(state)
            out.extent = dict(state["extent"])
            return out


class VoiceTdnn(VoiceRecipe):
    """Convolutions over time with attentive statistics."""

    name = "voice-tdnn"
    title = Words("small ECAPA-TDNN", "小型 ECAPA-TDNN")
    rank = 20
    paper = "Desplanques et al. 2020, arXiv 2005.07143; loss of Deng et al., arXiv 1801.07698"
    needs: ClassVar[tuple[str, ...]] = ("torch", "soundfile", "soxr")
    extra = "speech"
    leads = "audio"
    options = VoiceTdnnOptions
    model = VoiceTdnnModel
    space: ClassVar[Mapping[str, Axis]] = {
        "width": Choice((96, 128, 192)), "margin": Range(0.1, 0.4), "lr": Range(5e-4, 4e-3, log=True), "dropout": Range(0.0, 0.3),
    }  # fmt: skip

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        few: dict[str, Any] = {"epochs": 15, "patience": 8, "batch": 16, "width": 96} if rows < _FEW else {}
        return [VoiceTdnnOptions(**few)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, VoiceTdnnOptions)
        key = (self.name, "estimate", len(train), options.model_dump_json(exclude={"epochs"}))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(train, options, ctx)
        epoch = ctx.cache[key]
        seconds = seconds_asked(epoch, options.epochs, ctx)
        return Estimate(seconds + 1.0, (300 << 20) + len(train) * 100_000, least=min(seconds, 3 * epoch) + 1.0)

    def _probe(self, train: Table, options: VoiceTdnnOptions, ctx: FitContext) -> float:
        """Return processor seconds of an epoch, from a few steps on some of the rows."""
        import torch

        from modelwright.models.voices import VoiceEncoder, VoiceTrainer, options_of

        torch.set_num_threads(max(1, ctx.threads))
        began = time.process_time()
        some = train.take(np.sort(np.random.default_rng(0).permutation(len(train))[:64]))
        front, parts, who = spoken(some, ctx, options.bands)
        reading = (time.process_time() - began) / max(1, len(some)) * len(train)
        feed = _feed(parts, who, front, options)
        made = VoiceTrainer(
            VoiceEncoder(front.bands, *options_of(options)), options.size, feed.speakers * len(feed.speeds)
        )
        made.to(ctx.device)
        steps = []
        for batch in feed.epoch(np.random.default_rng(0))[:_PROBE]:
            start = time.process_time() if ctx.device == "cpu" else time.perf_counter()
            inputs, expected = feed.load(batch, ctx.device)
            ctx.loss(made(inputs), expected).backward()
            steps.append((time.process_time() if ctx.device == "cpu" else time.perf_counter()) - start)
        per_epoch = max(_BATCHES, round(len(train) * options.speeds / options.batch))
        return 1.2 * min(steps) * per_epoch + reading / max(1, options.epochs)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.voices import VoiceEncoder, VoiceTrainer, options_of, with_margin
        from modelwright.train.loop import train as run_loop

        assert isinstance(options, VoiceTdnnOptions)
        key = ("voices", len(train), hash(train.rows.tobytes()), options.bands)
        if key not in ctx.cache:
            ctx.cache[key] = spoken(train, ctx, options.bands)
        front, parts, who = ctx.cache[key]
        torch.manual_seed(ctx.seed)
        feed = _feed(parts, who, front, options)
        encoder = VoiceEncoder(front.bands, *options_of(options))
        network = VoiceTrainer(encoder, options.size, feed.speakers * len(feed.speeds))
        model = VoiceTdnnModel(front, encoder, options, ctx.device)

        def loss(outputs: Any, expected: Any) -> Any:
            return ctx.loss(
                with_margin(outputs, expected, options.margin, options.scale), expected, smoothing=options.smoothing
            )

        watch = None
        if valid is not None and len(valid):
            looked = valid

            def watch(net: Any) -> tuple[float, float]:
                signed = ctx.value(looked, model.scores(looked))
                return -signed, signed if np.isfinite(signed) else -1.0

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs)
        if valid is None and trained.epochs < epochs // 2:
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        model.extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model.history = trained.history
        model.settle(valid, ctx)
        return model


def _feed(parts: Sequence[np.ndarray], who: np.ndarray, front: Front, options: VoiceTdnnOptions) -> Any:
    from modelwright.train.voices import VoiceFeed

    return VoiceFeed(parts, who, front, options, _BATCHES)


RECIPE = VoiceTdnn
