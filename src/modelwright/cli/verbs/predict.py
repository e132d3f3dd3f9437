"""`modelwright predict`: the rows of a file, answered."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import (
    AllowMissing,
    Json,
    Lang,
    Quiet,
    Rename,
    RunArg,
    Vault,
    opt,
    takes,
)
from modelwright.cli.output import print_json, say, w
from modelwright.core.option_groups.source import SOURCE_OPTIONS


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Predict the rows of a file.", "对文件中的每一行给出预测。"))
    @takes(*(name for name in SOURCE_OPTIONS if name != "dates"))  # the model keeps the order of its dates
    def predict(
        model: RunArg,
        data: Annotated[
            str,
            typer.Argument(
                metavar="DATA",
                help=w(
                    "file with the rows to predict, media file, folder of them, or -",
                    "待预测的表格、媒体文件或其文件夹；- 表示标准输入",
                ),
            ),
        ],
        out: Annotated[
            Path | None,
            typer.Option(
                "--out",
                "-o",
                help=w(
                    "file to write (.csv, .jsonl, .parquet, .xlsx); standard output if not given",
                    "输出文件（.csv、.jsonl、.parquet、.xlsx）；默认标准输出",
                ),
            ),
        ] = None,
        allow_missing: AllowMissing = False,
        rename: Rename = None,
        scores: Annotated[bool, opt("add a column score_<label> per label", "为每个标签添加 score_<标签> 列")] = False,
        strict: Annotated[bool, opt("stop at the first bad row", "遇到坏行即停止")] = False,
        bom: Annotated[bool, opt("mark CSV as UTF-8 for Excel", "在 CSV 开头写入 BOM，便于 Excel 识别 UTF-8")] = False,
        *,
        given: dict[str, Any],
        vault: Vault = None,
        quiet: Quiet = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.release.predict_file import predict_file

        summary = predict_file(
            model,
            data,
            out,
            scores=scores,
            strict=strict,
            bom=bom,
            allow_missing=allow_missing,
            rename=rename,
            vault=vault,
            say=partial(say, quiet=quiet),
            **given,
        )
        if json_ and out is not None:
            print_json(summary)
