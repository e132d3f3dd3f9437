"""How well voices are told apart: the equal error rate and the least cost of decisions over all pairs of recordings.

A trial is a pair of held-out recordings; its score is the cosine of their vectors. Speakers, not rows, are drawn for intervals, as the
recordings of one rise and fall together. Legend: N rows, D numbers of a vector, S speakers, B bins of cosines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Table
from modelwright.core.words import Words

BINS = 400
PRIOR = 0.05  # of a trial by the same speaker, in the cost, as VoxCeleb's evaluations have it
_SPEAKERS, _EACH = 60, 40  # speakers that are looked at, and recordings of each, by chance where there are more


@dataclass(frozen=True)
class Trials:
    """Counts of cosines by bin: within each speaker [S, B], and between each two of them [S, S, B], the upper half."""

    within: np.ndarray
    between: np.ndarray


@dataclass(frozen=True)
class Speaker:
    """One speaker by the place in `trials`; -1 for one who is not looked at."""

    place: int
    trials: Trials


def vectors_of(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors [N, D] of judged rows, and their speakers [N], numbered in the order of their names."""
    vectors = np.array([s["voice"] for s in judged.scores[:, 0]], np.float64).reshape(len(judged.rows), -1)
    return vectors, np.unique([str(t) for t in judged.truth], return_inverse=True)[1]


def speakers_of(table: Table) -> np.ndarray:
    """Return the speaker of each row [N], numbered in the order of their names."""
    target = table.schema.target
    names = [str(v) for v in table.column(target.name).to_pylist()] if target is not None else []
    return np.unique(names, return_inverse=True)[1]


def speakers(judged: Judged) -> list[Speaker]:
    """Return the speakers of judged rows, in the order of their names, with all trials between their recordings."""
    vectors, who = vectors_of(judged)
    rng = np.random.default_rng(0)
    count = int(who.max(initial=-1)) + 1
    looked = np.sort(rng.permutation(count)[:_SPEAKERS])
    mine = [vectors[np.sort(rng.permutation(np.flatnonzero(who == s))[:_EACH])] for s in looked]
    made = Trials(np.zeros((len(looked), BINS)), np.zeros((len(looked), len(looked), BINS)))
    for i, of in enumerate(mine):
        made.within[i] = counted((of @ of.T)[np.triu_indices(len(of), 1)])
        for k in range(i + 1, len(mine)):
            made.between[i, k] = counted(of @ mine[k].T)
    places = {int(s): i for i, s in enumerate(looked)}
    return [Speaker(places.get(s, -1), made) for s in range(count)]


def counted(cosines: np.ndarray) -> np.ndarray:
    """Return how many cosines fall into each bin from -1 to 1 [B]."""
    place = np.clip(((cosines.ravel() + 1) / 2 * BINS).astype(int), 0, BINS - 1)
    return np.bincount(place, minlength=BINS).astype(np.float64)


def rates(same: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each threshold [B + 1] the share of other speakers accepted and of the same ones rejected, of counts by bin [B]."""
    rejected = np.concatenate([[0.0], np.cumsum(same)]) / max(1.0, same.sum())
    accepted = 1.0 - np.concatenate([[0.0], np.cumsum(other)]) / max(1.0, other.sum())
    return accepted, rejected


def equal_error(accepted: np.ndarray, rejected: np.ndarray) -> float:
    """Return the rate, 0..1, at which both errors [B + 1] by threshold are equal, between the two thresholds where they cross."""
    at = int(np.argmax(rejected >= accepted))
    if at == 0:
        return float(max(accepted[0], rejected[0]))
    a, b = accepted[at - 1] - rejected[at - 1], rejected[at] - accepted[at]
    part = a / (a + b) if a + b > 0 else 0.5
    return float(rejected[at - 1] + part * (rejected[at] - rejected[at - 1]))


def least_cost(accepted: np.ndarray, rejected: np.ndarray) -> float:
    """Return the least cost of any threshold, errors [B + 1], as a share of what always rejecting costs
    (`PRIOR` of the trials by the same speaker)."""
    return float(np.min(PRIOR * rejected + (1 - PRIOR) * accepted) / PRIOR)


def _over(found: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[Sequence[Speaker]], float]:
    """Return what reads trials of speakers, each as often as it was drawn; NaN without trials of both kinds."""

    def value(drawn: Sequence[Speaker]) -> float:
        known = [s for s in drawn if s.place >= 0]
        if not known:
            return float("nan")
        held = known[0].trials
        often = np.bincount([s.place for s in known], minlength=len(held.within)).astype(np.float64)
        same = often @ held.within
        other = np.tensordot(np.outer(often, often), held.between, axes=2)
        if not same.sum() or not other.sum():
            return float("nan")
        return found(*rates(same, other))

    return value


def _metric(name: str, title: Words, found: Callable[[np.ndarray, np.ndarray], float]) -> Metric:
    return Metric(name, title, False, _over(found), unit="speaker", unit_of=speakers_of, by_unit=speakers)


EER = _metric("eer", Words("equal error rate", "等错误率"), equal_error)
MIN_DCF = _metric(
    "min_dcf", Words(f"least detection cost (prior {PRIOR})", f"最小检测代价（先验 {PRIOR}）"), least_cost
)
METRICS = (EER, MIN_DCF)
