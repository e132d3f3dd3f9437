"""A linear-chain conditional random field (Lafferty et al. 2001) in numpy: decoding, certainty, training by L-BFGS.

Legend: S sequences, T their greatest length, N tokens, K labels, F hashed features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

_NEVER = -1e4
_FEW = 16  # sequences at a time


def allowed(labels: list[str]) -> np.ndarray:
    """Return what is added to the weight of a step from label to label [K, K]: inside follows begin or inside of its kind alone."""
    out = np.zeros((len(labels), len(labels)))
    for j, to in enumerate(labels):
        if to.startswith("I-"):
            for i, start in enumerate(labels):
                if start not in (f"B-{to[2:]}", to):
                    out[i, j] = _NEVER
    return out


def first_allowed(labels: list[str]) -> np.ndarray:
    """Return what is added to the weight of a first label [K]."""
    return np.array([_NEVER if label.startswith("I-") else 0.0 for label in labels])


def padded(sequence: np.ndarray, most: int = 60_000) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of sequences of similar length: token numbers [S, T], -1 past the end, and lengths [S]."""
    if not len(sequence):
        return
    firsts = np.flatnonzero(np.concatenate([[True], sequence[1:] != sequence[:-1]]))
    lengths = np.diff(np.append(firsts, len(sequence)))
    order = np.argsort(lengths, kind="stable")
    at = 0
    while at < len(order):
        last = at + 1
        while (
            last < len(order)
            and (last - at + 1) * lengths[order[last]] <= most
            and lengths[order[last]] <= 1.3 * lengths[order[at]] + 2
        ):
            last += 1
        some = order[at:last]
        longest = int(lengths[some].max())
        steps = np.arange(longest)[None]
        index = np.where(steps < lengths[some][:, None], firsts[some][:, None] + steps, -1)
        yield index, lengths[some]
        at = last


