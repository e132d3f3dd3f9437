"""Pretrained diffusion models from a folder in diffusers' layout: a U-Net over the codes of an autoencoder under the vectors of a text
(Rombach et al. 2021, arXiv 2112.10752), or one over pixels (Ho et al. 2020, arXiv 2006.11239).

Legend: B batch, C channels, S side, Z channels of a code, T tokens, D width of a text's vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.core.errors import BundleError, MissingExtra, OptionError
from modelwright.core.quiet import errors_alone
from modelwright.models.pretrained import quiet_transformers

_FAULTS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError)
_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


class Diffusion(nn.Module):
    """The U-Net `unet`, the autoencoder `vae` and the reader of texts `text`, the last two None where pixels are made of nothing.

    `schedule` is scheduler_config.json: how a picture becomes noise, and what the U-Net says of it.
    """

    def __init__(
        self, unet: nn.Module, vae: nn.Module | None, text: nn.Module | None, schedule: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.unet, self.vae, self.text, self.schedule = unet, vae, text, dict(schedule)

    @property
    def flows(self) -> bool:
        """Whether the U-Net says the direction of a straight path, not the noise that was added."""
        return "FlowMatch" in str(self.schedule.get("_class_name", ""))

    @property
    def shrinks(self) -> int:
        """Pixels at a side of one place of a code."""
        return 1 if self.vae is None else int(2 ** (len(self._of(self.vae).block_out_channels) - 1))

    @property
    def native(self) -> int:
        """Side in pixels of what it was trained on."""
        size = self._of(self.unet).sample_size
        return int(size[0] if isinstance(size, (list, tuple)) else size) * self.shrinks

    @property
    def channels(self) -> int:
        """Channels of its pictures."""
        return int(self._of(self.unet if self.vae is None else self.vae).in_channels)

    def noise_shape(self, side: int) -> tuple[int, int, int]:
        """Return the shape [Z, S / shrinks, S / shrinks] of what a picture of a side is made of."""
        return int(self._of(self.unet).in_channels), side // self.shrinks, side // self.shrinks

    @staticmethod
    def _of(part: Any) -> Any:
        return part.config

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return what the U-Net says [B, Z, S, S] of `points` [B, Z, S, S] at `times` [B], under `texts` [B, T, D] where it reads any."""
        told = {"encoder_hidden_states": inputs["texts"]} if self.text is not None else {}
        made: Tensor = self.unet(inputs["points"], inputs["times"], **told).sample
        return made

    def read(self, tokens: Tensor) -> Tensor | None:
        """Return the vectors [B, T, D] of tokens [B, T]; None where no text is read."""
        if self.text is None:
            return None
        found: Tensor = self.text(input_ids=tokens).last_hidden_state
        return found

    def codes(self, pictures: Tensor) -> Tensor:
        """Return codes [B, Z, ...] of pictures [B, C, S, S] in -1..1."""
        if self.vae is None:
            return pictures
        coder: Any = self.vae
        shift, scale = self._scaling()
        found: Tensor = (coder.encode(pictures).latent_dist.mean - shift) * scale
        return found

    def pictures(self, codes: Tensor) -> Tensor:
        """Return pictures [B, C, S, S] in -1..1 of codes."""
        if self.vae is None:
            return codes.clamp(-1, 1)
        coder: Any = self.vae
        shift, scale = self._scaling()
        found: Tensor = coder.decode(codes / scale + shift).sample.clamp(-1, 1)
        return found

    def _scaling(self) -> tuple[float, float]:
        told = self._of(self.vae)
        return float(getattr(told, "shift_factor", None) or 0.0), float(told.scaling_factor)

    def kept_shares(self) -> np.ndarray:
        """Return how much of a picture is left at each time, as the product of the schedule [times]."""
        from diffusers import DDPMScheduler

        found: np.ndarray = DDPMScheduler.from_config(self.schedule).alphas_cumprod.numpy()
        return found

    def sampled(
        self, noise: Tensor, texts: Tensor | None, nothing: Tensor | None, steps: int, guidance: float
    ) -> Tensor:
        """Return codes made of noise [B, Z, ...] in so many steps, led by `texts` away from `nothing` [B, T, D]."""
        from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler

        kind = FlowMatchEulerDiscreteScheduler if self.flows else DDIMScheduler
        more = {} if self.flows else {"clip_sample": self.vae is None}
        schedule = kind.from_config(self.schedule, **more)
        schedule.set_timesteps(max(2, steps))
        x, led = noise, texts is not None and nothing is not None and guidance > 1
        for time in schedule.timesteps:
            point = x if self.flows else schedule.scale_model_input(x, time)
            times = torch.full((len(x),), float(time), device=x.device)
            said = self({"points": point, "times": times} | ({"texts": texts} if texts is not None else {}))
            if led:
                assert nothing is not None
                plain = self({"points": point, "times": times, "texts": nothing})
                said = plain + guidance * (said - plain)
            x = schedule.step(said, time, x).prev_sample
        return x


