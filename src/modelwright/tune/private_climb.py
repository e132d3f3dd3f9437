"""The climb under differential privacy: what the plan says is trained once each, and the choice pays from the budget, too."""

from __future__ import annotations

import numpy as np

from modelwright.core.events import StageStarted
from modelwright.core.recipe import get_recipe, guesses, on_torch
from modelwright.tune.candidate import Candidate, Validation
from modelwright.tune.leaderboard import Outcome
from modelwright.tune.no_model import nothing_stands
from modelwright.tune.planner import Planner
from modelwright.tune.private import PrivatePlan

_WORST = 4.0  # log loss beyond which a wrong answer counts no more in the choice


def climb_privately(planner: Planner, plan: PrivatePlan) -> Outcome:
    """Train what the plan says, one after the other, and choose. Raises Stopped or BudgetTooSmall where nothing stands."""
    planner.resume()
    planner.events.emit(StageStarted("train"))
    for failure in plan.refused:
        planner.fail(failure.name, failure.reason, begun=False)
    table, target = planner.validation.parts[0][0], planner.validation.target
    for i, name in enumerate(plan.names):
        if any(c.recipe == name for c in planner.candidates) or planner.deadline.stopped:
            plan.spending.done(name)
            continue
        recipe = get_recipe(name)
        options = recipe.private_options(table.schema, target, len(table))
        later = sum(on_torch(get_recipe(n)) for n in plan.names[i + 1 :])
        share = planner.spare() / (1 + later) if on_torch(recipe) else planner.spare()
        planner.train(recipe, options, name, share)
        plan.spending.done(name)
    for name in plan.spending.blind:
        planner.events.warn(
            f"Too few rows to tell the range of `{name}` privately: it is used as it is, cut at 4. Give it with --bounds {name}=0..100",
            f"行数太少，无法在差分隐私下得知 `{name}` 的范围：按原值使用并截断在 4。可用 --bounds {name}=0..100 给出",
        )
    if not planner.candidates:
        nothing_stands(planner.failures, planner.deadline, planner.config.budget, planner.fits.quickest)
    winner = choose(planner.candidates, planner.validation, plan)
    planner.events.note(
        f"private   ({plan.spending.spent:.2f}, {plan.spending.delta:g}) of ({plan.spending.epsilon:g}, {plan.spending.delta:g}) spent on {plan.rows:,} training rows",
        f"隐私      已在 {plan.rows:,} 行训练数据上使用 ({plan.spending.spent:.2f}, {plan.spending.delta:g})，预算 ({plan.spending.epsilon:g}, {plan.spending.delta:g})",
    )
    return Outcome(
        planner.candidates, planner.failures, [(1.0, winner)], winner.value, winner.scores, planner.validation
    )


def choose(candidates: list[Candidate], validation: Validation, plan: PrivatePlan) -> Candidate:
    """Choose by validation rows so that no one row decides: with probability as exp(epsilon times merit), McSherry & Talwar
    2007, doi 10.1109/FOCS.2007.66. A row adds at most 1 to the merit of any candidate."""
    pool = [c for c in candidates if not guesses(c.recipe)] or candidates
    for c in pool:
        if c.name == plan.chosen:
            return c
    if len(pool) == 1:
        plan.choice, plan.chosen = 0.0, pool[0].name
        return pool[0]
    merits = np.array([merit(c.scores, validation).sum() for c in pool])
    # the largest of these is drawn with just those probabilities (Gumbel's trick)
    drawn = plan.choice * merits + plan.spending.random.gumbel(size=len(pool))
    chosen = pool[int(drawn.argmax())]
    plan.chosen = chosen.name
    plan.keep(plan.spending.looks)
    return chosen


def merit(scores: np.ndarray, validation: Validation) -> np.ndarray:
    """Return how well each validation row is answered, within 0..1 [V]: by the log loss, cut off, or by the error of a value."""
    judged = validation.judged(scores)
    if validation.target.kind == "value":
        spread = float(getattr(validation.target, "std", 1.0))
        return np.asarray(1 - np.minimum(1, np.abs(judged.scores[:, 0] - judged.truth) / (2 * spread)))
    p = np.clip(judged.scores, np.exp(-_WORST), 1 - 1e-9)
    if validation.target.kind == "classes":
        lost = -np.log(p[np.arange(len(p)), judged.truth])
    else:
        q = np.clip(1 - judged.scores, np.exp(-_WORST), 1)
        lost = -(judged.truth * np.log(p) + (1 - judged.truth) * np.log(q)).mean(axis=1)
    return np.asarray(1 - np.minimum(1, lost / _WORST))
