"""Pretrained voices, built by transformers from a config and filled from safetensors. Legend: L tokens, S frames, D numbers of a speaker, T samples."""

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


def load_speech_t5(config: Mapping[str, Any], folder: Any) -> Any:
    """Return the network that makes spectra of a text (Ao et al., arXiv 2110.07205), as `load_vits` does a voice. Raises as it does."""
    made = hub_model(
        folder,
        Words("A SpeechT5 voice", " SpeechT5 声音"),
        lambda transformers: transformers.SpeechT5ForTextToSpeech,
        lambda transformers: transformers.SpeechT5ForTextToSpeech(transformers.SpeechT5Config(**dict(config))),
        whole=True,
    )
    return made.eval()


def load_vocoder(config: Mapping[str, Any], folder: Any) -> Any:
    """Return the HiFi-GAN that makes sound of spectra (Kong et al., arXiv 2010.05646), as `load_vits` does a voice. Raises as it does."""
    made = hub_model(
        folder,
        Words("A HiFi-GAN vocoder", " HiFi-GAN 声码器"),
        lambda transformers: transformers.SpeechT5HifiGan,
        lambda transformers: transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(**dict(config))),
        whole=True,
    )
    return made.eval()


def spoken(network: Any, vocoder: Any, tokens: Sequence[int], speaker: np.ndarray, rate: float) -> np.ndarray:
    """Return samples float32 [T] of tokens [L] with the voice of a vector [D], `rate` times as fast; the same always sounds the same.

    Frames are laid closer or wider between the network and its vocoder, so that the pitch stays.
    """
    config = network.config
    device = next(network.parameters()).device
    steps = int(config.max_speech_positions) - 1  # the network knows no later place
    most = min(20.0, steps * int(config.reduction_factor) / len(tokens))
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # some of the network's units are left out by chance, always
        spectra = network.generate_speech(
            torch.tensor([list(tokens)], device=device), torch.from_numpy(speaker[None]).to(device), maxlenratio=most
        )
        count = max(1, round(len(spectra) / rate))
        if count != len(spectra):
            spectra = torch.nn.functional.interpolate(
                spectra.T[None], size=count, mode="linear", align_corners=count > 1 and len(spectra) > 1
            )[0].T
        out = vocoder(spectra)
    found: np.ndarray = out.float().cpu().numpy()
    return found
