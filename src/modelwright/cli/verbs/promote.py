"""`modelwright promote NAME VERSION`: which version answers."""

from __future__ import annotations

from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, opt
from modelwright.cli.output import w
from modelwright.cli.verbs._releases import Db, Name, print_canary, print_change, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Let a version of a name answer from now on.", "让某个版本从现在起作答。"))
    def promote(
        name: Name,
        version: Annotated[
            str, typer.Argument(metavar="VERSION", help=w("1, 2, ... or challenger", "1、2……或 challenger"))
        ],
        as_: Annotated[
            str, typer.Option("--as", help=w("champion or challenger", "champion 或 challenger"), metavar="ROLE")
        ] = "champion",
        canary: Annotated[
            str | None,
            opt(
                "let it answer this share of the units beside the champion, e.g. 10%",
                "与 champion 并行，由该版本回答这一比例的单元，如 10%",
                "SHARE",
            ),
        ] = None,
        shadow: Annotated[
            bool,
            opt(
                "let it answer the champion's requests too, unseen, and compare",
                "让该版本在后台同样回答 champion 的请求，并作比较",
            ),
        ] = False,
        watch: Annotated[
            str | None,
            opt(
                "time that a new champion is watched, 10m if not given; off: no automatic rollback",
                "新 champion 的监控时长，默认 10m；off 表示不自动回退",
                "TIME",
            ),
        ] = None,
        max_errors: Annotated[
            str | None,
            opt(
                "share of failed requests above which it is taken back, 1% if not given",
                "失败请求超过这一比例即回退，默认 1%",
                "SHARE",
            ),
        ] = None,
        max_latency: Annotated[
            str | None,
            opt(
                "95th percentile above which it is taken back: 50ms, or 2x that of the version it is compared with (default)",
                "第 95 百分位延迟超过该值即回退：如 50ms，或对照版本的 2x（默认）",
                "TIME",
            ),
        ] = None,
        max_drift: Annotated[
            str | None,
            opt(
                "change of a label's share of the answers above which it is taken back, 10% if not given",
                "某标签在回答中的占比变化超过该值即回退，默认 10%",
                "SHARE",
            ),
        ] = None,
        in_spite: Annotated[
            str | None,
            opt(
                "why a canary with other columns or labels answers all the same; the ledger keeps it",
                "列或标签不同仍要试运行的理由；会记入账本",
                "REASON",
            ),
        ] = None,
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.errors import OptionError
        from modelwright.release.registry.limits import limits_of, parse_share

        limits = limits_of(watch, max_errors, max_latency, max_drift)
        registry = registry_at(db)
        if canary is None and not shadow:
            if in_spite is not None:
                raise OptionError(
                    "--in-spite belongs to --canary or --shadow.", "--in-spite 只与 --canary 或 --shadow 同用。"
                )
            if as_ == "challenger" and limits is not None:
                raise OptionError(
                    "A challenger that answers nothing is not watched; give --canary or --shadow.",
                    "不作答的 challenger 无从监控；请加 --canary 或 --shadow。",
                )
            print_change(registry.promote(name, version, as_, limits=limits), json_)
            return
        share = 0.0 if canary is None else parse_share(canary)
        change, made = registry.canary(name, version, share, shadow=shadow, limits=limits, in_spite=in_spite)
        print_canary(change, made, json_)
