"""A test that may be looked at after every row: false alarms are held over all looks together, however long it runs.

Under the null hypothesis the rows of the reference and those that came are exchangeable. Each row that comes gets a conformal
p-value: where its bin stands among the reference and all rows before it, ties broken at random. These p-values are then
independent and uniform (Vovk, Nouretdinov & Gammerman 2003, "Testing exchangeability on-line"), exactly, also where the
reference is small. Betting against uniformity multiplies a wealth that is expected to stay 1; by Ville's inequality it ever
exceeds 1 / a with a chance of at most a. The bets: the p-values' own histogram under Dirichlet priors, and a few slopes.

A bet that began long ago has lost too much to notice a late change, so a new one begins every `EVERY` rows. The wealths of all
beginnings are added with weights whose sum is 1, and the bets of a column's figures are averaged: both are wealths again.
Legend: N rows, F figures, B bins, K slopes, R beginnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import gammaln

from modelwright.evaluate.drift.figures import Figure

EVERY = 250  # rows after which another bet begins
_PRIORS = np.array([10.0, 60.0, 400.0])  # rows that the evenness of p-values is worth beforehand
_SLOPES = np.array([-1.8, -1.0, -0.4, 0.4, 1.0, 1.8])  # on p - 1/2: values have moved up or down
_SPREADS = np.array([-1.6, 1.6])  # on |2p - 1| - 1/2: values have moved apart, or together
_WEIGHT = 0.47  # of beginning j is this / ((j + 2) ln(j + 2)^2); the sum over all j is below 1
_RECENT = 4  # beginnings that are all kept; of older ones, one for each doubling of age
_CHUNK = 256


@dataclass
class Began:
    """A beginning: what had been counted until then. `number` counts beginnings, `rows` the rows before it."""

    number: int
    rows: int
    at: float  # seconds since 1970
    stream: np.ndarray  # [F, B]
    places: np.ndarray  # [F, B]
    slopes: np.ndarray  # [F, K]


@dataclass(frozen=True)
class Evidence:
    """How strongly a column speaks against the null hypothesis: natural logarithm of the wealth, and since when.

    `since` is the index of the beginning whose bet won most.
    """

    log_wealth: float
    since: int


class Watch:
    """The running test of figures, and what it must remember; it grows by rows, and nothing of it is a row."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        count, most = len(figures), max((f.bins for f in figures), default=1)
        self._reference = np.zeros((count, most), np.int64)
        self._width = np.array([f.bins for f in figures], np.int64)
        for i, f in enumerate(figures):
            self._reference[i, : f.bins] = f.counts
        real = np.arange(most) < self._width[:, None]
        smooth = np.where(real, self._reference + 0.5, 0.0)
        self._shares = smooth / smooth.sum(axis=1, keepdims=True)  # of the bins on the axis of p-values
        self._ends = np.cumsum(self._shares, axis=1)
        self._ends[np.arange(count), self._width - 1] = np.inf  # rounding must not lead beyond the last one
        with np.errstate(divide="ignore"):
            self._log_shares = np.where(real, np.log(self._shares), 0.0)
        priors = self._shares[None] * _PRIORS[:, None, None]
        self._priors = np.where(real, priors, 1.0)
        self._prior_terms = gammaln(self._priors).sum(axis=2)  # [3, F]
        self.rows = 0
        self.stream = np.zeros((count, most), np.int64)  # rows that came, by bin
        self.places = np.zeros((count, most), np.int64)  # p-values by bin of the reference
        self.slopes = np.zeros((count, len(_SLOPES) + len(_SPREADS)))
        self.number = 0  # beginnings so far
        self.began: list[Began] = []
        self._begin(0.0)

    # -- growing -----------------------------------------------------------------------------------------------------

    def add(self, codes: np.ndarray, rng: np.random.Generator, at: float = 0.0) -> None:
        """Take rows in the order in which they came: their bins [N, F], -1 where a figure has no value; at seconds since 1970."""
        start = 0
        if not self.rows:
            self.began[0].at = at
        while start < len(codes):
            room = EVERY - (self.rows - self.began[-1].rows)
            if room <= 0:
                self._begin(at)
                continue
            part = codes[start : start + min(room, _CHUNK)]
            self._bet(part, rng)
            self.rows += len(part)
            start += len(part)

    def _bet(self, codes: np.ndarray, rng: np.random.Generator) -> None:
        most = self.stream.shape[1]
        known = codes >= 0  # [N, F]
        hot = codes[:, :, None] == np.arange(most)  # [N, F, B]
        bag = np.cumsum(hot, axis=0, dtype=np.int32) + (self._reference + self.stream).astype(
            np.int32
        )  # with the row itself
        below = np.cumsum(bag, axis=2)
        at = np.maximum(codes, 0)[:, :, None].astype(np.int64)
        equal = np.take_along_axis(bag, at, 2)[:, :, 0]
        under = np.take_along_axis(below, at, 2)[:, :, 0] - equal
        p = (under + rng.random(codes.shape) * equal) / np.maximum(below[:, :, -1], 1)
        place = (p[:, :, None] >= self._ends).sum(axis=2)  # [N, F]
        np.add.at(self.places, (np.broadcast_to(np.arange(codes.shape[1]), codes.shape)[known], place[known]), 1)
        self.stream += hot.sum(axis=0)
        tilted = np.concatenate(
            [(p - 0.5)[:, :, None] * _SLOPES, (np.abs(2 * p - 1) - 0.5)[:, :, None] * _SPREADS], axis=2
        )
        self.slopes += np.where(known[:, :, None], np.log1p(tilted), 0.0).sum(axis=0)

    def _begin(self, at: float) -> None:
        self.began.append(Began(self.number, self.rows, at, self.stream.copy(), self.places.copy(), self.slopes.copy()))
        self.number += 1
        self._thin()

    def _thin(self) -> None:
        """Keep the recent beginnings, and of older ones the oldest of each doubling of age: what is dropped only lowers wealth."""
        seen: set[int] = set()
        kept = []
        for began in self.began:  # the oldest first
            age = self.number - 1 - began.number
            octave = age.bit_length()
            if age < _RECENT or began.number == 0 or octave not in seen:
                kept.append(began)
            seen.add(octave)
        self.began = kept

    # -- looking -----------------------------------------------------------------------------------------------------

    def log_wealths(self) -> np.ndarray:
        """Return the logarithm of the wealth of each figure from each beginning on, weights not counted, [R, F]."""
        places = self.places - np.stack([b.places for b in self.began])  # [R, F, B]
        total = places.sum(axis=2)
        terms = gammaln(places[:, None] + self._priors[None]).sum(axis=3) - self._prior_terms[None]  # [R, 3, F]
        terms -= gammaln(total[:, None] + _PRIORS[:, None]) - gammaln(_PRIORS)[:, None]
        terms -= (places * self._log_shares).sum(axis=2)[:, None]
        slopes = self.slopes - np.stack([b.slopes for b in self.began])  # [R, F, K]
        found = np.stack(
            [_log_sum(terms, axis=1) - np.log(len(_PRIORS)), _log_sum(slopes, axis=2) - np.log(slopes.shape[2])]
        )
        out: np.ndarray = _log_sum(found, axis=0) - np.log(2)
        return out

    def evidence(self, groups: Sequence[Sequence[int]]) -> list[Evidence]:
        """Return what speaks against the null hypothesis for each group of figures (those of one column)."""
        numbers = np.array([b.number for b in self.began]) + 2.0
        weights = np.log(_WEIGHT) - np.log(numbers) - 2 * np.log(np.log(numbers))
        wealths = self.log_wealths()
        out = []
        for group in groups:
            mean = _log_sum(wealths[:, list(group)], axis=1) - np.log(len(group)) + weights
            out.append(Evidence(float(_log_sum(mean)), int(mean.argmax())))
        return out

    def window(self, since: int) -> np.ndarray:
        """Return the rows that came since a beginning by figure and bin [F, B]."""
        return self.stream - self.began[since].stream

    def recent(self, rows: int) -> int:
        """Return the latest beginning since which at least so many rows came; the first one where none did."""
        return max((i for i, b in enumerate(self.began) if self.rows - b.rows >= rows), default=0)

    # -- keeping -----------------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what must be kept to go on: JSON values and arrays, each in a shape of its own."""
        about = {"rows": self.rows, "number": self.number, "began": [[b.number, b.rows, b.at] for b in self.began]}
        arrays = {
            "stream": np.stack([self.stream, *(b.stream for b in self.began)]).astype(np.int32),
            "places": np.stack([self.places, *(b.places for b in self.began)]).astype(np.int32),
            "slopes": np.stack([self.slopes, *(b.slopes for b in self.began)]),
        }
        return about, arrays

    def restored(self, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Go on from what `state` gave, in its shapes. Raises ValueError where it belongs to other figures."""
        shape = (1 + len(about["began"]), *self.stream.shape)
        if arrays["stream"].shape != shape or arrays["places"].shape != shape:
            raise ValueError("a state of other figures")
        self.rows, self.number = int(about["rows"]), int(about["number"])
        kinds: dict[str, Any] = {"stream": np.int64, "places": np.int64, "slopes": np.float64}
        self.stream, self.places, self.slopes = (np.array(arrays[n][0], kind) for n, kind in kinds.items())
        self.began = [
            Began(int(n), int(rows), float(at), *(np.array(arrays[k][i + 1], kind) for k, kind in kinds.items()))
            for i, (n, rows, at) in enumerate(about["began"])
        ]
        return self


def _log_sum(values: np.ndarray, axis: int | None = None) -> Any:
    """Return the logarithm of the sum of exponentials of finite values; scipy's takes fifty times as long for few of them."""
    most = values.max(axis=axis, keepdims=True)
    found = np.log(np.exp(values - most).sum(axis=axis, keepdims=True)) + most
    return found.squeeze(axis) if axis is not None else float(found.squeeze())
