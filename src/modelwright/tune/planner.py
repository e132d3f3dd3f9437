"""The planner: climbs from what leads to what follows inside the budget, and always has a best-so-far answer.

breadth   the first variant of every recipe on the first fold, what leads for these columns first
confirm   what may still win on the other folds, one fold after the other; what has lost stops (`race.py`)
depth     further variants of the recipes that did best
tuning    Optuna over their search spaces, and twins of the best network under other seeds
blend     a weighted ensemble, where it gains more than noise and than its answers cost
refit     the winner once more on all rows but the test rows, with time set aside for it (`finish.py`)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.bases import BaseModels
from modelwright.core.budget import Deadline
from modelwright.core.config import RunConfig
from modelwright.core.device import free_cores
from modelwright.core.errors import BundleError
from modelwright.core.events import CandidateDone, CandidateFailed, EventStream, Note, Planned, StageStarted
from modelwright.core.kept import kept_folders
from modelwright.core.option_groups.declared import of_tasks
from modelwright.core.recipe import Options, Recipe, get_recipe, guesses, on_torch
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.tune import ends
from modelwright.tune.candidate import Candidate, Validation, load_candidate
from modelwright.tune.finish import Finish
from modelwright.tune.fits import Fits
from modelwright.tune.lean import with_lean
from modelwright.tune.order import alike, fitting, wanted
from modelwright.tune.pace import Pace
from modelwright.tune.private import PrivatePlan, climb_privately
from modelwright.tune.race import beaten, between, leader_of
from modelwright.tune.shares import LONG_SHARE, MANY_ROWS, affordable_network, breadth_share, media_alone
from modelwright.tune.standings import Failure, Outcome, Standings
from modelwright.tune.tuning import tune

_TRIFLE = 0.05  # share of the time left below which a recipe's further variants are tried at once
_ALONE = 0.25  # the same of a leading network that leaves the other columns out
_DEAR = 0.04  # share of the time left from which on a recipe is not tried whose like has lost by far
_FLOOR = 1.5, 0.08  # seconds, and share of what can be spared, that any recipe may take
_PRICEY = 0.7  # share of what can be spared from which on cheaper options are looked at
_CHEAPER = 0.5, 0.25  # share of it that they may take: at most, and of networks beside other columns
_ROOM = 1.15  # times what a fold took, as room for the next one
_DEPTH = 0.5  # share of what can be spared that a further variant may be expected to take
_LEFT = 0.5  # seconds with which nothing can be begun any more


@dataclass
class Planner:
    """One climb. `good_enough(scores)` says whether the gate is met on validation rows; None where there is no gate.

    `reserve(ms_per_row)` gives the seconds to keep on an idle machine for what follows training, from the winner's batched
    cost; `pace` stretches it where the machine is busy.
    """

    task: Task
    validation: Validation
    config: RunConfig
    deadline: Deadline
    events: EventStream
    latency: float | None
    memory: int | None
    device: str
    reserve: Callable[[float], float]
    good_enough: Callable[[np.ndarray], bool] | None
    folder: Path | None
    bases: BaseModels = field(default_factory=BaseModels)
    private: PrivatePlan | None = None
    load: float = 1.0  # how many times as long as on an idle machine the run took so far
    standings: Standings = field(init=False)
    pace: Pace = field(init=False)
    fits: Fits = field(init=False)
    end: Finish = field(init=False)
    _asked: tuple[int, bool] = (0, False)
    _recipes: list[Recipe] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = Pace(free_cores(), max(1.0, self.load))
        self.standings = Standings(self.validation, self.latency, self.config.ensemble, self.deadline)
        self.fits = Fits(self, self.pace)
        self.end = Finish(self)
        self.standings.single = self.end.refits
        self.standings.load = lambda: self.pace.load
        self._table: Table = self.validation.parts[0][0]

    @property
    def candidates(self) -> list[Candidate]:
        """What has been trained so far."""
        return self.standings.candidates

    @property
    def failures(self) -> list[Failure]:
        """What could not be trained so far."""
        return self.standings.failures

    def climb(self) -> Outcome:
        """Walk the whole ladder.

        Raises BudgetTooSmall (GateNotMet where there is a gate) where no model stands beside guesses, or none answers within
        the latency; Stopped where not even a guess stands.
        """
        if self.private is not None:
            return climb_privately(self, self.private)
        self.resume()
        self.events.emit(StageStarted("train"))
        self._recipes = self._fitting_recipes()
        self.events.emit(Planned(tuple(r.name for r in self._recipes), len(self.validation.splits)))
        self._breadth()
        if not self.candidates:
            ends.nothing_stands(self.failures, self.deadline, self.config.budget)
        self._confirm()
        if not self.should_end():
            self._depth()
        if not self.should_end() and self.config.search != "none":
            self.events.emit(StageStarted("tune"))
            tune(self)
        ends.only_guesses(self.standings, self.config, self.fits.quickest)
        ends.too_slow(self.standings, self.validation, self.config)
        return self.end.outcome()

    # -- what to try -------------------------------------------------------------------------------------------

    def _fitting_recipes(self) -> list[Recipe]:
        found = fitting(self.task, self.config, self._table, self.validation.target, self.bases)
        for name, why in found.refused:
            self.fail(name, why)
        for name, why in found.unfit:
            self.standings.fail(name, why, fits=False)
        if found.unfit:
            self.events.emit(Note(ends.passed_over(len(found.unfit))))
        return found.recipes

    def _breadth(self) -> None:
        """Train the first variant of every recipe on the first fold, and more where that costs next to nothing."""
        for at, recipe in enumerate(self._recipes):
            if self.should_end():
                self._untried(self._recipes[at:])
                return
            if any(c.recipe == recipe.name for c in self.candidates) or self._like_a_loser(recipe):
                continue
            first, *others = self.variants(recipe)
            first, share = self._within(recipe, first, at)
            self.train(recipe, first, recipe.name, share, folds=(0,))
            for options in others[: 3 if self.candidates and not guesses(recipe.name) else 0]:
                # what a leading network makes of its own column alone is worth knowing early
                leads = affordable_network(recipe) and len(options.leave) > len(first.leave)
                most = (_ALONE if leads else _TRIFLE) * self.spare()
                if self.should_end() or self.fits.expected(recipe, options) > most:
                    break
                self.train(recipe, options, self.standings.next_name(recipe.name), 1.5 * most, folds=(0,))

    def _untried(self, recipes: list[Recipe]) -> None:
        """Say of recipes that the run ended before their turn."""
        why = ends.NO_TIME
        if self.deadline.stopped:
            why = Words("stopped before its turn", "轮到它之前运行已被终止")
        elif self.good_enough is not None and self._asked[1]:
            why = Words("not needed: the gate was met before its turn", "无需尝试：轮到它之前已达标")
        for recipe in recipes:
            if not any(c.recipe == recipe.name for c in self.candidates):
                self.fail(recipe.name, why)

    def _like_a_loser(self, recipe: Recipe) -> bool:
        """Return whether a recipe is dear and its like has lost by far; says so."""
        leader = leader_of(self.candidates, self.validation)
        for c in self.candidates:
            if leader is None or c.recipe == recipe.name or not alike(get_recipe(c.recipe), recipe):
                continue
            lost = between(c, leader, self.validation)
            if lost.far and self.fits.expected(recipe, self.variants(recipe)[0]) > _DEAR * self.spare():
                by = f"{abs(lost.difference):.3g}"
                words = Words(
                    f"not tried: {c.name}, of the same kind, is behind {leader.name} by {by}",
                    f"未尝试：同类方案 {c.name} 落后 {leader.name} {by}",
                )
                self.fail(recipe.name, words)
                return True
        return False

    def _within(self, recipe: Recipe, options: Options, at: int) -> tuple[Options, float]:
        """Return the options to begin with, cheaper ones where the time is short, and the seconds for the first fold."""
        cheaper = recipe.cheaper(options, self._table.schema)
        spare = self.spare()
        part = _CHEAPER[1] if on_torch(recipe) and not media_alone(self._table, 0) else _CHEAPER[0]
        if cheaper and self.fits.expected(recipe, options) > _PRICEY * spare:
            for options in cheaper:
                if self.fits.expected(recipe, options) <= part * spare:
                    break
        return options, self._share(recipe, options, at)

    def _share(self, recipe: Recipe, options: Options, at: int) -> float:
        """Return the seconds that the first fold of a recipe may take."""
        last = at == len(self._recipes) - 1
        nets = any(affordable_network(r) for r in self._recipes)
        slow = affordable_network(recipe) or (len(self._table) >= MANY_ROWS and not type(recipe).baseline)
        long = slow and not self.config.refit and self._takes_long(recipe, options)
        first = long and not self.end.kept
        if long:
            self.end.kept.add(recipe.name)
        named = wanted(recipe, self.config)
        part = breadth_share(recipe, self._table, wanted=named, first=first, last=last, networks=nets)
        spare = self.end.left() if long else self.spare()
        return max(spare * part, min(spare, max(_FLOOR[0], _FLOOR[1] * spare)))

    def _takes_long(self, recipe: Recipe, options: Options) -> bool:
        """Return whether one long fit is worth more than a short one and its repetition on all rows."""
        return self.fits.expected(recipe, options) > LONG_SHARE * self.end.left()

    def _confirm(self) -> None:
        """Train what may still win on the folds that it lacks, fold by fold, and drop what has lost."""
        self._drop_beaten()
        for split in range(1, len(self.validation.splits)):
            for candidate in self._in_order():
                if self.should_end():
                    return
                if split not in candidate.folds and candidate.name not in self.standings.beaten:
                    self._extend(candidate, split)
            self._drop_beaten()

    def _in_order(self) -> list[Candidate]:
        """Return guesses, then the candidates in the race, the members of the best answer first."""
        members = [c.name for _, c in self.standings.best()[0]]
        real = [c for c in self.candidates if not guesses(c.recipe) and c.name not in self.standings.beaten]
        real.sort(key=lambda c: (c.name not in members, c.fit_seconds))
        return [c for c in self.candidates if guesses(c.recipe)] + real

    def _extend(self, candidate: Candidate, split: int) -> bool:
        """Train a candidate on one more fold where there is time for it; return whether it was."""
        spare = self.spare(1, new=False)
        return candidate.fit_seconds * _ROOM <= spare and self.fits.extend(candidate, split, spare)

    def _drop_beaten(self) -> None:
        leader = leader_of(self.standings.field(), self.validation)
        if leader is None:
            return
        for c in self.candidates:
            if c.name in self.standings.beaten or c.name in self.standings.waiting or c.recipe == leader.recipe:
                continue
            lost = beaten(c, leader, self.validation)
            if lost is not None:
                done, of, by = len(c.folds), len(self.validation.splits), f"{abs(lost.difference):.3g}"
                self.standings.beaten[c.name] = Words(
                    f"behind {leader.name} by {by} after {done} of {of} folds",
                    f"在 {of} 折中的 {done} 折后落后 {leader.name} {by}",
                )

    def try_variant(self, recipe: Recipe, options: Options, name: str, **more: Any) -> Candidate | None:
        """Train a further variant on the first fold, and on the others while it keeps up with the best of its recipe."""
        rival = max(
            (c for c in self.candidates if c.recipe == recipe.name and c.name not in self.standings.beaten),
            key=lambda c: c.value,
            default=None,
        )
        found = self.train(recipe, options, name, self.spare(), folds=(0,), waits=True, **more)
        if found is None:
            return None
        wanted_folds = set(leader.folds) if (leader := leader_of(self.standings.field(), self.validation)) else {0}
        for split in sorted(wanted_folds - {0}):
            if rival is not None and between(found, rival, self.validation).errors < -0.5:
                by = Words(f"behind {rival.name}", f"落后 {rival.name}")
                self.standings.beaten[found.name] = by
                break
            if self.should_end() or not self._extend(found, split):
                break
        if wanted_folds <= set(found.folds):
            self.standings.waiting.discard(found.name)
        return found

    def _depth(self) -> None:
        """Try further variants, those of the best recipes first."""
        best, _ = self.standings.by_recipe()
        for recipe_name in sorted(best, key=lambda r: best[r], reverse=True)[:4]:
            recipe = get_recipe(recipe_name)
            done = [c.options for c in self.candidates if c.recipe == recipe_name]
            for options in self.variants(recipe)[1:]:
                if self.should_end():
                    return
                if options.model_dump() not in done and self.fits.expected(recipe, options) < _DEPTH * self.spare(1):
                    self.try_variant(recipe, options, self.standings.next_name(recipe_name))

    def variants(self, recipe: Recipe) -> list[Options]:
        """Return the options of a recipe that are worth trying, the first ones first."""
        recipe.bases = self.bases
        table = self._table
        variants = recipe.variants(table.schema, self.validation.target, len(table))
        variants = with_lean(variants, recipe, table, self.validation.target)
        fields = type(recipe).options.model_fields
        passed = [n for n in ("vectors", *of_tasks()) if n in fields]
        given: dict[str, Any] = {n: v for n in passed if (v := getattr(self.config, n))}
        return [type(v)(**{**v.model_dump(), **given}) for v in variants] if given else variants

    # -- training one ------------------------------------------------------------------------------------------

    def train(
        self, recipe: Recipe, options: Options, name: str, share: float, *, waits: bool = False, **more: Any
    ) -> Candidate | None:
        """Train a candidate within `share` seconds, on all folds or those named; None where it failed, which is told.

        One that `waits` does not join the others before it has done the folds on which they are compared.
        """
        candidate = self.fits.begin(recipe, options, name, share, **more)
        if candidate is None:
            return None
        if waits and len(self.validation.splits) > 1:
            self.standings.waiting.add(name)
        self.candidates.append(candidate)
        self.events.emit(CandidateDone(name, self.standings.row(candidate)))
        return candidate

    def fail(self, name: str, reason: Words, fault: bool = False) -> None:
        """Keep and tell why a recipe or candidate has no score."""
        self.standings.fail(name, reason, fault=fault)
        self.events.emit(CandidateFailed(name, reason))

    def resume(self) -> None:
        """Take up candidates that an earlier, stopped walk of this run left whole."""
        for place in kept_folders(self.folder) if self.folder else []:
            try:
                candidate = load_candidate(place, self.validation.target)
            except BundleError as e:
                self.fail(place.name, e.words)
                continue
            if candidate.scores.shape == (len(self.validation.index), self.validation.target.outputs):
                self.candidates.append(candidate)
                self.events.emit(CandidateDone(candidate.name, self.standings.row(candidate)))

    # -- time --------------------------------------------------------------------------------------------------

    def spare(self, twins: int = 0, *, new: bool = True) -> float:
        """Return seconds for training one more, with the refit of the winner and the end of the run set aside."""
        left = self.end.left()
        if new and all(type(get_recipe(c.recipe)).baseline or guesses(c.recipe) for c in self.candidates):
            return left  # what leads comes before a repetition of what does not
        spare = left - self.end.refit_seconds(self.standings.best()[0], twins)
        # A new candidate that enters the winner would be refitted as well.
        return max(0.0, spare / 2.15 if new and self.end.refits and len(self.candidates) > 1 else spare)

    def should_end(self) -> bool:
        """Return whether nothing more is begun: stopped, no time for it, or the gate is met."""
        if self.deadline.stopped:
            return True
        if self.candidates and self.spare() < _LEFT:
            # before a model stands beside guesses, a quick one is tried in the time that an idle machine would need
            real = any(not guesses(c.recipe) for c in self.candidates)
            return real or self.deadline.remaining() - self.reserve(0.0) < _LEFT
        if self.good_enough is None or len(self.candidates) < 2:
            return False
        done = sum(len(c.folds) for c in self.candidates)
        if done != self._asked[0]:  # asking takes a bootstrap; the answer only changes with a candidate
            self._asked = done, self.good_enough(self.standings.best()[2])
        return self._asked[1]
