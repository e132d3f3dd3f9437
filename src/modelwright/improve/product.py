"""What the product page says: of each release what it answers, what was corrected and what it costs; and what to do next."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.words import Words, shortened
from modelwright.improve.experiments import Experiment, Experiments, result_json, verdict_words
from modelwright.improve.feedback_source import compared
from modelwright.improve.record import Improvement, improvements
from modelwright.release.registry.store import Registry, Release

_MANY = 50  # corrections from which training again is worth it
_FEW = 30  # pieces of feedback below which nothing is said of a release
_CONFUSED = 5  # corrections of one label into another from which labels are asked for
_SPLIT = 3  # other labels, each often enough, from which one is to be split
_LOOKED = 4000  # the latest corrections that are looked at


@dataclass(frozen=True)
class Action:
    """What to do next, and how: a command, or a button (`promote`, `rollback`) with its version."""

    code: str
    words: Words
    command: str | None = None
    button: tuple[str, int] | None = None


@dataclass
class Facts:
    """All that the page shows of a name."""

    name: str
    releases: list[dict[str, Any]] = field(default_factory=list)  # the newest first
    corrections: list[tuple[str, str, int]] = field(default_factory=list)  # answered, right, how often
    new_labels: dict[str, int] = field(default_factory=dict)
    waiting: int = 0  # corrections since the last attempt to improve
    experiments: list[tuple[Experiment, dict[str, Any] | None, Words | None]] = field(default_factory=list)
    improvements: list[Improvement] = field(default_factory=list)
    unsure: tuple[float, int, int] | None = None  # confidence below which half of what was told is wrong; wrong, all
    adapt: dict[str, Any] | None = None
    actions: list[Action] = field(default_factory=list)


def facts_of(
    name: str, registry: Registry | None, feedback: Any, *, served: Mapping[str, Any] | None = None,
    adapt: dict[str, Any] | None = None, drifted: Sequence[Words] = (),
) -> Facts:  # fmt: skip
    """Return what is known of a name; `served` is what this process counted of its version. Raises RegistryAway."""
    out = Facts(name, adapt=adapt)
    counts = {} if feedback is None else feedback.counts()
    releases: list[Release] = [] if registry is None else registry.releases(name)
    for release in releases:
        out.releases.append(_release(release, counts.get(str(release.version)), served))
    if registry is None and served is not None:
        version = str(served["version"])
        out.releases.append(
            {"version": version, "aliases": ["champion"], **_counts_of(counts.get(version)), "served": served}
        )
    if registry is not None:
        out.improvements = improvements(registry, name)
        for one in Experiments(registry).all(name):
            result = one.result
            if one.ended is None and feedback is not None:
                result = result_json(compared(feedback, one))
            out.experiments.append((one, result, None if result is None else verdict_words(one, result)))
    if feedback is not None:
        _look(out, feedback)
    out.actions = next_actions(out, drifted)
    return out


def _release(release: Release, counts: Any, served: Mapping[str, Any] | None) -> dict[str, Any]:
    score = next(iter(release.facts.get("scores") or []), None) or {}
    own = served is not None and str(served["version"]) == str(release.version)
    return {
        "version": str(release.version), "aliases": list(release.aliases), "at": release.released_at, "score": score.get("value"),
        "metric": score.get("title") or [score.get("name") or "", score.get("name") or ""], "gate": release.gate_met,
        **_counts_of(counts), "served": dict(served) if own and served is not None else None,
    }  # fmt: skip


def _counts_of(counts: Any) -> dict[str, Any]:
    if counts is None:
        return {"right": 0, "wrong": 0, "up": 0, "down": 0, "outcomes": 0, "error": None}
    told = counts.to_json()
    return {
        "right": counts.right, "wrong": counts.wrong, "up": counts.thumbs_up, "down": counts.thumbs_down,
        "outcomes": counts.outcomes, "error": told.get("mean_absolute_error"),
    }  # fmt: skip


def _look(out: Facts, feedback: Any) -> None:
    """Look through the latest corrections: what was taken for what, how many wait, and where answers are unsure."""
    since = out.improvements[0].until if out.improvements else 0.0
    labelled = feedback.labelled()[-_LOOKED:]
    out.waiting = sum(one.told_at > since for one in labelled)
    pairs: Counter[tuple[str, str]] = Counter()
    for one in labelled:
        if one.correct is False and one.prediction is not None:
            pairs[shortened(str(one.prediction), 60), shortened(str(one.answer), 60)] += 1
        if one.new:
            label = shortened(str(one.answer), 60)
            out.new_labels[label] = out.new_labels.get(label, 0) + 1
    out.corrections = [(a, b, n) for (a, b), n in pairs.most_common(10)]
    kept = feedback.kept_by_id([one.id for one in labelled if one.correct is not None])
    told = [
        (kept[one.id].confidence, one.correct)
        for one in labelled
        if one.id in kept and one.correct is not None and kept[one.id].confidence is not None
    ]
    out.unsure = unsure_below(told)


def unsure_below(told: Sequence[tuple[float, bool]]) -> tuple[float, int, int] | None:
    """Return the highest confidence below which at least half of the answers were wrong, how many were, of how many; None where
    nothing of the kind can be said from N pairs of confidence and rightness."""
    order = sorted(told)
    best, wrong = None, 0
    for i, (confidence, right) in enumerate(order, 1):
        wrong += not right
        if i >= _FEW and 2 * wrong >= i and i < len(order) and order[i][0] > confidence:
            best = (round(confidence, 2), wrong, i)
    return best


def next_actions(facts: Facts, drifted: Sequence[Words] = ()) -> list[Action]:
    """Return what to do next, the most urgent first."""
    name, out = facts.name, list[Action]()
    champion = next((r for r in facts.releases if "champion" in r["aliases"]), None)
    previous = next((r for r in facts.releases if "previous" in r["aliases"]), None)
    if champion is not None and previous is not None and _worse(champion, previous):
        words = Words(
            f"Roll back: users call {_percent(_rate(champion))} of {name} {champion['version']}'s answers right, and called {_percent(_rate(previous))} of version {previous['version']}'s.",
            f"建议回退：用户认为 {name} {champion['version']} 有 {_percent(_rate(champion))} 的回答正确，而版本 {previous['version']} 为 {_percent(_rate(previous))}。",
        )
        out.append(Action("rollback", words, f"modelwright rollback {name}", ("rollback", int(previous["version"]))))
    out += _experiment_actions(facts)
    latest = facts.improvements[0] if facts.improvements else None
    challenger = next((r["version"] for r in facts.releases if "challenger" in r["aliases"]), None)
    if latest is not None and latest.decision == "better" and str(latest.version) == challenger:
        reasons = [Words(*r) for r in latest.facts.get("reasons", [])]
        en, zh = "; ".join(r.en for r in reasons), "；".join(r.zh for r in reasons)
        words = Words(f"Promote version {challenger}: {en}.", f"让版本 {challenger} 上线：{zh}。")
        out.append(Action("promote", words, f"modelwright promote {name} {challenger}", ("promote", int(challenger))))
    out += [Action("drift", words) for words in drifted]
    if facts.waiting >= _MANY or (drifted and facts.waiting):
        words = Words(
            f"Train again: {facts.waiting:,} corrections have come since the last attempt.",
            f"重新训练：自上次改进以来已有 {facts.waiting:,} 条更正。",
        )
        out.append(Action("retrain", words, f"modelwright improve {name}"))
    out += _label_actions(facts)
    if facts.unsure is not None:
        bound, wrong, count = facts.unsure
        words = Words(
            f"Raise the threshold: of {count:,} answers with a confidence of {bound:g} or less, {wrong:,} were wrong. Let people decide those.",
            f"提高阈值：置信度不超过 {bound:g} 的 {count:,} 个回答中有 {wrong:,} 个错误。建议交由人工处理。",
        )
        out.append(Action("threshold", words))
    told = 0 if champion is None else sum(champion[k] for k in ("right", "wrong", "up", "down", "outcomes"))
    if told < _FEW:
        words = Words(
            f"Ask for feedback: {told} pieces on the version that answers; from {_FEW} on something can be said. Send POST /feedback, or label at /review.",
            f"收集反馈：当前作答版本只有 {told} 条反馈，至少 {_FEW} 条才能得出判断。可调用 POST /feedback，或在 /review 标注。",
        )
        out.append(Action("feedback", words))
    if not out:
        out.append(Action("nothing", Words("Nothing needs to be done now.", "目前无需操作。")))
    return out


def _experiment_actions(facts: Facts) -> list[Action]:
    out = []
    for one, result, words in facts.experiments:
        if one.ended is not None or result is None or words is None:
            continue
        verdict = result["verdict"]
        if verdict in ("better", "worse"):
            wins = one.second if (verdict == "better") == one.measure.higher else one.first
            more = Words(f"Decide: {words.en}", f"可以定论：{words.zh}")
            button = ("promote", one.second) if wins == one.second else None
            out.append(Action("experiment", more, f"modelwright experiment {facts.name} --end", button))
        elif verdict == "alike":
            more = Words(f"End the experiment: {words.en}", f"结束实验：{words.zh}")
            out.append(Action("experiment", more, f"modelwright experiment {facts.name} --end"))
    return out


def _label_actions(facts: Facts) -> list[Action]:
    out = []
    few = {label: n for label, n in facts.new_labels.items() if n < 10}
    if few:
        shown = list(few)[:5]
        words = Words(
            f"Collect labels: {', '.join(f'`{x}` ({few[x]})' for x in shown)} are new and have few rows yet.",
            f"收集标签：{'、'.join(f'`{x}`（{few[x]}）' for x in shown)} 是新标签，数据尚少。",
        )
        out.append(Action("collect", words))
    into: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for answered, right, count in facts.corrections:
        if count >= _CONFUSED:
            into[answered].append((right, count))
    for answered, found in into.items():
        if len(found) >= _SPLIT:
            words = Words(
                f"Split `{answered}`: it was given for {', '.join(f'`{r}`' for r, _ in found[:4])} again and again, so it stands for several things.",
                f"拆分 `{answered}`：多次被用于 {'、'.join(f'`{r}`' for r, _ in found[:4])}，它包含了不止一种情况。",
            )
            out.append(Action("split", words))
        else:
            right, count = found[0]
            words = Words(
                f"Collect rows of `{right}`: {count} were taken for `{answered}`.",
                f"收集 `{right}` 的数据：有 {count} 行被预测为 `{answered}`。",
            )
            out.append(Action("collect", words))
    return out


def _rate(release: Mapping[str, Any]) -> tuple[int, int]:
    right, wrong = release["right"] + release["up"], release["wrong"] + release["down"]
    return right, right + wrong


def _worse(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether users call clearly fewer answers right than before: two-sided exact test at 1 %, from 30 pieces of feedback each."""
    (a, n), (b, m) = _rate(now), _rate(before)
    if min(n, m) < _FEW or a * m >= b * n:
        return False
    from scipy.stats import fisher_exact

    return bool(fisher_exact([[a, n - a], [b, m - b]])[1] < 0.01)


def _percent(rate: tuple[int, int]) -> str:
    return f"{100 * rate[0] / rate[1]:.0f} %" if rate[1] else "?"


class Served:
    """What this process counted of one version: answers by label, and processor time."""

    def __init__(self, version: str) -> None:
        self.version, self.rows = version, 0
        self.answers: Counter[str] = Counter()
        self._began, self._at = time.process_time(), time.time()

    def count(self, answered: Any) -> None:
        """Count a request that was answered."""
        for answer in answered.answers:
            if "prediction" not in answer:
                continue
            self.rows += 1
            said = answer["prediction"]
            if isinstance(said, (str, bool, int)) and (said in self.answers or len(self.answers) < 500):
                self.answers[str(said)] += 1

    def to_json(self, price: float | None = None) -> dict[str, Any]:
        """Return the counts; `price` is that of an hour of one core, and the cost that of 1,000 answers."""
        seconds = time.process_time() - self._began
        per = 1000 * seconds / self.rows if self.rows else None
        cost = None if per is None or price is None else per / 3600 * price
        return {
            "version": self.version, "rows": self.rows, "answers": self.answers.most_common(8), "seconds": per, "cost": cost,
            "hours": (time.time() - self._at) / 3600,
        }  # fmt: skip
