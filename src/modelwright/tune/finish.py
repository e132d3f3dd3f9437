"""The end of a climb: time set aside for it, the winner once more on all rows, and its twins."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from modelwright.core.events import StageStarted
from modelwright.core.recipe import get_recipe, guesses, on_torch
from modelwright.tune.attempt import Broken, attempt
from modelwright.tune.candidate import Candidate, refit
from modelwright.tune.climb import Climb
from modelwright.tune.fits import Fits
from modelwright.tune.race import common
from modelwright.tune.shares import MANY_ROWS
from modelwright.tune.standings import Outcome, Winner
from modelwright.tune.twins import add_twins

_MORE = 1.1  # times what the rows alone make a refit longer
_WORTH = 0.5  # share of the time that a refit should take below which it is not begun


@dataclass
class Finish:
    """What is done when a climb ends. `kept` are recipes whose one long fit is not repeated."""

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
        """Return how long refitting the winner takes, its networks `twins` times more under other seeds."""
        if not self.refits:
            return 0.0
        again = {c.name: c for _, c in winner if c.recipe not in self.kept and not guesses(c.recipe)}
        return sum(
            self._once(c) * (1 + twins * (on_torch(get_recipe(c.recipe)) and get_recipe(c.recipe).seeded))
            for c in again.values()
        )

    def _once(self, candidate: Candidate) -> float:
        v = self.climb.validation
        grown = len(v.table) / max(1, len(v.splits[0][0]))
        seconds = candidate.fit_seconds + max((m.borrowed for m in candidate.models), default=0.0)
        return seconds * grown * _MORE + 0.2

    def outcome(self) -> Outcome:
        """Return the winner, refitted where there is time, with what all candidates came to."""
        p = self.climb
        winner, value, scores = p.standings.best(last=True)
        folds = common([c for _, c in winner])
        validation = p.validation.on(folds)
        if validation.target.averages:
            scores = scores[p.validation.rows_of(folds)]
        met = bool(p.good_enough and p.good_enough(p.standings.best()[2]))
        if len(winner) > 1:
            p.events.emit(StageStarted("ensemble"))
        if self.refits and not p.deadline.stopped:
            # the weightiest for its time first: where time runs out, what is left keeps its first fits
            order = sorted(range(len(winner)), key=lambda i: -winner[i][0] / self._once(winner[i][1]))
            for i in order:
                winner[i] = (winner[i][0], self._refit(winner[i][1]))
            add_twins(
                winner, p.validation.table, p.validation.target, self.fits.context, p.deadline, p.standings.limit([c for _, c in winner]),
                lambda ms: p.reserve(ms) * p.pace.load, self._took,
            )  # fmt: skip
        return Outcome(p.candidates, p.failures, winner, value, scores, validation, met)

    def _refit(self, candidate: Candidate) -> Candidate:
        """Return the candidate trained on all rows where there is time for it, else as it was."""
        p = self.climb
        left = p.left()
        if guesses(candidate.recipe) or candidate.recipe in self.kept or left < _WORTH * self._once(candidate):
            return candidate
        deadline = p.deadline.sub(left)
        start = time.monotonic()
        recipe = get_recipe(candidate.recipe)
        ctx = self.fits.context(candidate.name, deadline, torch=on_torch(recipe))
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
