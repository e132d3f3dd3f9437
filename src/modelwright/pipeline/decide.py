"""From the winner to a predictor, and the test rows read once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from modelwright.core.budget import parse_duration
from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.recipe import guesses
from modelwright.core.schema import Schema, Table
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.reference import reference_of
from modelwright.pipeline.related import kept_related
from modelwright.pipeline.state import Beaten, Judgement, State
from modelwright.release.bundle import Predictor
from modelwright.release.needs import Needs, needs_of
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import Condition, judge_gate
from modelwright.tune.leaderboard import Outcome, compared
from modelwright.tune.parts import Parts

_TESTED_LEAST, _TESTED_WITHIN = (
    1000,
    0.2,
)  # rows that are tested after a stop whatever they take; seconds of the winner for more


def decide(state: State, concerns: Concern) -> None:
    """Turn the winner into a predictor: members, a calibrated temperature, and thresholds where they help; and settle what rows
    must hold to be answered."""
    outcome, target = state.outcome, state.validation.target
    chosen = [(w, c.answering(target)) for w, c in outcome.winner]
    made = [(w / len(models), m) for w, models in chosen for m in models]
    task, develop = state.task, state.parts.develop
    models = [task.deployed(task.remembering(model, develop), state.config) for _, model in made]
    models = task.caught_up(models, state.config, [develop, state.parts.test])
    members = [(weight, model) for (weight, _), model in zip(made, models, strict=True)]
    schema = task.served(develop.schema)
    schema = Schema((*schema, *(c for c in task.sent(develop.related) if c.name not in schema)))
    predictor = state.predictor = Predictor(task, schema, target, members, name=state.folder.path.name)
    predictor.related = kept_related(task, develop.related, state.config.ignore)
    predictor.reading = state.data.reading
    if state.reuses_rows and (target.probabilities or target.stretches):
        _calibrate(predictor, outcome, state.validation)
    concerns.predictor_made(state)
    predictor.needs = needs_for(state)


def _calibrate(predictor: Predictor, outcome: Outcome, validation: Validation) -> None:
    """Give the predictor a temperature, and thresholds, found on validation rows."""
    from modelwright.evaluate.calibration import best_thresholds, fit_temperature

    target = validation.target
    judged = validation.judged(outcome.scores)
    before = validation.fine(outcome.scores)
    temperature = fit_temperature(judged.target, judged.scores, judged.truth)
    # intervals are to cover what they say, which a loss over all quantiles hardly notices
    if target.stretches or (
        temperature != 1.0 and validation.fine(target.tempered(outcome.scores, temperature)) > before
    ):
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


def needs_for(state: State) -> Needs:
    """Return what rows must hold to be answered, from a quick look at what the model rests on, on development rows."""
    from modelwright.evaluate.explain.importance import permutation

    config, predictor, develop = state.config, state.predictor, state.parts.develop
    schema = predictor.schema
    if not predictor.target.explains:  # a query needs no tenant, a text no title: what is absent is told
        return Needs(state.task.rests_on(schema))
    found = None
    remote = any(m.remote for _, m in predictor.members)
    if len(schema.inputs) > 1 and not remote and state.reuses_rows and not state.deadline.stopped:
        some = develop.take(np.random.default_rng(config.seed).permutation(len(develop))[:400])
        seconds = min(0.5, 0.005 * parse_duration(config.budget))
        found = permutation(
            predictor.scores, some, predictor.target, state.metric, seconds=seconds, repeats=2, rows=400
        )
    joined = develop.related if state.task.joins else {}
    of_users = [c.name for n, r in joined.items() if n not in predictor.related for c in r.inputs]  # may stay unsaid
    beside = [c.name for n in joined if n in predictor.related for c in predictor.related[n].inputs if c.name in schema]
    return needs_of(schema, develop, found, config.missing, [*config.sensitive, *of_users], beside)


def test_once(state: State, concerns: Concern) -> None:
    """Read the test rows, once, and judge the winner on them: on as many as are quickly scored where the run was ended by hand."""
    concerns.test_begins(state)
    if state.deadline.stopped:
        _fewer_to_test(state)
    state.judged = judge_test(state.predictor, state.parts.test)
    state.judgement = judgement(
        state.conditions, state.judged, state.outcome, state.parts, state.metric, brief=state.deadline.stopped
    )
    state.predictor.reference = reference_of(state)


def _fewer_to_test(state: State) -> None:
    """Keep a random part of the test rows where scoring them all would let who ended the run wait; says so."""
    rows = len(state.parts.test)
    each = (
        sum(c.batch_ms for _, c in state.outcome.winner) / 1000
    )  # and about as much again for what it is compared with
    most = max(_TESTED_LEAST, int(_TESTED_WITHIN / max(each, 1e-9)))
    if rows <= most:
        return
    kept = np.sort(np.random.default_rng(state.config.seed).permutation(rows)[:most])
    state.parts = replace(state.parts, test=state.parts.test.take(kept))
    state.events.note(
        f"You ended the run: the test score is that of a random {most:,} of {rows:,} test rows.",
        f"运行由你终止：测试得分取自 {rows:,} 行测试集中随机抽取的 {most:,} 行。",
    )


def judge_test(predictor: Predictor, test: Table) -> Judged:
    """Return what the predictor answers on test rows, beside their truth."""
    column = test.schema.target
    scores = predictor.judge(test)
    truth = test.column(column.name if column else "")
    judged = judge(predictor.target, truth, scores, test.rows, predictor.thresholds)
    return judged.in_units(test, predictor.task.metrics)


def judgement(
    conditions: list[Condition], judged: Judged, outcome: Outcome, parts: Parts, metric: Metric, *, brief: bool = False
) -> Judgement:
    """Judge the winner on the test rows: every condition, the baselines it must beat, and the runner-up; `brief` where somebody waits."""
    from modelwright.evaluate.intervals import paired

    verdicts = judge_gate(conditions, judged, interval)
    beaten = []
    alone = {c.recipe for _, c in outcome.winner}
    for candidate in compared(outcome.candidates, outcome.winner):
        made = [m.judge(parts.test) for m in candidate.answering(parts.target)]
        scores = parts.target.blend([1.0] * len(made), made)
        column = parts.test.schema.target
        other = judge(parts.target, parts.test.column(column.name if column else ""), scores, parts.test.rows)
        other = other.in_units(parts.test, [metric])
        test = paired(metric, judged, other, resamples=400, seconds=0.05 if brief else 0.25)
        beaten.append(Beaten(candidate.name, test.difference, test.low, test.high, test.p))
    beats = all(b.low > 0 for b in beaten if guesses(b.name)) and not any(guesses(n) for n in alone)
    met = all(v.met for v in verdicts) and beats if conditions else None
    return Judgement(verdicts, beaten, bool(conditions), met)


def interval(metric: Metric, judged: Judged, label: int | None = None, seconds: float = 0.4) -> Any:
    """Return a metric with its 95 % bootstrap interval; `seconds` are for resampling."""
    from modelwright.evaluate.intervals import bootstrap

    return bootstrap(metric, judged, label=label, resamples=1000, seconds=seconds)
