"""`modelwright new`: a working example project to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.layout import listed
from modelwright.cli.options import Json, Lang
from modelwright.cli.output import LANG, print_json, say, w
from modelwright.core.words import Words


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Write an example project that runs: settings, data, README. Without a name, list them.",
            "写出一个可运行的示例项目：设置、数据、说明。不给名称则列出全部。",
        )
    )
    def new(
        name: Annotated[str | None, typer.Argument(metavar="PROJECT", help=w("which one", "项目名称"))] = None,
        folder: Annotated[
            Path | None,
            typer.Argument(
                metavar="DIR", help=w("folder; named like the project if not given", "文件夹；默认与项目同名")
            ),
        ] = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.words import some_of
        from modelwright.data import projects

        if name is None:
            if json_:
                print_json({"projects": list(projects.names())})
                return
            sys.stdout.write(listed((each, projects.get_project(each).about.to(LANG)) for each in projects.names()))
            say(Words("Write one: modelwright new PROJECT", "写出其中一个：modelwright new 项目名"))
            return
        place = folder or Path(name)
        files = projects.write(name, place)
        some = some_of(files)
        sys.stderr.write(
            w(
                f"{place} written: {some.en}. Next: cd {place} && modelwright run --config run.yaml --name {name}\n",
                f"已写出 {place}：{some.zh}。下一步：cd {place} && modelwright run --config run.yaml --name {name}\n",
            )
        )
        if json_:
            print_json({"project": name, "folder": str(place), "files": files})
