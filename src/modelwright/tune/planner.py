"""What a climb can do next, and what time there is for it: recipes in their order, further folds, further variants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.events import CandidateDone, Note, Planned
from modelwright.core.option_groups.declared import passed_to
from modelwright.core.recipe import Options, Recipe, get_recipe, guesses, on_torch
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.tune import no_model
from modelwright.tune.candidate import Candidate
from modelwright.tune.climb import Climb
from modelwright.tune.finish import Finish
from modelwright.tune.fits import Fits
from modelwright.tune.leaderboard import Failure
from modelwright.tune.order import alike, fitting, learns, only_reads, wanted
from modelwright.tune.race import beaten, between, leader_of
from modelwright.tune.resumed import left_whole
from modelwright.tune.shares import LONG_SHARE, MANY_ROWS, affordable_network, breadth_share, media_alone
from modelwright.tune.without_media import with_lean

_TRIFLE = 0.05  # share of the time left below which a recipe's further variants are tried at once
_ALONE = 0.25  # the same of a leading network that leaves the other columns out
_DEAR = 0.04  # share of the time left from which on a recipe is not tried whose like has lost by far
_FEW = 1000  # rows below which a pretrained network is read first
_MUCH = 0.5  # share of the training of a pretrained network that is worth some
_FLOOR = 1.5, 0.08  # seconds, and share of what can be spared, that any recipe may take
_PRICEY = 0.7  # share of what can be spared from which on cheaper options are looked at
_CHEAPER = 0.5, 0.25  # share of it that they may take: at most, and of networks beside other columns
_ROOM = 1.15  # times what a fold took, as room for the next one
_STRETCH = 0.25  # share of what can be spared that a recipe without torch may take at most to begin at all
_DEPTH = 0.5  # share of what can be spared that a further variant may be expected to take
_LEFT = 0.5  # seconds with which nothing can be begun any more
_SET_ASIDE = 0.33  # share of the time left that a refit may claim while recipes wait for their first turn


@dataclass
class Planner(Climb):
    """What there is to try, and the steps of a climb that try it."""

    fits: Fits = field(init=False)
    end: Finish = field(init=False)
    _asked: tuple[int, bool, bool] = field(
        default=(0, False, False), init=False
    )  # folds done, gate met, by what learns
    _recipes: list[Recipe] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.fits = Fits(self, self.pace)
        self.end = Finish(self, self.fits)
        self.standings.single = self.end.refits
        self._table: Table = self.validation.parts[0][0]

    # -- what to try -------------------------------------------------------------------------------------------

    def choose_recipes(self) -> None:
        """Find the recipes that fit the data, in their order; those that do not are told."""
        found = fitting(self.task, self.config, self._table, self.validation.target, self.bases)
        for name, why in found.refused:
            self.standings.fail(Failure(name, why, refused=True, begun=False))
        for name, why in found.unfit:
            self.standings.fail(Failure(name, why, fits=False, begun=False))
        if found.unfit:
            self.events.emit(Note(no_model.passed_over(len(found.unfit))))
        self._recipes = found.recipes
        self.events.emit(Planned(tuple(r.name for r in found.recipes), len(self.validation.splits)))

    def breadth(self) -> None:
        """Train the first variant of every recipe on the first fold, and more where that costs next to nothing."""
        begun = self._hand_out()
        for at, recipe in enumerate(self._recipes):
            if self.should_end():
                self._untried(self._recipes[at:])
                return
            if any(c.recipe == recipe.name for c in self.candidates):
                continue
            if self._like_a_loser(recipe) or self._waits(recipe):
                continue
            first, *others = self.variants(recipe)
            first, share = begun.get(recipe.name) or self._within(recipe, first, at)
            tried = self.train(recipe, first, recipe.name, share, folds=(0,))
            if tried is not None and len(self._table) < _FEW and wanted(recipe, self.config) and only_reads(recipe):
                self._finish(tried)
            for options in others[: 3 if self.candidates and not guesses(recipe.name) else 0]:
                # what a leading network makes of its own column alone is worth knowing early
                leads = affordable_network(recipe) and len(options.leave) > len(first.leave)
                most = (_ALONE if leads else _TRIFLE) * self.spare()
                if self.should_end() or self.fits.expected(recipe, options) + self._judging(tried) > most:
                    break
                self.train(recipe, options, self.standings.next_name(recipe.name), 1.5 * most, folds=(0,))

    def _judging(self, like: Candidate | None) -> float:
        """Return the seconds on the clock that it takes to judge one more candidate like this one on a fold: what a fit costs next to
        nothing may take long to judge, where all items of a catalogue are ranked for thousands of users."""
        if like is None:
            return 0.0
        return like.batch_ms / 1000 * len(self.validation.parts[0][1]) * self.pace.load

    def _hand_out(self) -> dict[str, tuple[Options, float]]:
        """Hand the first fits of all recipes to the cluster, where there is one; return options and seconds by recipe."""
        if self.cluster is None:
            return {}
        self.width = self.cluster.slots
        try:
            found = {}
            for at, recipe in enumerate(self._recipes):
                if not guesses(recipe.name) and not any(c.recipe == recipe.name for c in self.candidates):
                    found[recipe.name] = self._within(recipe, self.variants(recipe)[0], at)
                    self.fits.ahead(recipe, found[recipe.name][0], recipe.name, found[recipe.name][1], 0)
            return found
        finally:
            self.width = 1

    def _untried(self, recipes: list[Recipe]) -> None:
        """Say of recipes that the run ended before their turn."""
        met = self._met()
        why = no_model.untried(stopped=self.deadline.stopped, met=met, undefined=self.standings.undefined())
        for recipe in recipes:
            if not any(c.recipe == recipe.name for c in self.candidates):
                self.fail(recipe.name, why, begun=False)

    def _like_a_loser(self, recipe: Recipe) -> bool:
        """Return whether a recipe is dear and its like has lost by far; says so."""
        leader = leader_of(self.candidates, self.validation)
        for c in self.candidates:
            if leader is None or c.recipe == recipe.name or not alike(get_recipe(c.recipe), recipe):
                continue
            lost = between(c, leader, self.validation)
            if lost.far and self.fits.expected(recipe, self.variants(recipe)[0]) > _DEAR * self.spare():
                self.fail(recipe.name, no_model.like_a_loser(c.name, leader.name, lost.difference), begun=False)
                return True
        return False

    def _waits(self, recipe: Recipe) -> bool:
        """Return whether a recipe trains a pretrained network for which there is no time, while one that only reads from it stands; says
        so. On few rows the latter has its folds first: training that is cut far short takes all the time and stands behind it."""
        if len(self._table) >= _FEW or not wanted(recipe, self.config) or only_reads(recipe):
            return False
        stands = next((c.name for c in self.candidates if only_reads(get_recipe(c.recipe))), None)
        takes = self.fits.expected(recipe, self.variants(recipe)[0]) if stands else 0.0
        if takes <= self.spare():
            return False
        self.fits.refused[recipe.name] = _MUCH * takes
        self.fail(recipe.name, no_model.read_first(takes, stands or ""), begun=False)
        return True

    def _within(self, recipe: Recipe, options: Options, at: int) -> tuple[Options, float]:
        """Return the options to begin with, cheaper or smaller ones where the time is short, and the seconds for the first fold."""
        options, share = self._shortened(recipe, options, at)
        return self.fits.that_begins(recipe, options, share), share

    def _shortened(self, recipe: Recipe, options: Options, at: int) -> tuple[Options, float]:
        """Return the options or cheaper ones, of which a fit does not take too much of the time left, and its seconds."""
        cheaper = recipe.cheaper(options, self._table.schema)
        spare = self.spare()
        if not cheaper or self.fits.expected(recipe, options) <= _PRICEY * spare:
            return options, self._share(recipe, options, at)
        if not on_torch(recipe) and self._slow(recipe):
            share = self._share(recipe, options, at)  # the longer fit is worth more than what would come after it
            return self._cheap(recipe, cheaper, share), share
        part = _CHEAPER[1] if on_torch(recipe) and not media_alone(self._table, 0) else _CHEAPER[0]
        options = self._cheap(recipe, cheaper, part * spare)
        return options, self._share(recipe, options, at)

    def _cheap(self, recipe: Recipe, cheaper: list[Options], most: float) -> Options:
        """Return the first options that are expected to take so many seconds at most, else the last."""
        return next((o for o in cheaper if self.fits.expected(recipe, o) <= most), cheaper[-1])

    def _share(self, recipe: Recipe, options: Options, at: int) -> float:
        """Return the seconds that the first fold of a recipe may take."""
        last = at == len(self._recipes) - 1
        nets = any(affordable_network(r) for r in self._recipes)
        # where the plan is long, one long fit is worth more than a short one and its repetition on all rows
        long = self._slow(recipe) and not self.config.refit
        # whether nothing comes after it: no other recipe or fold, no search, no repetition on all rows
        alone = last and self.config.search == "none" and len(self.validation.splits) == 1 and not self.end.refits
        long = long and (alone or self.fits.expected(recipe, options) > LONG_SHARE * self.left())
        first = long and not self.end.kept
        if long:
            self.end.kept.add(recipe.name)
        named = wanted(recipe, self.config)
        part = breadth_share(recipe, self._table, wanted=named, first=first, last=last, networks=nets)
        spare = self.left() if long else self.spare()
        share = max(spare * part, min(spare, max(_FLOOR[0], _FLOOR[1] * spare)))
        if share < _STRETCH * spare and not on_torch(recipe):  # a little more where that lets it begin at all
            share = max(share, min(_STRETCH * spare, _ROOM * self.fits.least(recipe, options)))
        return share

    def _slow(self, recipe: Recipe) -> bool:
        """Return whether fits of a recipe may take most of the time: of networks, and of what is no baseline on very many rows."""
        return affordable_network(recipe) or (len(self._table) >= MANY_ROWS and not type(recipe).baseline)

    def confirm(self) -> None:
        """Train what may still win on the folds that it lacks, fold by fold, and drop what has lost."""
        self._drop_beaten()
        for candidate in self._in_order() if self.cluster is not None else []:
            recipe = get_recipe(candidate.recipe)
            recipe.bases = self.bases
            options = type(recipe).options(**candidate.options)
            for split in set(range(1, len(self.validation.splits))) - set(candidate.folds):
                spare = self.spare(1, new=False)
                self.fits.ahead(recipe, options, candidate.name, spare, split, seed=candidate.seed)
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

    def _finish(self, candidate: Candidate) -> None:
        """Train a candidate on all its folds: where the first one has embedded all rows, the others cost next to nothing, and what comes
        after it is compared with it on more than a few rows."""
        for split in range(1, len(self.validation.splits)):
            if self.should_end() or not self._extend(candidate, split):
                return

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
                self.standings.beaten[found.name] = Words(f"behind {rival.name}", f"落后 {rival.name}")
                break
            if self.should_end() or not self._extend(found, split):
                break
        if wanted_folds <= set(found.folds):
            self.standings.waiting.discard(found.name)
        return found

    def depth(self) -> None:
        """Try further variants, those of the best recipes first."""
        best, _ = self.standings.by_recipe()
        self._hand_out_variants(best)
        for recipe_name in sorted(best, key=lambda r: best[r], reverse=True)[:4]:
            recipe = get_recipe(recipe_name)
            done = [c.options for c in self.candidates if c.recipe == recipe_name]
            for options in self.variants(recipe)[1:]:
                if self.should_end():
                    return
                if options.model_dump() not in done and self.fits.expected(recipe, options) < _DEPTH * self.spare(1):
                    self.try_variant(recipe, options, self.standings.next_name(recipe_name))

    def _hand_out_variants(self, best: dict[str, float]) -> None:
        """Hand the further variants of what did best to the cluster, where there is one."""
        for name in sorted(best, key=lambda r: best[r], reverse=True)[:4] if self.cluster is not None else []:
            recipe = get_recipe(name)
            done = [c.options for c in self.candidates if c.recipe == name]
            for options in self.variants(recipe)[1:]:
                if options.model_dump() not in done:
                    self.fits.ahead(recipe, options, name, self.spare(), 0)

    def try_refused(self) -> None:
        """Try what was not begun for want of time, now that what others left is known."""
        for recipe in self._recipes:
            least = self.fits.refused.get(recipe.name)
            if least is None or any(c.recipe == recipe.name for c in self.candidates) or self._like_a_loser(recipe):
                continue
            if self.should_end():
                return
            first, spare = self.variants(recipe)[0], self.spare(1)
            if _ROOM * least > spare:
                smaller = self.fits.that_begins(recipe, first, spare / _ROOM)
                if smaller == first:
                    continue
                first = smaller
            del self.fits.refused[recipe.name]
            if self.train(recipe, first, recipe.name, self.spare(1), folds=(0,)) is not None:
                self.standings.forgive(recipe.name)
                self.confirm()

    def waiting(self) -> list[Recipe]:
        """Return the recipes beside guesses that were never begun, for want of time."""
        return [r for r in self._recipes if not guesses(r.name) and (r.name in self.fits.refused or not self._tried(r))]

    def _tried(self, recipe: Recipe) -> bool:
        """Return whether a recipe was begun: stands, or failed for another reason than that its turn never came."""
        reasons = [f.reason for f in self.failures if f.name == recipe.name]
        return any(c.recipe == recipe.name for c in self.candidates) or any(r != no_model.NO_TIME for r in reasons)

    def variants(self, recipe: Recipe) -> list[Options]:
        """Return the options of a recipe that are worth trying, the first ones first."""
        recipe.bases = self.bases
        variants = recipe.variants(self._table.schema, self.validation.target, len(self._table))
        variants = with_lean(variants, recipe, self._table, self.validation.target)
        passed = passed_to(type(recipe).options.model_fields)
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

    def resume(self) -> None:
        """Take up candidates that an earlier, stopped walk of this run left whole."""
        for candidate in left_whole(self):
            self.candidates.append(candidate)
            self.events.emit(CandidateDone(candidate.name, self.standings.row(candidate)))

    # -- time --------------------------------------------------------------------------------------------------

    def spare(self, twins: int = 0, *, new: bool = True) -> float:
        """Return seconds for training one more, with the refit of the winner, a student and the end of the run set aside."""
        left = self.left()
        if new and all(type(get_recipe(c.recipe)).baseline or guesses(c.recipe) for c in self.candidates):
            return left  # what leads comes before a repetition of what does not
        winner = self.standings.best()[0]
        repeated = self.end.refit_seconds(winner, twins)
        if new and self._turns_left():  # another kind of model may gain more than the same one on more rows
            repeated = min(repeated, _SET_ASIDE * left)
        spare = left - repeated - self.end.student_seconds(winner)
        # A new candidate that enters the winner would be refitted as well.
        return max(0.0, spare / 2.15 if new and self.end.refits and len(self.candidates) > 1 else spare)

    def _turns_left(self, of: Callable[[Recipe], bool] = lambda r: True) -> bool:
        """Return whether a recipe of these still waits for its first turn."""
        had = {c.recipe for c in self.candidates} | {f.name for f in self.failures} | set(self.fits.refused)
        return any(r.name not in had and of(r) for r in self._recipes)

    def should_end(self) -> bool:
        """Return whether nothing more is begun: stopped, no score to choose by, no time for it, or the gate is met."""
        if self.deadline.stopped or self.standings.undefined():
            return True
        if self.candidates and self.spare() < _LEFT:
            # before a model stands beside guesses, a quick one is tried in the time that an idle machine would need
            real = any(not guesses(c.recipe) for c in self.candidates)
            return real or self.deadline.remaining() - self.reserve(0.0) < _LEFT
        if self.good_enough is None or len(self.candidates) < 2:
            return False
        done = sum(len(c.folds) for c in self.candidates)
        if done != self._asked[0]:  # asking takes a bootstrap; the answer only changes with a candidate
            members, _, scores = self.standings.best()
            self._asked = done, self.good_enough(scores), any(learns(get_recipe(c.recipe)) for _, c in members)
        return self._met()

    def _met(self) -> bool:
        """Return whether the gate was met when it was last asked, by what learns or with nothing that learns left to try: one that a
        yardstick meets is often too low, and does not say what there is to gain."""
        return self._asked[1] and (self._asked[2] or not self._turns_left(learns))
