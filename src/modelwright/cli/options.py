"""Options that several verbs have, and how they are read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from modelwright.cli.output import w
from modelwright.core.words import known_lang


def opt(en: str, zh: str) -> Any:
    """Return an option with its help in the language asked for."""
    return typer.Option(help=w(en, zh))


def _lang(value: str | None) -> str | None:
    """Refuse a language that nothing is written in. Raises OptionError."""
    if value is not None and known_lang(value) is None:
        from modelwright.core.errors import OptionError

        raise OptionError(
            f"There is no language `{value}` here; --lang takes en or zh.",
            f"没有语言 `{value}`；--lang 可用 en 或 zh。",
        )
    return value


Lang = Annotated[str | None, typer.Option("--lang", callback=_lang, help=w("language: en or zh", "语言：en 或 zh"))]
Json = Annotated[
    bool, typer.Option("--json", help=w("print one JSON object on standard output", "在标准输出打印一个 JSON 对象"))
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=w("print errors only", "只显示错误"))]
RunArg = Annotated[
    str, typer.Argument(metavar="RUN", help=w("run folder, its name, or a bundle", "运行文件夹、其名称或模型包"))
]
Header = Annotated[
    bool | None, typer.Option("--header/--no-header", help=w("whether line one names the columns", "首行是否为列名"))
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="SIGN",
        help=w(
            "what divides cells: one character, or tab, semicolon, comma, bar",
            "单元格分隔符：单个字符，或 tab、semicolon、comma、bar",
        ),
    ),
]
Decimal = Annotated[str | None, typer.Option(metavar="SIGN", help=w("decimal sign: , or .", "小数点：, 或 ."))]
Encoding = Annotated[str | None, opt("encoding of the text, e.g. windows-1252", "文本编码，如 windows-1252")]
Dates = Annotated[str | None, opt("order of 03/04/2024: dmy, mdy or ymd", "03/04/2024 的顺序：dmy、mdy 或 ymd")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", "-c", metavar="NAME=MODALITY", help=w("say what a column holds", "指定列的模态")),
]

ShowValues = Annotated[
    bool, typer.Option("--show-values", help=w("list the values that a run would replace", "列出运行时会被替换的值"))
]
Private = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ACTION[:NAME]",
        help=w(
            "personal data: keep, placeholder, generalise or drop, for all or for a column or type",
            "个人数据：keep、placeholder、generalise 或 drop；对全部，或对某列、某类型",
        ),
    ),
]

Series = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=FIRST..LAST", help=w("gather columns (or NAME=x_*;y_*) into a series", "把多列合成序列")
    ),
]
Vault = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help=w(
            "key of the vault: file:PATH, env:NAME, keyring:NAME", "数据加密密钥：file:路径、env:变量名、keyring:名称"
        ),
    ),
]
SeriesId = Annotated[str | None, opt("long tables: column that names a row's series", "长表：行所属序列的列")]
SeriesTime = Annotated[str | None, opt("long tables: column that orders a series", "长表：序列内排序的列")]
Channel = Annotated[
    str | None,
    opt("channel of sound: 1, 2, ..., left, right, mean, louder", "音频声道：1、2…，或 left、right、mean、louder"),
]

Public = Annotated[
    bool | None,
    opt(
        "the data is public: nothing is replaced, a hosted model may see it", "数据公开：不替换个人数据，可交给托管模型"
    ),
]
Endpoint = Annotated[str | None, opt("OpenAI-compatible endpoint, for public data", "OpenAI 兼容接口（仅限公开数据）")]
EndpointModel = Annotated[str | None, opt("model at the endpoint", "接口使用的模型")]
PriceIn = Annotated[float | None, opt("price of a million tokens read", "每百万输入词元价格")]
PriceOut = Annotated[float | None, opt("price of a million tokens written", "每百万输出词元价格")]
Base = Annotated[str | None, opt("folder of a causal language model", "因果语言模型文件夹")]
Teacher = Annotated[
    str | None, opt("`endpoint` or a folder: labels rows without target", "endpoint 或文件夹：标注无目标值的行")
]

AllowOrigin = Annotated[
    list[str] | None,
    opt(
        "origin whose pages may ask from a browser, e.g. https://app.example.com; repeat for several",
        "允许其网页从浏览器调用的来源，如 https://app.example.com；可重复",
    ),
]
Missing = Annotated[
    str | None, opt("numbers missing only later: keep, median, refuse", "仅在预测时缺失的数值：keep、median、refuse")
]
Rename = Annotated[list[str] | None, opt("OLD=NEW: name of a column (may repeat)", "原名=新名：列名对应（可重复）")]
AllowMissing = Annotated[
    bool, opt("predict even where a column that carries the model is absent", "缺少模型所依赖的列时也预测")
]


def pairs(values: list[str] | None) -> dict[str, str]:
    """Read NAME=MODALITY pairs. Raises OptionError."""
    from modelwright.core.errors import OptionError

    out = {}
    for value in values or []:
        name, equals, modality = value.rpartition("=")
        if not equals or not name or not modality:
            raise OptionError(
                f"Expected --column NAME=MODALITY, received `{value}`.",
                f"应写作 --column 列名=模态，收到的是 `{value}`。",
            )
        out[name] = modality
    return out
