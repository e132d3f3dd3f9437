"""`modelwright track`: the things of a clip followed from frame to frame, and counted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, RunArg
from modelwright.cli.output import LANG, print_json, say, w
from modelwright.core.words import Words


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        help=w(
            "Follow what a detector finds through the frames of a video, and count it.",
            "用检测模型逐帧跟踪视频中的目标并计数。",
        )
    )(track)


def track(
    model: RunArg,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help=w("the clip", "视频文件"))],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help=w("CSV to write: a row for each box of each frame", "输出 CSV：每帧每框一行")),
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, max=1000, help=w("look at every so many frames", "每隔多少帧检测一次"))
    ] = 1,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.release.bundle import load
    from modelwright.release.registry.find import find_bundle
    from modelwright.release.track_video import track_file

    told = track_file(load(find_bundle(model)), video, out, every, say)
    if json_:
        print_json(told)
        return
    for label, n in sorted(told["things"].items()):
        most = told["most_at_once"].get(label, 0)
        sys.stdout.write(
            Words(f"{label}: {n} in all, at most {most} at once\n", f"{label}：共 {n} 个，同时最多 {most} 个\n").to(
                LANG
            )
        )
    if not told["things"]:
        sys.stdout.write(Words("Nothing was found.\n", "没有找到目标。\n").to(LANG))
