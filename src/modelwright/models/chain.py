"""Linear-chain conditional random fields in numpy: sums over all tag sequences, the best one, and its gradient.

Works on batches of padded sequences. Probabilities are scaled at every step, so no logarithm is taken inside the loops.
Source: Lafferty, McCallum & Pereira 2001; Sutton & McCallum 2012, arXiv 1011.4088.
Legend: B sequences, T longest, K tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FORBIDDEN = -1e4


@dataclass
class Chain:
    """Scores of tags in a row: `moves` [K, K] from one to the next, `first` [K], `last` [K]."""

    moves: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def barred(self, allowed: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Chain:
        """Return the chain in which what is not allowed (first tags [K], pairs [K, K], last tags [K]) cannot happen."""
        pairs = zip((self.moves, self.first, self.last), allowed, strict=True)
        return Chain(*(np.where(ok, a, FORBIDDEN).astype(np.float32) for a, ok in pairs))


@dataclass
class Expected:
    """What a chain expects: log of the sum over sequences [B], tags [B, T, K], and summed over the batch moves [K, K],
    first [K] and last [K] tags."""

    total: np.ndarray
    tags: np.ndarray
    moves: np.ndarray
    first: np.ndarray
    last: np.ndarray


def expect(emissions: np.ndarray, lengths: np.ndarray, chain: Chain) -> Expected:
    """Return the sum over all sequences and the marginals. emissions [B, T, K], lengths [B] of at least 1."""
    b, t, k = emissions.shape
    high = emissions.max(axis=2, keepdims=True)
    e = np.exp(emissions - high)
    moves, first, last = (np.exp(a - a.max()) for a in (chain.moves, chain.first, chain.last))
    inside = np.arange(t)[None] < lengths[:, None]
    alpha, scale = np.zeros_like(e), np.ones((b, t), e.dtype)
    alpha[:, 0] = first * e[:, 0]
    for i in range(t):
        if i:
            alpha[:, i] = (alpha[:, i - 1] @ moves) * e[:, i]
        scale[:, i] = np.maximum(alpha[:, i].sum(axis=1), 1e-30)
        alpha[:, i] /= scale[:, i, None]
    beta = np.zeros_like(e)
    ends = lengths - 1
    for i in range(t - 1, -1, -1):
        if i < t - 1:
            beta[:, i] = (e[:, i + 1] * beta[:, i + 1]) @ moves.T
        beta[ends == i, i] = last
        beta[:, i] /= np.maximum(beta[:, i].sum(axis=1, keepdims=True), 1e-30)
    rows = np.arange(b)
    close = np.maximum((alpha[rows, ends] * last).sum(axis=1), 1e-30)
    total = (np.log(scale) * inside).sum(axis=1) + (high[:, :, 0] * inside).sum(axis=1) + np.log(close)
    total += chain.moves.max() * (lengths - 1) + chain.first.max() + chain.last.max()
    tags = alpha * beta
    tags *= inside[:, :, None] / np.maximum(tags.sum(axis=2, keepdims=True), 1e-30)
    ahead = e[:, 1:] * beta[:, 1:] * inside[:, 1:, None]
    before = alpha[:, :-1]
    joint = np.maximum(((before @ moves) * ahead).sum(axis=2, keepdims=True), 1e-30)
    pairs = moves * ((before / joint).reshape(-1, k).T @ ahead.reshape(-1, k))
    return Expected(total, tags, pairs, tags[:, 0].sum(axis=0), tags[rows, ends].sum(axis=0))


def score(emissions: np.ndarray, tags: np.ndarray, lengths: np.ndarray, chain: Chain) -> np.ndarray:
    """Return the score [B] of given tags [B, T]."""
    b, t, _ = emissions.shape
    inside = np.arange(t)[None] < lengths[:, None]
    rows = np.arange(b)
    own = (np.take_along_axis(emissions, tags[:, :, None], axis=2)[:, :, 0] * inside).sum(axis=1)
    moved = (chain.moves[tags[:, :-1], tags[:, 1:]] * inside[:, 1:]).sum(axis=1)
    return np.asarray(own + moved + chain.first[tags[:, 0]] + chain.last[tags[rows, lengths - 1]])


def counts(tags: np.ndarray, lengths: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how often each move [K, K], first [K] and last tag [K] stands in given tags [B, T]."""
    inside = np.arange(tags.shape[1])[None] < lengths[:, None]
    both = (tags[:, :-1] * k + tags[:, 1:])[inside[:, 1:]]
    moves = np.bincount(both, minlength=k * k).reshape(k, k)
    first = np.bincount(tags[:, 0], minlength=k)
    return moves, first, np.bincount(tags[np.arange(len(tags)), lengths - 1], minlength=k)


def viterbi(emissions: np.ndarray, lengths: np.ndarray, chain: Chain) -> np.ndarray:
    """Return the best tags [B, T]; beyond a sequence's length they are 0."""
    b, t, k = emissions.shape
    value = chain.first + emissions[:, 0]
    back = np.zeros((b, t, k), np.int32)
    ends = lengths - 1
    final = np.where((ends == 0)[:, None], value + chain.last, 0)
    for i in range(1, t):
        ways = value[:, :, None] + chain.moves[None]
        back[:, i] = ways.argmax(axis=1)
        value = np.take_along_axis(ways, back[:, i, None, :].astype(np.int64), axis=1)[:, 0] + emissions[:, i]
        final = np.where((ends == i)[:, None], value + chain.last, final)
    out = np.zeros((b, t), np.int64)
    rows, now, closing = np.arange(b), np.zeros(b, np.int64), final.argmax(axis=1)
    for i in range(t - 1, -1, -1):
        before = back[rows, i + 1, now] if i + 1 < t else now
        now = np.where(ends == i, closing, np.where(ends > i, before, 0))
        out[:, i] = now
    return out
