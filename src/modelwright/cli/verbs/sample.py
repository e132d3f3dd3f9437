"""`modelwright sample NAME`: a real data set to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.output import LANG, Json, Lang, opt, print_json, w


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Write a sample data set to start with.", "写出一份可直接使用的示例数据。"))
    def sample(
        name: Annotated[
            str | None,
            typer.Argument(metavar="NAME", help=w("which one; lists them all if not given", "名称；不填则列出全部")),
        ] = None,
        out: Annotated[Path | None, typer.Option("--out", "-o", help=w("file to write", "输出文件"))] = None,
        force: Annotated[bool, opt("replace an existing file", "覆盖已有文件")] = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.cli.commands import sample_command

        result = sample_command(name, out, force, LANG)
        if json_:
            print_json(result)
