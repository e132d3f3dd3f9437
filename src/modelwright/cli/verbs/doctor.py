"""`modelwright doctor`: what is installed, and whether it is whole."""

from __future__ import annotations

from typing import Any

import typer

from modelwright.cli.options import Json, Lang
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.words import Words


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Check the installation.", "检查安装是否完好。"))
    def doctor(json_: Json = False, lang: Lang = None) -> None:
        from modelwright.core.extras import installation

        facts = installation()
        print_json(facts) if json_ else print_doctor(facts, LANG)
        if not facts["well"]:
            raise typer.Exit(2)


def print_doctor(facts: dict[str, Any], lang: str) -> None:
    """Print the state of the installation."""
    from modelwright.cli.terminal import console, pad

    out = console(stderr=False)
    device = f", {facts['device']}" if "device" in facts else ""
    words = Words(
        f"modelwright {facts['modelwright']}, Python {facts['python']}, {facts['cores']} cores, {facts['memory_free_gb']} GB free{device}",
        f"modelwright {facts['modelwright']}，Python {facts['python']}，{facts['cores']} 核，可用内存 {facts['memory_free_gb']} GB{device}",
    )
    out.print(words.to(lang), markup=False)
    core = "  ".join(f"{k} {v or '?'}" for k, v in facts["core"].items())
    out.print(f"  {pad('core', 10)} {core}", markup=False)
    for extra, found in facts["extras"].items():
        line = "  ".join(f"{k} {v}" for k, v in found.items()) if found else f'pip install "modelwright[{extra}]"'
        out.print(f"  {pad(extra, 10)} {line}", style=None if found else "dim", markup=False)
    good = (
        Words("The installation is fine.", "安装完好。") if facts["well"] else Words("Parts are missing.", "缺少组件。")
    )
    out.print(good.to(lang))
