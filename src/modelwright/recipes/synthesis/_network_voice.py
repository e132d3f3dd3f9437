"""Voices of two networks: one makes spectra and pitch of sounds, and a vocoder trained on the same recordings makes them audible.

A recipe gives the first network; the front end, the aligner, the vocoder and the training of both are the same for all.
Legend: L sounds, S frames of 10 ms, M mel bands, T samples.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.models.excitation import excitation
from modelwright.models.griffin_lim import griffin_lim
from modelwright.recipes.shared.loop_options import Epochs, LoopOptions, Patience, Rate
from modelwright.recipes.shared.synthesis import Plan, VoiceModel, VoiceOptions, VoiceRecipe
from modelwright.recipes.shared.synthesis_corpus import Corpus, Voice

_BATCHES = 25  # of an epoch
_WATCHED = 24  # validation recordings that are looked at
_SHARE = 0.55  # of the time, for the network that makes spectra
_STEP, _SEGMENT = 0.16, 0.08  # processor seconds of a step of each network, at the usual sizes
_LOUDEST = 0.95
_LEAST_WIDTH = 48
_SMALL: dict[str, Any] = {
    "width": 64, "layers": 2, "frames": 1000, "epochs": 2, "vocoder_width": 48, "vocoder_layers": 2, "vocoder_epochs": 2, "segment": 24,
    "segments": 4,
}  # fmt: skip


class NetworkVoiceOptions(VoiceOptions, LoopOptions):
    """`frames` of a batch; `epochs` of 25 steps at least for the network that makes spectra, `vocoder_epochs` for the vocoder."""

    width: int = Field(default=128, ge=16, le=1024)
    layers: int = Field(default=4, ge=1, le=16)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    frames: int = Field(default=1200, ge=200, le=100_000)
    epochs: Epochs = 120
    vocoder: Literal["network", "griffin-lim"] = "network"
    vocoder_width: int = Field(default=128, ge=16, le=1024)
    vocoder_layers: int = Field(default=4, ge=1, le=16)
    vocoder_epochs: Epochs = 100
    segment: int = Field(default=48, ge=16, le=400)
    segments: int = Field(default=10, ge=1, le=256)
    lr: Rate = 4e-3
    patience: Patience = 1000


class NetworkVoiceModel(VoiceModel):
    """Both networks of a voice."""

    options_class: ClassVar[type[NetworkVoiceOptions]]

    def __init__(self, voice: Voice, acoustic: Any, vocoder: Any, options: Any, device: str = "cpu") -> None:
        super().__init__(voice)
        self.acoustic, self.vocoder, self.options, self.device = acoustic, vocoder, options, device

    def sound(self, plan: Plan) -> np.ndarray:
        import torch

        from modelwright.train.synthesis import placed

        with torch.inference_mode():
            units = torch.from_numpy(plan.units)[None].to(self.device)
            speaker = torch.tensor([plan.speaker]).to(self.device)
            x, lengths, tones = self.acoustic.encode(units, speaker)
            frames = self.frames(plan, np.expm1(lengths[0].cpu().numpy().astype(np.float64)))
            if not frames.sum():
                return np.zeros(0, np.float32)
            place, at = placed(frames)
            shift = torch.from_numpy((plan.pitch * np.log(2) / 12).astype(np.float32)).to(self.device)
            mel, tone, voiced = self.acoustic.decode(
                x, tones + shift, torch.from_numpy(place)[None].to(self.device), torch.from_numpy(at)[None].to(self.device),
                torch.tensor([len(place)]).to(self.device),
            )  # fmt: skip
            mel = mel * self.acoustic.std + self.acoustic.mean
            tone = tone + self.acoustic.tone[plan.speaker]
            return self.heard(mel[0], tone[0], voiced[0] > 0)

    def heard(self, mel: Any, tone: Any, voiced: Any) -> np.ndarray:
        """Return samples [T] of log energies [S, M], pitch [S] as a logarithm, and which frames are voiced [S]."""
        import torch

        if self.vocoder is None:
            return griffin_lim(mel.cpu().numpy(), self.rate)
        hertz = np.where(voiced.cpu().numpy(), np.exp(tone.cpu().numpy().astype(np.float64)), 0)
        pulses, noise = (torch.from_numpy(x)[None].to(self.device) for x in excitation(hertz, self.rate))
        given = {
            "mel": mel[None],
            "tone": (tone * voiced)[None],
            "voiced": voiced[None].float(),
            "pulses": pulses,
            "noise": noise,
        }
        found: np.ndarray = self.vocoder(given)[0].cpu().numpy()
        loudest = float(np.abs(found).max(initial=0))
        return found if loudest <= _LOUDEST else found * (_LOUDEST / loudest)

    def own(self, folder: Path) -> dict[str, Any]:
        weights = {f"acoustic.{k}": v for k, v in self.acoustic.state_dict().items()}
        if self.vocoder is not None:
            weights |= {f"vocoder.{k}": v for k, v in self.vocoder.state_dict().items()}
        write_tensors(folder / "weights.safetensors", weights)
        return {"options": self.options.model_dump()}

    @classmethod
    def restored(cls, voice: Voice, state: dict[str, Any], folder: Path) -> Self:
        options = cls.options_class(**state["options"])
        weights = read_tensors(folder / "weights.safetensors")
        acoustic, vocoder = cls.acoustic_of(voice, options), vocoder_of(voice, options)
        for name, network in (("acoustic.", acoustic), ("vocoder.", vocoder)):
            if network is not None:
                network.load_state_dict({k.removeprefix(name): v for k, v in weights.items() if k.startswith(name)})
                network.eval()
        return cls(voice, acoustic, vocoder, options)

    @classmethod
    @abstractmethod
    def acoustic_of(cls, voice: Voice, options: Any) -> Any:
        """Return the network that makes spectra (a `models.synthesis.Acoustic`), untrained."""


def vocoder_of(voice: Voice, options: NetworkVoiceOptions) -> Any:
    """Return the vocoder, untrained; None where Griffin-Lim is asked for."""
    from modelwright.models.synthesis import Vocoder

    return Vocoder(voice.front.rate, voice.front.bands, options) if options.vocoder == "network" else None


class NetworkVoiceRecipe(VoiceRecipe):
    """The network that makes spectra is trained first; its vocoder then learns from what it makes as well as from recordings."""

    needs: ClassVar[tuple[str, ...]] = ("torch", "soundfile", "soxr")
    model: ClassVar[type[NetworkVoiceModel]]
    options: ClassVar[type[NetworkVoiceOptions]]
    dear: ClassVar[float] = 1.0  # times a step of the network that makes spectra takes longer than FastSpeech 2's
    space: ClassVar[dict[str, Any]] = {
        "lr": Range(5e-4, 4e-3, log=True), "dropout": Range(0.0, 0.3), "layers": Choice((3, 4, 6)), "width": Choice((96, 128, 192)),
    }  # fmt: skip

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(**(_SMALL if rows < 60 else {}))]

    def smaller(self, options: Options, schema: Schema) -> list[Options]:
        """Return networks of half the width and of a quarter without a vocoder, so that all the time is for the spectra."""
        assert isinstance(options, NetworkVoiceOptions)
        plain = options.model_copy(update={"vocoder": "griffin-lim", "frames": min(options.frames, _SMALL["frames"])})
        out: list[Options] = []
        for halved in (1, 2):
            width, layers = max(_LEAST_WIDTH, options.width >> halved), max(_SMALL["layers"], options.layers >> halved)
            made = plain.model_copy(update={"width": width, "layers": layers})
            if made not in (options, *out):
                out.append(made)
        return out

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, NetworkVoiceOptions)
        reading = super().estimate(train, options, ctx)
        one = self.dear * _STEP * options.frames / 1200 * options.width / 128 * options.layers / 4
        other = _SEGMENT * options.segment * options.segments / 480 if options.vocoder == "network" else 0.0
        steps = _BATCHES * (options.epochs * one + options.vocoder_epochs * other)
        # the plan is cut to the time as training goes
        left = ctx.deadline.remaining()
        return Estimate(
            reading.seconds + min(steps, 4 * left), 1500 << 20, least=reading.seconds + min(0.05 * steps, 60.0)
        )

    @abstractmethod
    def learning(self) -> tuple[Any, Any]:
        """Return the feed (a `train.synthesis.SoundsFeed`) that the network that makes spectra learns from, and its loss."""

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        from modelwright.models.synthesis import SpectralLoss
        from modelwright.train.loop import train as run_loop
        from modelwright.train.synthesis import SegmentsFeed

        assert isinstance(options, NetworkVoiceOptions)
        torch.set_num_threads(max(1, ctx.threads))
        known = self.corpus(train, options, ctx)
        torch.manual_seed(ctx.seed)
        acoustic, vocoder = self.model.acoustic_of(known.voice, options), vocoder_of(known.voice, options)
        feed_of, loss = self.learning()
        mean, std, middles = _moments(known)
        for network in (acoustic, vocoder):
            if network is not None:
                network.mean.copy_(torch.from_numpy(mean))
                network.std.copy_(torch.from_numpy(std))
        acoustic.tone.copy_(torch.from_numpy(middles))
        feed = feed_of(known.said, middles, mean, std, options.frames, _BATCHES)
        extent = ctx.extent or {}
        left = ctx.deadline.remaining()
        first = replace(ctx, folder=None, deadline=ctx.deadline.sub(left * (_SHARE if vocoder is not None else 0.98)))
        watch = None
        if valid is not None and len(valid):
            watch = _watch(valid, known, lambda said: feed_of(said, middles, mean, std, 3000), loss, ctx)
        epochs = int(extent.get("epochs", options.epochs))
        trained = run_loop(acoustic, feed, loss, watch, options, first, epochs=epochs)
        model = self.model(known.voice, acoustic.eval(), vocoder, options, ctx.device)
        model.extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        model.history = trained.history
        model.borrowed = known.borrowed
        if vocoder is not None:
            mels = [_both(s, acoustic, middles, ctx.device) for s in known.said]
            parts = SegmentsFeed(known.said, mels, known.voice.front.rate, options.segment, options.segments, _BATCHES)
            second = replace(ctx, folder=None, deadline=ctx.deadline.sub(0.97 * ctx.deadline.remaining()))
            done = run_loop(
                vocoder,
                parts,
                SpectralLoss(known.voice.front.rate),
                None,
                options,
                second,
                epochs=int(extent.get("vocoder_epochs", options.vocoder_epochs)),
            )
            vocoder.eval()
            model.extent["vocoder_epochs"] = done.epochs
        return model


def _moments(known: Corpus) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and deviation of each band [M], and the mean pitch of each speaker, as a logarithm [speakers]."""
    frames = np.concatenate([s.mel for s in known.said[:400]])
    middles = []
    for k in range(max(1, len(known.voice.speakers))):
        heard = [s.pitch[s.pitch > 0] for s in known.said if s.speaker == k]
        every = np.concatenate([np.zeros(0, np.float32), *heard])
        middles.append(float(np.log(every).mean()) if len(every) else 5.0)
    return (
        frames.mean(0).astype(np.float32),
        np.maximum(frames.std(0), 0.3).astype(np.float32),
        np.array(middles, np.float32),
    )


