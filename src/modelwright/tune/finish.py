"""The end of a climb: time set aside for it, a student in place of a blend, the winner once more on all rows, and its twins."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from modelwright.core.events import CandidateDone, StageStarted
from modelwright.core.recipe import get_recipe, guesses, on_torch
from modelwright.core.teacher_answers import Taught
from modelwright.core.words import Words
from modelwright.tune import student
from modelwright.tune.attempt import Broken, attempt
from modelwright.tune.candidate import Candidate, refit, refit_share
from modelwright.tune.climb import Climb
from modelwright.tune.fits import Fits
from modelwright.tune.leaderboard import Learnt, Outcome, Winner
from modelwright.tune.race import common
from modelwright.tune.shares import MANY_ROWS
from modelwright.tune.twins import add_twins

_MORE = 1.1  # times what the rows alone make a refit longer
_WORTH = 0.5  # share of the time that a refit should take below which it is not begun
_MOST = 0.7  # the same of a fit that had most of the time


@dataclass
class Finish:
    """What is done when a climb ends. `kept` are recipes for whose repetition no time is set aside, since one long fit is worth more."""

    climb: Climb
    fits: Fits
    kept: set[str] = field(default_factory=set)
    _took: dict[str, float] = field(default_factory=dict)

    @property
    def refits(self) -> bool:
        """Whether the winner is trained again on all rows but the test rows."""
        p = self.climb
        many = len(p.validation.table) >= MANY_ROWS and not p.task.answers_from_rows
        if p.config.refit is None and len(p.validation.splits) == 1 and many:
            return False
        return p.config.refit is not False and p.private is None

    def refit_seconds(self, winner: Winner, twins: int = 0) -> float:
        """Return how long refitting the winner takes, its networks `twins` times more under other seeds; of members whose refit would not
        be begun in the time that is left, nothing."""
        if not self.refits:
            return 0.0
        left, seconds = self.climb.left(), 0.0
        for c in self._in_order(winner):
            once, room = self._once(c), left - seconds
            if c.recipe in self.kept or guesses(c.recipe) or room < _WORTH * once:
                continue
            again = twins * (on_torch(get_recipe(c.recipe)) and get_recipe(c.recipe).seeded)
            seconds += once * (1 + again)
        return seconds

    def _in_order(self, winner: Winner) -> list[Candidate]:
        """Return the members as they are refitted, the weightiest for its time first: where time runs out, what is left keeps its first
        fits."""
        return [c for _, c in sorted(winner, key=lambda pair: -pair[0] / self._once(pair[1]))]

    def student_seconds(self, winner: Winner) -> float:
        """Return the seconds to set aside beside the winner's refit for a student that was asked for: one fold, and what its own refit,
        which takes the place of the winner's, goes beyond that."""
        p = self.climb
        if not p.config.student or len(p.standings.field()) < 2 or student.refuses(p.config, p.validation):
            return 0.0
        found = student.pupil(p.standings, float("inf"))
        if found is None:
            return 0.0
        beyond = max(0.0, self._once(found) - self.refit_seconds(winner)) if self.refits else 0.0
        return found.fit_seconds * student.ROOM + beyond

    def _once(self, candidate: Candidate) -> float:
        v = self.climb.validation
        grown = len(v.table) / max(1, len(v.splits[0][0]))
        seconds = candidate.fit_seconds * refit_share(candidate)
        seconds += max((m.borrowed for m in candidate.models), default=0.0)
        return seconds * grown * _MORE + 0.2

    def outcome(self) -> Outcome:
        """Return the winner, refitted where there is time, with what all candidates came to."""
        p = self.climb
        winner, value, scores = p.standings.best(last=True)
        learnt = self._learnt(winner, value, scores)
        if learnt is not None and learnt.shipped and learnt.student is not None:
            winner, value, scores = [(1.0, learnt.student)], learnt.student.value, learnt.student.scores
        met = bool(p.good_enough and p.good_enough(scores))
        folds = common([c for _, c in winner])
        validation = p.validation.on(folds)
        if validation.target.averages:
            scores = scores[p.validation.rows_of(folds)]
            if learnt is not None:
                learnt.blend.scores = learnt.blend.scores[p.validation.rows_of(folds)]
        if len(winner) > 1:
            p.events.emit(StageStarted("ensemble"))
        if self.refits and not p.deadline.stopped:
            for own in self._in_order(winner):
                taught = learnt.taught if learnt is not None and own is learnt.student else None
                again = self._refit(own, taught)
                winner[:] = [(w, again if c is own else c) for w, c in winner]
        if self.refits and not p.deadline.stopped and not (learnt is not None and learnt.shipped):
            add_twins(
                winner, p.validation.table, p.validation.target, self.fits.context, p.deadline, p.standings.limit([c for _, c in winner]),
                lambda ms: p.reserve(ms) * p.pace.load, self._took,
            )  # fmt: skip
        return Outcome(p.candidates, p.failures, winner, value, scores, validation, met, learnt)

    def _learnt(self, winner: Winner, value: float, scores: np.ndarray) -> Learnt | None:
        """Return what came of a student in the time that the winner's refit leaves; None where there is none to be."""
        p = self.climb
        if p.deadline.stopped:
            return None
        why = student.refuses(p.config, p.validation) if p.config.student else None
        blend = None if why is not None else student.to_learn(p, winner, value, scores)
        if blend is None:
            if p.config.student:
                why = why or Words("no blend is better than one model", "没有比单个模型更好的组合")
                p.events.note(f"No student: {why.en}.", f"不训练学习组合的单模型：{why.zh}。")
            return None
        p.events.emit(StageStarted("student"))
        learnt = student.teach(p, self.fits, blend, winner, scores, self.refit_seconds(winner))
        if learnt.student is not None:
            p.candidates.append(learnt.student)
            p.events.emit(CandidateDone(learnt.student.name, p.standings.row(learnt.student)))
        p.events.note(learnt.why.en, learnt.why.zh)
        return learnt

    def _refit(self, candidate: Candidate, taught: Taught | None = None) -> Candidate:
        """Return the candidate trained on all rows, a student by what it is `taught`, where there is time for it; else as it was."""
        p = self.climb
        left = p.left()
        # a long fit is only repeated where it ended early enough for most of one, with the rate brought down in the time that is left
        least = (_MOST if candidate.recipe in self.kept else _WORTH) * self._once(candidate)
        if guesses(candidate.recipe) or left < least:
            return candidate
        deadline = p.deadline.sub(left)
        start = time.monotonic()
        recipe = get_recipe(candidate.recipe)
        ctx = self.fits.context(candidate.name, deadline, torch=on_torch(recipe))
        if taught is not None:
            ctx = replace(ctx, taught=taught, crew=None, cluster=None)
        again = attempt(
            lambda: refit(candidate, p.validation.table, ctx, deadline),
            f"{candidate.name}-refit",
            p.folder.parent if p.folder else None,
        )
        if isinstance(again, Broken):
            p.events.warn(
                f"{candidate.name} keeps its first fit: {again.words.en}",
                f"{candidate.name} 沿用首次训练：{again.words.zh}",
            )
            return candidate
        self._took[again.name] = time.monotonic() - start
        again.seconds = candidate.seconds + time.monotonic() - start
        return again
