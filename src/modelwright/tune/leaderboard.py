"""The leaderboard while it grows: candidates, failures, and the best answer so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.recipe import get_recipe, guesses
from modelwright.core.teacher_answers import Taught
from modelwright.core.words import Words
from modelwright.tune.candidate import Candidate, Validation
from modelwright.tune.ensemble import select
from modelwright.tune.race import common, gap, leader_of

Winner = list[tuple[float, Candidate]]

_SLOWER = 2.0  # times as slowly as the best candidate a blend may answer, where the user sets no limit
_SELECT = 0.4, 0.01  # seconds, or the share of the time left if that is more, that choosing a blend may take
_LAST = 3.0, 0.05  # the same for the last choice, which counts


@dataclass
class Failure:
    """A recipe or candidate that is not on the leaderboard with a score, and why."""

    name: str
    reason: Words
    fits: bool = True  # False where the recipe is made for other data
    refused: bool = False  # whether it was named and these data or settings are not for it
    fault: bool = False  # whether the program or a library failed, as against time or data that do not suit
    memory: bool = False  # whether memory did not suffice
    begun: bool = True  # False where it was left out by decision, such as for want of time or need, before any training
    node: bool = False  # whether a machine of the cluster lacks what it needs


@dataclass
class Standings:
    """Candidates and failures so far. `latency` is the most seconds one answer may take; None where it is free.

    `single` says whether the winner will answer with one model of each candidate, trained again on all rows. Candidates in
    `beaten` go no further, with the reason; those in `waiting` have not done the folds yet on which the others are compared.
    """

    validation: Validation
    latency: float | None
    ensemble: bool
    deadline: Deadline
    single: bool = False
    load: Callable[[], float] = lambda: 1.0  # how many times as long as on an idle machine everything takes
    candidates: list[Candidate] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    beaten: dict[str, Words] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    _rows: dict[tuple[int, int], CandidateRow] = field(default_factory=dict)
    _cached: tuple[Any, tuple[Winner, float, np.ndarray]] | None = None

    def forgive(self, name: str) -> None:
        """Forget why a recipe had no score: it has one now."""
        self.failures[:] = [f for f in self.failures if f.name != name]

    def fail(self, failure: Failure) -> None:
        """Keep why a recipe or candidate has no score; the latest reason of a name stands."""
        self.failures[:] = [f for f in self.failures if f.name != failure.name] + [failure]

    def next_name(self, recipe: str, also: Collection[str] = ()) -> str:
        """Return a name for a further candidate of a recipe: `linear-2`, `linear-3` ...; none of `also`, which are given already."""
        taken = {c.name for c in self.candidates} | {f.name for f in self.failures} | set(also)
        n = 2
        while f"{recipe}-{n}" in taken:
            n += 1
        return f"{recipe}-{n}"

    def row(self, candidate: Candidate) -> CandidateRow:
        """Return what the leaderboard shows of a candidate, judged on validation rows."""
        key = id(candidate), len(candidate.folds)
        if key in self._rows:
            return self._with_reason(candidate, self._rows[key])
        from modelwright.evaluate.intervals import bootstrap

        metric = self.validation.metric
        found = bootstrap(
            metric,
            self.validation.judged(candidate.scores),
            resamples=200,
            seconds=0.1 if self.deadline.stopped else 0.5,
        )
        row = self._rows[key] = {
            "name": candidate.name,
            "recipe": candidate.recipe,
            "metric": metric.name,
            "metric_title": list(metric.title),
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "ms_per_row": candidate.ms_per_row,
            "batch_ms": candidate.batch_ms,
            "seconds": candidate.seconds,
            "folds": list(candidate.fold_values),
            "options": candidate.options,
        }
        learnt = [m.extent["learnt"] for m in candidate.models if m.extent.get("learnt")]
        given = len(self.validation.parts[candidate.folds[0]][0])
        if learnt and learnt[0] != given:
            row["learnt"], row["learnt_of"] = learnt[0], max(given, learnt[0])
        spent = [m.extent["spent"] for m in candidate.models if m.extent.get("spent")]
        if spent:
            row["cost"] = sum(s["cost"] for s in spent)
            row["tokens"] = sum(s["tokens_in"] + s["tokens_out"] for s in spent)
        return self._with_reason(candidate, row)

    def _with_reason(self, candidate: Candidate, row: CandidateRow) -> CandidateRow:
        """Return a row with why its candidate was compared on some folds only, where that is so."""
        done, count = len(candidate.folds), len(self.validation.splits)
        if done == count:
            return row
        why = self.beaten.get(candidate.name)
        if why is None:
            why = Words(f"scored on {done} of {count} folds", f"在 {count} 折中的 {done} 折上评分")
        return {**row, "reason": list(why)}

    def undefined(self) -> bool:
        """Return whether the metric says nothing on any validation row, as of series that never change, though more than a guess was tried
        on all of them: nothing could be chosen by it."""
        count = len(self.validation.splits)
        done = any(len(c.folds) == count and not guesses(c.recipe) for c in self.candidates)
        return done and not any(np.isfinite(self.row(c)["value"]) for c in self.candidates)

    def cost(self, candidate: Candidate) -> float:
        """Return the seconds that an answer of a candidate takes as it would be served."""
        one = candidate.single_ms or candidate.ms_per_row / max(1, len(candidate.models))
        return (one if self.single else candidate.ms_per_row) / 1000

    def limit(self, pool: Sequence[Candidate]) -> float | None:
        """Return the most seconds that an answer of a blend may take: as asked for, else what nobody has to wait for."""
        if self.latency is not None or not self.ensemble:
            return self.latency
        best = max(pool, key=lambda c: c.value)
        return max(self.validation.target.quick * self.load(), _SLOWER * self.cost(best), *(self.cost(c) for c in pool))

    def field(self) -> list[Candidate]:
        """Return the candidates that may win: those still in the race; guesses only where there is nothing else, or their answer is of use."""
        real = [c for c in self.candidates if not guesses(c.recipe) or get_recipe(c.recipe).ships]
        racing = [c for c in real if c.name not in self.beaten and c.name not in self.waiting]
        return racing or real or self.candidates

    def best(self, *, last: bool = False) -> tuple[Winner, float, np.ndarray]:
        """Return the best so far: weighted candidates, their validation value, their scores [V, K] (NaN where not judged). The `last`
        choice may take longer than those on the way."""
        pool = self.field()
        key = (last, *((id(c), len(c.folds)) for c in pool))
        if self._cached is not None and self._cached[0] in (key, (True, *key[1:])):
            return self._cached[1]
        seconds, share = _LAST if last else _SELECT
        until = self.deadline.sub(max(seconds, share * min(self.deadline.remaining(), 1e5)))
        pool = self._judged_alike(pool)
        found = self._among(pool, until)
        members = [c for _, c in found[0]]
        if len(common(members)) > len(common(pool)):  # judged by more rows without those that had no part in it
            more = set(common(members))
            found = self._among([c for c in pool if more <= set(c.folds)], until)
        self._cached = key, found
        return found

    def unlimited(self) -> tuple[Winner, float, np.ndarray]:
        """Return what would be best if an answer might take any time, with its scores [N, K], as `best` returns it."""
        pool = self.field()
        until = self.deadline.sub(max(_SELECT[0], _SELECT[1] * min(self.deadline.remaining(), 1e5)))
        return self._among(self._judged_alike(pool), until, limited=False)

    def _judged_alike(self, pool: list[Candidate]) -> list[Candidate]:
        """Return a pool without those that were judged on less than half of the leader's folds: a blend is chosen by the rows that all of
        its members have, and of few rows it would learn their noise."""
        leader = leader_of(pool, self.validation)
        return [c for c in pool if leader is None or 2 * len(common([c, leader])) >= len(leader.folds)]

    def _among(
        self, pool: list[Candidate], until: Deadline, *, limited: bool = True
    ) -> tuple[Winner, float, np.ndarray]:
        rows = self.validation.rows_of(common(pool))
        scores = [self.validation.only(c.scores, rows) for c in pool]
        within = self.validation.target.blends_within
        if within is not None and len(pool) > 1:
            values = [self.validation.value(s) for s in scores]
            if max(values) < 0:  # an error, the less the better
                kept = [i for i, v in enumerate(values) if v >= (1 + within) * max(values)]
                pool, scores = [pool[i] for i in kept], [scores[i] for i in kept]
        limit = self.limit(pool) if limited else None
        if self.validation.target.plainer and len(pool) > 1:
            at = self._plainest(pool, scores, limit)
            pool, scores = [pool[at]], [scores[at]]
        blend = select(
            scores,
            self.validation.value,
            self.validation.fine,
            [self.cost(c) for c in pool],
            limit=limit,
            deadline=until,
            rounds=24 if self.ensemble and self.validation.target.averages else 0,
            sure=lambda a, b: NormalDist().cdf(gap(a, b, self.validation).errors),
        )
        if blend is None:  # nothing is fast enough: the fastest stands for now
            at = min(range(len(pool)), key=lambda i: self.cost(pool[i]))
            return [(1.0, pool[at])], self.validation.value(scores[at]), scores[at]
        members = [(w, pool[i]) for i, w in blend.weights.items()]
        if len(members) == 1:
            return members, blend.value, scores[next(iter(blend.weights))]
        mean = np.zeros_like(scores[0], dtype=np.float64)
        for i, w in blend.weights.items():
            mean += w * scores[i]
        return members, blend.value, mean

    def _plainest(self, pool: list[Candidate], scores: list[np.ndarray], limit: float | None) -> int:
        """Return the best of a pool, or one of a lower rank, or the same recipe with options that were tried earlier, that it does not
        clearly beat: of these the lowest, then the earliest."""
        values = [self.validation.value(s) for s in scores]
        fits = [i for i, c in enumerate(pool) if limit is None or self.cost(c) <= limit] or list(range(len(pool)))
        best = max(fits, key=lambda i: values[i])
        rank = {i: type(get_recipe(pool[i].recipe)).rank for i in fits}
        own = {i for i in fits if pool[i].recipe == pool[best].recipe and i < best}
        lower = [i for i in fits if (rank[i] < rank[best] or i in own) and not guesses(pool[i].recipe)]
        for i in sorted(lower, key=lambda i: (rank[i], i)):
            if gap(scores[best], scores[i], self.validation).errors < self.validation.target.plainer:
                return i
        return best

    def too_slow(self) -> bool:
        """Return whether there is a limit on the time of an answer that no candidate keeps."""
        return self.latency is not None and all(self.cost(c) > self.latency for c in self.field())

    def by_recipe(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the best value and the longest fit of each recipe that is still in the race, guesses left out."""
        values: dict[str, float] = {}
        seconds: dict[str, float] = {}
        for c in self.candidates:
            if guesses(c.recipe) or c.name in self.beaten:
                continue
            values[c.recipe] = max(values.get(c.recipe, -np.inf), c.value)
            seconds[c.recipe] = max(seconds.get(c.recipe, 0.0), c.fit_seconds)
        return values, seconds


