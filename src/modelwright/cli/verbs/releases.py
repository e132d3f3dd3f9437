"""`modelwright releases`: which models have a name, and which of them answers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang
from modelwright.cli.output import print_json, w
from modelwright.cli.verbs._releases import Db, line_of, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("List releases, the newest first.", "列出发布，最新的在前。"))
    def releases(
        name: Annotated[str | None, typer.Argument(metavar="NAME", help=w("only this name", "只列出该名称"))] = None,
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        found = registry_at(db).releases(name)
        if json_:
            print_json([r.to_json() for r in found])
            return
        for r in found:
            sys.stdout.write(line_of(r) + "\n")
        if not found:
            sys.stderr.write(w("Nothing was released yet.\n", "还没有任何发布。\n"))
