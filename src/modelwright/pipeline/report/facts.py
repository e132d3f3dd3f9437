"""From what a run found to its facts: the JSON from which report, card, leaderboard and terminal lines are made."""

from __future__ import annotations

import csv
import importlib.util
import io
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from modelwright import __version__
from modelwright.core.budget import Deadline
from modelwright.core.config import RunConfig
from modelwright.core.device import cores
from modelwright.core.events import Note
from modelwright.core.kept import kept_json
from modelwright.core.recipe import get_recipe, guesses
from modelwright.core.run import RunFolder, read_json, write_text
from modelwright.core.task import Judged, Metric, Task, judge
from modelwright.core.words import Words
from modelwright.data.hindsight import enough_data, label_noise
from modelwright.pipeline.concerns.consent import due_words
from modelwright.pipeline.decide import interval
from modelwright.pipeline.report.curve import data_curve
from modelwright.pipeline.report.verdict import conclusive, ensemble_row, validated, verdict_words, winner_words
from modelwright.pipeline.state import Beaten, Data, Judgement
from modelwright.release.bundle import Predictor
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import Condition, judge_gate
from modelwright.tune.parts import Parts
from modelwright.tune.standings import Outcome


def data_note(data: Data, task: Task) -> Note:
    """Return the line that says what the data is."""
    inputs = data.table.schema.inputs
    names = ", ".join(f"{c.name}" for c in inputs[:6]) + (" ..." if len(inputs) > 6 else "")
    grave = [f for f in data.findings if f.severity != "info"]
    beside = len(data.aside) if data.aside is not None else 0
    more = f"  + {beside:,} {task.beside.en}" if beside else ""
    more_zh = f"  + {beside:,} {task.beside.zh}" if beside else ""
    target = data.table.schema.target
    what, what_zh = (f"{target.name}: {task.title.en}", f"{target.name}：{task.title.zh}") if target else task.title
    look = f"   {len(grave)} finding{'s' * (len(grave) != 1)} to look at" if grave else ""
    look_zh = f"   {len(grave)} 处需要留意" if grave else ""
    en = f"data      {len(data.table):,} rows  {names}{more}  -> {what}{look}"
    zh = f"数据      {len(data.table):,} 行  {names}{more_zh}  -> {what_zh}{look_zh}"
    first = [f for f in data.findings if f.drop_rows or f.severity == "error"]
    for f in first + [f for f in grave[:3] if f not in first]:
        en += f"\n          {f.words.en}"
        zh += f"\n          {f.words.zh}"
    return Note(Words(en, zh))


def judgement(conditions: list[Condition], judged: Judged, outcome: Outcome, parts: Parts, metric: Metric) -> Judgement:
    """Judge the winner on the test rows: every condition, the baselines it must beat, and the runner-up."""
    from modelwright.evaluate.intervals import paired

    verdicts = judge_gate(conditions, judged, interval)
    beaten = []
    alone = {c.recipe for _, c in outcome.winner}
    rest = [c for c in outcome.candidates if outcome.winner[0][1].name != c.name or len(outcome.winner) > 1]
    second = max(rest, key=lambda c: c.value, default=None)
    for candidate in outcome.candidates:
        # a baseline's further variants are no baselines
        plain = get_recipe(candidate.recipe).baseline and candidate.name == candidate.recipe
        if candidate is not second and (not plain or alone == {candidate.recipe}):
            continue
        made = [m.judge(parts.test) for m in candidate.models]
        scores = made[0] if len(made) == 1 else np.mean(made, axis=0)
        column = parts.test.schema.target
        other = judge(parts.target, parts.test.column(column.name if column else ""), scores, parts.test.rows)
        test = paired(metric, judged, other, resamples=400, seconds=0.25)
        beaten.append(Beaten(candidate.name, test.difference, test.low, test.high, test.p))
    beats = all(b.low > 0 for b in beaten if guesses(b.name)) and not any(guesses(n) for n in alone)
    met = all(v.met for v in verdicts) and beats if conditions else None
    return Judgement(verdicts, beaten, bool(conditions), met)


