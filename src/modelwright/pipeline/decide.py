"""From the winner to a predictor, and the test rows read once."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.budget import parse_duration
from modelwright.core.config import RunConfig
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Judged, Metric, Task, judge
from modelwright.privacy.shield import Shield
from modelwright.release.bundle import Predictor
from modelwright.release.needs import Needs, needs_of
from modelwright.tune.candidate import Validation
from modelwright.tune.parts import Parts as Parts
from modelwright.tune.parts import split_data as split_data
from modelwright.tune.standings import Outcome


def decide(
    outcome: Outcome,
    validation: Validation,
    task: Task,
    schema: Schema,
    name: str,
    shield: Shield | None = None,
    *,
    plain: bool = False,
) -> Predictor:
    """Turn the winner into a predictor: members, and unless `plain` a calibrated temperature, and thresholds where they help."""
    from modelwright.evaluate.calibration import best_thresholds, fit_temperature

    target = validation.target
    members = [(w / len(c.models), m) for w, c in outcome.winner for m in c.models]
    predictor = Predictor(task, task.served(schema), target, members, name=name, shield=shield or Shield())
    if plain or not target.probabilities:
        return predictor
    judged = validation.judged(outcome.scores)
    before = validation.fine(outcome.scores)
    temperature = fit_temperature(judged.target, judged.scores, judged.truth)
    if temperature != 1.0 and validation.fine(target.tempered(outcome.scores, temperature)) > before:
        predictor.temperature = temperature
    if target.thresholded:
        warm = judge(
            target,
            validation.truth,
            target.tempered(outcome.scores, predictor.temperature),
            validation.table.rows[validation.index],
        )
        thresholds = best_thresholds(validation.metric, warm)
        if thresholds is not None:
            predictor.thresholds = tuple(float(t) for t in thresholds)
    return predictor


def needs_for(config: RunConfig, predictor: Predictor, parts: Parts, metric: Metric) -> Needs:
    """Return what rows must hold to be answered, from a quick look at what the model rests on, on development rows."""
    from modelwright.evaluate.explain.importance import permutation

    schema = predictor.schema
    if not predictor.target.explains:  # a query needs no tenant, a text no title: what is absent is told
        return Needs()
    found = None
    remote = any(m.remote for _, m in predictor.members)
    if len(schema.inputs) > 1 and not remote and config.epsilon is None:
        some = parts.develop.take(np.random.default_rng(config.seed).permutation(len(parts.develop))[:400])
        seconds = min(0.5, 0.005 * parse_duration(config.budget))
        found = permutation(predictor.scores, some, predictor.target, metric, seconds=seconds, repeats=2, rows=400)
    return needs_of(schema, parts.develop, found, config.missing, config.sensitive)


def judge_test(predictor: Predictor, test: Table) -> Judged:
    """Read the test rows, once."""
    column = test.schema.target
    scores = predictor.judge(test)
    truth = test.column(column.name if column else "")
    return judge(predictor.target, truth, scores, test.rows, predictor.thresholds)


def interval(metric: Metric, judged: Judged, label: int | None = None) -> Any:
    """Return a metric with its 95 % bootstrap interval."""
    from modelwright.evaluate.intervals import bootstrap

    return bootstrap(metric, judged, label=label, resamples=1000, seconds=0.4)
