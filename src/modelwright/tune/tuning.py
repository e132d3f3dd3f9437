"""Tuning: Optuna over the search spaces of what did best, and now and then a twin of a network under another seed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from modelwright.core.recipe import Options, Recipe, get_recipe, on_torch
from modelwright.tune.candidate import Candidate
from modelwright.tune.planner import Planner
from modelwright.tune.search import Proposal, Search, available, pick_recipe

_PATIENCE = 12  # tuning trials without any gain of the blend before tuning ends
_MOST = 10_000  # trials of a run
_TWINS = 2  # further fits of the winner's networks that are worth more than tuning; see docs/log.md


@dataclass
class Trial:
    """A fit that was decided on: the `number`-th of the tuning, by a proposal of a search or as a twin under another seed."""

    number: int
    name: str
    recipe: Recipe
    options: Options
    seed: int | None = None
    search: Search | None = None
    proposal: Proposal | None = None


def tune(planner: Planner) -> None:
    """Try proposals of a search, and twins of networks, until the time ends or nothing is gained any more.

    On a cluster as many are decided on beforehand as it has places, and their fits handed to it; they are judged in the order in
    which they were decided on, whichever ends first, so that a run is the same again.
    """
    trials = _Trials(planner)
    places = planner.cluster.slots if planner.cluster is not None else 1
    under_way: deque[Trial] = deque()
    gain_at, best = 0, planner.standings.best()[1]
    while not planner.should_end():
        while len(under_way) < places and (decided := trials.next(under_way)) is not None:
            under_way.append(decided)
            if places > 1:
                planner.fits.ahead(decided.recipe, decided.options, decided.name, planner.spare(), 0, seed=decided.seed)
        if not under_way or under_way[0].number - gain_at >= _PATIENCE:
            return
        trial = under_way.popleft()
        _try(planner, trial)
        now = planner.standings.best()[1]
        if now > best + 1e-6:
            gain_at, best = trial.number, now


def _try(planner: Planner, trial: Trial) -> None:
    if trial.search is None or trial.proposal is None:
        planner.try_variant(trial.recipe, trial.options, trial.name, seed=trial.seed)
        return
    tried = planner.try_variant(trial.recipe, trial.options, trial.name, search=(trial.search, trial.proposal))
    trial.search.tell(trial.proposal, _first_value(planner, tried) if tried else None)


class _Trials:
    """What to try next: a search by recipe, and now and then a twin."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._turn = random.Random(planner.config.seed)
        self._searches: dict[str, Search] = {}
        self._count = 0

    def next(self, under_way: Collection[Trial]) -> Trial | None:
        """Decide on a trial beside those that are under way; None where there is no more to try."""
        planner = self._planner
        while self._count < _MOST:
            number = self._count
            self._count += 1
            values, seconds = planner.standings.by_recipe()
            payable = {n: v for n, v in values.items() if seconds[n] <= planner.spare(_TWINS) and _differs(n)}
            if not payable:
                return None
            name = pick_recipe(payable, seconds, self._turn)
            recipe = get_recipe(name)
            own = planner.standings.next_name(name, {t.name for t in under_way})
            twin = on_torch(recipe) and recipe.seeded and number % 2 == 0
            if twin or not recipe.space or not available():
                top = max((c for c in planner.candidates if c.recipe == name), key=lambda c: c.value)
                if not twin and not on_torch(recipe):
                    return None
                options = type(recipe).options(**top.options)
                return Trial(number, own, recipe, options, seed=planner.config.seed + 101 + number)
            search = self._searches.get(name)
            if search is None:
                search = self._searches[name] = _new_search(planner, recipe)
            proposal = search.ask()
            if proposal is not None:
                return Trial(number, own, recipe, proposal.options, search=search, proposal=proposal)
        return None


def _differs(name: str) -> bool:
    """Return whether another fit of a recipe can be another model: it has something to search, or draws by chance."""
    recipe = get_recipe(name)
    return bool(recipe.space) or recipe.seeded


def _first_value(planner: Planner, candidate: Candidate) -> float:
    """Return the ranking metric on the first fold, which every candidate has done, signed so that more is better."""
    if not candidate.fold_values:
        return candidate.value
    return candidate.fold_values[0] * (1 if planner.validation.metric.higher else -1)


def _new_search(planner: Planner, recipe: Recipe) -> Search:
    own = [c for c in planner.candidates if c.recipe == recipe.name]
    leave = tuple(max(own, key=lambda c: c.value).options.get("leave", ())) if own else ()
    base = planner.variants(recipe)[0].model_copy(update={"leave": leave})
    together = planner.cluster is not None
    search = Search(base, recipe.space, planner.config.search, planner.config.seed, together=together)
    for c in own:
        if tuple(c.options.get("leave", ())) == leave:
            search.known(c.options, _first_value(planner, c))
    return search
