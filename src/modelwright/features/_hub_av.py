"""Sound and clips as pretrained encoders read them: rate, spectrogram, frames and size of their makers.

Legend: N rows, T samples, S frames of a spectrogram, M mel bands, F frames of a clip, P side in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.device import cores
from modelwright.core.pretrained import Found, find
from modelwright.core.schema import Column
from modelwright.data.kinds.audio import decode as decode_sound
from modelwright.data.kinds.audio import facts
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.video import decode as decode_clip
from modelwright.features import _hub_sound
from modelwright.features._decoded import decoded
from modelwright.features.base import Ragged
from modelwright.features.shared.hub import HubCodec, HubPixels, size_of

STRIDE = 320  # samples to a row of a wave: one frame of wav2vec 2.0 and its kin, 20 ms
_LONGEST = 30.0  # seconds
_LEAST = 5  # rows of a wave, 100 ms: shorter sounds are filled up with silence
_LOOK = 400  # recordings of which the header is looked at
_FRAMES = 8  # of a clip, for an encoder of pictures


class HubSound(HubCodec):
    """Sound for an encoder: its wave, or its spectrogram; `form` says which (`wave`, `whisper`, `kaldi`).

    A wave is {"wave": Ragged int16 [S, 320], "samples": int64 [N], "missing": float32 [N]}, a spectrogram
    {"mel": float32 [N, S, M, 1], "missing"}. The length is what holds 99 % of the training rows, in whole seconds, and
    no more than 30 or the column's option `seconds` or than the encoder's positions hold.
    """

    def __init__(
        self, config: dict[str, Any], origin: dict[str, str], sound: Mapping[str, Any], folder: Path | None = None
    ) -> None:
        super().__init__(config, origin, folder)
        self.sound = dict(sound)
        self.form, self.rate, self.seconds = str(sound["form"]), int(sound["rate"]), float(sound["seconds"])
        self.frames, self.bands = int(sound.get("frames", 0)), int(sound.get("bands", 0))

    @property
    def tokens(self) -> int:
        return {"wave": 0, "whisper": self.frames // 2, "kaldi": self.frames * self.bands // 100}[self.form]

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        found = find(str(column.options["pretrained"]))
        asked = column.options.get("seconds")
        seconds = float(asked) if asked else _usual_seconds(values, seed)
        return cls(found.config, found.origin(), _front_end(found, seconds), found.folder)

    def encode(self, values: pa.Array) -> dict[str, Any]:
        missing = np.asarray(values.is_null()).astype(np.float32)
        if self.form != "wave":
            shape = (self.frames, self.bands, 1)
            return {"mel": decoded(values, self._spectrogram, shape, np.float32), "missing": missing}
        cells = values.to_pylist()
        if len(cells) <= 8 or cores() == 1:
            waves = [self._wave(c) for c in cells]
        else:
            with ThreadPoolExecutor(cores()) as pool:
                waves = list(pool.map(self._wave, cells))
        rows = [np.pad(w, (0, _frames_of(len(w)) * STRIDE - len(w))).reshape(-1, STRIDE) for w in waves]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        flat = np.concatenate(rows) if rows else np.zeros((0, STRIDE), np.int16)
        counts = np.array([max(len(w), _LEAST * STRIDE) for w in waves], np.int64)
        return {"wave": Ragged(flat, offsets), "samples": counts, "missing": missing}

    def _decoded(self, cell: Mapping[str, Any] | None) -> np.ndarray:
        try:
            return np.zeros(1, np.float32) if cell is None else decode_sound(cell, self.rate, self.seconds)
        except Unreadable:  # its file has changed since it was checked
            return np.zeros(1, np.float32)

    def _wave(self, cell: Mapping[str, Any] | None) -> np.ndarray:
        return (np.clip(self._decoded(cell), -1, 1) * 32767).round().astype(np.int16)

    def _spectrogram(self, cell: Mapping[str, Any]) -> np.ndarray:
        samples, s = self._decoded(cell), self.sound
        if self.form == "whisper":
            mel = _hub_sound.whisper(samples, self.rate, self.frames, self.bands, int(s["window"]), int(s["hop"]))
        else:
            mel = _hub_sound.kaldi(samples, self.rate, self.frames, self.bands, float(s["mean"]), float(s["std"]))
        return mel[:, :, None]

    def state(self) -> dict[str, Any]:
        return {**super().state(), "sound": self.sound}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(state["config"], state["origin"], state["sound"])


def _frames_of(samples: int) -> int:
    return max(_LEAST, -(-samples // STRIDE))


def _usual_seconds(values: pa.Array, seed: int) -> float:
    """Return what holds 99 % of some recordings, in whole seconds from 1 to 30."""
    known = values.drop_null()
    index = np.sort(np.random.default_rng(seed).permutation(len(known))[:_LOOK])
    lengths = []
    for cell in known.take(pa.array(index, pa.int64())).to_pylist():
        try:
            lengths.append(facts(cell)[1])
        except Unreadable:
            continue
    return float(np.clip(np.ceil(np.percentile(lengths, 99)), 1, _LONGEST)) if lengths else 5.0


def _front_end(found: Found, seconds: float) -> dict[str, Any]:
    """Return how an encoder wants its sound, from preprocessor_config.json, else from the architecture."""
    told, config = found.told(), found.config
    rate = int(told.get("sampling_rate", 16_000))
    out: dict[str, Any] = {"form": "wave", "rate": rate, "seconds": seconds}
    if config["model_type"] == "whisper":
        hop, window = int(told.get("hop_length", 160)), int(told.get("n_fft", 400))
        most = 2 * int(config.get("max_source_positions", 1500))
        frames = max(2, min(most, 2 * int(seconds * rate / hop / 2)))
        bands = int(told.get("feature_size", config.get("num_mel_bins", 80)))
        return out | {"form": "whisper", "frames": frames, "bands": bands, "hop": hop, "window": window}
    if config["model_type"] == "audio-spectrogram-transformer":
        most, patch = int(config.get("max_length", 1024)), int(config.get("patch_size", 16))
        frames = max(patch, min(most, int(seconds * 100)))
        plain = not told.get("do_normalize", True)
        mean, std = (0.0, 0.5) if plain else (told.get("mean", -4.2677393), told.get("std", 4.5689974))
        bands = int(config.get("num_mel_bins", 128))
        return out | {"form": "kaldi", "frames": frames, "bands": bands, "mean": float(mean), "std": float(std)}
    return out | {"normalise": bool(told.get("do_normalize", True))}


class HubFrames(HubPixels):
    """Frames of clips at an encoder's own size: {"frames": uint8 [N, F, P, P, 3], "missing": float32 [N]}.

    Frames are spread evenly over the clip: as many as an encoder of clips was trained on, 8 for one of pictures, or
    the column's option `frames`.
    """

    def __init__(
        self, config: dict[str, Any], origin: dict[str, str], size: Mapping[str, Any], folder: Path | None = None
    ) -> None:
        super().__init__(config, origin, size, folder)
        self.count = int(size["frames"])

    @property
    def tokens(self) -> int:
        return self.count * super().tokens

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        found = find(str(column.options["pretrained"]))
        count = int(found.config.get("num_frames", 16 if found.config["model_type"] == "videomae" else 8))
        if found.modality == "image":
            count = int(column.options.get("frames", _FRAMES))
        return cls(found.config, found.origin(), {**size_of(found), "frames": count}, found.folder)

    def encode(self, values: pa.Array) -> dict[str, Any]:
        missing = np.asarray(values.is_null()).astype(np.float32)
        return {
            "frames": decoded(values, self._clip_of, (self.count, self.side, self.side, 3), np.uint8),
            "missing": missing,
        }

    def _clip_of(self, cell: Mapping[str, Any]) -> np.ndarray:
        try:
            return decode_clip(cell, self.count, self.side, self.edge)
        except Unreadable:  # its file has changed since it was checked
            return np.zeros((self.count, self.side, self.side, 3), np.uint8)

    def size(self) -> dict[str, Any]:
        return {**super().size(), "frames": self.count}
