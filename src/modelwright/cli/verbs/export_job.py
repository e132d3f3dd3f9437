"""The verb `export-job`: a run as a job for SLURM, Kubernetes or SkyPilot."""

from __future__ import annotations

import dataclasses
import secrets
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.help import GroupedCommand
from modelwright.cli.options import Json, Lang, opt, takes
from modelwright.cli.output import print_json, w
from modelwright.core.option_groups.declared import options
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

_PLACES = names_in("modelwright.release.jobs")
_ROOM = 1.5, 900.0  # times the budget, and seconds beside it, that a place gives a run where nothing is said


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        "export-job",
        cls=GroupedCommand,
        help=w(
            "Write a run (or the options of an earlier one) as a job for SLURM, Kubernetes or SkyPilot.",
            "把一次运行（或此前运行的选项）写成 SLURM、Kubernetes 或 SkyPilot 作业。",
        ),
    )
    @takes(*options())
    def export_job(
        given: dict[str, Any],
        to: Annotated[
            str, opt("place: " + ", ".join(_PLACES), "目标：" + "、".join(_PLACES), metavar="PLACE")
        ] = "slurm",
        out: Annotated[Path | None, opt("folder to write", "输出文件夹", metavar="FOLDER")] = None,
        name: Annotated[str | None, opt("name of the run", "运行名称", metavar="NAME")] = None,
        nodes: Annotated[int, opt("machines", "机器数", metavar="N")] = 1,
        gpus: Annotated[int, opt("GPUs of a machine", "每台机器的 GPU 数", metavar="N")] = 0,
        cores: Annotated[int, opt("cores of a machine", "每台机器的核数", metavar="N")] = 4,
        node_memory: Annotated[str, opt("memory of a machine", "每台机器的内存", metavar="SIZE")] = "16g",
        limit: Annotated[str | None, opt("time that the place may take in all", "作业总时限", metavar="TIME")] = None,
        image: Annotated[
            str, opt("container image, for Kubernetes", "Kubernetes 容器镜像", metavar="IMAGE")
        ] = "python:3.11-slim",
        replace: Annotated[bool, opt("replace a job that is there", "替换已有的作业")] = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        path, command = written(
            given, to, out, name, {"nodes": nodes, "gpus": gpus, "cores": cores, "image": image}, node_memory, limit, replace
        )  # fmt: skip
        start = f"cd {shlex.quote(str(path))} && {command}"
        print_json({"job": str(path), "start": start}) if json_ else sys.stdout.write(f"{path}\n{start}\n")


def written(
    given: dict[str, Any], to: str, out: Path | None, name: str | None, size: dict[str, Any], memory: str, limit: str | None,
    replace: bool,
) -> tuple[Path, str]:  # fmt: skip
    """Write the job; return its folder and the command that starts it. Raises OptionError, DataError."""
    from modelwright.core.budget import parse_amount, parse_duration, parse_period, told_words
    from modelwright.core.config import check_tasks, make_config, stored_config
    from modelwright.core.errors import DataError, OptionError
    from modelwright.core.run import RunFolder, slug, whole_folder, write_text
    from modelwright.pipeline.first_look import look
    from modelwright.release.formats.base import host_name
    from modelwright.release.jobs.base import Job, readme, where_data_is, write_shared
    from modelwright.release.jobs.shared.carried import carried, made_absolute, on_disk
    from modelwright.release.jobs.shared.wanted import wanted

    place: Any = load_file("modelwright.release.jobs", to, Words("place", "目标"))
    data = str(given.get("data") or "")
    if not data:
        raise OptionError(
            "Name the data or a run: modelwright export-job DATA --target COLUMN --to slurm",
            "请给出数据或运行：modelwright export-job DATA --target 列名 --to slurm",
        )
    for what, least in (("nodes", 1), ("gpus", 0), ("cores", 1)):
        if size[what] < least:
            raise OptionError(
                f"--{what} takes {least} or more, received {size[what]}.",
                f"--{what} 至少为 {least}，收到的是 {size[what]}。",
            )
    earlier = next((p for p in (Path(data), Path("runs") / data) if (p / "config.yaml").is_file()), None)
    if earlier is not None:
        values = {**stored_config(RunFolder(earlier).config), **{k: v for k, v in given.items() if k != "data"}}
    else:
        values = dict(given)
    config = make_config(**values)
    check_tasks(config)
    if config.data == "memory" or config.data.lower().startswith("memory://"):
        raise OptionError(
            f"The rows of {earlier or data} are in memory, which no other machine can read: name a file or URL.",
            f"{earlier or data} 的数据在内存中，其他机器无法读取：请指定文件或 URL。",
        )
    if size["nodes"] > 1 and config.cluster:
        raise OptionError(
            "--cluster brings machines of its own: leave --nodes out.", "--cluster 自带机器：请去掉 --nodes。"
        )
    called = slug(name or (earlier.name if earlier else Path(config.data.split("?")[0]).name.split(".")[0]))
    host = host_name(called)
    budget = parse_duration(config.budget)
    seconds = parse_period(limit, "--limit", "m", "h") if limit else _ROOM[0] * budget + _ROOM[1]
    if seconds < budget:
        raise OptionError(
            f"--limit {limit} is shorter than the budget of {config.budget}: give at least that, and some minutes for the start.",
            f"--limit {limit} 短于预算 {told_words(config.budget).zh}：请至少给出该时长，并为启动留几分钟。",
        )
    job = Job(
        called,
        host,
        config,
        memory_gb=max(1, parse_amount(memory, "--node-memory") >> 30),
        seconds=seconds,
        mark=secrets.token_hex(4),
        **size,
    )
    place.check(job)
    extras = wanted(config, look(config), job.processes * job.nodes)
    folder = out or Path(f"{called}-{to}")
    if folder.exists() and not replace:
        raise DataError(
            f"{folder} exists already; give --replace or another --out.",
            f"{folder} 已存在；请给出 --replace 或另一个 --out。",
        )
    if folder.exists() and any((folder / "runs").glob("*")):
        raise DataError(
            f"{folder} holds runs ({folder / 'runs'}), which --replace would delete: move them elsewhere, or give another --out.",
            f"{folder} 中有运行结果（{folder / 'runs'}），--replace 会将其删除：请先移到别处，或给出另一个 --out。",
        )
    if folder.exists() and not (folder / "run.yaml").is_file():
        raise DataError(
            f"{folder} is no job that was written by export-job, so --replace leaves it alone: give another --out.",
            f"{folder} 不是由 export-job 写出的作业，--replace 不会替换它：请给出另一个 --out。",
        )
    with whole_folder(folder) as part:
        own = place.CARRIES and bool(on_disk(config.data))
        job = dataclasses.replace(job, config=carried(config, part) if place.CARRIES else made_absolute(config))
        write_shared(job, part, extras)
        command: str = place.write(job, part)
        write_text(part / "README.md", readme(job, to, command, where_data_is(job, own), place.notes(job)))
    return folder, command
