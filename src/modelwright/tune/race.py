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
    if a.scores.dtype == object:
        return gap(a.scores, b.scores, validation)
    return gap(_only(a.scores, rows), _only(b.scores, rows), validation)


def adds(a: Candidate, b: Candidate, validation: Validation) -> bool:
    """Return whether a mean of both answers common rows better than the second alone, by their calibrated losses."""
    if a.scores.dtype == object:
        return False
    rows = validation.rows_of(common([a, b]))
    alone = _losses(b.scores[rows], rows, validation)
    for share in _SHARES:
        mean = (1 - share) * b.scores + share * a.scores
        gains = alone - _losses(mean[rows], rows, validation)
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
        if c.scores.dtype == object:
            better = c.value > best.value
        else:
            rows = validation.rows_of(common([best, c]))
            mine, other = _only(c.scores, rows), _only(best.scores, rows)
            key_mine = validation.value(mine), validation.fine(mine)
            better = key_mine > (validation.value(other), validation.fine(other))
        best = c if better else best
    return best


def _only(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(rows[:, None], scores, np.nan)


def _losses(scores: np.ndarray, rows: np.ndarray, validation: Validation) -> np.ndarray:
    """Return the loss of each row [V'] under the temperature that serves these scores best; squared errors of values."""
    from modelwright.evaluate.calibration import apply_temperature, fit_temperature

    whole = np.full((len(rows), scores.shape[1]), np.nan)
    whole[rows] = scores
    judged = validation.judged(whole)
    if validation.target.kind == "value":
        return np.asarray((judged.scores[:, 0] - judged.truth) ** 2)
    many = validation.target.kind == "label_sets"
    temperature = fit_temperature(judged.scores, judged.truth, multi_label=many)
    p = np.clip(apply_temperature(judged.scores, temperature, multi_label=many), 1e-9, 1 - 1e-9)
    if many:
        return np.asarray(-(judged.truth * np.log(p) + (1 - judged.truth) * np.log1p(-p)).mean(axis=1))
    return np.asarray(-np.log(p[np.arange(len(p)), judged.truth]))
