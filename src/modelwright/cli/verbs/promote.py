"""`modelwright promote NAME VERSION`: which version answers."""

from __future__ import annotations

from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang
from modelwright.cli.output import w
from modelwright.cli.verbs._releases import Db, Name, print_change, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Let a version of a name answer from now on.", "让某个版本从现在起作答。"))
    def promote(
        name: Name,
        version: Annotated[
            str, typer.Argument(metavar="VERSION", help=w("1, 2, ... or challenger", "1、2……或 challenger"))
        ],
        as_: Annotated[
            str, typer.Option("--as", help=w("champion or challenger", "champion 或 challenger"))
        ] = "champion",
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        print_change(registry_at(db).promote(name, version, as_), json_)
