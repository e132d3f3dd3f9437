"""`modelwright rollback NAME`: the champion before answers again."""

from __future__ import annotations

from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, opt
from modelwright.cli.output import w
from modelwright.cli.verbs._releases import Db, Name, print_change, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Let the champion before answer again.", "恢复上一个 champion。"))
    def rollback(
        name: Name,
        reason: Annotated[str | None, opt("why; the ledger keeps it", "原因；会记入账本")] = None,
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        print_change(registry_at(db).rollback(name, reason), json_)
