"""Sound columns: log-mel spectrograms for networks; their statistics over time for linear models and trees.

Legend: N rows, S frames of 10 ms, M mel bands, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from modelwright.core.device import cores
from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.data.kinds.audio import decode, facts
from modelwright.data.kinds.base import Unreadable
from modelwright.features._decoded_cache import Kept
from modelwright.features._figures import standardised
from modelwright.features._hub_av import HubSound
from modelwright.features.base import Codec, Ragged
from modelwright.features.shared.mel import HOP, cepstra, deltas, log_mel

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

RATES = (8000, 16000)
_LOOK = 400  # recordings of which the header is looked at to choose rate and length
_LONGEST, _SHORTEST = 30.0, 0.5  # seconds
_BANDS, _COARSE, _CEPSTRA, _PARTS = 64, 32, 20, 4
_kept = Kept()


def look(values: pa.Array, seed: int, options: Mapping[str, Any]) -> tuple[int, float]:
    """Return samples a second and the seconds to read that suit the recordings.

    8 kHz where half of them have no more, else 16 kHz; the 99th percentile of their lengths, at most 30 s. `rate`,
    `seconds` in the column's options override them.
    """
    known = values.drop_null()
    index = np.sort(np.random.default_rng(seed).permutation(len(known))[:_LOOK])
    rates, lengths = [], []
    for cell in known.take(pa.array(index, pa.int64())).to_pylist():
        try:
            rate, seconds = facts(cell)
        except Unreadable:
            continue
        rates.append(rate)
        lengths.append(seconds)
    rate = RATES[0] if rates and np.median(rates) < 12_000 else RATES[1]
    longest = float(np.clip(np.percentile(lengths, 99), _SHORTEST, _LONGEST)) if lengths else 5.0
    return int(options.get("rate", rate)), float(options.get("seconds", np.ceil(10 * longest) / 10))


def spectrograms(values: pa.Array, rate: int, seconds: float, bands: int) -> list[np.ndarray | None]:
    """Return for every row its log energies float32 [S, M], or None where missing; decoded in threads."""

    def one(cell: Mapping[str, Any] | None) -> np.ndarray | None:
        if cell is None:
            return None
        try:
            return _kept.get(cell, (rate, seconds, bands), lambda: log_mel(decode(cell, rate, seconds), rate, bands))
        except Unreadable:  # its file has changed since it was checked
            return None

    cells = values.to_pylist()
    if len(cells) <= 8 or cores() == 1:
        return [one(c) for c in cells]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(one, cells))


class AudioTensor(Codec):
    """Sound for networks: {"mel": Ragged float32 [S, M], "missing": float32 [N]}.

    Values are those of `log_mel`; a missing recording is one frame of zeros. `mean` and `std` [M] are those of the
    training frames. `rate`, `seconds` and `bands` in the column's options override what suits the recordings.
    """

    view = "tensor"

    def __init__(self, rate: int, seconds: float, mean: np.ndarray, std: np.ndarray) -> None:
        self.rate, self.seconds, self.mean, self.std = rate, seconds, mean, std

    @property
    def bands(self) -> int:
        """M."""
        return len(self.mean)

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        rate, seconds = look(values, seed, column.options)
        bands = int(column.options.get("bands", _BANDS))
        known = values.drop_null()
        index = np.sort(np.random.default_rng(seed).permutation(len(known))[:512])
        found = [
            s for s in spectrograms(known.take(pa.array(index, pa.int64())), rate, seconds, bands) if s is not None
        ]
        some = np.concatenate(found) if found else np.ones((1, bands), np.float32)
        return cls(rate, seconds, some.mean(0).astype(np.float32), np.maximum(some.std(0), 0.1).astype(np.float32))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """Rate and length as `fit` finds them; usual energies, whose scale is the same for all recordings."""
        rate, seconds = look(values, seed, column.options)
        bands = int(column.options.get("bands", _BANDS))
        return cls(rate, seconds, np.full(bands, 7.0, np.float32), np.full(bands, 3.0, np.float32))

    def encode(self, values: pa.Array) -> dict[str, Any]:
        found = spectrograms(values, self.rate, self.seconds, self.bands)
        missing = np.array([s is None for s in found], np.float32)
        nothing = np.zeros((1, self.bands), np.float32)
        rows = [nothing if s is None else s for s in found]
        offsets = np.cumsum([0] + [len(r) for r in rows])
        return {"mel": Ragged(np.concatenate(rows) if rows else nothing[:0], offsets), "missing": missing}

    def state(self) -> dict[str, Any]:
        return {"rate": self.rate, "seconds": self.seconds}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(int(state["rate"]), float(state["seconds"]), arrays["mean"], arrays["std"])


def summary(mel: np.ndarray) -> np.ndarray:
    """Return what a linear model can use of log energies [S, M], float32 [D].

    Over time: mean, deviation and the 10 % and 90 % quantiles of neighbouring bands taken together; mean and deviation
    of the cepstra and of their slopes; the mean cepstra of four equal parts, which tell the order of things; length and
    loudness.
    """
    coarse = mel.reshape(len(mel), _COARSE, -1).mean(axis=2)
    low, high = np.quantile(coarse, [0.1, 0.9], axis=0)
    tone = cepstra(mel, _CEPSTRA)
    slope = deltas(tone)
    starts = np.minimum(np.arange(_PARTS) * len(tone) // _PARTS, len(tone) - 1)
    counts = np.diff([*starts, len(tone)])
    # of fewer frames than parts some parts are empty: they show the frame they begin at
    parts = [tone[a : a + max(1, n)].mean(axis=0) for a, n in zip(starts, counts, strict=True)]
    loud = mel.mean(axis=1)
    plain = [np.log(len(mel) * HOP), loud.max(), loud.min(), loud.std(), loud.argmax() / len(loud)]
    return np.concatenate(
        [coarse.mean(0), coarse.std(0), low, high, tone.mean(0), tone.std(0), slope.std(0), *parts, plain]
    ).astype(np.float32)


WIDTH = 4 * _COARSE + (3 + _PARTS) * _CEPSTRA + 5


def summaries(values: pa.Array, rate: int, seconds: float) -> np.ndarray:
    """Return `summary` of every row, float32 [N, D]; NaN where missing."""
    nothing = np.full(WIDTH, np.nan, np.float32)
    found = spectrograms(values, rate, seconds, _BANDS)
    return np.array([nothing if s is None else summary(s) for s in found], np.float32).reshape(len(values), WIDTH)


class AudioDense(Codec):
    """Sound for trees: `summary`, float32 [N, D]; learnt are rate and length alone."""

    view = "dense"
    width = WIDTH
    categorical: ClassVar[tuple[bool, ...]] = (False,) * WIDTH

    def __init__(self, rate: int, seconds: float) -> None:
        self.rate, self.seconds = rate, seconds

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls(*look(values, seed, column.options))

    def encode(self, values: pa.Array) -> np.ndarray:
        return summaries(values, self.rate, self.seconds)

    def state(self) -> dict[str, Any]:
        return {"rate": self.rate, "seconds": self.seconds}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(int(state["rate"]), float(state["seconds"]))


class AudioSparse(Codec):
    """Sound for linear models: `summary`, standardised, and a mark for missing; CSR float32 [N, D + 1]."""

    view = "sparse"

    def __init__(self, rate: int, seconds: float, mean: np.ndarray, std: np.ndarray) -> None:
        self.rate, self.seconds, self.mean, self.std = rate, seconds, mean, std

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        rate, seconds = look(values, seed, column.options)
        found = summaries(values.drop_null(), rate, seconds)
        found = found[~np.isnan(found).any(axis=1)]
        if not len(found):
            found = np.zeros((1, WIDTH), np.float32)
        return cls(rate, seconds, found.mean(0), np.maximum(found.std(0), 1e-3))

    def encode(self, values: pa.Array) -> csr_matrix:
        return standardised(summaries(values, self.rate, self.seconds), self.mean, self.std)

    def state(self) -> dict[str, Any]:
        return {"rate": self.rate, "seconds": self.seconds}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(int(state["rate"]), float(state["seconds"]), arrays["mean"], arrays["std"])


VIEWS = {"sparse": AudioSparse, "dense": AudioDense, "tensor": AudioTensor, "hub": HubSound}
