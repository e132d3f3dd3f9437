"""The verdict in plain words: what was reached, what was needed, what to do next."""

from __future__ import annotations

import math

import numpy as np

from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.facts.run import Facts
from modelwright.core.facts.scores import ValidatedFact
from modelwright.core.figures import shown_score
from modelwright.core.judged import Judged, Metric
from modelwright.core.recipe import guesses
from modelwright.core.task import Task
from modelwright.core.unit import unit_of
from modelwright.core.words import Words, chinese
from modelwright.pipeline.state import Judgement
from modelwright.tune.candidate import Validation
from modelwright.tune.gate import Verdict
from modelwright.tune.leaderboard import Outcome, Winner
from modelwright.tune.timing import AnswerTime

_LEAST_PAIRED = 5  # test rows from which on a comparison row by row is told beside such a score
LEAST_TEST = 20  # test rows below which a score by itself tells too little to be a verdict


def ensemble_row(
    winner: Winner,
    scores: np.ndarray,
    validation: Validation,
    metric: Metric,
    value: float,
    took: AnswerTime,
    *,
    won: bool,
) -> CandidateRow:
    """Return the row of a blend, by its members and its validation scores [V, K]; `won` says whether it is the winner."""
    from modelwright.evaluate.intervals import bootstrap

    found = bootstrap(metric, validation.judged(scores), resamples=200, seconds=0.5)
    members = [c for _, c in winner]
    return {
        "name": " + ".join(c.name for c in members),
        "recipe": "ensemble",
        "metric": metric.name,
        "metric_title": list(metric.title),
        "value": value,
        "low": found.low,
        "high": found.high,
        "ms_per_row": took.one,
        "batch_ms": took.batch,
        "seconds": sum(c.seconds for c in members),
        "status": "ok",
        "winner": won,
        "weight": 1.0 if won else None,
        "options": {c.name: round(w, 3) for w, c in winner},
    }


def validated(metric: Metric, outcome: Outcome, validation: Validation, seconds: float = 0.3) -> ValidatedFact:
    """Return the winner's score on the rows that it was chosen by, with its interval: what a small test is told beside; `seconds` are
    for resampling."""
    from modelwright.evaluate.intervals import bootstrap

    judged = validation.judged(outcome.scores)
    found = bootstrap(metric, judged, resamples=200, seconds=seconds)
    return {"value": found.value, "low": found.low, "high": found.high, "rows": len(judged.rows)}


def conclusive(facts: Facts) -> bool:
    """Return whether the test rows tell anything: a defined score, and a verdict of the gate or rows enough."""
    known = all(math.isfinite(x) for x in (facts["value"], facts["low"], facts["high"]))
    return known and (facts["asked"] or facts["rows"]["test"] >= LEAST_TEST)


def _above_the_least(facts: Facts, verdict: Judgement, metric: Metric) -> Words | None:
    """Return by how much the winner is better than all that every model must beat, row by row: a few rows of a kind can tell that
    where they do not tell how good it is. None where they do not."""
    least = [b for b in verdict.beaten if guesses(b.name)]
    if facts["rows"]["test"] < _LEAST_PAIRED or not least or any(guesses(n) for n in facts["winner"]):
        return None
    if not all(0 < b.low < b.high < math.inf for b in least):  # no width at all is no interval
        return None
    b = min(least, key=lambda b: b.difference)
    by, ends = shown_score(b.difference), f"{shown_score(b.low)} - {shown_score(b.high)}"
    return Words(
        f"On them it is better than {b.name} (by {by} in {metric.title.en}, 95 %: {ends})",
        f"但在这些数据上优于 {b.name}（{metric.title.zh}相差 {by}，95%：{ends}）",
    )


def _nothing_told(
    facts: Facts, verdict: Judgement, metric: Metric, task: Task, judged: Judged
) -> tuple[Words, list[Words]]:
    """Return the words for test rows that tell nothing, or no more than that the model is better than the least one, with the score
    that stands beside."""
    n, beside, unit = facts["rows"]["test"], facts["validated"], task.unit
    of = Words(f"{n} test {unit.one if n == 1 else unit.many}", f"{n} {unit.measure}测试{unit.noun}")
    why = Words(f"Nothing can be concluded from {of.en}", f"仅凭 {of.zh}无法得出结论")
    if not math.isfinite(facts["value"]):
        if (untold := task.untold(judged)) is not None:
            return Words(f"{why.en}: {untold[0].en}", f"{why.zh}：{untold[0].zh}"), [untold[1]]
        why = Words(
            f"{why.en}: {metric.title.en} is not defined on them.",
            chinese(f"{why.zh}：", metric.title.zh, "在其上没有定义。"),
        )
    else:
        above = _above_the_least(facts, verdict, metric)
        if above is not None:
            why = Words(f"How good it is cannot be concluded from {of.en}", f"仅凭 {of.zh}无法判断其水平")
        why = Words(f"{why.en} ({metric.title.en} {shown_score(facts['value'])}).", f"{why.zh}（{metric.title.zh} {shown_score(facts['value'])}）。")  # fmt: skip
        why = why if above is None else Words(f"{why.en} {above.en}.", f"{why.zh}{above.zh}。")
    if math.isfinite(beside["value"]):
        folded = facts["rows"]["folds"] > 1
        how = Words("cross-validation", "交叉验证") if folded else Words("validation", "验证集")
        span = f"{shown_score(beside['low'])} - {shown_score(beside['high'])}"
        on = unit.counted(beside["rows"])
        why = Words(
            f"{why.en} On the {on.en} of {how.en} it scored {shown_score(beside['value'])} (95 %: {span}); since the model was chosen there, that is likely too good.",
            f"{why.zh}在{how.zh}的 {on.zh}上得分 {shown_score(beside['value'])}（95%：{span}）；模型正是据此选出，因此可能偏乐观。",
        )
    return why, [task.more or unit.more]


