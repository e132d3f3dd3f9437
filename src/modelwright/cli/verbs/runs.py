"""The verbs `leaderboard` and `list`: what runs left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.output import LANG, Json, Lang, RunArg, print_json, w


def add(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command(help=w("Show a run's leaderboard.", "显示某次运行的排行榜。"))
    def leaderboard(model: RunArg, json_: Json = False, lang: Lang = None) -> None:
        from modelwright.cli.commands import print_leaderboard
        from modelwright.core.run import RunFolder, read_json

        facts = read_json(RunFolder.find(model).facts)
        print_json(facts["leaderboard"]) if json_ else print_leaderboard(facts, LANG)

    @app.command("list", help=w("List the runs in a folder.", "列出运行记录。"))
    def list_(
        out: Annotated[str, typer.Argument(metavar="FOLDER", help=w("folder of runs", "运行文件夹所在目录"))] = "runs",
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.cli.about import list_runs, print_runs

        runs = list_runs(Path(out))
        print_json(runs) if json_ else print_runs(runs, LANG)
