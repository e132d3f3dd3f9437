"""MiniRocket (Dempster, Schmidt & Webb, arXiv 2012.08791): convolutions with fixed kernels, and how often they exceed a bias.

84 kernels of length 9 (six weights of -1, three of 2) at several dilations; a feature is the share of moments at which
a convolution lies above a bias taken from the training series. Of several channels every kernel sums a random few.

Legend: N rows, C channels, T time, K = 84 kernels, F features, D dilations.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np

from modelwright.core.device import cores
from modelwright.features.base import Stored

TAPS = np.array(list(combinations(range(9), 3)), np.int64)  # [K, 3], where a kernel's weights are 2
KERNELS = len(TAPS)
LEAST_TIME = 9
_MOST_DILATIONS = 32
_BLOCK = 400_000  # values of one block of convolutions, so that it stays in the cache
_GOLDEN = (np.sqrt(5) + 1) / 2


@dataclass
class MiniRocket(Stored):
    """The kernels of one column: `dilations` [D], `counts` [D] of biases a kernel has, `biases` [F] in the order
    dilation, kernel, bias; `subsets` [D, K, M] the channels a kernel sums, C standing for none."""

    length: int
    dilations: np.ndarray
    counts: np.ndarray
    subsets: np.ndarray
    biases: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, features: int, seed: int) -> MiniRocket:
        """Choose dilations, channels and biases from training series [N, C, T]; about `features` in number."""
        _, channels, length = x.shape
        rng = np.random.default_rng([seed, 17])
        dilations, counts = _dilations(length, max(1, features // KERNELS))
        subsets = _subsets(len(dilations), channels, rng)
        out = cls(length, dilations, counts, subsets, np.zeros(int(counts.sum()) * KERNELS, np.float32))
        quantiles = (np.arange(1, len(out.biases) + 1) * _GOLDEN) % 1.0
        at = 0
        for d, count in enumerate(counts):
            rows = x[rng.integers(0, len(x), KERNELS)]
            found = _convolved(out._summed(rows, d, own=True), int(dilations[d]), length)[:, 0]
            part = quantiles[at : at + KERNELS * count].reshape(KERNELS, count)
            margin = 4 * int(dilations[d])
            for k in range(KERNELS):
                seen = found[k] if (d + k) % 2 == 0 else found[k, margin : length - margin]
                out.biases[at + k * count : at + (k + 1) * count] = np.quantile(seen, part[k])
            at += KERNELS * count
        return out

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return the features float32 [N, F] of series [N, C, T], T being that of the training; in threads."""
        out = np.empty((len(x), len(self.biases)), np.float32)
        size = max(1, _BLOCK // (KERNELS * self.length))

        def work(start: int) -> None:
            out[start : start + size] = self._block(x[start : start + size])

        starts = range(0, len(x), size)
        if len(starts) < 4:
            for start in starts:
                work(start)
        else:
            with ThreadPoolExecutor(max(1, cores())) as pool:
                list(pool.map(work, starts))
        return out

    def _block(self, x: np.ndarray) -> np.ndarray:
        parts, at = [], 0
        for d, count in enumerate(self.counts):
            biases = self.biases[at : at + KERNELS * count].reshape(KERNELS, count)
            at += KERNELS * count
            found = _convolved(self._summed(x, d), int(self.dilations[d]), self.length)
            share = np.empty((len(x), KERNELS, count), np.float32)
            margin = 4 * int(self.dilations[d])
            # every second kernel sees the series padded with zeros, the others only what lies whole inside it
            for kernels, seen in (
                (slice(d % 2, None, 2), found[d % 2 :: 2]),
                (slice(1 - d % 2, None, 2), found[1 - d % 2 :: 2, :, margin : self.length - margin]),
            ):
                own = biases[kernels]
                for b in range(count):
                    above = np.packbits(seen > own[:, b, None, None], axis=2)
                    ones = np.bitwise_count(above).sum(axis=2, dtype=np.int32)
                    share[:, kernels, b] = (ones / np.float32(seen.shape[2])).T
            parts.append(share.reshape(len(x), -1))
        return np.concatenate(parts, axis=1)

    def _summed(self, x: np.ndarray, d: int, own: bool = False) -> np.ndarray:
        """Return what each kernel convolves, padded: [K, N, T + 8 dilation], [1, N, ...] where all share one channel.

        With `own` every kernel has a row to itself: x [K, C, T] gives [K, 1, ...].
        """
        margin = 4 * int(self.dilations[d])
        subset = self.subsets[d]
        if x.shape[1] == 1:
            found = x if own else x.transpose(1, 0, 2)
        else:
            wide = np.concatenate([x, np.zeros((len(x), 1, x.shape[2]), np.float32)], axis=1)
            # added one by one, in the same order for one row as for many
            picked = [
                wide[np.arange(KERNELS), subset[:, m]][:, None] if own else wide[:, subset[:, m]].transpose(1, 0, 2)
                for m in range(subset.shape[1])
            ]
            found = picked[0]
            for other in picked[1:]:
                found = found + other
        return np.pad(found, ((0, 0), (0, 0), (margin, margin)))

    def state(self) -> dict[str, Any]:
        return {"length": self.length}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"dilations": self.dilations, "counts": self.counts, "subsets": self.subsets, "biases": self.biases}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(int(state["length"]), arrays["dilations"], arrays["counts"], arrays["subsets"], arrays["biases"])


def _convolved(padded: np.ndarray, dilation: int, length: int) -> np.ndarray:
    """Return the convolutions [K, N, T] of padded series [K or 1, N, T + 8 dilation]."""
    groups, rows, _ = padded.shape
    a, b, c = padded.strides
    taps = np.lib.stride_tricks.as_strided(padded, (groups, rows, 9, length), (a, b, c * dilation, c), writeable=False)
    sums = taps[:, :, 0] + taps[:, :, 1]
    for tap in range(2, 9):
        sums += taps[:, :, tap]
    group = np.arange(KERNELS) if groups > 1 else np.zeros(KERNELS, np.int64)
    out = taps[group, :, TAPS[:, 0]] + taps[group, :, TAPS[:, 1]]
    out += taps[group, :, TAPS[:, 2]]
    out *= 3
    out -= sums
    return out


def _dilations(length: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Return dilations [D], exponentially spread up to the series' length, and the biases of a kernel at each [D]."""
    most = min(each, _MOST_DILATIONS)
    top = np.log2(max(length - 1, 8) / 8)
    found, times = np.unique(np.logspace(0, top, most, base=2).astype(np.int32), return_counts=True)
    counts = (times * (each / most)).astype(np.int32)
    for i in range(each - int(counts.sum())):
        counts[i % len(counts)] += 1
    return found, counts


def _subsets(dilations: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Return the channels that each kernel sums [D, K, M]: 1 to 9 of them, few more often than many."""
    most = min(channels, 9)
    out = np.full((dilations, KERNELS, most), channels, np.int32)
    sizes = (2 ** rng.uniform(0, np.log2(most + 1), (dilations, KERNELS))).astype(np.int64)
    for d in range(dilations):
        for k in range(KERNELS):
            size = min(int(sizes[d, k]), most)
            out[d, k, :size] = np.sort(rng.choice(channels, size, replace=False))
    return out
