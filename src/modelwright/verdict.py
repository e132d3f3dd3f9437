"""The verdict in plain words: what was reached, what was needed, what to do next."""

from __future__ import annotations

from typing import Any

from modelwright.core.recipe import guesses
from modelwright.core.task import Metric
from modelwright.core.words import Words
from modelwright.stages import Judgement
from modelwright.tune.candidate import Validation
from modelwright.tune.standings import Outcome
from modelwright.tune.timing import AnswerTime


def ensemble_row(
    outcome: Outcome, validation: Validation, metric: Metric, value: float, took: AnswerTime
) -> dict[str, Any]:
    from modelwright.evaluate.intervals import bootstrap

    found = bootstrap(metric, validation.judged(outcome.scores), resamples=200, seconds=0.5)
    members = [c for _, c in outcome.winner]
    return {
        "name": " + ".join(c.name for c in members),
        "recipe": "ensemble",
        "metric": metric.name,
        "value": value,
        "low": found.low,
        "high": found.high,
        "ms_per_row": took.one,
        "batch_ms": took.batch,
        "seconds": sum(c.seconds for c in members),
        "status": "ok",
        "winner": True,
        "weight": 1.0,
        "options": {c.name: round(w, 3) for w, c in outcome.winner},
    }


def verdict_words(facts: dict[str, Any], verdict: Judgement, metric: Metric) -> tuple[Words, list[Words]]:
    """Return the verdict in plain words, and what to do next."""
    said = f"{metric.title.en} {_show(facts['value'])}"
    said_zh = f"{metric.title.zh} {_show(facts['value'])}"
    ends = f"{_show(facts['low'])} - {_show(facts['high'])}"
    lost = [b for b in verdict.beaten if b.low <= 0]
    advice: list[Words] = []
    if any(guesses(n) for n in facts["winner"]) or any(guesses(b.name) for b in lost):
        advice.append(
            Words(
                "Nothing beats guessing: look whether the columns can tell the answer at all.",
                "没有模型优于直接猜测：请检查这些列是否包含与答案有关的信息。",
            )
        )
    elif any(b.name == "linear" for b in lost):
        advice.append(
            Words(
                "The linear model is about as good; take it alone if speed and plainness matter: --recipe linear",
                "线性模型差不多同样好；若更看重速度与简洁，可只用它：--recipe linear",
            )
        )
    if not verdict.asked:
        # the end of the interval that a gate would be judged on: what this run would just have met
        reached = _show(facts["low" if metric.higher else "high"]).replace(",", "")
        condition = f"{metric.name}{'>=' if metric.higher else '<='}{reached}"
        words = Words(
            f"{said} on {facts['rows']['test']} test rows (95 %: {ends}).",
            f"测试集 {facts['rows']['test']} 行上{said_zh}（95%：{ends}）。",
        )
        advice.append(
            Words(
                f'Say what is good enough, for example --gate "{condition}".',
                f'可声明门槛，例如 --gate "{condition}"。',
            )
        )
        return words, advice
    if verdict.met:
        return (
            Words(
                f"Good enough: {said} (95 %: {ends}); every condition of the gate is met.",
                f"达标：{said_zh}（95%：{ends}）；所有条件均满足。",
            ),
            advice,
        )
    open_ = [f"{v.text} ({_show(v.value)}, {_show(v.low)} - {_show(v.high)})" for v in verdict.verdicts if not v.met]
    if not open_:
        words = Words(
            f"Not good enough: {said} does not beat guessing for certain.", f"未达标：{said_zh}，不能确定优于直接猜测。"
        )
    else:
        words = Words(f"Not good enough: {', '.join(open_)}.", f"未达标：{'，'.join(open_)}。")
    advice.append(
        Words(
            f"Give more time (--budget, now {facts['budget']}), more rows, or mend the findings above.",
            f"可增加时间（--budget，当前 {facts['budget']}）、增加数据，或先解决上面的发现。",
        )
    )
    return words, advice


def _show(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
