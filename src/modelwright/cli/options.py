"""Options of verbs: those that are declared for a run, and those that several verbs have besides."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from modelwright.cli.help import CommandLine
from modelwright.cli.output import LANG, w
from modelwright.core.option_groups.base import Declared
from modelwright.core.option_groups.declared import options
from modelwright.core.target_names import one_text
from modelwright.core.words import known_lang


def opt(en: str, zh: str, metavar: str | None = None) -> Any:
    """Return an option with its help in the language asked for."""
    return typer.Option(help=w(en, zh), metavar=metavar)


def _lang(value: str | None) -> str | None:
    """Refuse a language that nothing is written in. Raises OptionError."""
    if value is not None and known_lang(value) is None:
        from modelwright.core.errors import OptionError

        raise OptionError(
            f"There is no language `{value}` here; --lang takes en or zh.",
            f"没有语言 `{value}`；--lang 可用 en 或 zh。",
        )
    return value


Lang = Annotated[
    str | None, typer.Option("--lang", callback=_lang, metavar="LANG", help=w("language: en or zh", "语言：en 或 zh"))
]
Json = Annotated[
    bool, typer.Option("--json", help=w("print one JSON object on standard output", "在标准输出打印一个 JSON 对象"))
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=w("print errors only", "只显示错误"))]
RunArg = Annotated[
    str, typer.Argument(metavar="RUN", help=w("run folder, its name, or a bundle", "运行文件夹、其名称或模型包"))
]

ShowValues = Annotated[
    bool, typer.Option("--show-values", help=w("list the values that a run would replace", "列出运行时会被替换的值"))
]


def grouped(help_: str) -> typer.Typer:
    """Return a verb that has verbs of its own; it takes `--lang` as they do, so that its help follows it."""
    group = CommandLine(help=help_, no_args_is_help=True)

    @group.callback()
    def spoken(lang: Lang = None) -> None:
        pass

    return group


_VAULT = options()["vault"].option
Vault = Annotated[str | None, typer.Option(metavar=_VAULT.metavar, help=_VAULT.words.to(LANG))]


AllowOrigin = Annotated[
    list[str] | None,
    opt(
        "origin whose pages may ask from a browser, e.g. https://app.example.com; repeat for several",
        "允许其网页从浏览器调用的来源，如 https://app.example.com；可重复",
        metavar="URL",
    ),
]
Rename = Annotated[
    list[str] | None,
    opt(
        "the file calls column NEW of the model OLD (may repeat)",
        "文件中的列 OLD 即模型的列 NEW（可重复）",
        metavar="OLD=NEW",
    ),
]
AllowMissing = Annotated[
    bool, opt("predict even where a column that carries the model is absent", "缺少模型所依赖的列时也预测")
]


def takes(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb options that are declared for a run: those that the user gave come as its argument `given`, by name."""
    found = {name: options()[name] for name in names}

    def give(verb: Callable[..., None]) -> Callable[..., None]:
        def called(**values: Any) -> None:
            asked = {name: _value(one, values.pop(name)) for name, one in found.items()}
            verb(given={name: value for name, value in asked.items() if value not in (None, [], {})}, **values)

        parameters: list[inspect.Parameter] = []
        for own in inspect.signature(verb, eval_str=True).parameters.values():
            if own.name == "given":
                parameters += [_parameter(one) for one in found.values()]
            else:
                parameters.append(own.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        called.__name__ = verb.__name__
        return called

    return give


def _parameter(one: Declared) -> inspect.Parameter:
    """Return a declared option as a parameter that typer reads; not given, it is None."""
    words, panel = one.option.words.to(LANG), one.group.about.to(LANG)
    told: dict[str, Any] = {"metavar": one.option.metavar, "help": words, "rich_help_panel": panel}
    kind = list[str] if one.option.several else _kind(one.type)
    if one.name == "data":
        about: Any = typer.Argument(**told)
    else:
        flags = [f"{f}/--no-{f[2:]}" if kind is bool and f.startswith("--") else f for f in one.flags]
        about = typer.Option(*flags, **told)
    annotation = Annotated[kind | None, about]  # type: ignore[valid-type]
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _kind(declared: Any) -> Any:
    """Return what the command line reads for a type: text for one of several words, a list of texts for pairs."""
    kinds = [a for a in typing.get_args(declared) if a is not type(None)] if _is_union(declared) else [declared]
    origin = typing.get_origin(kinds[0])
    if origin is typing.Literal:
        return str
    return list[str] if origin in (list, dict) else kinds[0]


def _is_union(declared: Any) -> bool:
    return type(None) in typing.get_args(declared)


def _value(one: Declared, value: Any) -> Any:
    """Return a value as the run takes it. Raises OptionError for a pair that is none."""
    if one.option.several:
        return one_text(value)
    return pairs(value, one) if typing.get_origin(one.type) is dict else value


def pairs(values: list[str] | None, one: Declared) -> dict[str, str]:
    """Read NAME=VALUE pairs. Raises OptionError."""
    from modelwright.core.errors import OptionError

    out = {}
    for value in values or []:
        name, equals, held = value.rpartition("=")
        if not equals or not name or not held:
            flag, form = one.flags[0], one.option.metavar
            raise OptionError(
                f"Expected {flag} {form}, received `{value}`.", f"应写作 {flag} {form}，收到的是 `{value}`。"
            )
        out[name] = held
    return out
