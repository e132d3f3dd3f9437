"""The help of a verb with many options: groups, one line an option, and the options of a task where it is named.

modelwright run --help                  the options of every run
modelwright run --task ordinal --help   those of the task besides
"""

from __future__ import annotations

import shutil
import unicodedata
from typing import Any

import typer.core

from modelwright.cli.output import LANG, w
from modelwright.core.errors import OptionError, unknown
from modelwright.core.option_groups.declared import SHARED, beside
from modelwright.core.registry import TASKS, names_in
from modelwright.core.task_names import task_named
from modelwright.core.words import Words

_LEFT = 26  # cells of an option's names
_TASK = "modelwright.task"  # under which the task asked about is kept


_HEADINGS = {"Options": "选项", "Commands": "命令", "Arguments": "参数"}
_Formatter: Any = typer.Context.formatter_class


class Formatter(_Formatter):
    """The library's layout of a help, with its titles in the language that was asked for."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that says how a verb is called."""
        super().write_usage(prog, args, prefix or w("Usage: ", "用法："))

    def write_heading(self, heading: str) -> None:
        """Write the title of a list."""
        self.write(f"{'':>{self.current_indent}}{w(heading + ':', _HEADINGS.get(heading, heading) + '：')}\n")


def set_formatter() -> None:
    """Let every help be laid out by `Formatter`."""
    typer.Context.__mro__[1].formatter_class = Formatter  # type: ignore[attr-defined]


class GroupedCommand(typer.core.TyperCommand):
    """A verb whose declared options are shown in their groups."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the task that is asked about, as `--help` ends the reading of options; then read them."""
        ctx.meta[_TASK] = _after("--task", args)
        return list(super().parse_args(ctx, args))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the groups of options that every run has, and those of the task that was named."""
        asked = ctx.meta.get(_TASK)
        task = task_named(asked) if asked else None
        if task is not None and task not in names_in(TASKS):
            raise unknown(Words("task", "任务"), str(asked), names_in(TASKS), OptionError)
        shown = [g for g in (*SHARED, *beside()) if not g.tasks or task in g.tasks]
        params = self.get_params(ctx)
        for group in shown:
            _section(formatter, group.about.to(LANG), [p for p in params if _panel(p) == group.about.to(LANG)])
        _section(formatter, w("Run", "运行"), [p for p in params if _panel(p) is None])
        rest = sorted({t for g in beside() for t in g.tasks})
        if task is None and rest:
            formatter.write("\n")
            for line in _wrapped(
                w(
                    f"Tasks with further options: {', '.join(rest)}. See them: {ctx.command_path} --task TASK --help",
                    f"以下任务另有选项：{'、'.join(rest)}。查看：{ctx.command_path} --task 任务 --help",
                ),
                _columns(),
            ):
                formatter.write(line + "\n")


def _after(flag: str, args: list[str]) -> str | None:
    for i, word in enumerate(args):
        if word == flag and i + 1 < len(args):
            return args[i + 1]
        if word.startswith(f"{flag}="):
            return word.split("=", 1)[1]
    return None


def _panel(param: Any) -> str | None:
    found: str | None = getattr(param, "rich_help_panel", None)
    return found


def _section(formatter: Any, title: str, params: list[Any]) -> None:
    """Write options under a title, one line each; a help that is longer goes on below its beginning."""
    rows = [row for p in params if (row := _row(p)) is not None]
    if not rows:
        return
    formatter.write(f"\n{title}{w(':', '：')}\n")
    for names, text in rows:
        lines = _wrapped(text, _columns() - _LEFT - 4)
        if _cells(names) > _LEFT:
            formatter.write(f"  {names}\n")
            names = ""
        for line in lines or [""]:
            formatter.write(f"  {names}{' ' * (_LEFT + 2 - _cells(names))}{line}".rstrip() + "\n")
            names = ""


def _row(param: Any) -> tuple[str, str] | None:
    """Return the names of an option with what stands for its value, and its help; None for a hidden one."""
    if getattr(param, "hidden", False):
        return None
    if param.param_type_name == "argument":
        return param.metavar or param.name.upper(), param.help or ""
    if "--help" in param.opts:
        return ", ".join(param.opts), w("show this help", "显示此帮助")
    short = [o for o in param.opts if not o.startswith("--")]
    long = [o for o in param.opts if o.startswith("--")]
    if param.secondary_opts:
        long = [f"--[no-]{o[2:]}" for o in long]
    value = "" if param.is_flag else f" {param.metavar or param.type.name.upper()}"
    return ", ".join([*short, *long]) + value, param.help or ""


def _columns() -> int:
    return max(60, min(100, shutil.get_terminal_size((80, 24)).columns))


def _cells(text: str) -> int:
    """Return how many cells a text takes in a terminal; wide signs take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _wrapped(text: str, room: int) -> list[str]:
    """Return a text in lines of at most `room` cells, divided at blanks and between wide signs."""
    lines, line, word = [], "", ""
    for sign in [*text, " "]:
        wide = _cells(sign) == 2
        if sign != " " and not wide:
            word += sign
            continue
        if _cells(line + word) > room and line:
            lines.append(line.rstrip())
            line = ""
        line, word = line + word, ""
        if wide and _cells(line + sign) > room:
            lines.append(line.rstrip())
            line = ""
        line += sign
    return [*lines, line.rstrip()] if line.strip() else lines
