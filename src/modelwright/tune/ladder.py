"""The climb: from what leads to what follows inside the budget, with a best-so-far answer at all times.

breadth   the first variant of every recipe on the first fold, what leads for these columns first
confirm   what may still win on the other folds, one fold after the other; what has lost stops (`race.py`)
depth     further variants of the recipes that did best; then what was not begun for want of time, where there is some after all
tuning    Optuna over their search spaces, and twins of the best network under other seeds
resort    where nothing but guesses stands by then, the quickest model in what time is left (`last_resort.py`)
blend     a weighted ensemble, where it gains more than noise and than its answers cost
student   one model that learns what the blend answers, where it was asked for or the blend is slow (`student.py`)
refit     the winner once more on all rows but the test rows, with time set aside for it (`finish.py`)
"""

from __future__ import annotations

from modelwright.core.events import StageStarted
from modelwright.tune import no_model
from modelwright.tune.last_resort import last_resort
from modelwright.tune.leaderboard import Outcome
from modelwright.tune.planner import Planner
from modelwright.tune.private_climb import climb_privately
from modelwright.tune.tuning import tune


def climb(planner: Planner) -> Outcome:
    """Walk the whole ladder.

    Raises BudgetTooSmall (GateNotMet where there is a gate) where no model stands beside guesses, or none answers within
    the latency; Stopped where not even a guess stands.
    """
    if planner.private is not None:
        return climb_privately(planner, planner.private)
    planner.resume()
    planner.events.emit(StageStarted("train"))
    planner.choose_recipes()
    planner.breadth()
    if not planner.candidates:
        no_model.nothing_stands(planner.failures, planner.deadline, planner.config.budget, planner.fits.quickest)
    planner.confirm()
    if not planner.should_end():
        planner.depth()
    planner.try_refused()
    if planner.standings.undefined():
        planner.events.note(no_model.UNDEFINED.en, no_model.UNDEFINED.zh)
    if not planner.should_end() and planner.config.search != "none":
        planner.events.emit(StageStarted("tune"))
        tune(planner)
        planner.try_refused()
    last_resort(planner)
    told = no_model.only_guesses(planner.standings, planner.config, planner.fits.quickest)
    if told is not None:
        planner.events.warn(told.en, told.zh)
    no_model.too_slow(planner.standings, planner.validation, planner.config)
    return planner.end.outcome()
