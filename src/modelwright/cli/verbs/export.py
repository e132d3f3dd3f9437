"""`modelwright export RUN`: a model for other runtimes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, RunArg
from modelwright.cli.output import print_json, w
from modelwright.core.registry import names_in

_FORMATS = names_in("modelwright.release.formats")


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Export a model for other runtimes.", "导出模型供其他运行时使用。"))
    def export(
        model: RunArg,
        to: Annotated[
            str, typer.Option("--to", help=w("format: ", "格式：") + w(", ", "、").join(_FORMATS), metavar="FORMAT")
        ] = "onnx",
        out: Annotated[Path | None, typer.Option("--out", "-o", help=w("folder to write", "输出文件夹"))] = None,
        candidate: Annotated[
            str | None,
            typer.Option(
                "--candidate",
                help=w("a candidate of the run instead of its winner", "导出运行中的某个候选，而不是最佳模型"),
                metavar="NAME",
            ),
        ] = None,
        replace: Annotated[
            bool, typer.Option("--replace", help=w("replace an export that is there", "替换已有的导出"))
        ] = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.release.export_to import export_model

        path = export_model(model, to, out, candidate, replace=replace)
        print_json({"export": str(path)}) if json_ else sys.stdout.write(f"{path}\n")
