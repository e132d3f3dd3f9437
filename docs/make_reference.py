"""Write `docs/reference/` from the code: `python docs/make_reference.py`, or with `--check` only compare.

Pages: the command line, the recipes and the tasks in English and Chinese; the Python interface in English.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "reference"
SUFFIX = {"en": ".md", "zh": ".zh-CN.md"}


def say(lang: str, en: str, zh: str) -> str:
    """Return one of the two."""
    return zh if lang == "zh" else en


def fact(lang: str, en: str, zh: str, value: str) -> str:
    """Return a line of a list: what it tells, and its value."""
    return f"- {say(lang, f'{en}: ', f'{zh}：')}{value}"


def listed(lang: str, found: Iterable[str]) -> str:
    """Return names as code, in a row."""
    return say(lang, ", ", "、").join(f"`{n}`" for n in found)


def cell(text: object) -> str:
    """Return text fit for a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell(v) for v in row)} |" for row in rows]
    return "\n".join(lines)


def page(lang: str, title: tuple[str, str], parts: Iterable[str]) -> str:
    """Return a whole page under a title, with the line that says where it came from."""
    made = say(
        lang,
        "*Made from the code by `docs/make_reference.py`; edit the code, not this page.*",
        "*本页由 `docs/make_reference.py` 从代码生成；请修改代码，不要改本页。*",
    )
    return "\n\n".join([f"# {say(lang, *title)}", made, *parts]) + "\n"


def command_line(lang: str) -> str:
    """Return the page of all commands and their options."""
    import typer.main

    from modelwright.cli.app import app
    from modelwright.core.option_groups.declared import SHARED, beside

    group: Any = typer.main.get_command(app)
    heads = {g.about.to(lang): _group_title(g, lang) for g in (*SHARED, *beside())}
    parts = [say(lang, "Exit codes", "退出码") + "\n\n" + _exit_codes(lang)]
    parts[0] = "## " + parts[0]
    for name, command in _leaves(group):
        tables: dict[str, list[list[object]]] = {"": []}
        usage = ["modelwright", name]
        for p in command.params:
            if type(p).__name__.endswith("Argument"):
                shown = p.metavar or p.name.upper()
                usage.append(shown if p.required else f"[{shown}]")
                tables[""].append([f"`{shown}`", p.help or "", ""])
        usage.append("[OPTIONS]")
        for p in command.params:
            if type(p).__name__.endswith("Argument") or "--help" in p.opts:
                continue
            names = ", ".join(f"`{o}`" for o in [*p.opts, *p.secondary_opts])
            more = (
                say(lang, " (may repeat)", "（可重复）")
                if p.multiple and not any(w in (p.help or "") for w in ("repeat", "可重复"))
                else ""
            )
            title = heads.get(p.rich_help_panel, "") if name == "run" else ""
            tables.setdefault(title, []).append([names, f"{p.help or ''}{more}", _default(p)])
        head = (say(lang, "option", "选项"), say(lang, "meaning", "含义"), say(lang, "default", "默认"))
        shown_tables = [
            f"### {title}\n\n{table(head, rows)}" if title else table(head, rows) for title, rows in tables.items()
        ]
        parts.append("\n\n".join([f"## `{name}`", command.help or "", f"    {' '.join(usage)}", *shown_tables]))
    return page(lang, ("Command line", "命令行"), parts)


def _group_title(group: Any, lang: str) -> str:
    """Return the heading of a group of options, with the tasks that it is for."""
    tasks = listed(lang, group.tasks)
    return group.about.to(lang) + (say(lang, f" (for {tasks})", f"（用于 {tasks}）") if tasks else "")


def _leaves(group: Any, before: str = "") -> Iterable[tuple[str, Any]]:
    """Yield every command by its whole name, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _default(parameter: Any) -> str:
    """Return what holds where an option is not given: its own default, or the run configuration's."""
    from modelwright.core.config import RunConfig

    value = parameter.default
    if value is None and parameter.name in RunConfig.model_fields:
        value = RunConfig.model_fields[parameter.name].default
    if value is True:
        return f"`{parameter.opts[0]}`"
    if not isinstance(value, (str, int, float)) or value is False or value == "":
        return ""
    return f"`{value}`"


def _exit_codes(lang: str) -> str:
    from modelwright.core import errors

    kinds: dict[int, list[str]] = {0: []}
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.ModelwrightError):
            kinds.setdefault(kind.exit_code, []).append(kind.__name__)
    words = {
        0: ("done", "完成"),
        1: ("something else of Modelwright's own", "Modelwright 自身的其他错误"),
        2: ("the input does not fit, or an optional library is missing", "输入不合要求，或缺少可选组件"),
        3: ("a model stands, the gate is not met", "模型已得到，但未达到门槛"),
        4: ("the budget does not suffice for any recipe", "预算不足以训练任何方案"),
        130: ("stopped by the user", "被用户终止"),
    }
    head = (say(lang, "code", "代码"), say(lang, "meaning", "含义"), say(lang, "errors", "错误类"))
    rows = [[k, say(lang, *words[k]), ", ".join(f"`{n}`" for n in names)] for k, names in sorted(kinds.items())]
    return table(head, rows)


