"""The planner: climbs from cheap to dear inside the budget, tunes, combines, and always has a best-so-far answer.

breadth   the first variant of every recipe, cheapest first, unless its estimate cannot fit
depth     further variants of the recipes that did best
tuning    Optuna over their search spaces, and twins of the best network under other seeds
blend     a weighted ensemble, where it helps on validation rows and fits the latency limit
refit     the winner once more on all rows but the test rows, with time set aside for it
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.budget import Deadline, show_duration
from modelwright.core.config import RunConfig
from modelwright.core.device import cores, free_memory, pick_device
from modelwright.core.errors import BundleError, ModelwrightError
from modelwright.core.events import CandidateDone, CandidateFailed, EventStream, Note, Planned, Probing, StageStarted
from modelwright.core.kept import kept_folders, sealing
from modelwright.core.recipe import FitContext, Options, Recipe, get_recipe, guesses, missing_modules, on_torch
from modelwright.core.schema import Table
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.tune.candidate import Candidate, Validation, load_candidate, refit, train_candidate
from modelwright.tune.lean import seen, with_lean
from modelwright.tune.private import PrivatePlan, climb_privately
from modelwright.tune.search import Search, available, pick_recipe
from modelwright.tune.shares import DEAR_RANK, LONG_SHARE, affordable_network, breadth_share
from modelwright.tune.standings import Failure, Outcome, Standings, nothing_stands, passed_over
from modelwright.tune.twins import add_twins

# The share of its estimated time below which a fit is not begun. Networks cut their plan to the time they have, and a
# short plan brought to its end is still worth having; estimates are also the first thing that a busy machine spoils.
_LEAST, _LEAST_NETWORK = 0.35, 0.1
_TWINS = 2  # further fits of the winner's networks that are worth more than tuning; see docs/log.md
_PATIENCE = 12  # tuning trials without any gain of the blend before tuning ends


@dataclass
class Planner:
    """One climb. `good_enough(scores)` says whether the gate is met on validation rows; None where there is no gate.

    `reserve(ms_per_row)` gives the seconds to keep for what follows training, from the winner's batched cost.
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
    bases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # pretrained encoders by modality
    private: PrivatePlan | None = None
    standings: Standings = field(init=False)
    _asked: tuple[int, bool] = (0, False)
    _long: bool = False
    _recipes: list[Recipe] = field(default_factory=list)
    _probes: dict[Any, Any] = field(default_factory=dict)
    _refit_took: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.standings = Standings(self.validation, self.latency, self.config.ensemble, self.deadline)
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
        """Walk the whole ladder. Raises BudgetTooSmall or Stopped where not even a baseline stands."""
        if self.private is not None:
            return climb_privately(self, self.private)
        self.resume()
        self.events.emit(StageStarted("train"))
        self._recipes = self._fitting_recipes()
        self.events.emit(Planned(tuple(r.name for r in self._recipes), len(self.validation.splits)))
        for recipe in self._recipes:
            if self._should_end():
                break
            self._breadth(recipe)
        if not self.candidates:
            nothing_stands(self.failures, self.deadline, self.config.budget)
        if not self._should_end():
            self._depth()
        if not self._should_end() and self.config.search != "none":
            self.events.emit(StageStarted("tune"))
            self._tune()
        return self._finish()

    # -- what to try -------------------------------------------------------------------------------------------

    def _fitting_recipes(self) -> list[Recipe]:
        table, target = self._table, self.validation.target
        names = [n for n in self.task.recipes if not self.config.recipes or n in self.config.recipes]
        out, folded = [], 0
        for name in names:
            recipe = get_recipe(name)
            if recipe.privacy == "only":
                continue
            missing = missing_modules(type(recipe))
            if missing:
                line = f'pip install "modelwright[{recipe.extra}]"'
                self.fail(name, Words(f"not installed: {line}", f"未安装：{line}"))
                continue
            recipe.bases = self.bases
            why = recipe.refuses(table.schema, target, len(table)) or self._unasked(recipe)
            if why and self.config.recipes:
                self.fail(name, why)
            elif why:
                folded += 1
                self.standings.fail(name, why, fits=False)
            else:
                out.append(recipe)
        if folded:
            self.events.emit(Note(passed_over(folded)))
        # where the user named an encoder, its recipes follow the baselines' first
        return sorted(out, key=lambda r: 1.5 if self._wanted(r) else r.rank)

    def _unasked(self, recipe: Recipe) -> Words | None:
        """Return why a dear recipe is left out where the encoder was offered, not named; None for all others."""
        if self.config.mitigate == "reweigh" and not recipe.weighs and not guesses(recipe.name):
            return Words("it does not heed weights of rows", "它不支持行权重")
        if recipe.extra != "pretrained" or recipe.rank < DEAR_RANK or self.config.pretrained or self.config.recipes:
            return None
        return Words("tried where --pretrained names an encoder", "仅在 --pretrained 指定编码器时尝试")

    def _wanted(self, recipe: Recipe) -> bool:
        """Return whether a recipe uses the encoders that the user named, and may take most of the time."""
        return bool(self.config.pretrained) and recipe.extra == "pretrained" and recipe.rank < DEAR_RANK

    def _breadth(self, recipe: Recipe) -> None:
        if any(c.recipe == recipe.name for c in self.candidates):
            return
        options = self._variants(recipe)[0]
        long = self._takes_long(recipe)
        first, wanted, last = long and not self._long, self._wanted(recipe), recipe is self._recipes[-1]
        nets = any(affordable_network(r) for r in self._recipes)
        part = breadth_share(recipe, self._table, wanted=wanted, first=first, last=last, networks=nets)
        self._long |= long
        share = max(self.spare() * part, min(self.spare(), 5.0))
        self.train(recipe, options, recipe.name, share)

    def _takes_long(self, recipe: Recipe) -> bool:
        if not affordable_network(recipe) or self.config.refit or len(self.validation.splits) > 1:
            return False
        ctx = self.context(recipe.name, self.deadline, torch=True)
        options = self._variants(recipe)[0]
        cost = recipe.estimate(seen(self._table, options), options, ctx)
        return cost.seconds > LONG_SHARE * self.spare() * (1 if self._long else 2.15)

    def _depth(self) -> None:
        """Try further variants, those of the best recipes first."""
        best: dict[str, float] = {}
        for c in self.candidates:
            best[c.recipe] = max(best.get(c.recipe, -np.inf), c.value)
        ranked = [r for r in sorted(best, key=lambda r: best[r], reverse=True) if not guesses(r)]
        for recipe_name in ranked[:4]:
            recipe = get_recipe(recipe_name)
            for options in self._variants(recipe)[1:]:
                if self._should_end():
                    return
                self.train(recipe, options, self.standings.next_name(recipe_name), self.spare())

    def _tune(self) -> None:
        turn = random.Random(self.config.seed)
        searches: dict[str, Search] = {}
        gain_at, best = 0, self.standings.best()[1]
        for trial in range(10_000):
            if self._should_end() or trial - gain_at >= _PATIENCE:
                return
            values, seconds = self.standings.by_recipe()
            payable = {n: v for n, v in values.items() if seconds[n] <= self.spare(_TWINS)}
            if not payable:
                return
            name = pick_recipe(payable, seconds, turn)
            recipe = get_recipe(name)
            twin = on_torch(recipe) and recipe.seeded and trial % 2 == 0
            if twin or not recipe.space or not available():
                top = max((c for c in self.candidates if c.recipe == name), key=lambda c: c.value)
                if not twin and not on_torch(recipe):
                    return
                options = type(recipe).options(**top.options)
                self.train(
                    recipe, options, self.standings.next_name(name), self.spare(), seed=self.config.seed + 101 + trial
                )
            else:
                search = searches.get(name)
                if search is None:
                    search = searches[name] = self._new_search(recipe)
                proposal = search.ask()
                if proposal is None:
                    continue
                tried = self.train(
                    recipe, proposal.options, self.standings.next_name(name), self.spare(), search=(search, proposal)
                )
                search.tell(proposal, tried.value if tried else None)
            now = self.standings.best()[1]
            if now > best + 1e-6:
                gain_at, best = trial, now

    def _new_search(self, recipe: Recipe) -> Search:
        own = [c for c in self.candidates if c.recipe == recipe.name]
        leave = tuple(max(own, key=lambda c: c.value).options.get("leave", ())) if own else ()
        base = self._variants(recipe)[0].model_copy(update={"leave": leave})
        search = Search(base, recipe.space, self.config.search, self.config.seed)
        for c in own:
            if tuple(c.options.get("leave", ())) == leave:
                search.known(c.options, c.value)
        return search

    def _variants(self, recipe: Recipe) -> list[Options]:
        recipe.bases = self.bases
        table = self._table
        variants = recipe.variants(table.schema, self.validation.target, len(table))
        variants = with_lean(variants, recipe, table, self.validation.target)
        fields = type(recipe).options.model_fields
        given: dict[str, Any] = {n: v for n in ("vectors", "wrong") if n in fields and (v := getattr(self.config, n))}
        return [type(v)(**{**v.model_dump(), **given}) for v in variants] if given else variants

    # -- training one ------------------------------------------------------------------------------------------

    def context(self, name: str, deadline: Deadline, seed: int | None = None, *, torch: bool = False) -> FitContext:
        """Return the context of a fit under this plan; the device is looked up only for recipes on torch."""
        return FitContext(
            task=self.task,
            target=self.validation.target,
            deadline=deadline,
            events=self.events,
            metric=self.validation.metric,
            name=name,
            seed=self.config.seed if seed is None else seed,
            threads=cores(),
            device=pick_device(self.device) if torch else "cpu",
            folder=None if self.folder is None or sealing() else self.folder / f".{name}.checkpoints",
            class_weight=self.config.class_weight,
            memory=self.memory,
            private=self.private.spending if self.private else None,
            sensitive=tuple(self.config.sensitive) if self.config.mitigate == "reweigh" else (),
            cache=self._probes,
        )

    def train(
        self,
        recipe: Recipe,
        options: Options,
        name: str,
        share: float,
        *,
        seed: int | None = None,
        search: tuple[Search, Any] | None = None,
    ) -> Candidate | None:
        share = min(share, self.spare())
        deadline = self.deadline.sub(share)
        ctx = self.context(name, deadline, seed, torch=on_torch(recipe))
        folds = len(self.validation.splits)
        try:
            self.events.emit(Probing(name, recipe.name))
            cost = recipe.estimate(seen(self._table, options), options, ctx)
            memory = self.memory if self.memory is not None else free_memory()
            if cost.memory > memory:
                need, have = cost.memory >> 20, memory >> 20
                raise ModelwrightError(
                    f"would need about {need} MB of memory, {have} MB are granted",
                    f"约需内存 {need} MB，可用 {have} MB",
                )
            cut = recipe.seeded and affordable_network(recipe)
            least = _LEAST_NETWORK if cut else _LEAST
            if cost.seconds * folds * least > share and not type(recipe).baseline:
                raise ModelwrightError(
                    f"would need about {show_duration(cost.seconds * folds)}, {show_duration(share)} could be spared",
                    f"约需 {show_duration(cost.seconds * folds)}，可分配的时间为 {show_duration(share)}",
                )
            pruner = None
            if search:
                pruner = search[0].watch(search[1], name, deadline)
                self.events.listen(pruner)
            folder = None if self.folder is None else self.folder / name
            try:
                candidate = train_candidate(name, recipe, options, self.validation, ctx, folder)
            finally:
                if pruner:
                    self.events.forget(pruner)
        except ModelwrightError as e:
            self.fail(name, e.words)
            return None
        except MemoryError:
            self.fail(name, Words("ran out of memory; grant more or give fewer rows", "内存不足；请增加内存或减少数据"))
            return None
        self.candidates.append(candidate)
        self.events.emit(CandidateDone(name, self.standings.row(candidate)))
        return candidate

    def fail(self, name: str, reason: Words) -> None:
        self.standings.fail(name, reason)
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

    def _refit_seconds(self, winner: list[tuple[float, Candidate]], twins: int = 0) -> float:
        """Return how long refitting the winner takes, its networks `twins` times more under other seeds."""
        if not self._refits():
            return 0.0
        grown = len(self.validation.table) / max(1, len(self.validation.splits[0][0]))
        times = {name: 1 + twins * (on_torch(get_recipe(name))) for name in {c.recipe for _, c in winner}}
        return sum((c.seconds * grown * 1.1 + 0.2) * times[c.recipe] for _, c in winner)

    def _refits(self) -> bool:
        plain = self.config.refit is not False and not self._long and self.private is None
        return plain and len(self.validation.splits) == 1

    def spare(self, twins: int = 0) -> float:
        """Return seconds for training one more, with the refit of the winner and the end of the run set aside."""
        if not self.candidates:
            return max(0.0, self.deadline.remaining() - self.reserve(0.0))
        winner, _, _ = self.standings.best()
        left = self.deadline.remaining() - self.reserve(sum(c.batch_ms for _, c in winner))
        spare = left - self._refit_seconds(winner, twins)
        # A new candidate that enters the winner would be refitted as well.
        return max(0.0, spare / 2.15 if self._refits() and len(self.candidates) > 1 else spare)

    def _should_end(self) -> bool:
        if self.deadline.stopped or (self.candidates and self.spare() < 0.5):
            return True
        if self.good_enough is None or len(self.candidates) < 2:
            return False
        if len(self.candidates) != self._asked[0]:  # asking takes a bootstrap; the answer only changes with a candidate
            self._asked = len(self.candidates), self.good_enough(self.standings.best()[2])
        return self._asked[1]

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self) -> Outcome:
        winner, value, scores = self.standings.best()
        met = bool(self.good_enough and self.good_enough(scores))
        if len(winner) > 1:
            self.events.emit(StageStarted("ensemble"))
        if self._refits() and not self.deadline.stopped:
            winner = [(w, self._refit(c)) for w, c in winner]
            add_twins(
                winner, self.validation.table, self.context, self.deadline, self.latency, self.reserve, self._refit_took
            )
        return Outcome(self.candidates, self.failures, winner, value, scores, met)

    def _refit(self, candidate: Candidate) -> Candidate:
        """Return the candidate trained on all rows where there is time for it, else as it was."""
        winner, _, _ = self.standings.best()
        time_left = self.deadline.remaining() - self.reserve(sum(c.batch_ms for _, c in winner))
        need = self._refit_seconds([(1.0, candidate)])
        start = time.monotonic()
        if guesses(candidate.recipe) or time_left < 0.9 * need:
            return candidate
        deadline = self.deadline.sub(time_left)
        start = time.monotonic()
        try:
            again = refit(
                candidate,
                self.validation.table,
                self.context(candidate.name, deadline, torch=on_torch(get_recipe(candidate.recipe))),
                deadline,
            )
        except ModelwrightError as e:
            self.events.warn(
                f"{candidate.name} keeps its first fit: {e.words.en}", f"{candidate.name} 沿用首次训练：{e.words.zh}"
            )
            return candidate
        self._refit_took[again.name] = time.monotonic() - start
        again.seconds = candidate.seconds + time.monotonic() - start
        return again
