"""The front ends of published audio encoders, in numpy: what their makers' own feature extractors compute.

Legend: T samples, S frames, M mel bands.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from modelwright.features.shared.mel import from_mel, to_mel

_KALDI_FLOOR = 1.192092955078125e-07  # the smallest step of a 32-bit float, Kaldi's floor of energies
_EMPHASIS = 0.97
_WINDOW, _HOP, _KALDI_FFT = 400, 160, 512  # samples at 16 kHz


@cache
def _whisper_filters(rate: int, window: int, bands: int) -> np.ndarray:
    """Return Slaney's triangular filters of area one [window / 2 + 1, M], from 0 Hz to half the rate."""
    bins = np.linspace(0, rate // 2, window // 2 + 1)
    edges = from_mel(np.linspace(to_mel(np.array(0.0)), to_mel(np.array(rate / 2)), bands + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (bins[:, None] - low) / (middle - low), (high - bins[:, None]) / (high - middle)
    found: np.ndarray = np.maximum(0, np.minimum(up, down)) * (2 / (high - low))
    return found


def whisper(samples: np.ndarray, rate: int, frames: int, bands: int, window: int, hop: int) -> np.ndarray:
    """Return Whisper's log-mel spectrogram, float32 [S, M] (Radford et al., arXiv 2212.04356).

    The sound is filled up with silence, or cut, to S frames; values lie within 2 below the loudest.
    """
    whole = np.zeros(frames * hop, np.float64)
    whole[: min(len(samples), len(whole))] = samples[: len(whole)]
    padded = np.pad(whole, window // 2, mode="reflect")
    cut = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:frames]
    taper = np.hanning(window + 1)[:-1]
    power = np.abs(np.fft.rfft(cut * taper)) ** 2
    mel = np.log10(np.maximum(power @ _whisper_filters(rate, window, bands), 1e-10))
    out: np.ndarray = (np.maximum(mel, mel.max() - 8) + 4) / 4
    return out.astype(np.float32)


@cache
def _kaldi_filters(rate: int, bands: int) -> np.ndarray:
    """Return Kaldi's filters [FFT / 2 + 1, M]: triangles on its own mel scale, from 20 Hz to half the rate."""

    def mel(hertz: np.ndarray) -> np.ndarray:
        found: np.ndarray = 1127 * np.log(1 + hertz / 700)
        return found

    bins = mel(np.arange(_KALDI_FFT // 2 + 1) * rate / _KALDI_FFT)
    edges = np.linspace(mel(np.array(20.0)), mel(np.array(rate / 2)), bands + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    up, down = (bins[:, None] - low) / (middle - low), (high - bins[:, None]) / (high - middle)
    return np.maximum(0, np.minimum(up, down))


def kaldi(samples: np.ndarray, rate: int, frames: int, bands: int, mean: float, std: float) -> np.ndarray:
    """Return Kaldi's log-mel filter bank as the Audio Spectrogram Transformer reads it, float32 [S, M] (arXiv 2104.01778).

    Frames beyond the sound are 0 before all are shifted by `mean` and divided by twice `std`.
    """
    out = np.zeros((frames, bands), np.float64)
    if len(samples) < _WINDOW:
        samples = np.pad(samples, (0, _WINDOW - len(samples)))
    cut = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP][:frames].astype(np.float64)
    cut = cut - cut.mean(axis=1, keepdims=True)
    before = np.concatenate([cut[:, :1], cut[:, :-1]], axis=1)
    power = np.abs(np.fft.rfft((cut - _EMPHASIS * before) * np.hanning(_WINDOW), _KALDI_FFT)) ** 2
    out[: len(cut)] = np.log(np.maximum(power @ _kaldi_filters(rate, bands), _KALDI_FLOOR))
    return ((out - mean) / (2 * std)).astype(np.float32)