def facts(
    config: RunConfig,
    data: Data,
    parts: Parts,
    outcome: Outcome,
    predictor: Predictor,
    judged: Judged,
    verdict: Judgement,
    metric: Metric,
    validation: Validation,
    ladder: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return what can be said as soon as the test rows are read; `deepen` adds what takes longer."""
    from modelwright.evaluate.report.plain import guessing, plainly

    main = interval(metric, judged)
    won = {c.name: w for w, c in outcome.winner}
    rows = [{**r, "status": "ok", "winner": r["name"] in won, "weight": won.get(r["name"])} for r in ladder]
    rows.sort(key=lambda r: r["value"], reverse=metric.higher)
    failed = [
        {"name": f.name, "recipe": f.name, "status": "failed" if f.fits else "unfit", "reason": list(f.reason)}
        for f in outcome.failures
    ]
    took = predictor.answer_time(validation.parts[0][1])
    if len(won) > 1:
        value = abs(outcome.value)
        rows.insert(0, ensemble_row(outcome, validation, metric, value, took))
    out: dict[str, Any] = {
        "name": predictor.name,
        "modelwright": __version__,
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
        "validated": validated(metric, outcome, validation),
        "gate": [v.to_json() for v in verdict.verdicts],
        "baselines": [asdict(b) for b in verdict.beaten],
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
            "test": len(judged.rows),
            "folds": len(validation.splits),
            "official": parts.official,
        },
        "columns": [c.to_json() for c in parts.develop.schema],
        "findings": [f.to_json() for f in data.findings],
        "private": data.private.to_json() if data.private else None,
        "labels": list(parts.target.labels),
        "origins": _origins(predictor),
        "budget": config.budget,
        "config": config.model_dump(),
        "environment": {"Python": platform.python_version(), "system": platform.platform(), "cores": str(cores())},
    }
    for key, told in (("plain", plainly(judged)), ("guessing", guessing(judged))):
        out[key] = list(told) if told is not None else None
    out["conclusive"] = conclusive(out)
    words, advice = verdict_words(out, verdict, metric)
    out["verdict"] = list(words)
    out["advice"] = [list(a) for a in advice]
    out["chosen"] = list(winner_words(out))
    return out


def _origins(predictor: Predictor) -> list[dict[str, str]]:
    """Return where the members' pretrained parts come from, each once."""
    found = [o for _, model in predictor.members for o in model.origins]
    return [o for i, o in enumerate(found) if o not in found[:i]]


def deepen(
    facts: dict[str, Any],
    predictor: Predictor,
    parts: Parts,
    judged: Judged,
    outcome: Outcome,
    validation: Validation,
    *,
    seconds: float,
) -> dict[str, Any]:
    """Add all metrics, plots, slices, mistakes, importances, label noise and the learning curve, within `seconds`."""
    from modelwright.evaluate.explain import ablation, importance, slices
    from modelwright.evaluate.metrics import coverage
    from modelwright.evaluate.plots import charts as plots
    from modelwright.evaluate.report.pictures import add_pictures

    until = Deadline.after(seconds)
    task, metric = predictor.task, predictor.task.metric(facts["metric"])
    facts = dict(facts)
    facts["metrics"] = metrics_with_intervals(task, judged)
    if not predictor.target.explains:
        return _deepen_made(facts, predictor, parts, judged, outcome, until)
    more = []
    if validation.target.one_label:
        found = validation.judged(outcome.scores)
        more += label_noise(validation.table.take(validation.index), found.truth, found.scores)
    # under differential privacy every training costs
    curve = None if facts.get("privacy") else data_curve(task, outcome, validation, until.sub(seconds * 0.2), metric)
    if curve:
        sizes, values = curve
        more.append(enough_data(sizes, values, metric.higher))
    facts["findings"] = [f.to_json() for f in more] + facts["findings"]
    histories = {c.name: c.models[0].history for c in outcome.candidates if c.models[0].history}
    drawing = importlib.util.find_spec("matplotlib") is not None  # the extra `report`; the rest stands without it
    pictures = list(task.plots(judged, parts.test)) + plots.curves(histories) if drawing else []
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
    facts |= {"mistakes": mistakes, "right": right}
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
    facts["plots"] = [{"name": p.name, "title": list(p.title), "says": list(p.says), "svg": p.svg} for p in pictures]
    return facts


def _deepen_made(
    facts: dict[str, Any], predictor: Predictor, parts: Parts, judged: Judged, outcome: Outcome, until: Deadline
) -> dict[str, Any]:
    """Add what a task that makes its answers shows of them; slices and importances are for chosen ones."""
    from modelwright.evaluate.plots import charts as plots

    task = predictor.task
    histories = {c.name: c.models[0].history for c in outcome.candidates if c.models[0].history}
    model = predictor.members[0][1]
    found = task.sections(model, judged, parts.develop, parts.test, max(0.5, until.remaining()))
    facts["sections"] = [s.to_json() for s in found]
    drawing = importlib.util.find_spec("matplotlib") is not None
    pictures = list(task.plots(judged, parts.test)) + plots.curves(histories) if drawing else []
    facts["plots"] = [{"name": p.name, "title": list(p.title), "says": list(p.says), "svg": p.svg} for p in pictures]
    return facts


def metrics_with_intervals(task: Task, judged: Judged) -> list[dict[str, Any]]:
    """Return every metric of the task with its interval, on the test rows."""
    from modelwright.evaluate.intervals import many

    wanted = [m for m in task.metrics if not m.per_label or m.parts is not None]
    found = many(wanted, judged, seconds=1.2)
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


def card_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what of the facts goes into the bundle: nothing that quotes a row."""
    keys = (
        "name",
        "modelwright",
        "created",
        "task",
        "target",
        "metric",
        "value",
        "low",
        "high",
        "asked",
        "met",
        "gate",
        "private",
    )
    return {
        k: facts[k]
        for k in (
            *keys,
            "rows",
            "private",
            "origins",
            "winner",
            "refitted",
            "baselines",
            "budget",
            "environment",
            "verdict",
        )
    } | {k: facts[k] for k in ("privacy",) if k in facts}


def cards(facts: dict[str, Any]) -> dict[str, str]:
    """Return the model card in both languages by file name."""
    from modelwright.evaluate.report.card import card

    return {"card.md": card(facts, "en"), "card.zh-CN.md": card(facts, "zh")}


def write_leaderboard(folder: RunFolder, facts: dict[str, Any]) -> None:
    """Write the leaderboard as CSV."""
    out = io.StringIO()
    names = [
        "name",
        "recipe",
        "status",
        "metric",
        "value",
        "low",
        "high",
        "ms_per_row",
        "batch_ms",
        "seconds",
        "cost",
        "winner",
        "weight",
        "epsilon",
        "reason",
    ]
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    writer.writeheader()
    for row in facts["leaderboard"]:
        writer.writerow({**row, "reason": row["reason"][0] if row.get("reason") else ""})
    write_text(folder.leaderboard, out.getvalue())


def write(folder: RunFolder, lang: str, out: Path | None = None) -> Path:
    """Write the report page from the facts a run left, and return its path. Raises BundleError where there are none.

    In the run folder it quotes no row that the run keeps encrypted; in a file of the user's own (`out`) it does.
    """
    from modelwright.evaluate.report.page import write_report

    facts = read_json(folder.facts)
    due = due_words(folder.path)
    facts["due"] = list(due) if due is not None else None
    if out is not None:
        facts |= kept_json(folder.data / "quoted.json") or {}
    write_text(out or folder.report, write_report(facts, lang))
    return out or folder.report


def summary(facts: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Return the run's result as scripts want it."""
    return {
        "run": str(folder.path),
        "bundle": str(folder.bundle),
        "report": str(folder.report),
        "task": facts["task"],
        "metric": facts["metric"],
        "value": facts["value"],
        "low": facts["low"],
        "high": facts["high"],
        "met": facts["met"],
        "conclusive": facts["conclusive"],
        "validated": facts["validated"],
        "verdict": facts["verdict"],
        "winner": facts["winner"],
        "metrics": {m["name"]: {"value": m["value"], "low": m["low"], "high": m["high"]} for m in facts["metrics"]},
        "leaderboard": facts["leaderboard"],
        "seconds": facts["seconds"],
        "budget": facts["budget"],
        **{k: facts[k] for k in ("privacy", "membership", "fairness") if k in facts},
    }
