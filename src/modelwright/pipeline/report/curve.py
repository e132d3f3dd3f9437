"""The learning curve: how the score grows with the rows, by the cheapest real candidate on parts of them."""

from __future__ import annotations

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.device import free_cores
from modelwright.core.judged import Metric, judge
from modelwright.core.recipe import get_recipe, guesses
from modelwright.core.task import Task
from modelwright.tune.candidate import Validation
from modelwright.tune.leaderboard import Outcome


def data_curve(
    task: Task, outcome: Outcome, validation: Validation, deadline: Deadline, metric: Metric
) -> tuple[list[int], list[float]] | None:
    """Train the cheapest real candidate on a quarter and a half of the rows; None where that takes too long."""
    from modelwright.core.errors import ModelwrightError
    from modelwright.core.events import EventStream
    from modelwright.core.recipe import FitContext

    real = [c for c in outcome.candidates if not guesses(c.recipe) and not c.models[0].remote]
    if not real:
        return None
    cheap = min(real, key=lambda c: c.seconds)
    folds = len(validation.splits)
    train, valid = validation.parts[0]
    if cheap.seconds / folds * 0.8 > deadline.remaining() or len(train) < 80:
        return None
    recipe = get_recipe(cheap.recipe)
    options = type(recipe).options(**cheap.options)
    name = valid.schema.target
    sizes, values = [], []
    order = np.random.default_rng(0).permutation(len(train))
    for share in (0.25, 0.5, 1.0):
        some = train.take(np.sort(order[: max(20, int(share * len(train)))]))
        if share == 1.0:
            scores = cheap.models[0].scores(valid)
        else:
            ctx = FitContext(
                loss=task.loss,
                target=validation.target,
                deadline=deadline,
                events=EventStream(),
                metric=metric,
                seed=cheap.seed,
                threads=free_cores(),
            )
            try:
                scores = recipe.fit(some, valid, options, ctx).scores(valid)
            except ModelwrightError:
                return None
        found = judge(validation.target, valid.column(name.name if name else ""), scores, valid.rows).in_units(
            valid, [validation.metric]
        )
        sizes.append(len(some))
        values.append(metric(found))
    return sizes, values
