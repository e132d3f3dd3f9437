"""Where nothing but guesses stands when the time is nearly over: the quickest model, before the run ends without one."""

from __future__ import annotations

from modelwright.core.recipe import guesses, on_torch
from modelwright.tune.planner import Planner

_TRIFLE = 0.3  # seconds; what is expected to take less is fitted however little time is left


def last_resort(planner: Planner) -> None:
    """Fit what takes least, whichever recipe and variant it is, until one model stands or none fits into what is left.

    A variant that needs a library less may take an eighth of the recipe's first one, so all of them are asked. The time kept for the
    end of the run is no hindrance: a model that is late by a little is better than none.
    """
    waiting = [r for r in planner.waiting() if not on_torch(r)]
    if not waiting or planner.deadline.stopped or any(not guesses(c.recipe) for c in planner.candidates):
        return
    offers = [(planner.fits.in_earnest(r, o), r, o) for r in waiting for o in planner.variants(r)]
    planner.fits.urgent = True
    for took, recipe, options in sorted(offers, key=lambda offer: offer[0]):
        left = max(_TRIFLE, planner.deadline.remaining())
        if took > left or planner.deadline.stopped:
            break
        planner.fits.refused.pop(recipe.name, None)
        if planner.train(recipe, options, recipe.name, left, folds=(0,)) is not None:
            planner.standings.forgive(recipe.name)
            break
    planner.fits.urgent = False