def recipes(lang: str) -> str:
    """Return the page of all recipes: what each is, its options and what is searched."""
    from modelwright.core.recipe import Options, get_recipe, recipe_names

    found = sorted((get_recipe(n) for n in recipe_names()), key=lambda r: r.rank)
    parts = [
        say(
            lang,
            "A recipe is one way to solve a task. They are tried cheapest first; name some with `--recipe` to try only these.",
            "方案是解决任务的一种方法。从最省的开始尝试；可用 `--recipe` 只试指定的方案。",
        ),
        say(
            lang,
            "Each has the option `leave` besides: modalities whose columns a fit does not see. Where pictures, recordings or "
            "clips stand beside other columns, recipes made for the others are tried with and without them.",
            "此外每个方案都有选项 `leave`：训练时不看的列的模态。当图片、录音或视频与其他列并存时，为其他列而设的方案会在带与不带这些媒体的情况下各试一次。",
        ),
    ]
    for recipe in found:
        facts = [fact(lang, "source", "出处", recipe.paper or "–")]
        facts.append(
            fact(
                lang,
                "installed with",
                "安装",
                f"`modelwright[{recipe.extra}]`" if recipe.extra else say(lang, "the core", "核心"),
            )
        )
        if recipe.baseline:
            facts.append(
                say(
                    lang,
                    "- a baseline: always tried, and every report says how the winner stands to it",
                    "- 基线：必定尝试，报告会说明最佳模型与它相比如何",
                )
            )
        rows = []
        for name, field in recipe.options.model_fields.items():
            if name in Options.model_fields:
                continue
            axis = recipe.space.get(name)
            default = json.dumps(_plain(field.get_default(call_default_factory=True)), ensure_ascii=False)
            rows.append([f"`{name}`", f"`{default}`", _axis(axis, lang), field.description or ""])
        head = [
            say(lang, *w) for w in (("option", "选项"), ("default", "默认"), ("searched", "搜索"), ("meaning", "含义"))
        ]
        if not any(row[3] for row in rows):
            head, rows = head[:3], [row[:3] for row in rows]
        notes = "" if recipe.options is Options else _doc(recipe.options)
        parts.append(
            f"## `{recipe.name}`\n\n{recipe.title.to(lang)}\n\n"
            + "\n".join(facts)
            + (f"\n\n{notes}" if notes and lang == "en" else "")
            + (f"\n\n{table(head, rows)}" if rows else "")
        )
    return page(lang, ("Recipes", "方案"), parts)


def _plain(value: object) -> object:
    return value if isinstance(value, (str, int, float, bool, type(None), list, dict)) else str(value)


def _axis(axis: Any, lang: str) -> str:
    from modelwright.core.recipe import Choice

    if axis is None:
        return ""
    if isinstance(axis, Choice):
        return ", ".join(f"`{v}`" for v in axis.values)
    scale = say(lang, ", log", "，对数") if axis.log else ""
    return f"{axis.low:g} {say(lang, 'to', '至')} {axis.high:g}{scale}"


def tasks(lang: str) -> str:
    """Return the page of all tasks with their metrics."""
    from modelwright.core.registry import names_in
    from modelwright.core.task import get_task, task_names
    from modelwright.features.base import FEATURES

    readable = set(names_in(FEATURES))
    parts = []
    for name in task_names():
        task = get_task(name)
        lines = [
            fact(lang, "target", "目标", listed(lang, sorted(task.targets))),
            fact(lang, "inputs", "输入", listed(lang, sorted(task.inputs & readable))),
            fact(lang, "recipes", "方案", listed(lang, task.recipes)),
        ]
        yes, no = say(lang, "yes", "是"), ""
        rows = [
            [f"`{m.name}`", m.title.to(lang), say(lang, "higher", "越高越好") if m.higher else say(lang, "lower", "越低越好"),
             yes if m.per_label else no]
            for m in task.metrics
        ]  # fmt: skip
        head = [
            say(lang, *w) for w in (("metric", "指标"), ("name", "名称"), ("better", "方向"), ("per label", "可按标签"))
        ]
        first = say(
            lang,
            f"`{task.metrics[0].name}` ranks unless `--metric` names another.",
            f"默认按 `{task.metrics[0].name}` 排名，可用 `--metric` 另选。",
        )
        parts.append(
            f"## `{name}`\n\n{task.title.to(lang)}\n\n" + "\n".join(lines) + f"\n\n{first}\n\n{table(head, rows)}"
        )
    return page(lang, ("Tasks and metrics", "任务与指标"), parts)


