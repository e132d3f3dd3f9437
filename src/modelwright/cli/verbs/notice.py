"""`modelwright notice`: a privacy notice from the facts of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, RunArg, opt
from modelwright.cli.output import print_json, w


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        help=w(
            "Write a privacy notice, in English and Chinese, from what a run really did.",
            "根据运行事实生成个人信息处理告知书（中英文）。",
        )
    )(notice)


def notice(
    model: RunArg,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help=w("folder to write; the run's if not given", "输出文件夹；默认为运行文件夹")),
    ] = None,
    controller: Annotated[str | None, opt("who is responsible", "处理者名称")] = None,
    contact: Annotated[str | None, opt("where people turn to", "联系方式")] = None,
    purpose: Annotated[
        str | None, opt("purpose, if not the one of the run", "处理目的（默认取运行所用）", metavar="TEXT")
    ] = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.run import RunFolder, read_facts, write_text
    from modelwright.core.stored_data import kept_json
    from modelwright.evaluate.report.notice import Told, markdown, page, sections
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.subjects import count

    run = RunFolder.find(model)
    ready(run.path)
    facts = read_facts(run)
    consent: Any = kept_json(run.data / "consent.json") or {}
    parts = sections(
        facts, consent, kept_json(run.data / "privacy.json"), Told(controller, contact, purpose), count(run.data)
    )
    folder = out or run.path
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for language, name in (("en", "notice"), ("zh", "notice.zh-CN")):
        for ending, text in ((".md", markdown(parts, language)), (".html", page(parts, language))):
            write_text(folder / (name + ending), text)
            made.append(str(folder / (name + ending)))
    record(run.path, "notice made", run=run.path.name)
    if json_:
        print_json({"files": made})
    else:
        sys.stdout.write("\n".join(made) + "\n")
