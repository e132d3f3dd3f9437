"""A pretrained diffusion model from a folder in diffusers' layout, tuned on the run's pictures by low-rank adapters.

The bundle holds the whole model, adapters merged, so that it needs no folder; the adapters lie beside it in a file of their own.
Legend: N rows, C channels, S side, Z channels of a code, T tokens, D width of a text's vectors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import Choice, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import read_tensors, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.colour import in_channels
from modelwright.recipes.generate._conditions import Pictures
from modelwright.recipes.generate._features import judging_features
from modelwright.recipes.generate._generate import GenerateModel, GenerateOptions, GenerateRecipe, gathered, wished

if TYPE_CHECKING:
    from torch import Tensor

_TOKENS, _SHAPE, _ADAPTER = "tokenizer.json", "diffusion.json", "adapter.safetensors"
_TOGETHER = 4  # pictures that go through the autoencoder at a time
_PASSES, _STEPS, _LEAST_STEPS = 4, 100, 10  # of an epoch
_FOR_CODES, _FOR_TRAINING = 0.3, 0.85  # of the time that is left


class LoraOptions(GenerateOptions):
    """`pretrained` names the folder, `rank` the width of the adapters; `steps` and `guidance` are for rows that say none."""

    pretrained: str = ""
    side: int | None = Field(None, ge=16, le=1024, multiple_of=8)
    rank: int = Field(8, ge=1, le=256)
    lr: float = Field(2e-4, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    batch: int = Field(4, ge=1)
    epochs: int = Field(40, ge=1)
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    clip: float = Field(1.0, ge=0)
    ema: float = Field(0.0, ge=0, lt=1)
    precision: Literal["auto", "bf16", "float32"] = "float32"
    patience: int = Field(1000, ge=1)
    steps: int = Field(20, ge=2, le=1000)
    guidance: float = Field(5.0, ge=1, le=20)


class LoraModel(GenerateModel):
    """A diffusion model with its adapters merged, and what cuts texts into tokens."""

    recipe = "image-lora"
    judged_rows, tested = 64, 8  # a picture is dear
    network: Any = None
    tokenizer: Any = None
    origin: dict[str, str] | None = None
    adapter: dict[str, Tensor] | None = None

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the pretrained model comes from."""
        return [self.origin] if self.origin else []

    def asks(self, table: Table) -> np.ndarray:
        name = self.told.column
        here = name and name in table.data.column_names
        return self.tokens(table.column(name).to_pylist() if here else [None] * len(table))

    def tokens(self, texts: Sequence[Any]) -> np.ndarray:
        """Return tokens int64 [N, T] of texts, those of no text for None; zeros [N, 1] where no text is read."""
        if self.tokenizer is None:
            return np.zeros((len(texts), 1), np.int64)
        found = self.tokenizer.encode_batch(["" if t is None else str(t) for t in texts])
        return np.array([e.ids for e in found], np.int64)

    def drawn(self, asked: np.ndarray, seeds: Sequence[int], steps: int | None, guidance: float | None) -> np.ndarray:
        import torch

        count = int(np.clip(steps or self.options.steps, 2, 1000))
        led = float(np.clip(guidance or self.options.guidance, 1.0, 20.0))
        shape = self.network.noise_shape(self.shape[1])
        noise = np.stack([np.random.default_rng(s).standard_normal(shape, np.float32) for s in seeds])
        self.network.eval().to(self.device)
        with torch.inference_mode():
            texts, nothing = (
                self.network.read(torch.from_numpy(t).to(self.device))
                for t in (asked, self.tokens([None] * len(asked)))
            )
            codes = self.network.sampled(torch.from_numpy(noise).to(self.device), texts, nothing, count, led)
            made = self.network.pictures(codes)
        found = ((made + 1) * 127.5).round().byte().cpu().numpy().transpose(0, 2, 3, 1)
        return np.stack([in_channels(p, self.shape[0]).transpose(2, 0, 1) for p in found])

    def own_weights(self) -> dict[str, Tensor]:
        out: dict[str, Tensor] = {k: v.clone() for k, v in self.network.state_dict().items()}
        return out

    def take(self, weights: dict[str, Tensor]) -> None:
        self.network.load_state_dict(weights)

    def save(self, folder: Path) -> None:
        from modelwright.models.generate.hub_diffusion import told_of

        super().save(folder)
        told = {"parts": told_of(self.network), "origin": self.origin}
        (folder / _SHAPE).write_text(json.dumps(told, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        if self.tokenizer is not None:
            (folder / _TOKENS).write_text(self.tokenizer.to_str(), encoding="utf-8")
        if self.adapter:
            write_tensors(folder / _ADAPTER, self.adapter)

    def ready(self, folder: Path) -> None:
        from modelwright.models.generate.hub_diffusion import built

        told = json.loads((folder / _SHAPE).read_text(encoding="utf-8"))
        self.network, self.origin = built(told["parts"]), told["origin"]
        self.network.requires_grad_(False)
        if (folder / _TOKENS).is_file():
            from tokenizers import Tokenizer

            self.tokenizer = Tokenizer.from_str((folder / _TOKENS).read_text(encoding="utf-8"))
        if (folder / _ADAPTER).is_file():
            self.adapter = read_tensors(folder / _ADAPTER)


class ImageLora(GenerateRecipe):
    """Hu et al. 2021 (arXiv 2106.09685), over latent diffusion: Rombach et al. 2021 (arXiv 2112.10752)."""

    name = "image-lora"
    title = Words("adapters of a pretrained diffusion model", "预训练扩散模型的 LoRA")
    rank = 30  # it trains what was pretrained, as those of such a rank do
    paper = "Hu et al. 2021 (arXiv 2106.09685)"
    needs = ("torch", "diffusers", "transformers", "peft")
    extra = "diffusion"
    options = LoraOptions
    model = LoraModel
    space: ClassVar[dict[str, Any]] = {
        "lr": Range(5e-5, 1e-3, log=True),
        "rank": Choice((4, 8, 16)),
        "guidance": Choice((2.0, 5.0, 7.5)),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self.bases.diffusers:
            return Words(
                "no diffusion model was named: --pretrained FOLDER (diffusers' layout)",
                "未指定扩散模型：--pretrained 文件夹（diffusers 格式）",
            )
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [self.options(pretrained=n, side=wished(schema, "side")) for n in self.bases.diffusers]  # type: ignore[call-arg]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, LoraOptions)
        size = sum(p.stat().st_size for p in find(options.pretrained).folder.rglob("*.safetensors"))
        step = 6e-9 * size / 4 * options.batch  # a guess: twelve operations for each weight, mostly at several places
        steps = options.epochs * _steps(len(train), options.batch)
        return Estimate(20 + 0.5 * steps * step, (2 << 30) + 3 * size, 10 + 20 * step)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        from modelwright.models.generate.hub_diffusion import load_diffusion

        assert isinstance(options, LoraOptions)
        found = find(options.pretrained)
        network = load_diffusion(found.folder)
        side = options.side or min(network.native, 512)
        pictures = gathered(train, options.model_copy(update={"side": side}), ctx)
        features = judging_features(pictures, ctx)
        channels, high, wide = (int(s) for s in pictures.pixels.shape[1:])
        kept = options.model_copy(update={"pretrained": "", "side": side})
        model = LoraModel(pictures.told, (channels, high, wide), kept, features, ctx.device)
        model.network, model.origin = network, found.origin()
        model.tokenizer = _tokenizer(found.folder) if network.text is not None else None
        rows = train.take(pictures.rows)
        asked = replace(pictures, asked=model.asks(rows))
        self.learn(model, asked, ctx)
        model.learnt(asked, ctx.seed, ctx.deadline)
        return model

    def learn(self, model: GenerateModel, pictures: Pictures, ctx: FitContext) -> None:
        import torch
        from torch.nn.functional import mse_loss

        from modelwright.models.generate.hub_diffusion import adapted, adapter_of
        from modelwright.models.pretrained import merge_lora
        from modelwright.train.diffusion_feed import NoisedFeed
        from modelwright.train.loop import train as run_loop

        assert isinstance(model, LoraModel)
        network, options = model.network, model.options
        torch.manual_seed(ctx.seed)
        codes, texts, which = _codes(model, pictures, ctx)
        kept = None if network.flows else network.kept_shares()
        says = str(network.schedule.get("prediction_type", "epsilon"))
        steps = _steps(len(codes), options.batch)
        feed = NoisedFeed(codes, texts, which, kept, says, options.batch, steps)
        adapted(network, options.rank)
        left = ctx.deadline.remaining()
        own = replace(ctx, extent=None, folder=None)
        if np.isfinite(left):
            own = replace(own, deadline=ctx.deadline.sub(_FOR_TRAINING * left))
        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(network, feed, mse_loss, None, options, own, epochs=epochs)
        model.history, model.extent = trained.history, {"epochs": trained.epochs}
        model.adapter = adapter_of(network)
        merge_lora(network.unet)
        network.requires_grad_(False)
        network.eval()


def _steps(rows: int, batch: int) -> int:
    """Return the steps of an epoch."""
    return int(np.clip(_PASSES * rows / batch, _LEAST_STEPS, _STEPS))


def _codes(model: LoraModel, pictures: Pictures, ctx: FitContext) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return the codes [N, Z, ...] of pictures, as many as time allows, the vectors [U, T, D] of each text that occurs and of none, and
    which text [N] each picture has."""
    import torch

    until = (
        ctx.deadline.sub(_FOR_CODES * ctx.deadline.remaining())
        if np.isfinite(ctx.deadline.remaining())
        else ctx.deadline
    )
    network = model.network.to(ctx.device)
    parts: list[np.ndarray] = []
    with torch.inference_mode():
        for at in range(0, len(pictures.pixels), _TOGETHER):
            if parts and until.expired():
                break
            some = [
                in_channels(p.transpose(1, 2, 0), network.channels).transpose(2, 0, 1)
                for p in pictures.pixels[at : at + _TOGETHER]
            ]
            seen = torch.from_numpy(np.stack(some)).float().to(ctx.device) / 127.5 - 1
            parts.append(network.codes(seen).cpu().numpy())
        codes = np.concatenate(parts)
        if network.text is None:
            return codes, None, np.zeros(len(codes), np.int64)
        each, which = np.unique(pictures.asked[: len(codes)], axis=0, return_inverse=True)
        tokens = np.concatenate([each, model.tokens([None])])
        texts = [
            network.read(torch.from_numpy(tokens[i : i + 16]).to(ctx.device)).cpu().numpy()
            for i in range(0, len(tokens), 16)
        ]
    return codes, np.concatenate(texts), which.reshape(-1)


def _tokenizer(folder: Path) -> Any:
    """Return what cuts texts into tokens, each to the length that the reader of texts takes."""
    import transformers
    from tokenizers import Tokenizer

    made = transformers.CLIPTokenizer.from_pretrained(str(folder / "tokenizer"), local_files_only=True)
    found = Tokenizer.from_str(made.backend_tokenizer.to_str())
    length = min(int(made.model_max_length), 77)
    found.enable_truncation(length)
    found.enable_padding(length=length, pad_id=int(made.pad_token_id), pad_token=str(made.pad_token))
    return found


RECIPE = ImageLora
