"""Bayesian knowledge tracing: a skill is known or not; each answer tells, and each exercise may teach.

Corbett & Anderson 1995 (doi 10.1007/BF01099821), fitted by EM. All chains of answers are worked on at once, one place after the other.
Legend: E answers, B chains (one learner, one skill), K skills; arrays of skills have one entry more, for skills not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelwright.features.shared.learners import Chains

_SWEEPS = 40
_ENOUGH = 1e-5  # change of the mean log likelihood below which EM ends
_PRIOR = 20.0  # answers that the parameters of all skills together count as, beside a skill's own
_MOST_GUESS, _MOST_SLIP = 0.5, 0.4  # so that a right answer always speaks for knowledge


@dataclass(frozen=True)
class Bkt:
    """By skill [K + 1]: chance of knowing it before the first answer, of learning it at an exercise, of a right guess, of a slip."""

    knows: np.ndarray
    learns: np.ndarray
    guesses: np.ndarray
    slips: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes: four arrays [K + 1]."""
        return {"knows": self.knows, "learns": self.learns, "guesses": self.guesses, "slips": self.slips}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], count: int) -> Bkt:
        """Read what was saved, arrays [K + 1] for `count` skills. Raises ValueError for what is no probability."""
        found = [np.asarray(arrays[name], np.float64) for name in ("knows", "learns", "guesses", "slips")]
        if any(a.shape != (count + 1,) or not ((a >= 0) & (a <= 1)).all() for a in found):
            raise ValueError("bkt")
        return cls(*found)

    def right(self, known: np.ndarray, skills: np.ndarray) -> np.ndarray:
        """Return the chance of a right answer where a skill is known with the chance `known`, any shape."""
        return np.asarray(known * (1 - self.slips[skills]) + (1 - known) * self.guesses[skills])

    def seen(self, known: np.ndarray, skills: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the chance that a skill is known once an answer was seen, before the exercise taught; any shape."""
        if_known = np.where(right > 0, 1 - self.slips[skills], self.slips[skills])
        if_not = np.where(right > 0, self.guesses[skills], 1 - self.guesses[skills])
        return np.asarray(known * if_known / np.maximum(known * if_known + (1 - known) * if_not, 1e-12))

    def taught(self, known: np.ndarray, skills: np.ndarray) -> np.ndarray:
        """Return the chance that a skill is known after an exercise, from that before it taught; any shape."""
        return np.asarray(known + (1 - known) * self.learns[skills])

    def before(self, chains: Chains, skills: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the chance that the skill of each answer is known before it [E]; unanswered questions (-1) change nothing."""
        out = np.zeros(len(skills))
        state = np.empty(0)
        for place, index in enumerate(chains.waves()):
            of = skills[index]
            state = self.knows[of] if place == 0 else state[: len(index)]
            out[index] = state
            told = right[index] >= 0
            state = np.where(told, self.taught(self.seen(state, of, right[index]), of), state)
        return out

    def mastery(self, skills: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the chance that each skill is known [K] after one learner's answers [E]."""
        state = self.knows.copy()
        for skill, told in zip(np.asarray(skills, int), np.asarray(right, int)):
            known = self.seen(state[skill : skill + 1], np.array([skill]), np.array([told]))
            state[skill] = self.taught(known, np.array([skill]))[0]
        return state[:-1]


def fit_bkt(chains: Chains, skills: np.ndarray, right: np.ndarray, count: int, sweeps: int = _SWEEPS) -> Bkt:
    """Fit by expectation and maximisation on chains of E answers; skills with few answers lean on all of them together.

    `skills` [E] int64 in 0..`count` is each answer's skill, `count` for one not known; `right` [E] is 1 for right and 0 for wrong.
    """
    width = count + 1
    rate = float(np.clip(right.mean() if len(right) else 0.5, 0.05, 0.95))
    start = (0.5 * rate, 0.1, max(0.1, 0.4 * rate), 0.15)
    model = Bkt(*(np.full(width, v) for v in start))
    if not len(skills):
        return model
    first = chains.order[chains.starts]
    last = np.inf
    for _ in range(sweeps):
        loss, known, moved, stays = _expected(model, chains, skills, right)
        told = (right > 0).astype(float)
        parts = (
            (skills[first], known[first], np.ones(len(first))),
            (skills, moved, stays),
            (skills, (1 - known) * told, 1 - known),
            (skills, known * (1 - told), known),
        )
        found = [_share(np.bincount(s, up, width), np.bincount(s, down, width)) for s, up, down in parts]
        knows, learns, guesses, slips = found
        model = Bkt(
            np.clip(knows, 0.01, 0.99), np.clip(learns, 1e-3, 0.9), np.clip(guesses, 0.01, _MOST_GUESS), np.clip(slips, 0.01, _MOST_SLIP)
        )  # fmt: skip
        if abs(last - loss) < _ENOUGH:
            break
        last = loss
    return model


def _share(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return by skill how often something was, of how often it could be, drawn to the share over all skills."""
    whole = up.sum() / max(down.sum(), 1e-12)
    return np.asarray((up + _PRIOR * whole) / (down + _PRIOR))


def _expected(
    model: Bkt, chains: Chains, skills: np.ndarray, right: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean loss, and of each answer [E] the chance that its skill was known, that it was learnt there, and that it could
    have been: all from the whole chain (forward, then backward)."""
    before, seen = np.zeros(len(skills)), np.zeros(len(skills))
    waves = list(chains.waves())
    state = np.empty(0)
    for place, index in enumerate(waves):
        of = skills[index]
        state = model.knows[of] if place == 0 else state[: len(index)]
        before[index] = state
        seen[index] = model.seen(state, of, right[index])
        state = model.taught(seen[index], of)
    chance = np.clip(model.right(before, skills), 1e-9, 1 - 1e-9)
    loss = -float(np.log(np.where(right > 0, chance, 1 - chance)).mean())
    known, moved, stays = seen.copy(), np.zeros(len(skills)), np.zeros(len(skills))
    for index, after in zip(reversed(waves[:-1]), reversed(waves[1:]), strict=True):
        index = index[: len(after)]
        learns = model.learns[skills[index]]
        next_before = np.clip(before[after], 1e-9, 1 - 1e-9)
        up, down = known[after] / next_before, (1 - known[after]) / (1 - next_before)
        not_known = 1 - seen[index]
        moved[index] = not_known * learns * up
        stays[index] = moved[index] + not_known * (1 - learns) * down
        known[index] = seen[index] * up
    return loss, np.clip(known, 0, 1), moved, stays
