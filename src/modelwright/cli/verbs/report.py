"""`modelwright report`: the report of a run, written again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, RunArg, Vault
from modelwright.cli.output import LANG, print_json, w


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Write a run's report again, in either language, and print where it is.",
            "重新生成报告（中文或英文）并给出位置。",
        )
    )
    def report(
        model: RunArg,
        out: Annotated[
            Path | None,
            typer.Option(
                "--out",
                "-o",
                help=w("file to write; with --vault it quotes rows", "输出文件；配合 --vault 时会引用数据行"),
            ),
        ] = None,
        vault: Vault = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked
        from modelwright.core.run import RunFolder
        from modelwright.pipeline.report.write import write_page

        with unlocked(vault):
            path = write_page(RunFolder.find(model), LANG, out)
        print_json({"report": str(path)}) if json_ else sys.stdout.write(f"{path}\n")
