"""`modelwright run`: from data to a bundle that serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.exits import stopping
from modelwright.cli.help import GroupedCommand
from modelwright.cli.options import Json, Lang, Quiet, opt, takes
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.facts.run import Facts
from modelwright.core.option_groups.declared import options
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.cli.terminal import Display
    from modelwright.core.run import RunFolder


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        cls=GroupedCommand,
        help=w(
            "Make a model from data: train, test, check against the gate, bundle, report.",
            "从数据得到模型：训练、测试、核对门槛、打包、生成报告。",
        ),
    )
    @takes(*options())
    def run(
        given: dict[str, Any],
        name: Annotated[str | None, opt("name of the run", "运行名称", metavar="NAME")] = None,
        out: Annotated[str, opt("folder of runs", "运行文件夹所在目录", metavar="FOLDER")] = "runs",
        config: Annotated[
            Path | None, opt("YAML file with these options", "含以上选项的 YAML 文件", metavar="FILE")
        ] = None,
        resume: Annotated[str | None, opt("resume this run", "继续此前的运行", metavar="RUN")] = None,
        quiet: Quiet = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.tune.crew import from_torchrun, launched

        if (told := from_torchrun()) is not None and told[0] > 0:  # one process of several that torchrun started
            from modelwright.tune.follower import follow

            raise typer.Exit(follow())
        with launched():
            code = run_and_print(given, config, name, Path(out), resume, LANG, quiet, json_)
        if code:
            raise typer.Exit(code)


def run_and_print(
    given: dict[str, Any],
    config_file: Path | None,
    name: str | None,
    out: Path,
    resume: str | None,
    lang: str,
    quiet: bool,
    json_: bool,
) -> int:
    """Run the pipeline and print its words; return the exit code (0 met, 3 gate not met, 130 stopped)."""
    from modelwright.cli.terminal import Display
    from modelwright.core.budget import Deadline, parse_duration
    from modelwright.core.config import load_config, make_config, stored_config
    from modelwright.core.device import process_start
    from modelwright.core.errors import OptionError
    from modelwright.core.events import Done, Event, EventStream
    from modelwright.core.run import RunFolder, slug

    folder = None
    values: dict[str, Any] = {}
    if resume:
        folder = RunFolder.find(resume)
        values.update(stored_config(folder.config))
    if config_file:
        values.update(load_config(config_file))
    values.update(given)
    if not values.get("data"):
        raise OptionError(
            "Name the data: modelwright run DATA --target COLUMN", "请给出数据：modelwright run DATA --target 列名"
        )
    config = make_config(**values)
    wanted = slug(name or Path(config.data.split("?")[0]).name.split(".")[0])
    if folder is None:
        folder = RunFolder.choose(out, wanted)
    deadline = Deadline(process_start() + parse_duration(config.budget))
    events = EventStream()
    results: list[dict[str, Any]] = []

    def keep(event: Event) -> None:
        if isinstance(event, Done):
            results.append(event.result)

    events.listen(keep)
    with stopping(deadline), Display(lang, deadline.at, quiet or json_) as display:
        events.listen(display)
        from modelwright.pipeline.walk import run

        result = run(config, config.data, events, folder=folder, deadline=deadline, resume=bool(resume), lang=lang)
        print_end(display, result.facts, folder, lang)
    if json_:
        print_json(results[-1])
    if deadline.stopped:
        return 130
    return 3 if result.judgement.met is False else 0


def print_end(display: Display, facts: Facts, folder: RunFolder, lang: str) -> None:
    """Print verdict, winner, where the report is, and what to do next."""
    if display.quiet:
        return
    display.say(Words("verdict", "结论").to(lang), Words(*facts["verdict"]))
    if facts.get("chosen"):
        display.say(Words("winner", "最佳模型").to(lang), Words(*facts["chosen"]))
    display.say(Words("report", "报告").to(lang), Words(str(folder.report), str(folder.report)))
    serve = f"modelwright serve {folder.path}"
    then = Words(serve, serve)
    if not facts.get("conclusive", True) and facts["advice"]:  # a model that nothing is known of is not to be served
        then = Words(*facts["advice"][0])
    display.say(Words("next", "下一步").to(lang), then)
