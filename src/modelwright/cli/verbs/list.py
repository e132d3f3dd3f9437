"""`modelwright list`: the runs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.words import Words


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("list", help=w("List the runs in a folder.", "列出运行记录。"))
    def list_(
        out: Annotated[str, typer.Argument(metavar="FOLDER", help=w("folder of runs", "运行文件夹所在目录"))] = "runs",
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.pipeline.report.records import list_runs

        runs = list_runs(Path(out))
        print_json(runs) if json_ else print_runs(runs, LANG)


def print_runs(runs: list[dict[str, Any]], lang: str) -> None:
    """Print runs, one a line."""
    from modelwright.cli.terminal import console, pad, width
    from modelwright.core.figures import shown_score
    from modelwright.core.task import get_task, task_names

    out = console(stderr=False)
    if not runs:
        out.print(Words("No runs here yet.", "这里还没有运行记录。").to(lang))
    name = max([20, *(width(r["run"]) for r in runs)])
    for r in runs:
        if "metric" in r:
            task = get_task(r["task"]).title.to(lang) if r["task"] in task_names() else r["task"]
            metric = Words(*r["metric_title"]).to(lang) if r.get("metric_title") else r["metric"]
            state = f"{task}  {metric} {shown_score(r['value'])}"
        else:
            state = Words("stopped before a bundle was written", "在写出模型包之前被终止").to(lang)
        due = f"  {Words(*r['due']).to(lang)}" if "due" in r else ""
        out.print(
            f"  {pad(r['run'], name)}  {pad(r.get('created') or '', 16)}  {state}{due}", markup=False, soft_wrap=True
        )
