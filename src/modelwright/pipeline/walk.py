"""The path from data to a bundle, readable as code.

    get data -> check -> split -> train, tune, combine -> decide -> test once -> gate -> bundle -> report

Each stage is a function in `intake`, `choose`, `decide`, `tune/planner.py` or `pipeline/report/facts.py`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from modelwright.core.budget import Deadline, parse_duration, parse_size, watched
from modelwright.core.clock import Clock
from modelwright.core.config import RunConfig, save_config
from modelwright.core.device import process_start
from modelwright.core.events import Done, EventStream, StageStarted, log_to
from modelwright.core.run import RunFolder, write_json
from modelwright.core.sealed import unlocked
from modelwright.evaluate.report.cost import cost_facts, parse_costs
from modelwright.evaluate.report.tracking import flat_metrics
from modelwright.pipeline.choose import check_names, check_time, choose_task, good_enough
from modelwright.pipeline.concerns import consent as permitted
from modelwright.pipeline.concerns import teacher as teaching
from modelwright.pipeline.concerns.trust import Trust
from modelwright.pipeline.decide import decide, judge_test, needs_for
from modelwright.pipeline.intake import get_data
from modelwright.pipeline.report import facts as reporting
from modelwright.pipeline.report import records
from modelwright.pipeline.state import Data, Judgement
from modelwright.privacy.ledger import ready
from modelwright.release.bundle import Predictor, save
from modelwright.tune import resumed
from modelwright.tune.bases import bases_for
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import parse_gate
from modelwright.tune.parts import Parts, split_data, told_of
from modelwright.tune.planner import Planner
from modelwright.tune.private import plan_privately, private_target


@dataclass
class RunResult:
    """What a run leaves: its folder, the predictor that stands in its bundle, and the judgement."""

    folder: RunFolder
    predictor: Predictor
    judgement: Judgement
    facts: dict[str, Any]


def run(
    config: RunConfig,
    source: Any,
    events: EventStream,
    *,
    folder: RunFolder,
    deadline: Deadline,
    resume: bool = False,
    lang: str = "en",
    look: float = 5.0,
) -> RunResult:
    """Walk the whole path inside `deadline`; the report follows it, with explanations and figures of at most `look` seconds.

    Raises a ModelwrightError for bad input before anything is written, LedgerError where no entry could be, BudgetTooSmall or Stopped where no model
    came to stand.
    """
    ready(folder.path)
    folder.claim()
    try:
        with unlocked(config.vault):
            result = _walk(
                config, source, events, folder=folder, deadline=deadline, resume=resume, lang=lang, look=look
            )
    except BaseException:
        folder.give_up()  # bad input leaves nothing behind
        raise
    records.enter(result.facts, folder)
    return result


def _walk(
    config: RunConfig,
    source: Any,
    events: EventStream,
    *,
    folder: RunFolder,
    deadline: Deadline,
    resume: bool,
    lang: str,
    look: float,
) -> RunResult:
    started, worked = time.monotonic(), time.process_time()
    check_names(config)
    clock = Clock()
    events.listen(clock)
    events.emit(StageStarted("data"))
    with watched(deadline):
        data = get_data(config, source, events, resumed.left_out(folder) if resume else None)
    task = choose_task(config, data.table)
    records.warn_of_bundle(task, events)
    metric = task.metric(config.metric) if config.metric else task.ranks(data.table.schema)
    bases = bases_for(config, data.table)
    began = None
    if resume:
        began = resumed.begun(folder, config, data.seen)
    else:
        resumed.check_fresh(folder)
    parts = split_data(config, data.table, data.test, data.aside, task, deadline.remaining(), began)
    data.findings[:0] = told_of(parts)
    parts, teacher = teaching.taught(config, data, task, parts, bases, metric, events, deadline)
    validation = Validation(parts.develop, parts.target, metric, parts.splits)
    train, ledger = validation.parts[0][0], folder.data / "epsilon.json"
    plan = plan_privately(config, task, train, parts.target, ledger, resume)
    trust = Trust.begin(config, task, parts.target, plan)
    conditions = parse_gate(config.gate, task, parts.target, trust.metric)
    costs = parse_costs(config.cost, parts.target)
    if plan is not None:
        parts.target = validation.target = private_target(parts.target, train, plan)
    trust.looking_at(parts.develop)
    events.emit(reporting.data_note(data, task))
    read_seconds = time.monotonic() - started
    # reading is mostly work of one core: what it took beyond that tells how busy the machine is
    load = min(3.0, max(1.0, read_seconds / max(0.1, time.process_time() - worked)))
    check_time(config, deadline, read_seconds)

    _open(folder, config, data, parts, resume)
    if plan is not None:
        plan.begin()
    with (folder.events).open("a", encoding="utf-8") as log:
        listener = log_to(log)
        events.listen(listener)
        try:
            planner = Planner(
                task=task,
                validation=validation,
                config=config,
                deadline=deadline,
                events=events,
                latency=parse_duration(config.latency) if config.latency else None,
                memory=parse_size(config.memory) if config.memory else None,
                device=config.device,
                reserve=_reserve(config, len(parts.test), len(parts.splits)),
                good_enough=good_enough(conditions, validation),
                folder=folder.candidates,
                bases=bases,
                private=plan,
                load=load,
            )
            outcome = planner.climb()
            validation = outcome.validation
            events.emit(StageStarted("evaluate"))
            shield = data.private.shield if data.private else None
            schema, plain = parts.develop.schema, plan is not None
            predictor = decide(outcome, validation, task, schema, folder.path.name, shield, plain=plain)
            predictor.reading = data.reading
            trust.mitigate(predictor, outcome, validation)
            trust.looking_at(parts.test)
            predictor.needs = needs_for(config, predictor, parts, metric)
            judged = judge_test(predictor, parts.test)
            judgement = reporting.judgement(conditions, judged, outcome, parts, metric)
            facts = reporting.facts(
                config,
                data,
                parts,
                outcome,
                predictor,
                judged,
                judgement,
                metric,
                validation,
                [planner.standings.row(c) for c in outcome.candidates],
            )
            facts["teacher"] = teacher
            facts["card"] = [*facts.get("card", []), *teaching.told(facts), *task.told(predictor.members[0][1])]
            trust.tell(facts, outcome)
            facts["seconds"] = {"read": read_seconds, "bundle": time.monotonic() - process_start()}
            predictor.card = reporting.card_facts(facts)
            events.emit(StageStarted("bundle"))
            save(predictor, folder.bundle, reporting.cards(facts))
            reporting.write_leaderboard(folder, facts)
            facts["seconds"]["bundle"] = time.monotonic() - started
            events.emit(StageStarted("report"))
            facts = reporting.deepen(facts, predictor, parts, judged, outcome, validation, seconds=look)
            facts |= {"time": clock.to_json(), "costs": cost_facts(costs, judged)}
            trust.deepen(facts, predictor, parts, judged, validation)
            write_json(folder.path / "metrics.json", flat_metrics(facts))
            facts = records.keep_facts(folder, facts)
            reporting.write(folder, lang)
            events.emit(Done(reporting.summary(facts, folder)))
        finally:
            events.forget(listener)
            events.forget(clock)
    return RunResult(folder, predictor, judgement, facts)


def _reserve(config: RunConfig, test_rows: int, models: int) -> Any:
    """Return how long the end of the run takes: scoring the test rows, intervals, writing the bundle; and slack."""
    budget = parse_duration(config.budget)
    fixed = 0.8 + 0.01 * budget + 0.1 * models
    return lambda batch_ms: fixed + 1.5 * batch_ms * test_rows / 1000


def _open(folder: RunFolder, config: RunConfig, data: Data, parts: Parts, resume: bool) -> None:
    """Make the run folder, or check that the one to be resumed reads its columns as it did."""
    if resume:
        resumed.same_columns(folder, parts.develop.schema)
    folder.data.mkdir(parents=True, exist_ok=True)
    folder.candidates.mkdir(exist_ok=True)
    save_config(config, folder.config)
    permitted.keep(config, folder, data.allowed, parts.develop.rows, parts.test.rows, data.allowed_test)
    write_json(folder.data / "schema.json", parts.develop.schema.to_json())
    write_json(folder.data / "findings.json", [f.to_json() for f in data.findings])
    found = {**data.private.to_json(), "left_out": data.private.left_out} if data.private else {}
    write_json(folder.data / "privacy.json", found)
    if not resume:
        resumed.keep(folder, config, data.seen, parts, len(data.table))
