"""From what a run found to its facts: the JSON from which report, card, leaderboard and terminal lines are made."""

from __future__ import annotations

import platform
import time
from typing import cast

from modelwright.core.budget import parse_size
from modelwright.core.device import cores, peak_memory, process_start
from modelwright.core.facts.candidates import CandidateRow, OriginFact, StudentFact
from modelwright.core.facts.run import CardFacts, Facts
from modelwright.core.unit import ROWS
from modelwright.core.version import VERSION
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.decide import interval
from modelwright.pipeline.report.verdict import conclusive, ensemble_row, validated, verdict_words, winner_words
from modelwright.pipeline.state import State
from modelwright.release.bundle import Predictor
from modelwright.tune.timing import AnswerTime


def facts_of(state: State, concerns: Concern) -> Facts:
    """Return what can be said as soon as the test rows are read; `deepen` adds what takes longer."""
    from modelwright.evaluate.report.plain import guessing, plainly

    config, data, parts, outcome = state.config, state.data, state.parts, state.outcome
    predictor, judged, verdict = state.predictor, state.judged, state.judgement
    metric, validation = state.metric, state.validation
    main = interval(metric, judged, seconds=0.1 if state.deadline.stopped else 0.4)
    won = {c.name: w for w, c in outcome.winner}
    rows: list[CandidateRow] = [
        {**r, "status": "ok", "winner": r["name"] in won, "weight": won.get(r["name"])} for r in state.ladder
    ]
    student = _student(state, rows)
    rows.sort(key=lambda r: r["value"], reverse=metric.higher)
    failed: list[CandidateRow] = [
        {
            "name": f.name,
            "recipe": f.name,
            "status": "unfit" if not f.fits else "failed" if f.begun else "untried",
            "reason": list(f.reason),
            "fault": f.fault,
        }
        for f in outcome.failures
    ]
    members = [c for _, c in outcome.winner]
    known = AnswerTime(sum(c.ms_per_row for c in members), sum(c.batch_ms for c in members))
    took = predictor.answer_time(validation.parts[0][1], known)
    if len(won) > 1:
        value = abs(outcome.value)
        rows.insert(0, ensemble_row(outcome.winner, outcome.scores, validation, metric, value, took, won=True))
    out: Facts = {
        "name": predictor.name,
        "modelwright": VERSION,
        "created": time.strftime("%Y-%m-%d %H:%M"),
        "task": predictor.task.name,
        "target": parts.develop.schema.target.name if parts.develop.schema.target else config.target,
        "metric": metric.name,
        "metric_title": list(metric.title),
        "higher": metric.higher,
        "value": main.value,
        "low": main.low,
        "high": main.high,
        "asked": verdict.asked,
        "met": verdict.met,
        "validated": validated(metric, outcome, validation, 0.1 if state.deadline.stopped else 0.3),
        "gate": [v.to_json() for v in verdict.verdicts],
        "baselines": [b.to_json() for b in verdict.beaten],
        "winner": list(won),
        "ms_per_row": took.one,
        "batch_ms": took.batch,
        "refitted": any(c.refitted for _, c in outcome.winner),
        "leaderboard": rows + failed,
        "rows": {
            "read": data.rows_read,
            "train": len(validation.splits[0][0]) - parts.aside,
            "beside": parts.aside,
            "valid": len(validation.index),
            "develop": len(validation.table) - parts.aside,
            "test": len(judged.rows),
            "folds": len(validation.splits),
            "official": parts.official,
            **({} if state.task.unit == ROWS else {"unit": list(state.task.unit)}),
        },
        "columns": [c.to_json() for c in parts.develop.schema],
        "findings": [f.to_json() for f in data.findings],
        "labels": list(parts.target.labels),
        "origins": _origins(predictor),
        "student": student,
        "budget": config.budget,
        "config": config.model_dump(),
        "environment": {"Python": platform.python_version(), "system": platform.platform(), "cores": str(cores())},
    }
    plain, guess = plainly(judged), guessing(judged)
    out["plain"] = list(plain) if plain is not None else None
    out["guessing"] = list(guess) if guess is not None else None
    out["conclusive"] = conclusive(out)
    words, advice = verdict_words(out, verdict, metric, predictor.task, judged)
    out["verdict"] = list(words)
    out["advice"] = [list(a) for a in advice]
    out["chosen"] = list(winner_words(out))
    if student is not None and student["shipped"]:
        out["chosen"] = [f"{told} {why}" for told, why in zip(out["chosen"], student["why"], strict=True)]
    concerns.facts_told(state, out)
    out["card"] = [*out.get("card", []), *state.task.told(predictor.members[0][1])]
    out["seconds"] = {"read": state.read_seconds, "bundle": time.monotonic() - process_start()}
    granted = parse_size(config.memory) if config.memory else None
    out["memory"] = {"peak": peak_memory(), "worker": state.worker_memory, "granted": granted}
    predictor.card = card_facts(out)
    return out


def _student(state: State, rows: list[CandidateRow]) -> StudentFact | None:
    """Return what came of a student, if any, and tell it on the leaderboard: on its own row, and by one of the blend that it stands for."""
    outcome, metric = state.outcome, state.metric
    learnt = outcome.learnt
    if learnt is None:
        return None
    for row in rows:
        if learnt.student is not None and row["name"] == learnt.student.name:
            row["reason"] = list(learnt.why)
    blend = learnt.blend
    if blend.winner != outcome.winner:
        took = AnswerTime(1000 * blend.seconds, sum(c.batch_ms for _, c in blend.winner))
        value = abs(state.validation.value(blend.scores))
        rows.append(ensemble_row(blend.winner, blend.scores, state.validation, metric, value, took, won=False))
    return {"of": [c.name for _, c in blend.winner], "shipped": learnt.shipped, "why": list(learnt.why)}


def _origins(predictor: Predictor) -> list[OriginFact]:
    """Return where the members' pretrained parts come from, each once."""
    found = cast("list[OriginFact]", [o for _, model in predictor.members for o in model.origins])
    return [o for i, o in enumerate(found) if o not in found[:i]]


def card_facts(facts: Facts) -> CardFacts:
    """Return what of the facts goes into the bundle: nothing that quotes a row."""
    out: CardFacts = {
        "name": facts["name"],
        "modelwright": facts["modelwright"],
        "created": facts["created"],
        "task": facts["task"],
        "target": facts["target"],
        "metric": facts["metric"],
        "value": facts["value"],
        "low": facts["low"],
        "high": facts["high"],
        "asked": facts["asked"],
        "met": facts["met"],
        "gate": facts["gate"],
        "private": facts["private"],
        "rows": facts["rows"],
        "origins": facts["origins"],
        "winner": facts["winner"],
        "refitted": facts["refitted"],
        "baselines": facts["baselines"],
        "budget": facts["budget"],
        "environment": facts["environment"],
        "verdict": facts["verdict"],
    }
    if "privacy" in facts:
        out["privacy"] = facts["privacy"]
    return out
