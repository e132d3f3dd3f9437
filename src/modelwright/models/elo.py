"""Elo ratings of learners and skills: ability, in all and by skill, against difficulty; each answer moves them.

An item response model (Rasch) kept up to date answer by answer, as in Pelánek 2016 (doi 10.1016/j.compedu.2016.03.017).
Legend: E answers, K skills.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.features.shared.learners import Answers

_PRIOR = 10.0  # answers that the rate of all skills counts as
_SWEEPS = 4  # over the answers, for difficulties


@dataclass(frozen=True)
class Steps:
    """How far an answer moves ability at first (`step`), how fast that falls with answers (`fall`), and the same by skill."""

    step: float = 0.6
    fall: float = 0.08
    skill_step: float = 0.8
    skill_fall: float = 0.12


def rates_of(answers: Answers) -> np.ndarray:
    """Return the share of right answers by skill [K + 1], drawn to that of all; the last entry is for skills not known."""
    told = answers.right >= 0
    right, skills = answers.right[told], answers.skills[told]
    whole = float(np.clip(right.mean(), 0.01, 0.99)) if len(right) else 0.5
    up = np.bincount(skills, right, answers.count + 1) + _PRIOR * whole
    return np.asarray(up / (np.bincount(skills, minlength=answers.count + 1) + _PRIOR))


def followed(answers: Answers, difficulty: np.ndarray, steps: Steps) -> np.ndarray:
    """Return the logit of a right answer [E], each before it was given, for difficulties [K + 1]."""
    ability = np.zeros(len(answers.begins) - 1)
    by_skill, chain = answers.by_skill, answers.by_skill.number
    own, times = np.zeros(len(by_skill)), np.zeros(len(by_skill))
    out = np.zeros(len(answers))
    for place, index in enumerate(answers.whole.waves()):
        who, of = answers.owner[index], chain[index]
        logit = ability[who] + own[of] - difficulty[answers.skills[index]]
        out[index] = logit
        told = answers.right[index] >= 0
        miss = np.where(told, answers.right[index] - 1 / (1 + np.exp(-logit)), 0.0)
        ability[who] += steps.step / (1 + steps.fall * place) * miss
        own[of] += steps.skill_step / (1 + steps.skill_fall * times[of]) * miss
        times[of] += told
    return out


def fit_difficulty(answers: Answers, steps: Steps) -> np.ndarray:
    """Return difficulties [K + 1] by Newton steps on each skill's answers, abilities followed anew in each sweep."""
    rate = rates_of(answers)
    difficulty = -np.log(rate / (1 - rate))
    told = answers.right >= 0
    skills = answers.skills[told]
    for _ in range(_SWEEPS):
        p = 1 / (1 + np.exp(-followed(answers, difficulty, steps)[told]))
        gap = np.bincount(skills, answers.right[told] - p, len(difficulty))
        weight = np.bincount(skills, p * (1 - p), len(difficulty))
        difficulty = np.clip(difficulty - gap / (weight + 2.0), -8, 8)
    return difficulty
