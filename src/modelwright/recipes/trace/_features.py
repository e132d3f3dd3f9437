"""What is counted of a learner's answers before each question: features for linear models and trees.

How well it went at all and lately, in the same skill, after the question before, and in skills that go together with it.
Legend: E answers, L sequences, K skills, D features, P pairs of a question with the answer before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.recipe import FitContext
from modelwright.features.shared.learners import Answers
from modelwright.models.bkt import Bkt
from modelwright.models.elo import Steps, fit_difficulty, followed, rates_of
from modelwright.recipes.shared.tracing import Learnt

_LIVES = (1.5, 4.0, 12.0, 40.0)  # answers after which one counts half
_SKILL_LIVES = (1.5, 5.0)
_LAGS = 6
_PARTS = 5  # of the training sequences: what is learnt of pairs and kinships for one comes from the others
_PAIR_PRIOR = 8.0
_KIN_RIDGE = 20.0
_MOST_KIN = 3000  # skills beyond which kinships of all with all would be too many
_ELO = Steps()
# where the counts of right and of wrong answers in the same skill stand among the features
RIGHT_BEFORE = len(_LIVES) + 1 + 3 + len(_SKILL_LIVES) + 1
WRONG_BEFORE = RIGHT_BEFORE + 1


@dataclass(frozen=True)
class TraceFeatures:
    """What features are made with: rates and difficulties by skill [K + 1], hits and counts of pairs [P] by key, kinships [K, K] of
    skills (none where there are too many)."""

    rates: np.ndarray
    difficulty: np.ndarray
    keys: np.ndarray
    hits: np.ndarray
    counts: np.ndarray
    kin: np.ndarray
    bkt: Bkt

    @classmethod
    def fit(cls, answers: Answers, bkt: Bkt, seed: int) -> tuple[TraceFeatures, np.ndarray]:
        """Learn from answers; return the features of these answers too [E, D], pairs and kinships told by other sequences."""
        rates, difficulty = rates_of(answers), fit_difficulty(answers, _ELO)
        many = len(answers.begins) - 1
        part = np.random.default_rng(seed).permutation(np.arange(many) % _PARTS)[answers.owner]
        key, had = _pairs(answers)
        keys, place = np.unique(key, return_inverse=True)
        told = had & (answers.right >= 0)
        by_part = place[told] * _PARTS + part[told]
        hits = np.bincount(by_part, answers.right[told], len(keys) * _PARTS).reshape(-1, _PARTS)
        counts = np.bincount(by_part, minlength=len(keys) * _PARTS).reshape(-1, _PARTS).astype(float)
        profile = _profiles(answers, rates) if answers.count <= _MOST_KIN else None
        kin = _kin(profile) if profile is not None else np.zeros((0, 0), np.float32)
        made = cls(rates, difficulty, keys, hits.sum(axis=1), counts.sum(axis=1), kin, bkt)
        own_hits, own_counts = hits[place, part], counts[place, part]
        pair = made._pair(answers.skills, made.hits[place] - own_hits, made.counts[place] - own_counts)
        related = np.zeros((len(answers), 2))
        for i in range(_PARTS if profile is not None else 0):
            sequences = np.flatnonzero(np.bincount(answers.owner, part == i, many) > 0)
            others = np.setdiff1d(np.arange(many), sequences)
            if profile is None or len(sequences) == 0 or len(others) == 0:
                continue
            related[part == i] = _related(answers.take(sequences), rates, _kin(profile[others]))
        return made, made._matrix(answers, pair, related)

    @classmethod
    def fitted(cls, found: Learnt, ctx: FitContext) -> tuple[TraceFeatures, np.ndarray]:
        """Return what `fit` does (features [E, D]), made once for the recipes that share it."""
        key = ("trace-features", id(found))
        if key not in ctx.cache:
            ctx.cache[key] = cls.fit(found.answers, found.bkt, ctx.seed)
        made: tuple[TraceFeatures, np.ndarray] = ctx.cache[key]
        return made

    def encode(self, answers: Answers) -> np.ndarray:
        """Return the features of each answer [E, D] float32, from those before it."""
        key, _ = _pairs(answers)
        at = np.minimum(np.searchsorted(self.keys, key), max(0, len(self.keys) - 1))
        known = self.keys[at] == key if len(self.keys) else np.zeros(len(key), bool)
        hits = np.where(known, self.hits[at], 0.0) if len(self.keys) else np.zeros(len(key))
        counts = np.where(known, self.counts[at], 0.0) if len(self.keys) else np.zeros(len(key))
        related = _related(answers, self.rates, self.kin) if self.kin.size else np.zeros((len(answers), 2))
        return self._matrix(answers, self._pair(answers.skills, hits, counts), related)

    def _pair(self, skills: np.ndarray, hits: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return how often a question is answered rightly after the answer before it, and how sure that is [E, 2]."""
        rate = (hits + _PAIR_PRIOR * self.rates[skills]) / (counts + _PAIR_PRIOR)
        return np.stack([rate, np.log1p(counts)], axis=1)

    def _matrix(self, answers: Answers, pair: np.ndarray, related: np.ndarray) -> np.ndarray:
        parts = [
            _lately(answers, self.rates),
            _same_skill(answers, self.rates),
            _lags(answers, self.rates),
            pair,
            related,
            followed(answers, self.difficulty, _ELO)[:, None],
            self.difficulty[answers.skills][:, None],
            self.bkt.right(self.bkt.before(answers.by_skill, answers.skills, answers.right), answers.skills)[:, None],
            self.rates[answers.skills][:, None],
            np.log1p(answers.place)[:, None],
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)

    @property
    def width(self) -> int:
        """D."""
        nobody = Answers(np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(1, np.int64), len(self.rates) - 1)
        return int(self.encode(nobody).shape[1])

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes beside the parameters of mastery, each array in a shape of its own."""
        names = ("rates", "difficulty", "keys", "hits", "counts", "kin")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], bkt: Bkt) -> TraceFeatures:
        """Read what was saved, in its shapes. Raises ValueError for what does not fit together."""
        found: dict[str, Any] = {n: arrays[n] for n in ("rates", "difficulty", "keys", "hits", "counts", "kin")}
        width, kin = len(bkt.knows), found["kin"]
        alike = len({len(found[n]) for n in ("keys", "hits", "counts")}) == 1
        by_skill = found["rates"].shape == found["difficulty"].shape == (width,)
        if not alike or not by_skill or (kin.size and kin.shape != (width - 1, width - 1)):
            raise ValueError("features")
        return cls(**found, bkt=bkt)


def _pairs(answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Return a key for each question with the answer before it [E], and whether there was one [E]."""
    place, begins = answers.place, answers.begins[:-1][answers.owner]
    had = place > 0
    before = np.maximum(begins + place - 1, 0)
    width = answers.count + 1
    key = np.where(had, answers.skills[before] * 2 + np.maximum(answers.right[before], 0), 2 * width)
    return key * width + answers.skills, had