def verdict_words(
    facts: Facts, verdict: Judgement, metric: Metric, task: Task, judged: Judged
) -> tuple[Words, list[Words]]:
    """Return the verdict in plain words, and what to do next."""
    if not facts["conclusive"]:
        told, what = _nothing_told(facts, verdict, metric, task, judged)
        return (Words(f"Gate not met. {told.en}", f"未达门槛。{told.zh}") if verdict.asked else told), what
    score, reached = _score(facts, metric)
    lost = [b for b in verdict.beaten if b.low <= 0]
    advice: list[Words] = []
    if any(guesses(n) for n in facts["winner"]) or any(guesses(b.name) for b in lost):
        advice.append(
            Words(
                f"Nothing is clearly better than {task.least.en}: {task.no_better.en}.",
                f"没有模型明显优于{task.least.zh}：{task.no_better.zh}。",
            )
        )
    elif any(b.name == "linear" for b in lost):
        advice.append(
            Words(
                "The linear model alone does about as well, and is faster and simpler: --recipe linear",
                "单用线性模型效果相近，且更快、更简单：--recipe linear",
            )
        )
    if not verdict.asked:
        # the end of the interval that a gate would be judged on: what this run would just have met
        just = shown_score(facts["low"] if metric.higher else facts["high"]).replace(",", "")
        condition = f"{metric.name}{'>=' if metric.higher else '<='}{just}"
        advice.append(
            Words(
                f'To require this of every release: --gate "{condition}"',
                f'如需将此作为发布门槛：--gate "{condition}"',
            )
        )
        return _sentence(reached, score), advice
    decided = [v for v in verdict.verdicts if v.met == verdict.met]
    if verdict.met:  # the run's own metric is told in any case
        told = _conditions([v for v in decided if not v.text.startswith((f"{metric.name}<", f"{metric.name}>"))])
        why = Words(f"gate met: {told.en}", f"达到门槛：{told.zh}") if told.en else Words("gate met", "达到门槛")
        return _sentence(why, reached, score), advice
    beneath = Words(f"not clearly better than {task.least.en}", f"并不明显优于{task.least.zh}")
    told = _conditions(decided) if decided else beneath
    why = Words(f"gate not met: {told.en}", f"未达门槛：{told.zh}")
    more = Words(
        f"Give it more time (--budget, now {facts['budget']}) or more {task.unit.many}",
        f"可增加时间（--budget，当前 {facts['budget']}）或{task.unit.noun}",
    )
    if any(f["severity"] != "info" for f in facts["findings"]):
        more = Words(f"{more.en}, or resolve what was found in the data", f"{more.zh}，或先处理数据中发现的问题")
    advice.append(Words(f"{more.en}.", f"{more.zh}。"))
    return _sentence(why, reached, score), advice


def _conditions(verdicts: list[Verdict]) -> Words:
    """Return conditions of a gate, each with its value and interval."""
    shown = [(v.text, f"{shown_score(v.value)}, {shown_score(v.low)} - {shown_score(v.high)}") for v in verdicts]
    return Words(
        ", ".join(f"{text} ({found})" for text, found in shown),
        "，".join(f"{text}（{found.replace(', ', '，')}）" for text, found in shown),
    )


def _score(facts: Facts, metric: Metric) -> tuple[Words, Words | None]:
    """Return the score with its interval, and what it means in plain words where that is known."""
    ends = f"{shown_score(facts['low'])} - {shown_score(facts['high'])}"
    value = shown_score(facts["value"])
    told = facts.get("plain")
    plain = Words(*told) if told else None
    if plain is None:
        n, unit = facts["rows"]["test"], unit_of(facts["rows"])
        return Words(
            f"{metric.title.en} {value} on {n:,} test {unit.many} (95 %: {ends})",
            chinese(f"在 {n:,} {unit.measure}测试{unit.noun}上", metric.title.zh, "为", value) + f"（95%：{ends}）",
        ), None
    return Words(f"{metric.title.en} {value} (95 %: {ends})", f"{metric.title.zh} {value}（95%：{ends}）"), plain


def _sentence(*parts: Words | None) -> Words:
    """Return clauses as one sentence in each language."""
    told = [p for p in parts if p is not None]
    en = "; ".join(p.en for p in told)
    return Words(f"{en[:1].upper()}{en[1:]}.", f"{'；'.join(p.zh for p in told)}。")


def winner_words(facts: Facts) -> Words:
    """Return which model won, and how its score on validation rows goes with that on test rows."""
    won = next((r for r in facts["leaderboard"] if r.get("winner")), None)
    names = " + ".join(facts["winner"])
    if won is None or not conclusive(facts) or not math.isfinite(won["value"]) or not math.isfinite(facts["value"]):
        return Words(f"{names}", f"{names}")
    chosen, test = shown_score(won["value"]), shown_score(facts["value"])
    of = unit_of(facts["rows"]).many
    words = Words(
        f"{names}: {chosen} on the validation {of} it was chosen by, {test} on the unseen test {of}",
        f"{names}：验证集（用于选出它）上 {chosen}，未见过的测试集上 {test}",
    )
    worse = facts["value"] < won["low"] if facts["higher"] else facts["value"] > won["high"]
    models = [r for r in facts["leaderboard"] if r["status"] == "ok" and not guesses(r["recipe"])]
    if worse and len(models) > 1:
        return Words(
            f"{words.en}, as the best of many looks better than it is; quote the test score.",
            f"{words.zh}；从众多模型中选优会使验证得分偏高，请以测试得分为准。",
        )
    return Words(f"{words.en}; quote the test score.", f"{words.zh}；请以测试得分为准。")
