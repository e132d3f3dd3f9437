"""`modelwright rollback NAME`: the champion before answers again."""

from __future__ import annotations

from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, opt
from modelwright.cli.output import w
from modelwright.cli.verbs._releases import Db, Name, print_change, print_end, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Go back to the previous champion.", "恢复上一个 champion。"))
    def rollback(
        name: Name,
        reason: Annotated[str | None, opt("why; the ledger keeps it", "原因；会记入账本", metavar="REASON")] = None,
        canary: Annotated[
            bool, opt("end the canary or shadow; the champion stays", "结束金丝雀或影子版本；champion 不变")
        ] = False,
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        registry = registry_at(db)
        if canary:
            print_end(registry.end_canary(name, reason), json_)
        else:
            print_change(registry.rollback(name, reason), json_)