def python_interface(lang: str) -> str:
    """Return the page of what `import modelwright` offers, and of the contracts one codes against."""
    import modelwright
    import modelwright.sklearn
    import modelwright.testing
    from modelwright.core.answers.base import TargetCodec
    from modelwright.core.judged import Metric
    from modelwright.core.recipe import FitContext, Model, Recipe
    from modelwright.core.task import Task
    from modelwright.features.base import Codec

    parts = ["## `modelwright`", inspect.getdoc(modelwright) or ""]
    parts += [_item(getattr(modelwright, n), f"modelwright.{n}") for n in modelwright.__all__ if n != "__version__"]
    parts += ["## Contracts", "What a new recipe, task or codec implements."]
    parts += [
        _item(c, f"{c.__module__}.{c.__name__}") for c in (Recipe, Model, FitContext, Task, Metric, TargetCodec, Codec)
    ]
    parts += ["## `modelwright.sklearn`", inspect.getdoc(modelwright.sklearn) or ""]
    parts += [_item(getattr(modelwright.sklearn, n), f"modelwright.sklearn.{n}") for n in modelwright.sklearn.__all__]
    parts += ["## `modelwright.testing`", inspect.getdoc(modelwright.testing) or ""]
    for name, function in vars(modelwright.testing).items():
        if name.startswith("check_"):
            parts.append(_item(function, f"modelwright.testing.{name}"))
    return page(lang, ("Python", "Python"), parts)


def _item(thing: Any, name: str) -> str:
    out = [f"### `{name}`", f"```python\n{_signature(thing, name)}\n```", _doc(thing)]
    if inspect.isclass(thing):
        for key, member in vars(thing).items():
            if key.startswith("_") or not _doc(member):
                continue
            if inspect.isfunction(member) or isinstance(member, (classmethod, staticmethod, property)):
                bare = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                shown = key if isinstance(member, property) else _signature(bare, key)
                out.append(f"- **`{shown}`**: " + textwrap.indent(inspect.getdoc(bare) or "", "  ").lstrip())
    return "\n\n".join(p for p in out if p)


def _doc(thing: Any) -> str:
    text = inspect.getdoc(thing) or ""
    return "" if text.startswith((f"{getattr(thing, '__name__', '?')}(", "int(", "str(")) else text


def _signature(thing: Any, name: str) -> str:
    """Return `name(argument: type = default, ...) -> type`, annotations as they stand in the source."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    parts, named_only = [], False
    for p in found.parameters.values():
        if p.name in ("self", "cls"):
            continue
        if p.kind is p.KEYWORD_ONLY and not named_only:
            named_only = True
            parts.append("*")
        text = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name
        named_only = named_only or p.kind is p.VAR_POSITIONAL
        if p.annotation is not p.empty:
            text += f": {_type(p.annotation)}"
        if p.default is not p.empty:
            text += f" = {p.default if 'factory' in repr(p.default) else repr(p.default)}"
        parts.append(text)
    answer = found.return_annotation
    after = "" if answer in (found.empty, None, "None") else f" -> {_type(answer)}"
    return f"{name}({', '.join(parts)}){after}"


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def pages(lang: str) -> dict[str, str]:
    """Return the pages of one language by file name."""
    makers = {"cli": command_line, "recipes": recipes, "tasks": tasks}
    out = {f"{name}{SUFFIX[lang]}": make(lang) for name, make in makers.items()}
    if lang == "en":
        out["python.md"] = python_interface(lang)
    return out


def all_pages() -> dict[str, str]:
    """Return all pages; each language in a process of its own, as the command line chooses its language when imported."""
    out: dict[str, str] = {}
    for lang in SUFFIX:
        done = subprocess.run(
            [sys.executable, __file__, "--lang", lang],
            env={**os.environ, "MODELWRIGHT_LANG": lang, "PYTHONUTF8": "1", "COLUMNS": "100"},
            capture_output=True, text=True, check=True, encoding="utf-8",
        )  # fmt: skip
        out |= json.loads(done.stdout)
    return out


def main() -> int:
    """Write the pages, or compare them with what is there; return 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--lang", choices=list(SUFFIX), help="print the pages of one language as JSON")
    asked = parser.parse_args()
    if asked.lang:
        sys.stdout.write(json.dumps(pages(asked.lang), ensure_ascii=False))
        return 0
    made = all_pages()
    if not asked.check:
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.glob("*.md"):
            old.unlink()
        for name, text in made.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        return 0
    stored = {p.name: p.read_text(encoding="utf-8") for p in FOLDER.glob("*.md")}
    differing = sorted(n for n in made.keys() | stored.keys() if made.get(n) != stored.get(n))
    for name in differing:
        print(f"docs/reference/{name} differs from the code: run `python docs/make_reference.py`", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
