"""Experiments: two releases of a name side by side, compared by what becomes known of their answers.

They are kept in the registry, so that all hosts agree on what is being compared; values come from the feedback of the name.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import sqlalchemy as sa

from modelwright.core.errors import OptionError, RegistryError, unknown
from modelwright.core.words import Words
from modelwright.improve.sequential import Comparison, Kind, arm, compare
from modelwright.privacy import ledger
from modelwright.release.registry import tables
from modelwright.release.registry.database import changing, count, reading
from modelwright.release.registry.store import Registry


class Measure(NamedTuple):
    """What is compared: a rate or a mean, of which more is better or less."""

    kind: Kind
    higher: bool
    feedback: str  # kind of feedback that tells it
    title: Words


MEASURES = {
    "thumbs": Measure("rate", True, "thumb", Words("thumbs up", "点赞率")),
    "right": Measure("rate", True, "answer", Words("right answers", "答对率")),
    "error": Measure("mean", False, "answer", Words("error of numbers", "数值误差")),
    "outcome": Measure("mean", True, "outcome", Words("outcome", "结果")),
}
_EFFECT = 0.05  # of a rate, where none is given


class Said(Protocol):
    """Feedback on one answer, as the store of feedback gives it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def version(self) -> str: ...
    @property
    def answered_at(self) -> float | None: ...
    @property
    def told_at(self) -> float: ...
    @property
    def correct(self) -> bool | None: ...
    @property
    def error(self) -> float | None: ...
    @property
    def subject(self) -> str | None: ...


@dataclass(frozen=True)
class Experiment:
    """One comparison: which versions, by what, since when; `result` is what it came to, once it has ended."""

    name: str
    number: int
    metric: str
    first: int
    second: int
    effect: float
    alpha: float
    began: float  # seconds since the epoch
    began_by: str
    ended: float | None = None
    ended_by: str | None = None
    reason: str | None = None
    result: dict[str, Any] | None = None

    @property
    def measure(self) -> Measure:
        """What is compared."""
        return MEASURES[self.metric]

    def compared(self, said: Iterable[Said]) -> Comparison:
        """Compare both versions by feedback on answers that were given while the experiment ran.

        Values of one subject (or one answer, where no subject is told) count as one unit. Of several about one answer the
        latest counts.
        """
        latest = {}
        for one in said:
            value = self._value(one)
            if value is not None:
                latest[one.id] = (str(one.version), one.subject or one.id, value)
        arms = []
        for version in (self.first, self.second):
            units: dict[str, list[float]] = {}
            for which, unit, value in latest.values():
                if which == str(version):
                    units.setdefault(unit, []).append(value)
            sums = np.array([sum(v) for v in units.values()])
            counts = np.array([float(len(v)) for v in units.values()])
            arms.append(arm(sums, counts, self.measure.kind))
        return compare(arms[0], arms[1], self.measure.kind, self.effect, self.alpha)

    def _value(self, one: Said) -> float | None:
        """Return the value that feedback gives; None where it says nothing of this, or of another time."""
        when = one.answered_at if one.answered_at is not None else one.told_at
        if one.kind != self.measure.feedback or when < self.began or (self.ended is not None and when > self.ended):
            return None
        if self.metric == "right":
            return None if one.correct is None else float(one.correct)
        value = abs(one.error) if self.metric == "error" and one.error is not None else one.value
        if self.metric == "error" and one.error is None:
            return None
        number = isinstance(value, (bool, int, float)) and math.isfinite(value)
        return float(value) if number else None


