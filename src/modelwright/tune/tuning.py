"""Tuning: Optuna over the search spaces of what did best, and now and then a twin of a network under another seed."""

from __future__ import annotations

import random

from modelwright.core.recipe import Recipe, get_recipe, on_torch
from modelwright.tune.candidate import Candidate
from modelwright.tune.planner import Planner
from modelwright.tune.search import Search, available, pick_recipe

_PATIENCE = 12  # tuning trials without any gain of the blend before tuning ends
_TWINS = 2  # further fits of the winner's networks that are worth more than tuning; see docs/log.md


def tune(planner: Planner) -> None:
    """Try proposals of a search, and twins of networks, until the time ends or nothing is gained any more."""
    turn = random.Random(planner.config.seed)
    searches: dict[str, Search] = {}
    gain_at, best = 0, planner.standings.best()[1]
    for trial in range(10_000):
        if planner.should_end() or trial - gain_at >= _PATIENCE:
            return
        values, seconds = planner.standings.by_recipe()
        payable = {n: v for n, v in values.items() if seconds[n] <= planner.spare(_TWINS)}
        if not payable:
            return
        name = pick_recipe(payable, seconds, turn)
        recipe = get_recipe(name)
        twin = on_torch(recipe) and recipe.seeded and trial % 2 == 0
        if twin or not recipe.space or not available():
            top = max((c for c in planner.candidates if c.recipe == name), key=lambda c: c.value)
            if not twin and not on_torch(recipe):
                return
            options = type(recipe).options(**top.options)
            planner.try_variant(
                recipe, options, planner.standings.next_name(name), seed=planner.config.seed + 101 + trial
            )
        else:
            search = searches.get(name)
            if search is None:
                search = searches[name] = _new_search(planner, recipe)
            proposal = search.ask()
            if proposal is None:
                continue
            tried = planner.try_variant(
                recipe, proposal.options, planner.standings.next_name(name), search=(search, proposal)
            )
            search.tell(proposal, _first_value(planner, tried) if tried else None)
        now = planner.standings.best()[1]
        if now > best + 1e-6:
            gain_at, best = trial, now


def _first_value(planner: Planner, candidate: Candidate) -> float:
    """Return the ranking metric on the first fold, which every candidate has done, signed so that more is better."""
    if not candidate.fold_values:
        return candidate.value
    return candidate.fold_values[0] * (1 if planner.validation.metric.higher else -1)


def _new_search(planner: Planner, recipe: Recipe) -> Search:
    own = [c for c in planner.candidates if c.recipe == recipe.name]
    leave = tuple(max(own, key=lambda c: c.value).options.get("leave", ())) if own else ()
    base = planner.variants(recipe)[0].model_copy(update={"leave": leave})
    search = Search(base, recipe.space, planner.config.search, planner.config.seed)
    for c in own:
        if tuple(c.options.get("leave", ())) == leave:
            search.known(c.options, _first_value(planner, c))
    return search
