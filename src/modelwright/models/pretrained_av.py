"""Pretrained encoders of sound and clips: wav2vec 2.0 and its kin, Whisper's encoder, AST; VideoMAE, TimeSformer.

An encoder of pictures reads clips as well: frame by frame, averaged. Legend: B batch, T samples, S frames, M mel bands,
L layers, F frames of a clip, P side, D width.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modelwright.models.augment import in_training
from modelwright.models.encoders.base import Encoded
from modelwright.models.pretrained import HubEncoder, HubImage

_FULL = 32767.0  # full scale of 16-bit samples


class Convolved(nn.Module):
    """A wav2vec feature extractor that padding does not change; padded samples [B, T] come in as NaN.

    Where its first layer normalises each channel over time, the mean and deviation are those of real frames alone, so
    that a sound is heard alike whatever longer one stands beside it in a batch.
    """

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, wave: Tensor) -> Tensor:
        """Return features [B, D, S]."""
        real = ~wave.isnan()
        x = torch.where(real, wave, torch.zeros_like(wave))[:, None]
        layers: list[Any] = list(self.inner.conv_layers)
        for layer in layers:
            norm = getattr(layer, "layer_norm", None)
            if not isinstance(norm, nn.GroupNorm):
                x = layer(x)
                continue
            x = layer.conv(x)
            count = after(real.sum(1), layer.conv.kernel_size[0], layer.conv.stride[0])[:, None]
            mask = (torch.arange(x.shape[2], device=x.device)[None] < count)[:, None].to(x.dtype)
            total = count.clamp_min(1)[:, :, None]
            mean = (x * mask).sum(2, keepdim=True) / total
            spread = (((x - mean) * mask) ** 2).sum(2, keepdim=True) / total
            x = (x - mean) * (spread + norm.eps).rsqrt() * norm.weight[:, None] + norm.bias[:, None]
            x = layer.activation(x)
        return x


def after(count: Tensor, kernel: int, stride: int) -> Tensor:
    """Return how many outputs [B] of a convolution without padding see real samples only, where `count` [B] inputs are real."""
    return torch.div(count - kernel, stride, rounding_mode="floor") + 1


class HubSound(HubEncoder):
    """An encoder of sound to the mean over what is real; of wave encoders over all layers, weighted as training finds best.

    The weights of the layers begin equal (as in SUPERB, arXiv 2105.01051): those of self-supervised encoders know
    different things. Whisper's and AST's positions are cut to the sounds' own length, as AST's makers do.
    """

    def __init__(self, codec: Any, options: Any) -> None:
        self.form, self.frames = codec.form, codec.frames
        super().__init__(codec, options)
        config = self.model.config
        self.normalise = bool(codec.sound.get("normalise", False))
        if self.form == "wave":
            self.width = int(config.hidden_size)
            self.mix_layers = nn.Parameter(torch.zeros(int(config.num_hidden_layers) + 1))
        elif self.form == "whisper":
            self.width = int(config.d_model)
        else:
            self.width = int(config.hidden_size)

    def prepare(self, model: Any) -> Any:
        """Return the loaded encoder made ready: no chance in it beyond dropout, positions cut, padding made harmless."""
        if self.form == "wave":
            for name, value in (("layerdrop", 0.0), ("apply_spec_augment", False)):
                setattr(model.config, name, value)
            model.feature_extractor = Convolved(model.feature_extractor)
            for p in model.feature_extractor.parameters():
                p.requires_grad_(False)  # kept in fine-tuning too, as its makers do
            return model
        if self.form == "whisper":
            encoder = model.encoder if hasattr(model, "encoder") else model
            places = self.frames // 2
            encoder.embed_positions = nn.Embedding.from_pretrained(encoder.embed_positions.weight[:places].clone())
            encoder.config.max_source_positions, encoder.layerdrop = places, 0.0
            return encoder
        embedded, config = model.embeddings, model.config
        high, wide = embedded.get_shape(config)
        config.max_length = self.frames
        short = embedded.get_shape(config)[1]
        own = embedded.position_embeddings.detach()
        grid = own[:, 2:].unflatten(1, (high, wide))[:, :, :short].flatten(1, 2)
        embedded.position_embeddings = nn.Parameter(torch.cat([own[:, :2], grid], dim=1))
        return model

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        there = 1 - inputs["missing"][:, None]
        if self.form == "wave":
            x, mask = self._wave(inputs)
        elif self.form == "whisper":
            mel = inputs["mel"][..., 0]
            x = self.model(mel.transpose(1, 2)).last_hidden_state.float()
            # frames of silence behind the sound lie at the floor, 2 below the loudest
            loud = (
                (mel.amax(2) > mel.amax((1, 2))[:, None] - 2 + 1e-4)[:, : 2 * x.shape[1]].unflatten(1, (-1, 2)).any(2)
            )
            mask = loud | (torch.arange(x.shape[1], device=x.device)[None] == 0)
        else:
            out = self.model(inputs["mel"][..., 0])
            return Encoded(out.pooler_output.float() * there, out.last_hidden_state.float())
        vector = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return Encoded(vector * there, x, mask)

    def _wave(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        wave = inputs["wave"].flatten(1).float() / _FULL
        count = inputs["samples"]
        real = torch.arange(wave.shape[1], device=wave.device)[None] < count[:, None]
        if self.normalise:
            total = count[:, None].to(wave.dtype)
            mean = (wave * real).sum(1, keepdim=True) / total
            spread = (((wave - mean) * real) ** 2).sum(1, keepdim=True) / total
            wave = (wave - mean) * (spread + 1e-7).rsqrt()
        wave = torch.where(real, wave, torch.full_like(wave, torch.nan))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # WavLM mixes two kinds of masks
            out = self.model(wave, attention_mask=real.long(), output_hidden_states=True)
        x = (torch.stack(out.hidden_states).float() * self.mix_layers.softmax(0)[:, None, None, None]).sum(0)
        for kernel, stride in zip(self.model.config.conv_kernel, self.model.config.conv_stride, strict=True):
            count = after(count, int(kernel), int(stride))
        return x, torch.arange(x.shape[1], device=x.device)[None] < count[:, None]


class HubFrames(HubImage):
    """An encoder of clips, or one of pictures by frame: the mean over frames. In training all frames change alike."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.clips = self.model.config.model_type in ("videomae", "timesformer")

    def _width(self) -> int:
        kind = self.model.config.model_type
        return int(self.model.config.hidden_size) if kind in ("videomae", "timesformer") else super()._width()

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x = inputs["frames"].permute(0, 1, 4, 2, 3).float()
        x = (x - self.mean[:, None]) / self.deviation[:, None]
        if self.training:
            x = in_training(x, self.augmentation, self.turn, self.mix)
        there = 1 - inputs["missing"][:, None]
        if not self.clips:
            frames = self.pooled_of(self.model(pixel_values=x.flatten(0, 1)))[0].unflatten(0, x.shape[:2])
            return Encoded(frames.mean(1) * there, frames)
        tokens = self.model(pixel_values=x).last_hidden_state.float()
        first = self.model.config.model_type == "timesformer"
        vector = tokens[:, 0] if first else F.layer_norm(tokens.mean(1), tokens.shape[2:])
        return Encoded(vector * there, tokens)
