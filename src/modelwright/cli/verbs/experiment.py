"""`modelwright experiment NAME`: two releases compared by what users say, looked at as often as one likes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, opt
from modelwright.cli.output import LANG, print_json, w
from modelwright.cli.verbs._releases import Db, Name, registry_at
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.improve.experiments import Experiment


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Compare two releases by users' feedback on their answers, and show the state.",
            "按用户反馈比较两个发布版本；显示当前结果。",
        )
    )
    def experiment(
        name: Name,
        start: Annotated[
            str | None,
            opt(
                "start: compare this version with the champion",
                "开始：将此版本与 champion 比较",
                metavar="VERSION",
            ),
        ] = None,
        end: Annotated[bool, typer.Option("--end", help=w("end it and keep the result", "结束并保存结果"))] = False,
        plan: Annotated[
            bool, typer.Option("--plan", help=w("say how many users it takes", "估算需要多少用户"))
        ] = False,
        metric: Annotated[
            str,
            opt(
                "what is compared: thumbs, right, error, outcome",
                "比较指标：thumbs、right、error、outcome",
                metavar="NAME",
            ),
        ] = "thumbs",
        share: Annotated[
            str, opt("share of users that the version answers", "由该版本回答的用户比例", metavar="SHARE")
        ] = "50%",
        effect: Annotated[
            float | None,
            opt(
                "smallest difference that matters, e.g. 0.05 for 5 points",
                "值得在意的最小差异，如 0.05 表示 5 个百分点",
                metavar="NUMBER",
            ),
        ] = None,
        alpha: Annotated[
            float,
            opt("share of equal releases that may be called different", "允许误判为不同的比例", metavar="NUMBER"),
        ] = 0.05,
        base: Annotated[
            float | None, opt("to plan: the rate today, e.g. 0.7", "用于估算：当前比率，如 0.7", metavar="NUMBER")
        ] = None,
        deviation: Annotated[
            float | None,
            opt("to plan a mean: standard deviation of the values", "用于估算均值：数值的标准差", metavar="NUMBER"),
        ] = None,
        per_day: Annotated[
            float | None, opt("to plan: users with feedback a day", "用于估算：每天有反馈的用户数", metavar="NUMBER")
        ] = None,
        reason: Annotated[
            str | None, opt("why it ends; the ledger keeps it", "结束的原因；会记入账本", metavar="REASON")
        ] = None,
        in_spite: Annotated[
            str | None,
            opt(
                "why a version with other columns or labels answers all the same; the ledger keeps it",
                "列或标签不同的版本仍要作答的理由；会记入账本",
                metavar="REASON",
            ),
        ] = None,
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.errors import OptionError
        from modelwright.improve.experiments import Experiments
        from modelwright.improve.feedback_source import compared, feedback_of
        from modelwright.release.registry.limits import parse_share

        if sum((start is not None, end, plan)) > 1:
            raise OptionError("Give one of --start, --end, --plan.", "--start、--end、--plan 只能给出一个。")
        registry = registry_at(db)
        experiments = Experiments(registry)
        if plan:
            planned = _plan(metric, effect, base, deviation, parse_share(share), alpha, per_day)
            print_json(planned) if json_ else _say(Words(*planned["words"]))
            return
        if start is not None:
            given = parse_share(share)
            made = experiments.start(
                name, start, metric=metric, effect=effect, alpha=alpha, share=given, in_spite=in_spite
            )
            print_json(made.__dict__) if json_ else _say(_started(made, given))
            return
        feedback = feedback_of(registry, name)
        if end:
            running = experiments.running(name)
            found = None if running is None else compared(feedback, running)
            _show([experiments.end(name, found, reason)], feedback, json_)
            return
        _show(experiments.all(name), feedback, json_)


def _say(words: Words) -> None:
    sys.stdout.write(words.to(LANG) + "\n")


def _started(made: Experiment, share: float) -> Words:
    about = made.measure.title
    return Words(
        f"Experiment {made.number}: {made.name} {made.second} answers {100 * share:g} % of the users beside {made.first}; compared by {about.en}. "
        f"See how it stands as often as you like: modelwright experiment {made.name}",
        f"实验 {made.number}：{made.name} {made.second} 与 {made.first} 并行，回答 {100 * share:g}% 的用户；比较指标：{about.zh}。"
        f"可随时查看：modelwright experiment {made.name}",
    )


def _show(found: list[Experiment], feedback: Any, json_: bool) -> None:
    """Print experiments, the newest first; one that runs as it stands now."""
    from modelwright.improve.experiments import result_json, verdict_words
    from modelwright.improve.feedback_source import compared

    out = []
    for one in found:
        result = one.result
        if one.ended is None:
            result = result_json(compared(feedback, one))
        words = None if result is None else verdict_words(one, result)
        out.append({**one.__dict__, "result": result, "words": words and list(words)})
    if json_:
        print_json({"experiments": out})
        return
    if not out:
        _say(Words("No experiment was started for this name yet.", "此名称尚未进行过实验。"))
    for one, told in zip(found, out, strict=True):
        state = Words("runs", "进行中") if one.ended is None else Words("ended", "已结束")
        said = Words(*told["words"]) if told["words"] else Words("no result was kept", "未保存结果")
        _say(Words(f"{one.number} ({state.en})  {said.en}", f"{one.number}（{state.zh}）  {said.zh}"))


def _plan(
    metric: str,
    effect: float | None,
    base: float | None,
    deviation: float | None,
    share: float,
    alpha: float,
    per_day: float | None,
) -> dict[str, Any]:
    """Return how many users an experiment takes, and the sentence. Raises OptionError for what is missing."""
    from modelwright.core.errors import OptionError, unknown
    from modelwright.improve.experiments import MEASURES, check_effect
    from modelwright.improve.sequential import plan

    if metric not in MEASURES:
        raise unknown(Words("metric of an experiment", "实验指标"), metric, MEASURES)
    kind, effect = MEASURES[metric].kind, check_effect(metric, effect)
    if kind == "rate" and base is None:
        raise OptionError(
            "Say with --base what the rate is today, for instance --base 0.7.",
            "请用 --base 说明当前比率，例如 --base 0.7。",
        )
    if kind == "mean" and not (deviation and deviation > 0):
        raise OptionError(
            "Say with --deviation how far values spread, as a standard deviation above 0.",
            "请用 --deviation 给出数值的标准差（大于 0）。",
        )
    if (base is not None and not 0 <= base <= 1) or (per_day is not None and per_day <= 0):
        raise OptionError(
            "--base is a rate from 0 to 1, and --per-day is above 0.", "--base 应在 0 到 1 之间，--per-day 应大于 0。"
        )
    found = plan(kind, effect, base=base, deviation=deviation, share=share, alpha=alpha, per_day=per_day)
    days = "" if found.days is None else f", {found.days:,.0f} days"
    days_zh = "" if found.days is None else f"，约 {found.days:,.0f} 天"
    words = Words(
        f"At most {found.units:,} users with feedback{days} until a difference of {effect:g} is found in 8 of 10 cases, looked at every day "
        f"({found.once:,} for a test that is looked at once, at its end).",
        f"至多需要 {found.units:,} 名有反馈的用户{days_zh}，即可在每天查看的情况下以 80% 的把握发现 {effect:g} 的差异（只在结束时查看一次则为 {found.once:,} 名）。",
    )
    return {"units": found.units, "once": found.once, "days": found.days, "words": list(words)}
