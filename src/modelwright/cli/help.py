"""The help of every verb: how it is called, what it takes, one layout in both languages.

modelwright                             all verbs, by what one is about
modelwright run --help                  the options of every run
modelwright run --task ordinal --help   those of the task besides
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import typer
import typer.core

from modelwright.cli.layout import LEFT, columns, listed, wrapped
from modelwright.cli.output import LANG, say, w
from modelwright.core.errors import OptionError, alike, unknown
from modelwright.core.option_groups.declared import SHARED, beside
from modelwright.core.registry import TASKS, names_in
from modelwright.core.task_names import task_named
from modelwright.core.words import Words

_TASK = "modelwright.task"  # under which the task asked about is kept

# the library's own options, which it tells in English alone
_OWN = {
    "--help": Words("show this help", "显示此帮助"),
    "--install-completion": Words("let this shell complete commands and options", "为当前 shell 安装自动补全"),
    "--show-completion": Words("show what that would install", "显示自动补全脚本"),
}

# what other tools call a verb
_MEANT = {
    "train": "run", "fit": "run", "learn": "run", "infer": "predict", "deploy": "serve", "start": "serve", "init": "new",
    "create": "new", "ls": "list", "runs": "list", "describe": "inspect", "validate": "inspect", "check": "doctor",
}  # fmt: skip

SECTIONS = (
    (Words("Begin", "起步"), ("sample", "new", "inspect", "doctor")),
    (Words("Make a model, and judge it", "训练与评估"), ("run", "report", "leaderboard", "list", "compare", "notice")),
    (Words("Use a model", "使用模型"), ("predict", "serve", "export", "index", "track", "listen")),
    (
        Words("Release it, and keep it good", "发布与持续改进"),
        ("release", "releases", "promote", "rollback", "drift", "feedback", "review", "improve", "experiment", "offpolicy"),
    ),
    (Words("Protect data", "数据保护"), ("anonymise", "vault", "consent", "keys", "audit")),
    (Words("Train elsewhere", "在别处训练"), ("cost", "export-job")),
)  # fmt: skip


class Verb(typer.core.TyperCommand):
    """A verb, with its help in our layout."""

    allow_extra_args = True  # so that what is too many is told in our words

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read arguments and options, and tell which value counts where one was given twice. Raises OptionError for arguments that are too
        many, for `nan` and `inf`, which Python takes for numbers, and for URLs to write to."""
        if not ctx.resilient_parsing:
            _refuse_one_dash(self, ctx, args)
            _tell_repeated(self, ctx, args)
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            known = " ".join(p.metavar or p.name.upper() for p in self.params if p.param_type_name == "argument")
            many = " ".join(rest)
            raise OptionError(
                f"There is no place for `{many}`: write {ctx.command_path} {known}. See: {ctx.command_path} --help",
                f"多出了参数 `{many}`：应写作 {ctx.command_path} {known}。参见：{ctx.command_path} --help",
            )
        if not ctx.resilient_parsing:
            _check_values(self, ctx)
        return list(rest)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the line that says how the verb is called."""
        _usage(self, ctx, formatter, w("[OPTIONS]", "[选项]"))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the verb is for."""
        _about(self, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options."""
        params = self.get_params(ctx)
        _section(formatter, w("Arguments", "参数"), _rows(p for p in params if p.param_type_name == "argument"))
        _section(formatter, w("Options", "选项"), _rows(p for p in params if p.param_type_name != "argument"))


def _check_values(verb: Verb, ctx: Any) -> None:
    """Refuse what Python takes for a number and is none, and URLs where a file is to be written: as a path, `s3://b/x` is a folder `s3:`."""
    for param in verb.params:
        value = ctx.params.get(param.name)
        if param.name == "out" and value is not None and re.match(r"[A-Za-z][\w+.-]+:/", str(value)):
            raise OptionError(
                f"{max(param.opts, key=len)} names a place on this machine, received the URL `{value}`: write a file here, "
                "and copy it with the client of the store.",
                f"{max(param.opts, key=len)} 应为本机上的位置，收到的是 URL `{value}`：请先写到本机，再用该存储的客户端复制过去。",
            )
        if isinstance(value, float) and not math.isfinite(value):
            name = max(param.opts, key=len)
            raise OptionError(f"{name} takes a number, received `{value}`.", f"{name} 应为数字，收到的是 `{value}`。")


class GroupedCommand(Verb):
    """A verb whose declared options are shown in their groups."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the task that is asked about, as `--help` ends the reading of options; then read them."""
        ctx.meta[_TASK] = _after("--task", args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the groups of options that every run has, and those of the task that was named."""
        asked = ctx.meta.get(_TASK)
        task = task_named(asked) if asked else None
        if task is not None and task not in names_in(TASKS):
            raise unknown(Words("task", "任务"), str(asked), names_in(TASKS), OptionError)
        shown = [g for g in (*SHARED, *beside()) if not g.tasks or task in g.tasks]
        params = self.get_params(ctx)
        for group in shown:
            title = group.about.to(LANG)
            _section(formatter, title, _rows(p for p in params if _panel(p) == title), LEFT)
        _section(formatter, w("Run", "运行"), _rows(p for p in params if _panel(p) is None), LEFT)
        rest = sorted({t for g in beside() for t in g.tasks})
        if task is None and rest:
            told = w(
                f"Tasks with further options: {', '.join(rest)}. See them: {ctx.command_path} --task TASK --help",
                f"以下任务另有选项：{'、'.join(rest)}。查看：{ctx.command_path} --task 任务 --help",
            )
            formatter.write("\n" + "".join(line + "\n" for line in wrapped(told, columns())))


class Verbs(typer.core.TyperGroup):
    """Verbs under one name, with their help in our layout."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the line that says how a verb is called."""
        _usage(self, ctx, formatter, w("COMMAND [OPTIONS]", "命令 [选项]"))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the verbs are for."""
        _about(self, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs, each with its whole sentence, and the options."""
        told = {n: c.help or "" for n, c in self.commands.items() if not c.hidden}
        whole = ctx.parent is None
        left = max(len(name) for name in told)
        for about, names in SECTIONS if whole else ():
            _section(formatter, about.to(LANG), [(n, told.pop(n)) for n in names if n in told], left)
        title = w("Others", "其他") if whole else w("Commands", "命令")
        _section(formatter, title, told.items(), left)
        _section(formatter, w("Options", "选项"), _rows(self.get_params(ctx)))
        formatter.write(
            w(
                f"\nHelp of a command: {ctx.command_path} COMMAND --help\n",
                f"\n查看某个命令的帮助：{ctx.command_path} 命令 --help\n",
            )
        )
        if whole:
            steps = ("sample tickets", "run tickets.csv --target queue --budget 1m")
            formatter.write(
                w("First steps:\n", "第一步：\n") + "".join(f"  {ctx.command_path} {one}\n" for one in steps)
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb that a command line begins with. Raises OptionError for one that there is not."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            meant = _MEANT.get(args[0]) if ctx.parent is None else None
            guess = [meant] if meant else alike(args[0], self.commands)
            all_ = Words(f" See all: {ctx.command_path} --help", f"查看全部：{ctx.command_path} --help")
            name = Words(f"There is no command `{args[0]}`.", f"没有名为 `{args[0]}` 的命令。")
            like = Words(f" Did you mean `{guess[0]}`?", f"是否指 `{guess[0]}`？") if guess else Words("", "")
            raise OptionError(name.en + like.en + all_.en, name.zh + like.zh + all_.zh)
        return super().resolve_command(ctx, args)


class CommandLine(typer.Typer):
    """Verbs that are laid out as the others are, without a word of theirs about it."""

    def __init__(self, **told: Any) -> None:
        super().__init__(cls=Verbs, **told)

    def command(self, name: str | None = None, *, cls: Any = Verb, **told: Any) -> Any:
        """Return what makes a verb of a function."""
        return super().command(name, cls=cls, **told)


def _tell_repeated(verb: Any, ctx: Any, args: Sequence[str]) -> None:
    """Say of options that take one value and were given several which of them counts."""
    parser = verb.make_parser(ctx)
    for own in {id(o): o for o in (*parser._long_opt.values(), *parser._short_opt.values())}.values():
        own.action = {"store": "append", "store_const": "append_const"}.get(own.action, own.action)
    given, _, _ = parser.parse_args(args=list(args))
    for param in verb.params:
        values = given.get(param.name)
        if param.param_type_name != "option" or param.multiple or not isinstance(values, list):
            continue
        if len(set(values)) > 1:
            last = values[-1]
            flag = param.secondary_opts[0] if last is False and param.secondary_opts else param.opts[0]
            shown = (
                flag if isinstance(last, bool) or "://" in str(last) else f"{flag} {last}"
            )  # a URL may hold a password
            say(
                Words(
                    f"{param.opts[0]} was given several times; the last one counts: {shown}",
                    f"{param.opts[0]} 给出了多次，以最后一次为准：{shown}",
                ),
                quiet=bool(given.get("quiet")),
            )


def _refuse_one_dash(verb: Any, ctx: Any, args: Sequence[str]) -> None:
    """Raise OptionError for the whole name of an option behind one dash: `-target queue` would be read as `-t arget`."""
    takes = {o for p in verb.get_params(ctx) if not getattr(p, "is_flag", False) for o in p.opts}
    known = {o for p in verb.get_params(ctx) for o in (*p.opts, *p.secondary_opts)}
    before = ""
    for word in args:
        if word == "--":
            return
        name = "-" + word.split("=", 1)[0]
        if len(name) > 3 and name.startswith("--") and name in known and before not in takes:
            raise OptionError(
                f"`{name[1:]}` takes two dashes: write {name}. See: {ctx.command_path} --help",
                f"`{name[1:]}` 应使用两个连字符：请写作 {name}。参见：{ctx.command_path} --help",
            )
        before = word


def _usage(verb: Any, ctx: Any, formatter: Any, after: str) -> None:
    pieces = []
    for param in verb.params:
        if param.param_type_name == "argument":
            name = param.metavar or param.name.upper()
            pieces.append(name if param.required else f"[{name}]")
    formatter.write(w("Usage: ", "用法：") + " ".join([ctx.command_path, *pieces, after]) + "\n")


def _about(verb: Any, formatter: Any) -> None:
    if verb.help:
        formatter.write("\n" + "".join(f"  {line}\n" for line in wrapped(verb.help, columns() - 2)))


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


def _section(formatter: Any, title: str, rows: Iterable[tuple[str, str]], left: int | None = None) -> None:
    """Write names under a title, with what is said of each; nothing where there are none."""
    rows = list(rows)
    if rows:
        formatter.write(f"\n{title}{w(':', '：')}\n{listed(rows, left)}")


def _rows(params: Iterable[Any]) -> list[tuple[str, str]]:
    """Return options and arguments that are not hidden: names with what stands for the value, and what is said of each."""
    return [_row(p) for p in params if not getattr(p, "hidden", False)]


def _row(param: Any) -> tuple[str, str]:
    if param.param_type_name == "argument":
        return param.metavar or param.name.upper(), _told(param)
    short = [o for o in param.opts if not o.startswith("--")]
    long = [o for o in param.opts if o.startswith("--")]
    if param.secondary_opts:
        long = [f"--[no-]{o[2:]}" for o in long]
    value = "" if param.is_flag else f" {param.metavar or _value(param)}"
    return ", ".join([*short, *long]) + value, _told(param)


def _value(param: Any) -> str:
    """Return what stands for the value of an option that names nothing for it."""
    kind = param.type_descriptor
    if kind.is_path:
        return "PATH"
    return "N" if kind.annotation is int else "NUMBER" if kind.annotation is float else "TEXT"


def _told(param: Any) -> str:
    """Return what is said of an option: its help, and what holds where it is not given."""
    own = next((_OWN[o] for o in param.opts if o in _OWN), None)
    if own is not None:
        return own.to(LANG)
    text = param.help or ""
    if param.param_type_name != "argument" and param.required:
        return text + w(" (required)", "（必填）")
    default = param.default
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    if isinstance(default, bool) or not isinstance(default, (str, int, float)) or default == "":
        return text
    shown = f"{default:,}" if isinstance(default, int) and default >= 100_000 else str(default)
    return text + w(f" ({shown})", f"（{shown}）")


def missing(param: Any) -> Words:
    """Return what is to be said of an argument or a required option that is not there."""
    name = (param.metavar or param.name.upper()) if param.param_type_name == "argument" else param.opts[0]
    about = f": {param.help}" if param.help else ""
    return Words(f"`{name}` is missing{about}.", f"缺少 `{name}`{about.replace(': ', '：')}。")


def as_asked(args: Sequence[str]) -> list[str]:
    """Return a command line as it is read: `help run` is `run --help`."""
    return [*args[1:], "--help"] if args[:1] == ["help"] else list(args)