def _both(said: Any, acoustic: Any, middles: np.ndarray, device: str) -> tuple[np.ndarray, ...]:
    """Return the log energies [S, M] of a recording, and those that the network makes of it with its own lengths and pitch."""
    import torch

    from modelwright.train.synthesis import placed, tones_of

    with torch.inference_mode():
        units, speaker = torch.from_numpy(said.units)[None].to(device), torch.tensor([said.speaker]).to(device)
        x, _, _ = acoustic.encode(units, speaker)
        place, at = placed(said.frames)
        tones = torch.from_numpy(tones_of(said.pitch, said.frames, float(middles[said.speaker]))[0])[None].to(device)
        mel, _, _ = acoustic.decode(
            x,
            tones,
            torch.from_numpy(place)[None].to(device),
            torch.from_numpy(at)[None].to(device),
            torch.tensor([len(place)]).to(device),
        )
        made = (mel * acoustic.std + acoustic.mean)[0].cpu().numpy()
    # more often what it will be given in the end
    return made, made, said.mel


def _watch(valid: Table, known: Corpus, feed_of: Any, loss: Any, ctx: FitContext) -> Any:
    """Return what tells the loss of validation recordings, by the sounds of the training ones; None where none can be used."""
    import torch

    from modelwright.recipes.shared.synthesis_corpus import alike

    said = alike(valid.take(np.arange(min(len(valid), _WATCHED))), known)
    if not said:
        return None
    held = feed_of(said)
    batches = [held.alone(i) for i in range(len(said))]

    def watch(network: Any) -> tuple[float, float]:
        with torch.inference_mode():
            total = 0.0
            for batch in batches:
                given, truth = held.load(batch, ctx.device)
                total += float(loss(network(given), truth))
        return total / len(batches), -total / len(batches)

    return watch