def _decayed(
    waves: Any, size: int, value: np.ndarray, told: np.ndarray, lives: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of values and of counts before each answer, older ones counting less [E, lives]; chains in waves."""
    keep = 0.5 ** (1 / np.array(lives))
    sums, counts = np.zeros((size, len(lives))), np.zeros((size, len(lives)))
    a = b = np.empty((0, len(lives)))
    for place, index in enumerate(waves):
        a = np.zeros((len(index), len(lives))) if place == 0 else a[: len(index)]
        b = np.zeros((len(index), len(lives))) if place == 0 else b[: len(index)]
        sums[index], counts[index] = a, b
        new = told[index][:, None]
        a = np.where(new, a * keep + value[index][:, None], a)
        b = np.where(new, b * keep + 1, b)
    return sums, counts


def _lately(answers: Answers, rates: np.ndarray) -> np.ndarray:
    """Return how a learner does beside what is usual for the questions, over several spans, and in all."""
    told = answers.right >= 0
    gap = np.where(told, answers.right - rates[answers.skills], 0.0)
    sums, counts = _decayed(answers.whole.waves(), len(answers), gap, told, (*_LIVES, 1e9))
    mean = sums / (counts + 1.5)
    right = np.where(told, answers.right, 0.0)
    plain, plain_counts = _decayed(answers.whole.waves(), len(answers), right, told, _LIVES[:3])
    return np.concatenate([mean, plain / (plain_counts + 0.5)], axis=1)


def _same_skill(answers: Answers, rates: np.ndarray) -> np.ndarray:
    """Return the same within one skill: counts, the last answer, streaks, and how near it is (1 for the one before, toward 0)."""
    chains, told = answers.by_skill, answers.right >= 0
    gap = np.where(told, answers.right - rates[answers.skills], 0.0)
    right = np.where(told, answers.right, 0.0)
    size = len(answers)
    sums, counts = _decayed(chains.waves(), size, gap, told, (*_SKILL_LIVES, 1e9))
    plain, times = _decayed(chains.waves(), size, right, told, (1e9,))
    last, streak, since = np.zeros(size), np.zeros(size), np.zeros(size)
    recent = run = when = np.empty(0)
    for place, index in enumerate(chains.waves()):
        many = len(index)
        recent, run, when = (
            (np.zeros(many), np.zeros(many), np.full(many, -np.inf))
            if place == 0
            else (recent[:many], run[:many], when[:many])
        )
        last[index], streak[index] = recent, run
        since[index] = 1 / (answers.place[index] - when + 1)
        new, value = told[index], right[index]
        run = np.where(new, np.where(value > 0, np.maximum(run, 0) + 1, np.minimum(run, 0) - 1), run)
        recent, when = np.where(new, 2 * value - 1, recent), np.where(new, answers.place[index], when)
    n_right, n = plain[:, 0], times[:, 0]
    columns = [np.log1p(n_right), np.log1p(n - n_right), last, np.clip(streak, -20, 20), since]
    return np.concatenate([sums / (counts + 1.0), np.stack(columns, axis=1)], axis=1)


def _lags(answers: Answers, rates: np.ndarray) -> np.ndarray:
    """Return the last answers one by one: right or wrong, whether of the same skill (1 and -1, 0 for none), and how hard they were."""
    begins = answers.begins[:-1][answers.owner]
    columns = []
    for lag in range(1, _LAGS + 1):
        had = answers.place >= lag
        before = np.maximum(begins + answers.place - lag, 0)
        columns.append(np.where(had, 2 * answers.right[before] - 1, 0))
        columns.append(np.where(had, np.where(answers.skills[before] == answers.skills, 1, -1), 0))
        if lag <= 2:
            columns.append(np.where(had, rates[answers.skills[before]], rates[-1]))
    return np.stack(columns, axis=1)


def _profiles(answers: Answers, rates: np.ndarray) -> np.ndarray:
    """Return how each learner did in each skill beside what is usual [L, K], drawn to nothing where answers are few."""
    many, width = len(answers.begins) - 1, answers.count + 1
    told = answers.right >= 0
    cell = answers.owner[told] * width + answers.skills[told]
    gap = np.bincount(cell, answers.right[told] - rates[answers.skills[told]], many * width)
    times = np.bincount(cell, minlength=many * width)
    return np.asarray((gap / (times + 1.0)).reshape(many, width)[:, :-1], np.float32)


def _kin(profiles: np.ndarray) -> np.ndarray:
    """Return by how much each skill tells of each other [K, K]: least squares of a column on the others (arXiv 1905.03375)."""
    gram = profiles.T.astype(np.float64) @ profiles
    gram[np.diag_indices_from(gram)] += _KIN_RIDGE
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32)


def _related(answers: Answers, rates: np.ndarray, kin: np.ndarray) -> np.ndarray:
    """Return what the answers to other skills tell of this one, and how much they could tell at all [E, 2]."""
    many, width = len(answers.begins) - 1, answers.count
    out = np.zeros((len(answers), 2))
    toward, strength = np.ascontiguousarray(kin.T), np.abs(kin).T
    step = max(1, (1 << 24) // max(1, width))  # sequences whose states are held at once
    for first in range(0, many, step):
        some = answers.take(np.arange(first, min(many, first + step)))
        offset = int(answers.begins[first])
        sums, times = (
            np.zeros((len(some.begins) - 1, width), np.float32),
            np.zeros((len(some.begins) - 1, width), np.float32),
        )
        for index in some.whole.waves():
            who, of = some.owner[index], some.skills[index]
            known = of < width
            who, of, index = who[known], of[known], index[known]
            times_of = times[who]
            level = sums[who] / (times_of + 1.0)
            out[offset + index, 0] = np.einsum("ij,ij->i", level, toward[of])
            out[offset + index, 1] = np.einsum("ij,ij->i", (times_of > 0).astype(np.float32), strength[of])
            told = some.right[index] >= 0
            sums[who[told], of[told]] += some.right[index][told] - rates[of[told]]
            times[who[told], of[told]] += 1
    return out
