"""A pretrained VITS voice, built by transformers from a config and filled from safetensors. Legend: L tokens, T samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from modelwright.core.words import Words
from modelwright.models._hub import hub_model


def load_vits(config: Mapping[str, Any], folder: Any) -> Any:
    """Return the voice of a config: with the weights of `folder`, or only built where that is None.

    Raises OptionError where weights cannot be read, BundleError where transformers cannot build the config.
    """
    made = hub_model(
        folder,
        Words("A VITS voice", " VITS 声音"),
        lambda transformers: transformers.VitsModel,
        lambda transformers: transformers.VitsModel(transformers.VitsConfig(**dict(config))),
    )
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
