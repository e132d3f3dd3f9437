"""The command line: the verbs are files in `verbs/`; heavy imports happen inside them, so that `--help` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated

import typer

from modelwright.cli.exits import answered
from modelwright.cli.help import CommandLine, as_asked
from modelwright.cli.options import Lang
from modelwright.cli.output import LANG, w
from modelwright.core.libraries import process_is_ours
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

VERBS = "modelwright.cli.verbs"
_FIRST = ("run", "inspect", "predict", "report", "serve", "doctor")  # in the help; the others follow by name


def built(verbs: Iterable[str]) -> typer.Typer:
    """Return the command line with some verbs, in their order."""
    app = CommandLine(
        name="modelwright",
        help=w(
            "From your data to a model that serves inside your product.",
            "从数据到产品中可用的模型，一条命令，在自己的机器上。",
        ),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in verbs:
        load_file(VERBS, name, Words("verb", "命令")).add(app)
    return app


def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help=w("print the version", "显示版本"))] = False,
    lang: Lang = None,
) -> None:
    if version:
        from modelwright import __version__

        sys.stdout.write(f"modelwright {__version__}\n")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        sys.stdout.write(ctx.get_help() + "\n")
        raise typer.Exit


def asked_for(args: Sequence[str]) -> tuple[str, ...]:
    """Return the verbs that a command line needs: the one it begins with, else all, in the order of the help.

    Thirty verbs that are not asked for take longer to set up than most commands to begin.
    """
    names = tuple(names_in(VERBS))
    if list(args) == ["--version"]:
        return names[:1]
    if args and args[0] in names:
        return (args[0],)
    return tuple(dict.fromkeys((*_FIRST, *names)))


@cache
def _with_every_verb() -> typer.Typer:
    return built(asked_for(()))


def __getattr__(name: str) -> typer.Typer:
    if name == "app":  # all verbs, made when they are asked for
        return _with_every_verb()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command line; errors end it with their own exit code and without a traceback."""
    process_is_ours()
    sys.argv[1:] = as_asked(sys.argv[1:])
    with answered(LANG):
        code = built(asked_for(sys.argv[1:]))(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
