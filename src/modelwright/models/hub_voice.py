"""A pretrained VITS voice, built by transformers from a config and filled from safetensors. Legend: L tokens, T samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from modelwright.core.errors import BundleError, MissingExtra, OptionError
from modelwright.models.pretrained import _quiet


def load_vits(config: Mapping[str, Any], folder: Any) -> Any:
    """Return the voice of a config: with the weights of `folder`, or only built where that is None.

    Raises OptionError where weights cannot be read, BundleError where transformers cannot build the config.
    """
    try:
        import transformers
    except ImportError as e:
        raise MissingExtra("pretrained", "Using pretrained models", "使用预训练模型") from e
    with _quiet(transformers):
        try:
            if folder is not None:
                made = transformers.VitsModel.from_pretrained(
                    str(folder), use_safetensors=True, local_files_only=True, dtype=torch.float32
                )
            else:
                made = transformers.VitsModel(transformers.VitsConfig(**dict(config)))
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as e:
            if folder is not None:
                raise OptionError(
                    f"The weights of `{folder}` cannot be read ({type(e).__name__}). Expected the safetensors files of a whole model.",
                    f"无法读取 `{folder}` 的权重（{type(e).__name__}）。应为完整模型的 safetensors 文件。",
                ) from e
            raise BundleError(
                f"A VITS voice cannot be built ({type(e).__name__}); is transformers of another version?",
                f"无法构建 VITS 声音（{type(e).__name__}）；transformers 的版本是否不同？",
            ) from e
    return made.eval()


def said(network: Any, tokens: Sequence[int], speaker: int, rate: float) -> np.ndarray:
    """Return samples float32 [T] of tokens [L] by a speaker, `rate` times as fast; the same tokens always sound the same."""
    config = network.config
    several = int(getattr(config, "num_speakers", 1)) > 1
    usual = float(config.speaking_rate)
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the voice draws its melody by chance
        out = network(
            input_ids=torch.tensor([list(tokens)], device=network.device), speaker_id=speaker if several else None,
            speaking_rate=usual * rate,
        )  # fmt: skip
    found: np.ndarray = out.waveform[0].float().cpu().numpy()
    return found
