"""Racing: candidates are compared row by row on the folds that both have done, and what cannot win goes no further.

The race over folds follows Maron & Moore 1997 (doi 10.1023/A:1006556606079); the comparison is paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelwright.core.recipe import guesses
from modelwright.tune.candidate import Candidate, Validation

_SECONDS, _RESAMPLES = 0.12, 120  # for one comparison
_BEHIND, _FAR = 2.0, 3.5  # standard errors
_ADDS = 0.7  # standard errors by which a mean with a weaker candidate must be better for it to stay
_SHARES = (0.15, 0.3, 0.5)  # weights of the weaker one in such a mean


@dataclass(frozen=True)
class Gap:
    """How far a candidate lies behind another on common rows: the difference (negative: behind), in standard errors too."""

    difference: float
    errors: float

    @property
    def far(self) -> bool:
        """Whether it has lost by far."""
        return self.errors <= -_FAR

    @property
    def behind(self) -> bool:
        """Whether it has lost beyond doubt."""
        return self.errors <= -_BEHIND


def common(candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """Return the folds that all of them have done, in order."""
    folds = set(candidates[0].folds)
    for c in candidates[1:]:
        folds &= set(c.folds)
    return tuple(sorted(folds))


def gap(a: np.ndarray, b: np.ndarray, validation: Validation) -> Gap:
    """Compare scores [V, K] on the same rows: the first against the second."""
    from modelwright.evaluate.intervals import paired

    judged_a, judged_b = validation.judged(a), validation.judged(b)
    found = paired(validation.metric, judged_a, judged_b, resamples=_RESAMPLES, seconds=_SECONDS)
    if not np.isfinite(found.difference):
        return Gap(0.0, 0.0)
    spread = (found.high - found.low) / 3.92
    if not np.isfinite(spread) or spread <= 0:
        return Gap(found.difference, 0.0 if found.difference == 0 else float(np.sign(found.difference)))
    return Gap(found.difference, found.difference / spread)


def between(a: Candidate, b: Candidate, validation: Validation) -> Gap:
    """Compare two candidates on the rows of the folds that both have done."""
    rows = validation.rows_of(common([a, b]))
    return gap(validation.only(a.scores, rows), validation.only(b.scores, rows), validation)


def adds(a: Candidate, b: Candidate, validation: Validation) -> bool:
    """Return whether a mean of both answers common rows better than the second alone, by their calibrated losses."""
    rows = validation.rows_of(common([a, b]))
    alone = _losses(validation.only(b.scores, rows), validation) if validation.target.averages else None
    if alone is None:
        return False
    for share in _SHARES:
        mean = (1 - share) * b.scores + share * a.scores
        losses = _losses(validation.only(mean, rows), validation)
        gains = alone - (alone if losses is None else losses)
        if gains.mean() > _ADDS * float(gains.std()) / max(1.0, np.sqrt(len(gains))):
            return True
    return False


def beaten(candidate: Candidate, leader: Candidate, validation: Validation) -> Gap | None:
    """Return by how much a candidate has lost where it is not worth another fold; None where it still may matter."""
    if candidate is leader or guesses(candidate.recipe):
        return None
    found = between(candidate, leader, validation)
    if found.far or (found.behind and not adds(candidate, leader, validation)):
        return found
    return None


def leader_of(candidates: Sequence[Candidate], validation: Validation) -> Candidate | None:
    """Return the best single candidate that does more than guess: by rows that both have, from the first on."""
    real = [c for c in candidates if not guesses(c.recipe)]
    if not real:
        return None
    best = real[0]
    for c in real[1:]:
        if not validation.target.averages and len(validation.splits) == 1:
            better = c.value > best.value
        else:
            rows = validation.rows_of(common([best, c]))
            mine, other = validation.only(c.scores, rows), validation.only(best.scores, rows)
            key_mine = validation.value(mine), validation.fine(mine)
            better = key_mine > (validation.value(other), validation.fine(other))
        best = c if better else best
    return best


def _losses(scores: np.ndarray, validation: Validation) -> np.ndarray | None:
    """Return the loss of each row that has scores [V, K], under the temperature that serves them best; None where there is none."""
    from modelwright.evaluate.calibration import fit_temperature

    judged = validation.judged(scores)
    target = judged.target
    temperature = fit_temperature(target, judged.scores, judged.truth)
    return target.losses(judged.truth, target.tempered(judged.scores, temperature))
