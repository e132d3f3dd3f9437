"""`modelwright sample NAME`: a real data set to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.layout import listed
from modelwright.cli.options import Json, Lang, opt
from modelwright.cli.output import LANG, print_json, say, w
from modelwright.core.words import Words


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(help=w("Write a sample data set to start with.", "写出一份可直接使用的示例数据。"))
    def sample(
        name: Annotated[
            str | None,
            typer.Argument(metavar="NAME", help=w("which one; lists them all if not given", "名称；不填则列出全部")),
        ] = None,
        out: Annotated[Path | None, typer.Option("--out", "-o", help=w("file to write", "输出文件"))] = None,
        force: Annotated[bool, opt("replace an existing file", "覆盖已有文件")] = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        result = written(name, out, force, LANG)
        if json_:
            print_json(result)
        elif name is None:
            from modelwright.data.samples import describe

            sys.stdout.write(listed((each, describe(each).to(LANG)) for each in result["samples"]))
            say(Words("Write one: modelwright sample NAME", "写出其中一份：modelwright sample 名称"))


def written(name: str | None, out: Path | None, force: bool, lang: str) -> dict[str, Any]:
    """Write a sample, or name the samples there are."""
    from modelwright.data import samples

    if name is None:
        return {"samples": list(samples.names())}
    path = samples.write(name, out or Path(f"{name}.csv"), overwrite=force)
    target = samples.target(name)
    words = Words(
        f"{path} written. Next: modelwright run {path} --target {target}",
        f"已写出 {path}。下一步：modelwright run {path} --target {target}",
    )
    sys.stderr.write(words.to(lang) + "\n")
    return {"sample": name, "path": str(path), "target": target}
