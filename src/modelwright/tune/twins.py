"""Time that is left after the refit goes into further models of the winners under other seeds, averaged with them.

The mean over seeds varies less than one model (Lakshminarayanan et al., arXiv 1612.01474). The weights between winners
were chosen before and stay, and so do the validation scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from modelwright.core.answers.base import TargetCodec
from modelwright.core.budget import Deadline
from modelwright.core.recipe import FitContext, get_recipe, on_torch
from modelwright.core.schema import Table
from modelwright.tune.attempt import Broken, attempt
from modelwright.tune.candidate import Candidate, refit

Winner = list[tuple[float, Candidate]]

_MOST = 4  # models of one candidate


def add_twins(
    winner: Winner,
    table: Table,
    target: TargetCodec,
    context: Callable[..., FitContext],
    deadline: Deadline,
    latency: float | None,
    reserve: Callable[[float], float],
    took: Mapping[str, float],
) -> None:
    """Add models to the refitted winners in place, the one with the most weight per model first.

    `took` are the seconds of each refit by name, `reserve` gives the seconds to keep from a batched cost in ms a row,
    `latency` is the most seconds an answer may take. Recipes without a seed that matters get none, and there are
    none at all where answers have no mean (texts, spans, documents found).
    """
    if not target.averages:
        return
    own = [(w, c) for w, c in winner if c.refitted and _seeded(c)]

    def left() -> float:
        return deadline.remaining() - reserve(sum(c.batch_ms * (len(c.models) + 1) for _, c in winner))

    def affordable(candidate: Candidate) -> bool:
        answer = sum(c.ms_per_row * len(c.models) for _, c in winner) + candidate.ms_per_row
        quick = latency is None or answer / 1000 <= latency
        return quick and len(candidate.models) < _MOST and left() > 1.25 * took.get(candidate.name, 1e9) + 0.5

    turn = 0
    while not deadline.stopped:
        turn += 1
        fitting = [(w / len(c.models), c) for w, c in own if affordable(c)]
        if not fitting:
            return
        _, candidate = max(fitting, key=lambda pair: pair[0])
        end = deadline.sub(left())
        start = time.monotonic()
        ctx = context(candidate.name, end, torch=on_torch(get_recipe(candidate.recipe)))
        seed = candidate.seed + 1009 * turn
        twin = attempt(partial(refit, candidate, table, ctx, end, seed=seed), f"{candidate.name}-twin", None)
        if isinstance(twin, Broken):
            return  # the time ran out, most likely; what stands is whole
        candidate.models.append(twin.models[0])
        candidate.seconds += time.monotonic() - start


def _seeded(candidate: Candidate) -> bool:
    recipe = get_recipe(candidate.recipe)
    return recipe.seeded and not recipe.baseline