@dataclass
class Blend:
    """A blend to learn from: its members, its value and scores [V, K] on validation rows, and the seconds of one answer."""

    winner: Winner
    value: float
    scores: np.ndarray
    seconds: float

    @property
    def name(self) -> str:
        """The names of its members."""
        return " + ".join(c.name for _, c in self.winner)


@dataclass
class Learnt:
    """What came of a student: the blend it learnt from, the student where it came to stand, whether it is the winner, and why."""

    blend: Blend
    student: Candidate | None
    shipped: bool
    why: Words
    taught: Taught | None = None


@dataclass
class Outcome:
    """What the planner leaves: candidates, failures, and the winner as weighted candidates.

    `value` and `scores` [V, K] are the winner's on the rows of `validation`: the folds that all its members have done.
    """

    candidates: list[Candidate]
    failures: list[Failure]
    winner: list[tuple[float, Candidate]]
    value: float
    scores: np.ndarray
    validation: Validation
    gate_met: bool = False
    learnt: Learnt | None = None  # what came of a student in place of a blend, where one was tried


def compared(candidates: Sequence[Candidate], winner: Winner) -> list[Candidate]:
    """Return what a winner is compared with on the test rows: the best of the rest, and the baselines, where they are not all of it."""
    alone = {c.recipe for _, c in winner}
    rest = [c for c in candidates if winner[0][1].name != c.name or len(winner) > 1]
    second = max(rest, key=lambda c: c.value, default=None)

    def is_baseline(c: Candidate) -> bool:  # further variants of one are none
        return get_recipe(c.recipe).baseline and c.name == c.recipe and alone != {c.recipe}

    return [c for c in candidates if c is second or is_baseline(c)]
