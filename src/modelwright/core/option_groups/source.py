"""Where the data is, and how it is read."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import REQUIRED, OptionGroup, option
from modelwright.core.words import Words

SOURCE_OPTIONS = (
    "query",
    "table",
    "sheet",
    "header",
    "delimiter",
    "decimal",
    "encoding",
    "dates",
)  # how a table is read


class Source(OptionGroup):
    """The data of a run."""

    about: ClassVar[Words] = Words("Data", "数据")

    data: str = option(
        REQUIRED,
        "file, folder of media, URL of a store or database",
        "文件、媒体文件夹、存储或数据库 URL",
        metavar="DATA",
    )
    test: str | None = option(None, "file with the official test rows", "官方测试集文件", metavar="FILE")
    query: str | None = option(None, "SQL query, for a database URL", "SQL 查询（数据库 URL）", metavar="SQL")
    table: str | None = option(None, "SQL table, for a database URL", "SQL 表（数据库 URL）", metavar="NAME")
    sheet: str | None = option(None, "Excel sheet", "Excel 工作表", metavar="NAME")
    header: bool | None = option(None, "whether line one names the columns", "首行是否为列名")
    delimiter: str | None = option(
        None,
        "cell separator: one sign, or tab, semicolon, bar",
        "单元格分隔符：单个字符，或 tab、semicolon、bar",
        metavar="SIGN",
    )
    decimal: str | None = option(None, "decimal sign: , or .", "小数点：, 或 .", metavar="SIGN")
    encoding: str | None = option(
        None, "encoding of the text, e.g. windows-1252", "文本编码，如 windows-1252", metavar="NAME"
    )
    dates: str | None = option(
        None, "order of 03/04/2024: dmy, mdy or ymd", "03/04/2024 的顺序：dmy、mdy 或 ymd", metavar="ORDER"
    )
