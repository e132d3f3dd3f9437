"""What the report adds once the bundle is written: metrics, pictures, slices, mistakes, importances, the learning curve."""

from __future__ import annotations

import importlib.util
import time

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.clock import Clock
from modelwright.core.facts.run import Facts
from modelwright.core.facts.scores import MetricFact
from modelwright.core.judged import Judged
from modelwright.core.task import Task
from modelwright.data.model_findings import enough_data, label_noise
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.report.curve import data_curve
from modelwright.pipeline.state import State

_INTERVALS, _BRIEF = 1.2, 0.2  # seconds for the intervals of all metrics; where whoever ended the run is waiting


def deepen(state: State, facts: Facts, concerns: Concern, clock: Clock, *, seconds: float) -> Facts:
    """Add all metrics, plots, slices, mistakes, importances, label noise and the learning curve, within `seconds`; and then where
    the time went, and what concerns have to say: what wrong answers cost, say. Once the run was stopped the metrics alone are added."""
    deeper = _deepened(state, facts, seconds)
    deeper["time"] = clock.to_json()
    concerns.report_deepened(state, deeper)
    return deeper


def _deepened(state: State, facts: Facts, seconds: float) -> Facts:
    from modelwright.evaluate.explain import ablation, importance, slices
    from modelwright.evaluate.metrics import coverage
    from modelwright.evaluate.plots import charts as plots
    from modelwright.evaluate.report.pictures import add_pictures

    until = Deadline(time.monotonic() + seconds, state.deadline)  # after the run's own time, and ended with it by hand
    predictor, parts, judged = state.predictor, state.parts, state.judged
    outcome, validation = state.outcome, state.validation
    task, metric = state.task, state.metric
    facts = facts.copy()
    facts["metrics"] = metrics_with_intervals(task, judged, metric.name, _BRIEF if until.stopped else _INTERVALS)
    if until.stopped:
        return facts
    if not predictor.target.explains:
        return _deepened_made(state, facts, until)
    more = []
    if validation.target.one_label:
        found = validation.judged(outcome.scores)
        more += label_noise(validation.table.take(validation.index), found.truth, found.scores)
    curve = data_curve(task, outcome, validation, until.sub(seconds * 0.2), metric) if state.reuses_rows else None
    if curve:
        sizes, values = curve
        more.append(enough_data(sizes, values, metric.higher))
    facts["findings"] = [f.to_json() for f in more] + facts["findings"]
    histories = {c.name: c.models[0].history for c in outcome.candidates if c.models[0].history}
    drawing = importlib.util.find_spec("matplotlib") is not None  # the extra `report`; the rest stands without it
    pictures = (
        list(task.plots(judged, parts.test)) + plots.curves(histories, [*task.metrics, state.metric]) if drawing else []
    )
    if curve and drawing:
        pictures.append(plots.data_curve(curve[0], curve[1], metric.title))
    test = parts.test
    facts["coverage"] = [x.to_json() for x in coverage.coverage(judged)]
    automated = coverage.curve(judged) if drawing else None
    pictures += [automated] if automated is not None else []
    facts["per_class"] = [p.to_json() for p in slices.per_class(judged)]
    facts["confusions"] = [p.to_json() for p in slices.confusion_pairs(judged)]
    facts["slices"] = [s.to_json() for s in slices.worst_slices(test, judged, metric, seconds=1.0)]
    mistakes = [m.to_json() for m in slices.confident_mistakes(test, judged)]
    by_row = {int(r): i for i, r in enumerate(test.rows)}
    remote = any(m.remote for _, m in predictor.members)  # every answer costs: none is asked for explanations
    for m in mistakes[:6]:
        if not until.expired() and not remote:
            row = test.take(np.array([by_row[m["row"]]]))
            m["explanation"] = predictor.explain_table(row, top=12, seconds=min(0.3, until.remaining()))
    right = [m.to_json() for m in slices.typical(test, judged)]
    add_pictures([*mistakes, *right], test, by_row)
    facts["mistakes"] = mistakes
    facts["right"] = right
    if ablation.worth_it(test.schema) and not remote:
        less = ablation.without_columns(
            predictor.scores,
            test,
            predictor.target,
            metric,
            thresholds=predictor.thresholds,
            seconds=until.remaining() * 0.4,
        )
        facts["without"] = [a.to_json() for a in less]
    if len(test.schema.inputs) > 1 and not remote:
        found_drops = importance.permutation(
            predictor.scores,
            test,
            predictor.target,
            metric,
            thresholds=predictor.thresholds,
            seconds=max(0.3, until.remaining() * 0.8),
        )
        facts["importance"] = [i.to_json() for i in found_drops]
        told = importance.conclusion(found_drops, test.schema)
        facts["importance_says"] = list(told)
        if drawing:
            pictures.append(plots.importance_bars(found_drops, metric.title, told))
    facts["plots"] = [p.to_json() for p in pictures]
    return facts


def _deepened_made(state: State, facts: Facts, until: Deadline) -> Facts:
    """Add what a task that makes its answers shows of them; slices and importances are for chosen ones."""
    from modelwright.evaluate.plots import charts as plots
    from modelwright.evaluate.report.by_label import by_label

    predictor, parts, judged, outcome = state.predictor, state.parts, state.judged, state.outcome
    task = predictor.task
    histories = {c.name: c.models[0].history for c in outcome.candidates if c.models[0].history}
    model = predictor.members[0][1]
    found = task.sections(model, judged, parts.develop, parts.test, max(0.5, until.remaining()))
    found += by_label(task.metrics, judged, max(0.5, 0.3 * until.remaining()))
    facts["sections"] = [s.to_json() for s in found]
    drawing = importlib.util.find_spec("matplotlib") is not None
    pictures = (
        list(task.plots(judged, parts.test)) + plots.curves(histories, [*task.metrics, state.metric]) if drawing else []
    )
    facts["plots"] = [p.to_json() for p in pictures]
    return facts


def metrics_with_intervals(task: Task, judged: Judged, ranks: str, seconds: float = _INTERVALS) -> list[MetricFact]:
    """Return the metrics of the task with their intervals, on the test rows: the one that ranks, and all that have one value for
    all labels; `seconds` are for resampling."""
    from modelwright.evaluate.intervals import many

    metrics = task.metrics_of(judged.target)
    if all(m.name != ranks for m in metrics):  # one of this run alone
        metrics = (task.metric(ranks), *metrics)
    over_all = (m for m in metrics if not m.per_label or m.parts is not None or m.by_unit is not None)
    named = {m.name for m in over_all} | {ranks}
    wanted = [m for m in metrics if m.name in named]
    found = many(wanted, judged, seconds=seconds)
    return [
        {
            "name": m.name,
            "title": list(m.title),
            "value": found[m.name].value,
            "low": found[m.name].low,
            "high": found[m.name].high,
            "higher": m.higher,
            "ideal": m.ideal,
        }
        for m in wanted
    ]
