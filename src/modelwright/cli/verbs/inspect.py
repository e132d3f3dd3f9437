"""`modelwright inspect`: what is in the data, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, ShowValues, takes
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.option_groups.declared import options
from modelwright.core.option_groups.source import SOURCE_OPTIONS

_OPTIONS = (
    "target",
    "column",
    "na",
    *SOURCE_OPTIONS,
    "series",
    "series_id",
    "series_time",
    "channel",
    "vault",
    "private",
)


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Show what is in the data and what is wrong with it.", "检查数据：有什么、有什么问题。"))
    @takes(*_OPTIONS)
    def inspect(
        data: Annotated[str, typer.Argument(metavar="DATA", help=options()["data"].option.words.to(LANG))],
        given: dict[str, Any],
        show_values: ShowValues = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.api import inspect as look
        from modelwright.cli.terminal import print_inspection

        found = look(data, given.pop("target", None), show_values=show_values, **given)
        print_json(found) if json_ else print_inspection(found, LANG)
