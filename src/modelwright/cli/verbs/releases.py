"""`modelwright releases`: which models have a name, and which of them answers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang
from modelwright.cli.output import print_json, w
from modelwright.cli.verbs._releases import Db, line_of, more_of, registry_at


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("List releases, the newest first.", "列出发布，最新的在前。"))
    def releases(
        name: Annotated[str | None, typer.Argument(metavar="NAME", help=w("only this name", "只列出该名称"))] = None,
        db: Db = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.release.registry.findings import found_of

        registry = registry_at(db)
        found = registry.releases(name)
        gone, seen = (registry.went_back(name), found_of(registry.url, name)) if found else ({}, {})
        trials = {n: registry.traffic(n) for n in dict.fromkeys(r.name for r in found)}
        shown = []
        for r in found:
            trial = trials[r.name]
            mine, key = trial if trial and trial.version == r.version else None, (r.name, r.version)
            shown.append((r, mine, gone.get(key), seen.get(key)))
        if json_:
            print_json(
                [
                    {
                        **r.to_json(),
                        "traffic": trial.to_json() if trial else None,
                        "went_back": back,
                        "findings": told.to_json() if told else None,
                    }
                    for r, trial, back, told in shown
                ]
            )
            return
        for r, trial, back, told in shown:
            sys.stdout.write("  ".join([line_of(r), *more_of(trial, back, told)]) + "\n")
        if not found:
            sys.stderr.write(w("Nothing was released yet.\n", "还没有任何发布。\n"))