class Experiments:
    """The experiments of a registry. Every method raises RegistryAway where it cannot be reached."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def all(self, name: str) -> list[Experiment]:
        """Return the experiments of a name, the newest first. Raises RegistryError for an unknown name."""
        self.registry.releases(name)
        with reading(self.registry.url) as connection:
            return _experiments_of(connection, name)

    def running(self, name: str) -> Experiment | None:
        """Return the experiment that runs; None where none does. Raises RegistryError for an unknown name."""
        return next((e for e in self.all(name) if e.ended is None), None)

    def start(
        self, name: str, second: int | str, *, metric: str = "thumbs", effect: float | None = None, alpha: float = 0.05,
        share: float | None = None, in_spite: str | None = None,
    ) -> Experiment:  # fmt: skip
        """Compare a version with the champion from now on.

        With `share` it answers that share of the units as a canary, always the same units; `in_spite` says why one with other
        columns or labels may. `effect` is the smallest difference that matters (0.05 for rates if not given): it cannot be changed later, since
        the intervals hold for one that was chosen beforehand. Raises RegistryError where one runs already, where the
        version is the champion, or there is none; OptionError for values that cannot be.
        """
        if metric not in MEASURES:
            raise unknown(Words("metric of an experiment", "实验指标"), metric, MEASURES)
        effect = check_effect(metric, effect)
        if not 0 < alpha <= 0.5:
            raise OptionError(
                f"--alpha is more than 0 and at most 0.5, received {alpha:g}.",
                f"--alpha 应大于 0 且不超过 0.5，收到 {alpha:g}。",
            )
        champion, other = self.registry.get(name), self.registry.get(name, second)
        if champion.version == other.version:
            raise RegistryError(
                f"{other.words.en} is the champion: name another version to compare it with.",
                f"{other.words.zh} 即为 champion：请指定另一个版本与之比较。",
            )
        self._free(self.all(name))
        if share is not None:
            self.registry.canary(name, other.version, share, in_spite=in_spite)
        with changing(self.registry.url) as (connection, revision):
            found = _experiments_of(connection, name)
            self._free(found)
            number = found[0].number + 1 if found else 1
            made = Experiment(
                name, number, metric, champion.version, other.version, effect, alpha, time.time(), ledger.who()
            )
            stored = {k: v for k, v in made.__dict__.items() if v is not None}
            connection.execute(tables.experiments.insert().values(**stored))
            facts = {k: stored[k] for k in ("name", "number", "metric", "first", "second", "effect", "alpha")}
            ledger.record(None, "experiment start", **facts, share=share)
            count(connection, revision)
        return made

    @staticmethod
    def _free(found: list[Experiment]) -> None:
        """Raise RegistryError where an experiment runs."""
        for one in found[:1]:
            if one.ended is None:
                raise RegistryError(
                    f"Experiment {one.number} of `{one.name}` runs already; end it first: modelwright experiment {one.name} --end",
                    f"`{one.name}` 的实验 {one.number} 正在进行；请先结束：modelwright experiment {one.name} --end",
                )

    def end(self, name: str, result: Comparison | None, reason: str | None = None) -> Experiment:
        """End the experiment that runs, and its canary, and keep what it came to. Raises RegistryError where none runs."""
        self.registry.releases(name)
        with changing(self.registry.url) as (connection, revision):
            found = next((e for e in _experiments_of(connection, name) if e.ended is None), None)
            if found is None:
                raise RegistryError(
                    f"No experiment of `{name}` runs. Start one with: modelwright experiment {name} --start VERSION",
                    f"`{name}` 没有进行中的实验。可用以下命令开始：modelwright experiment {name} --start 版本",
                )
            told = None if result is None else result_json(result)
            values = {"ended": time.time(), "ended_by": ledger.who(), "reason": reason, "result": told}
            e = tables.experiments
            connection.execute(e.update().where(e.c.name == name, e.c.number == found.number).values(**values))
            verdict = None if result is None else result.verdict
            ledger.record(None, "experiment end", name=name, number=found.number, verdict=verdict, reason=reason)
            count(connection, revision)
        running = self.registry.traffic(name)
        if running is not None and running.canary and running.version == found.second:
            self.registry.end_canary(name, f"experiment {found.number} ended")
        return Experiment(**{**found.__dict__, **values})


def _experiments_of(connection: sa.Connection, name: str) -> list[Experiment]:
    e = tables.experiments
    rows = sa.select(e).where(e.c.name == name).order_by(e.c.number.desc())
    return [Experiment(**row) for row in connection.execute(rows).mappings()]


def check_effect(metric: str, effect: float | None) -> float:
    """Return the smallest difference that matters. Raises OptionError where it cannot be one."""
    rate = MEASURES[metric].kind == "rate"
    if effect is None and not rate:
        raise OptionError(
            f"Say with --effect which difference of `{metric}` matters, in its own unit, for instance --effect 1.5.",
            f"请用 --effect 说明 `{metric}` 多大的差异才算重要（以其自身单位计），例如 --effect 1.5。",
        )
    found = _EFFECT if effect is None else effect
    if not (0 < found < (1 if rate else math.inf)):
        raise OptionError(
            f"--effect is more than 0{' and less than 1, as 0.05 for 5 points of a rate' if rate else ''}; received {found:g}.",
            f"--effect 应大于 0{'且小于 1，如 0.05 表示 5 个百分点' if rate else ''}；收到 {found:g}。",
        )
    return found


def result_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values: what is not known is None."""

    def plain(value: float) -> float | None:
        return value if math.isfinite(value) else None

    arms = [{"units": a.units, "values": a.values, "mean": plain(a.mean)} for a in (found.first, found.second)]
    return {
        "verdict": found.verdict, "difference": plain(found.difference), "low": plain(found.low),
        "high": plain(found.high), "p": found.p, "first": arms[0], "second": arms[1],
    }  # fmt: skip


def verdict_words(experiment: Experiment, found: dict[str, Any]) -> Words:
    """Return in one sentence what an experiment says, from `result_json`."""
    measure, verdict = experiment.measure, found["verdict"]
    first, second = f"{experiment.name} {experiment.first}", f"{experiment.name} {experiment.second}"
    if verdict == "early":
        n = [found[k]["units"] for k in ("first", "second")]
        return Words(
            f"Too early to say: {n[0]:,} users or answers with feedback for {first}, {n[1]:,} for {second}.",
            f"尚早，无法判断：{first} 有 {n[0]:,} 个、{second} 有 {n[1]:,} 个带反馈的用户或回答。",
        )
    rate = measure.kind == "rate"

    def shown(value: float | None) -> str:
        return "?" if value is None else f"{100 * value:.1f} %" if rate else f"{value:.4g}"

    def span(value: float) -> str:
        return f"{100 * value:+.1f}" if rate else f"{value:+.4g}"

    each_en = f"{measure.title.en}: {shown(found['first']['mean'])} for {first}, {shown(found['second']['mean'])} for {second}"
    each_zh = (
        f"{measure.title.zh}：{first} 为 {shown(found['first']['mean'])}，{second} 为 {shown(found['second']['mean'])}"
    )
    between_en = f"difference {span(found['difference'])} ({span(found['low'])} to {span(found['high'])}{' points' if rate else ''})"
    between_zh = f"相差 {span(found['difference'])}（{span(found['low'])} 至 {span(found['high'])}{' 个百分点' if rate else ''}）"
    good = (verdict == "better") == measure.higher
    en, zh = {
        "better": (f"{second if good else first} is better", f"{second if good else first} 更好"),
        "worse": (f"{second if good else first} is better", f"{second if good else first} 更好"),
        "alike": ("No difference that matters", "没有值得在意的差异"),
        "open": ("Not decided yet", "尚无定论"),
    }[verdict]
    return Words(f"{en}. {each_en}; {between_en}.", f"{zh}。{each_zh}；{between_zh}。")
