"""Reading CTC's frames: the likeliest units, where they stand, and how sure they are.

Legend: T frames, V units with the blank 0, L units of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLANK = 0
_NEVER = -1e30
_SILENT = 10.0  # how many times as likely silence must be as a word, where somebody was heard to speak
_BEFORE, _AFTER = 0.02, 0.04  # seconds


def greedy(logs: np.ndarray) -> list[int]:
    """Return the units of the likeliest unit of each frame, log probabilities [T, V], repeats and blanks taken out."""
    best = logs.argmax(axis=1)
    kept = np.concatenate([[True], best[1:] != best[:-1]]) & (best != BLANK) if len(best) else np.zeros(0, bool)
    found: list[int] = best[kept].tolist()
    return found


def alone(logs: np.ndarray) -> np.ndarray:
    """Return the log probability [V] that each unit is written alone, by the sum over all such paths, of log probabilities [T, V]; that nothing
    is written at BLANK."""
    quiet = np.concatenate([[0.0], np.cumsum(logs[:, BLANK])])  # of the frames before each
    said = np.full(logs.shape[1], -np.inf)
    whole = said.copy()
    for t, row in enumerate(logs):
        said = np.logaddexp(said, quiet[t]) + row
        whole = np.logaddexp(whole, said + (quiet[-1] - quiet[t + 1]))
    whole[BLANK] = quiet[-1]
    return whole


def silent(whole: np.ndarray) -> bool:
    """Return whether nothing is said, by what `alone` tells [V]: silence is more than `_SILENT` times as likely as any unit. What asks has
    heard somebody speak, so that a word is expected."""
    return bool(whole[1:].max() + np.log(_SILENT) < whole[BLANK])


def aligned(logs: np.ndarray, units: Sequence[int]) -> np.ndarray:
    """Return the first and last frame [L, 2] of each unit on the likeliest path that writes `units`.

    Viterbi over CTC's states: blanks and units by turns (Graves et al. 2006). Where the frames are too few for the units,
    they share them evenly.
    """
    count, frames = len(units), len(logs)
    if not count:
        return np.zeros((0, 2), np.int64)
    ids = np.zeros(2 * count + 1, np.int64)
    ids[1::2] = units
    leap = np.zeros(len(ids), bool)  # past the blank between two different units
    leap[3::2] = ids[3::2] != ids[1:-2:2]
    score = np.full(len(ids), _NEVER)
    score[:2] = logs[0, ids[:2]]
    back = np.zeros((frames, len(ids)), np.int8)
    for t in range(1, frames):
        one = np.concatenate([[_NEVER], score[:-1]])
        two = np.where(leap, np.concatenate([[_NEVER, _NEVER], score[:-2]]), _NEVER)
        found = np.stack([score, one, two])
        back[t] = found.argmax(axis=0)
        score = found.max(axis=0) + logs[t, ids]
    state = len(ids) - 1 if score[-1] >= score[-2] else len(ids) - 2
    if score[state] < _NEVER / 2:
        edges = np.linspace(0, frames, count + 1).astype(np.int64)
        return np.stack([edges[:-1], np.maximum(edges[:-1], edges[1:] - 1)], axis=1)
    out = np.full((count, 2), -1, np.int64)
    for t in range(frames - 1, -1, -1):
        if state % 2:
            out[state // 2, 0] = t
            out[state // 2, 1] = max(out[state // 2, 1], t)
        state -= int(back[t, state])
    return out


def sureness(logs: np.ndarray, units: Sequence[int], places: np.ndarray) -> np.ndarray:
    """Return how sure each unit is [L], in 0..1: its highest probability over the frames where it stands."""
    out = np.array([np.exp(logs[a : b + 1, u].max()) for u, (a, b) in zip(units, places, strict=True)])
    return np.clip(out, 0.0, 1.0)


def spans(
    places: np.ndarray, speech: np.ndarray, frame: float, offset: float, most: float = 0.6
) -> list[tuple[float, float]]:
    """Return the seconds (start, end) of words whose spikes stand at frames `places` [W, 2].

    CTC's spikes are short: a word is taken to begin and end where `speech` [T], the probability that somebody speaks, falls below a half,
    or lowest between two words; at most `most` seconds from its spikes. `frame` is the length of a frame, `offset` its middle.
    """
    far = max(1, round(most / frame))
    out = []
    for w, (first, last) in enumerate(places):
        low = max(0, first - far, int(places[w - 1][1]) + 1 if w else 0)
        high = min(len(speech), last + 1 + far, int(places[w + 1][0]) if w + 1 < len(places) else len(speech))
        start, end = first, last
        before, after = speech[low : first + 1], speech[last:high]
        if len(before) > 1:
            quiet = np.flatnonzero(before < 0.5)
            start = low + (int(quiet[-1]) + 1 if len(quiet) else int(before.argmin()) if w and low > first - far else 0)
        if len(after) > 1:
            quiet = np.flatnonzero(after < 0.5)
            end = last + (
                int(quiet[0]) - 1
                if len(quiet)
                else int(after.argmin())
                if w + 1 < len(places) and high < last + 1 + far
                else len(after) - 1
            )
        out.append((max(0.0, min(start, first) * frame), (max(end, last) + 1) * frame + offset))
    # a word begins before it is loud, and dies away after
    out = [(max(0.0, a - _BEFORE), b + _AFTER) for a, b in out]
    for w in range(1, len(out)):  # neighbours meet in the middle of what both would have
        if out[w][0] < out[w - 1][1]:
            middle = (out[w][0] + out[w - 1][1]) / 2
            out[w - 1], out[w] = (out[w - 1][0], middle), (middle, out[w][1])
    return out
