"""`modelwright leaderboard`: the models of a run, best first."""

from __future__ import annotations

import typer

from modelwright.cli.options import Json, Lang, RunArg
from modelwright.cli.output import LANG, print_json, w


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Show a run's leaderboard.", "显示某次运行的排行榜。"))
    def leaderboard(model: RunArg, json_: Json = False, lang: Lang = None) -> None:
        from modelwright.cli.terminal import print_leaderboard
        from modelwright.core.run import RunFolder, read_facts

        facts = read_facts(RunFolder.find(model))
        print_json(facts["leaderboard"]) if json_ else print_leaderboard(facts, LANG)
