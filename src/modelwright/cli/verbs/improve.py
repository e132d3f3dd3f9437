"""`modelwright improve NAME`: the next version, from what users corrected."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Quiet, opt
from modelwright.cli.output import LANG, print_json, say, w
from modelwright.cli.verbs._releases import Blobs, Db, Name, registry_at
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.improve.record import Improvement


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Train the next version of a release from users' corrections.", "根据用户的更正训练某个发布的下一个版本。"
        )
    )
    def improve(
        name: Name,
        budget: Annotated[
            str | None,
            opt("time for training; that of the run before if not given", "训练时间；默认同此前的运行", metavar="TIME"),
        ] = None,
        promote: Annotated[
            str,
            opt(
                "never, or if-better: let it answer once it is clearly better and loses nothing",
                "never，或 if-better：明显更好且无损失时自动上线",
                metavar="RULE",
            ),
        ] = "never",
        start: Annotated[
            str,
            opt(
                "warm: the champion's recipes only; whole: all recipes; auto: by the budget",
                "warm：只训练 champion 的方案；whole：所有方案；auto：由预算决定",
                metavar="WAY",
            ),
        ] = "auto",
        every: Annotated[str | None, opt("again and again, e.g. 1d", "定期重复，如 1d", metavar="TIME")] = None,
        when: Annotated[
            str | None,
            opt(
                "whenever drift was found, or feedback:200 for 200 corrections",
                "出现漂移时，或 feedback:200（满 200 条更正时）",
                metavar="TRIGGER",
            ),
        ] = None,
        source: Annotated[
            str | None,
            opt("where the data of the run is now, if it was moved", "运行数据移动后的位置", metavar="DATA"),
        ] = None,
        anyway: Annotated[
            bool,
            typer.Option("--anyway", help=w("go on where old rows are gone or changed", "旧数据缺失或改变时仍继续")),
        ] = False,
        new_columns: Annotated[
            bool,
            typer.Option("--new-columns", help=w("learn from columns that are new", "同时学习新出现的列")),
        ] = False,
        weigh: Annotated[
            float, opt("old rows that a correction counts as", "一条更正相当于多少行旧数据", metavar="N")
        ] = 1.0,
        least: Annotated[
            int | None,
            opt("corrections since the last attempt that it takes", "自上次改进以来所需的更正数", metavar="N"),
        ] = None,
        in_spite: Annotated[
            str | None,
            opt(
                "why it is released although its gate was not met or consent is lacking",
                "未达门槛或缺少同意时仍要发布的理由",
                metavar="REASON",
            ),
        ] = None,
        db: Db = None,
        blobs: Blobs = None,
        quiet: Quiet = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.budget import parse_duration, parse_period
        from modelwright.improve.attempt import Asked, check_promote, check_start
        from modelwright.improve.triggers import parse_when

        asked = Asked(
            budget, check_start(start), check_promote(promote), source, anyway, new_columns, in_spite,
            # one attempt may be made again with the same feedback, after a rollback say; repeated ones wait for more
            least if least is not None else int(every is not None or when is not None), weigh,
        )  # fmt: skip
        seconds = None if every is None else parse_period(every, "--every")
        trigger = None if when is None else parse_when(when)
        if budget is not None:
            parse_duration(budget)
        registry = registry_at(db, blobs)
        registry.get(name)
        once = _once(registry, name, asked, quiet or json_)
        if seconds is None and trigger is None:
            made = once()
            print_json(made.to_json()) if json_ else _print(made)
            return
        _again(registry, name, once, seconds, trigger, quiet, json_)


def _once(registry: Any, name: str, asked: Any, quiet: bool) -> Callable[[], Improvement]:
    """Return one attempt: feedback from the store, training by a run."""
    from modelwright.improve.attempt import Parts, improve
    from modelwright.improve.feedback_source import feedback_of
    from modelwright.pipeline.rerun import read_again, trainer

    feedback = feedback_of(registry, name)

    out = Path("runs") if Path("runs").is_dir() else None
    parts = Parts(
        lambda gist: feedback.labelled(gist=gist), read_again, trainer(out, lang=LANG), partial(say, quiet=quiet)
    )
    return lambda: improve(registry, name, parts, asked)


def _again(
    registry: Any,
    name: str,
    once: Callable[[], Improvement],
    every: float | None,
    trigger: Any,
    quiet: bool,
    json_: bool,
) -> None:
    """Improve a name whenever it is due, until SIGTERM or Ctrl-C."""
    from modelwright.improve.feedback_source import alarms_of, feedback_of
    from modelwright.improve.record import improvements
    from modelwright.improve.triggers import repeat

    stop = Event()
    before = {s: signal.signal(s, lambda *_: stop.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    feedback, done = feedback_of(registry, name), improvements(registry, name)

    def attempt() -> None:
        made = once()
        print_json(made.to_json()) if json_ else _print(made)
        sys.stdout.flush()

    if not quiet:
        say(Words(f"improving {name}; Ctrl-C ends it", f"持续改进 {name}；按 Ctrl-C 结束"))
    try:
        repeat(
            attempt,
            stop,
            every=every,
            when=trigger,
            corrections=lambda since: sum(one.told_at > since for one in feedback.labelled()),
            drifted=lambda since: bool(alarms_of(feedback.url, name, since=since)),
            since=done[0].until if done else 0.0,
            say=say,
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(made: Improvement) -> None:
    """Print what came of an attempt, and what to do next."""
    name, version = made.name, made.version
    facts = made.facts
    reasons = [Words(*r) for r in facts["reasons"]]
    why = Words("; ".join(r.en for r in reasons), "；".join(r.zh for r in reasons))
    said = {
        "promoted": Words(f"{name} {version} answers now: {why.en}.", f"{name} {version} 开始作答：{why.zh}。"),
        "better": Words(f"{name} {version} is better: {why.en}.", f"{name} {version} 更好：{why.zh}。"),
        "open": Words(
            f"{name} {version} waits as challenger: {why.en}.", f"{name} {version} 作为 challenger 等待：{why.zh}。"
        ),
        "worse": Words(f"{name} {version} should not answer: {why.en}.", f"{name} {version} 不应上线：{why.zh}。"),
    }[made.decision]
    sys.stdout.write(said.to(LANG) + "\n")
    for part, title in (("old", Words("old test rows", "旧测试集")), ("fresh", Words("fresh feedback", "新反馈"))):
        found = facts[part]
        if found is not None:
            measure = Words(*found["title"]).to(LANG)
            text = f"  {title.to(LANG)} ({found['rows']:,})  {measure}  {made.champion}: {found['champion']:.3f}  {version}: {found['challenger']:.3f}"
            sys.stdout.write(text + "\n")
    back = f"modelwright rollback {name}"
    on = f"modelwright promote {name} {version}"
    then = (
        Words(f"back: {back}", f"撤回：{back}")
        if made.decision == "promoted"
        else Words(f"to let it answer: {on}", f"上线：{on}")
    )
    say(then)
