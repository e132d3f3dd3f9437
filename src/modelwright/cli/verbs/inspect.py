"""`modelwright inspect`: what is in the data, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from modelwright.cli.options import (
    Channel,
    Columns,
    Dates,
    Decimal,
    Delimiter,
    Encoding,
    Header,
    Json,
    Lang,
    Private,
    Series,
    SeriesId,
    SeriesTime,
    ShowValues,
    Vault,
    opt,
    pairs,
)
from modelwright.cli.output import LANG, print_json, w


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Show what is in the data and what is wrong with it.", "检查数据：有什么、有什么问题。"))
    def inspect(
        data: Annotated[
            str,
            typer.Argument(
                metavar="DATA", help=w("file, folder of media, or database URL", "文件、媒体文件夹或数据库 URL")
            ),
        ],
        target: Annotated[str | None, typer.Option("--target", "-t", help=w("column to predict", "要预测的列"))] = None,
        column: Columns = None,
        query: Annotated[str | None, opt("SQL query", "SQL 查询")] = None,
        table: Annotated[str | None, opt("SQL table", "SQL 表")] = None,
        sheet: Annotated[str | None, opt("Excel sheet", "Excel 工作表")] = None,
        header: Header = None,
        delimiter: Delimiter = None,
        decimal: Decimal = None,
        encoding: Encoding = None,
        dates: Dates = None,
        series: Series = None,
        series_id: SeriesId = None,
        series_time: SeriesTime = None,
        channel: Channel = None,
        vault: Vault = None,
        private: Private = None,
        show_values: ShowValues = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.api import inspect as look
        from modelwright.cli.terminal import print_inspection

        spread: dict[str, Any] = {
            "series": series,
            "series_id": series_id,
            "series_time": series_time,
            "private": private,
        }
        reading = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding, "dates": dates, "channel": channel}
        more = {"query": query, "table": table, "sheet": sheet, "header": header, "vault": vault, **spread, **reading}
        found = look(data, target, column=pairs(column), show_values=show_values, **more)
        print_json(found) if json_ else print_inspection(found, LANG)
