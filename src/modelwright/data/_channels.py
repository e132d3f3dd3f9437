"""Channels of a recording brought to one: averaged, but for those that are dead or cancel each other.

Legend: T samples, K channels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.data.kinds.base import Unreadable
from modelwright.data.sound_blocks import read_on

_SECONDS = 30.0  # heard of a recording, whatever is decoded of it, so that it is always brought to one in the same way
_BLOCK = 1 << 16
_DEAD = 1e-5  # of the power of the loudest channel (-50 dB)
_FAINT = 1e-2  # channels below it cannot take much away from the loudest
_AGAINST = -0.5  # correlation from which on two channels cancel
_NAMES = {"left": 1, "right": 2}


def checked(channel: str) -> str | int:
    """Return a channel as columns keep it: `mean`, `louder`, or its number from 1. Raises OptionError."""
    word = channel.strip().lower()
    if word in ("mean", "louder"):
        return word
    if word in _NAMES or re.fullmatch(r"[1-9]\d?", word):
        return _NAMES.get(word) or int(word)
    raise OptionError(
        f"There is no channel `{channel}`: expected a number from 1, left, right, mean or louder.",
        f"没有声道 `{channel}`：应为从 1 开始的编号，或 left、right、mean、louder。",
    )


def asked_weights(channel: str | int | None, count: int) -> np.ndarray | None:
    """Return the weights [K] of channels where nothing needs to be heard first, else None. Raises Unreadable."""
    if count == 1 and not isinstance(channel, int):
        return np.ones(1, np.float32)
    if channel == "mean":
        return np.full(count, 1 / count, np.float32)
    if not isinstance(channel, int):
        return None
    if channel > count:
        raise Unreadable(
            f"the recording has {count} channels; channel {channel} was asked for",
            f"录音只有 {count} 个声道，要求的是第 {channel} 个",
        )
    return _only(channel - 1, count)


@dataclass(frozen=True)
class Heard:
    """Powers [K] of the channels, their correlations [K, K], and what is wrong with them."""

    power: np.ndarray
    correlation: np.ndarray

    @property
    def live(self) -> np.ndarray:
        return self.power > _DEAD * self.power.max(initial=0.0)

    @property
    def dead(self) -> bool:
        """Whether some channels are silent, and others are not."""
        return bool(self.live.any() and not self.live.all())

    @property
    def cancel(self) -> bool:
        """Whether two strong channels would take each other away in an average."""
        strong = self.power > _FAINT * self.power.max(initial=0.0)
        return bool((self.correlation[np.ix_(strong, strong)] < _AGAINST).any())

    def weights(self, louder: bool) -> np.ndarray:
        """Return the weights [K] by which channels become one."""
        if not self.live.any():
            return np.full(len(self.power), 1 / len(self.power), np.float32)
        if louder or self.cancel:
            return _only(int(np.argmax(self.power)), len(self.power))
        return (self.live / self.live.sum()).astype(np.float32)


def heard(sound: Any) -> Heard:
    """Listen to the beginning of an open soundfile.SoundFile."""
    count, left = sound.channels, int(_SECONDS * sound.samplerate)
    total, sums, products = 0, np.zeros(count), np.zeros((count, count))
    while left > 0:
        found = read_on(sound, min(max(1, _BLOCK // count), left))
        if not len(found):
            break
        found = np.clip(np.nan_to_num(found), -4, 4).astype(np.float64)
        left, total = left - len(found), total + len(found)
        sums += found.sum(axis=0)
        products += found.T @ found
    mean = sums / max(1, total)
    covariance = products / max(1, total) - np.outer(mean, mean)
    power = np.maximum(np.diag(covariance), 0)
    scale = np.sqrt(np.outer(power, power))
    return Heard(power, np.where(scale > 0, covariance / np.where(scale > 0, scale, 1), 0))


def _only(channel: int, count: int) -> np.ndarray:
    weights = np.zeros(count, np.float32)
    weights[channel] = 1
    return weights
