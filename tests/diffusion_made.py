"""Tiny diffusion models with random weights, as diffusers' own classes write them: for tests, never fetched from anywhere."""

import json
from pathlib import Path

import torch


def tiny_diffusion(folder: Path, kind: str = "ddpm") -> str:
    """Write a latent diffusion model for pictures of 32 pixels that reads texts, and return its path: `ddpm` says the noise, `flow` the
    direction of a straight path; `pixels` is one over pixels that reads nothing."""
    import diffusers
    import transformers

    torch.manual_seed(0)
    if kind == "pixels":
        unet = diffusers.UNet2DModel(
            sample_size=16, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
        )  # fmt: skip
        parts, name = {"unet": unet}, "DDPMPipeline"
    else:
        unet = diffusers.UNet2DConditionModel(
            sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=16, attention_head_dim=4,
        )  # fmt: skip
        vae = diffusers.AutoencoderKL(
            block_out_channels=(8, 16), layers_per_block=1, latent_channels=4, norm_num_groups=4, sample_size=32,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        )  # fmt: skip
        text = transformers.CLIPTextModel(transformers.CLIPTextConfig(
            vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=16,
            bos_token_id=0, eos_token_id=1, pad_token_id=1,
        ))  # fmt: skip
        parts, name = {"unet": unet, "vae": vae, "text_encoder": text}, "StableDiffusionPipeline"
        _tokenizer(folder / "tokenizer")
    for part, model in parts.items():
        model.save_pretrained(folder / part, safe_serialization=True)
    schedule = diffusers.FlowMatchEulerDiscreteScheduler() if kind == "flow" else diffusers.DDPMScheduler()
    schedule.save_pretrained(folder / "scheduler")
    index = {"_class_name": name, **{p: ["diffusers", ""] for p in (*parts, "scheduler")}}
    (folder / "model_index.json").write_text(json.dumps(index))
    return str(folder)


def _tokenizer(folder: Path) -> None:
    """Write a tokenizer that knows letters and few words, as CLIP's."""
    import transformers

    letters = [chr(c) for c in range(97, 123)] + ["-", "0", "1"]
    words = [
        "<|startoftext|>",
        "<|endoftext|>",
        *letters,
        *(f"{c}</w>" for c in letters),
        "li",
        "lie",
        "lies</w>",
        "sta",
    ]
    vocabulary = {w: i for i, w in enumerate(words)}
    made = transformers.CLIPTokenizer(
        vocab=vocabulary, merges=["l i", "li e", "lie s</w>", "s t", "st a"][:0], model_max_length=16
    )
    made.save_pretrained(folder)