def decode(emission: np.ndarray, sequence: np.ndarray, steps: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the likeliest labels [N] (Viterbi) for emissions [N, K], steps [K, K] and first labels [K]."""
    out = np.zeros(len(emission), np.int64)
    if len(sequence) and sequence[0] == sequence[-1]:
        return _decode_one(emission, steps, first)
    for index, lengths in padded(sequence):
        own = emission[index]
        score = own[:, 0] + first
        back = np.zeros((index.shape[1], *score.shape), np.int8)
        for t in range(1, index.shape[1]):
            if len(score) <= _FEW:
                reach = score[:, :, None] + steps
                back[t] = reach.argmax(1)
                fresh = reach.max(1) + own[:, t]
            else:  # numpy is slow at reductions over a short axis
                fresh = score[:, :1] + steps[0]
                for i in range(1, len(steps)):
                    reach = score[:, i : i + 1] + steps[i]
                    back[t][reach > fresh] = i
                    np.maximum(fresh, reach, out=fresh)
                fresh += own[:, t]
            score = np.where((t < lengths)[:, None], fresh, score)
        label = score.argmax(1)
        rows = np.arange(len(lengths))
        for t in range(index.shape[1] - 1, -1, -1):
            inside = t < lengths
            out[index[inside, t]] = label[inside]
            if t:
                label = np.where(inside, back[t][rows, label], label)
    return out


def _decode_one(emission: np.ndarray, steps: np.ndarray, first: np.ndarray) -> np.ndarray:
    """As `decode` for a single sequence, as a request brings it, without what several need."""
    score = emission[0] + first
    back = np.zeros(emission.shape, np.int64)
    for t in range(1, len(emission)):
        reach = score[:, None] + steps
        back[t] = reach.argmax(0)
        score = reach.max(0) + emission[t]
    out = [int(score.argmax())]
    for row in back[:0:-1].tolist():
        out.append(row[out[-1]])
    return np.array(out[::-1], np.int64)


def _log_sum(x: np.ndarray, axis: int) -> np.ndarray:
    top = x.max(axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(x - top).sum(axis))


def marginals(
    emission: np.ndarray, sequence: np.ndarray, steps: np.ndarray, first: np.ndarray, pairs: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Return the chance of every label of every token [N, K], and the log partition function summed over sequences.

    Expected counts of steps are added to `pairs` [K, K] where it is given, those of first labels to its last row [K + 1, K].
    """
    out = np.zeros(emission.shape, emission.dtype)
    total = 0.0
    for index, lengths in padded(sequence):
        own = emission[index]
        _n, longest = index.shape
        forward = np.zeros(own.shape, own.dtype)
        backward = np.zeros(own.shape, own.dtype)
        forward[:, 0] = own[:, 0] + first
        for t in range(1, longest):
            fresh = _log_sum(forward[:, t - 1][:, :, None] + steps, 1) + own[:, t]
            forward[:, t] = np.where((t < lengths)[:, None], fresh, forward[:, t - 1])
        log_z = _log_sum(forward[:, -1], 1)
        total += float(log_z.sum())
        for t in range(longest - 2, -1, -1):
            fresh = _log_sum(steps + (own[:, t + 1] + backward[:, t + 1])[:, None, :], 2)
            backward[:, t] = np.where((t + 1 < lengths)[:, None], fresh, 0.0)
        chance = np.exp(forward + backward - log_z[:, None, None])
        inside = index >= 0
        out[index[inside]] = chance[inside]
        if pairs is not None:
            pairs[-1] += chance[:, 0].sum(0)
            for t in range(1, longest):
                real = t < lengths
                joint = forward[real, t - 1][:, :, None] + steps + (own[real, t] + backward[real, t])[:, None, :]
                pairs[:-1] += np.exp(joint - log_z[real][:, None, None]).sum(0)
    return out, total


def train(
    matrix: object,
    sequence: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    *,
    penalty: float = 1.0,
    rounds: int = 80,
    said: Callable[[int, float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights [F, K], steps [K, K] and first labels [K] that make `labels` [N] likely under features `matrix` [N, F] (CSR).

    `penalty` is that of the squared weights; `said` is told round and loss.
    """
    from scipy.optimize import minimize

    x: object = matrix
    size, k = x.shape[1], len(names)  # type: ignore[attr-defined]
    turned = x.T.tocsr()  # type: ignore[attr-defined]
    fixed, start = allowed(names), first_allowed(names)
    truth = np.zeros((len(labels), k), np.float32)
    truth[np.arange(len(labels)), labels] = 1
    seen = np.zeros((k + 1, k))
    new = np.concatenate([[True], sequence[1:] != sequence[:-1]])
    np.add.at(seen[-1], labels[new], 1)
    inside = np.flatnonzero(~new)
    np.add.at(seen, (labels[inside - 1], labels[inside]), 1)
    count = 0

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal count
        weights = flat[: size * k].reshape(size, k).astype(np.float32)
        moves = flat[size * k :].reshape(k + 1, k)
        emission = np.asarray(x @ weights, np.float64)  # type: ignore[operator]
        steps, first = moves[:-1] + fixed, moves[-1] + start
        expected = np.zeros((k + 1, k))
        chance, log_z = marginals(emission, sequence, steps, first, expected)
        likely = float((emission * truth).sum()) + float((moves * seen).sum())
        value = log_z - likely + 0.5 * penalty * float(flat @ flat)
        slope = np.asarray(turned @ (chance.astype(np.float32) - truth), np.float64)
        count += 1
        if said:
            said(count, value)
        return value, np.concatenate([slope.ravel(), (expected - seen).ravel()]) + penalty * flat

    found = minimize(
        loss, np.zeros(size * k + (k + 1) * k), jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxcor": 6}
    )
    flat = found.x
    moves = flat[size * k :].reshape(k + 1, k)
    return flat[: size * k].reshape(size, k), moves[:-1] + fixed, moves[-1] + start