def load_diffusion(folder: Path) -> Diffusion:
    """Return the model of a folder in diffusers' layout, in float32. Raises MissingExtra, OptionError where its files cannot be read."""
    with _quietly() as diffusers:
        try:
            index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
            schedule = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
            how = {"use_safetensors": True, "local_files_only": True, "torch_dtype": torch.float32}
            if "vae" not in index:
                unet = diffusers.UNet2DModel.from_pretrained(str(folder / "unet"), **how)
                return Diffusion(unet, None, None, schedule).eval()
            import transformers

            unet = diffusers.UNet2DConditionModel.from_pretrained(str(folder / "unet"), **how)
            vae = diffusers.AutoencoderKL.from_pretrained(str(folder / "vae"), **how)
            text = transformers.CLIPTextModel.from_pretrained(
                str(folder / "text_encoder"), use_safetensors=True, local_files_only=True, dtype=torch.float32
            )
            return Diffusion(unet, vae, text, schedule).eval()
        except _FAULTS as e:
            raise OptionError(
                f"`{folder.name}` cannot be read as a diffusion model ({type(e).__name__}). Expected a folder as diffusers' `save_pretrained` "
                "writes it: model_index.json, unet, scheduler, and for texts vae, text_encoder and tokenizer, with safetensors.",
                f"无法将 `{folder.name}` 作为扩散模型读取（{type(e).__name__}）。应为 diffusers 的 `save_pretrained` 写出的文件夹："
                "model_index.json、unet、scheduler，读文本的还需 vae、text_encoder 与 tokenizer，权重为 safetensors。",
            ) from e


def told_of(model: Diffusion) -> dict[str, Any]:
    """Return the JSON values from which `built` makes a model of the same shape."""
    parts: dict[str, Any] = {"unet": model.unet, "vae": model.vae, "text": model.text}
    told = {n: dict(p.config.to_dict() if n == "text" else p.config) for n, p in parts.items() if p is not None}
    told["schedule"] = model.schedule
    plain = {n: {k: v for k, v in part.items() if k != "_name_or_path"} for n, part in told.items()}
    out: dict[str, Any] = json.loads(json.dumps(plain, default=list))
    return out


def built(told: Mapping[str, Any]) -> Diffusion:
    """Return a model of the shape that `told_of` told, before it has its weights. Raises MissingExtra, BundleError."""
    with _quietly() as diffusers:
        try:
            if "vae" not in told:
                return Diffusion(diffusers.UNet2DModel.from_config(told["unet"]), None, None, told["schedule"]).eval()
            import transformers

            text = transformers.CLIPTextModel(transformers.CLIPTextConfig.from_dict(told["text"]))
            unet = diffusers.UNet2DConditionModel.from_config(told["unet"])
            return Diffusion(unet, diffusers.AutoencoderKL.from_config(told["vae"]), text, told["schedule"]).eval()
        except _FAULTS as e:
            raise BundleError(
                f"The diffusion model cannot be built ({type(e).__name__}); is diffusers of another version?",
                f"无法构建扩散模型（{type(e).__name__}）；diffusers 的版本是否不同？",
            ) from e


def adapted(model: Diffusion, rank: int) -> None:
    """Put low-rank adapters beside the attention of the U-Net, its convolutions where it has none, and keep all else still
    (Hu et al. 2021, arXiv 2106.09685)."""
    from peft import LoraConfig, inject_adapter_in_model

    model.requires_grad_(False)
    names = [n for n, m in model.unet.named_modules() if isinstance(m, nn.Linear) and n.endswith(_ATTENTION)]
    if not names:
        names = [
            n for n, m in model.unet.named_modules() if isinstance(m, nn.Conv2d) and n.endswith(("conv1", "conv2"))
        ]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=names), model.unet)


def adapter_of(model: Diffusion) -> dict[str, Tensor]:
    """Return the adapters on the CPU, of each layer [rank, in] and [out, rank], by the names that diffusers' `load_lora_weights` knows."""
    from peft import get_peft_model_state_dict

    found = get_peft_model_state_dict(model.unet)
    return {f"unet.{k}": v.detach().cpu().contiguous() for k, v in found.items()}


@contextmanager
def _quietly() -> Iterator[Any]:
    """Give diffusers without what it and transformers say meanwhile. Raises MissingExtra where one of them is not installed."""
    try:
        import diffusers
        import transformers
    except ImportError as e:
        raise MissingExtra("diffusion", "Using a diffusion model from a folder", "使用文件夹中的扩散模型") from e
    with errors_alone("diffusers"), quiet_transformers(transformers):
        yield diffusers
