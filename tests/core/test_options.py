"""Options are declared once: command line, YAML, Python and the reference pages are made of the declaration."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from modelwright.core.config import RunConfig, check_tasks, load_config, make_config, save_config
from modelwright.core.errors import OptionError
from modelwright.core.option_groups import declared
from modelwright.core.option_groups.declared import options
from modelwright.core.options import RunOptions

ROOT = Path(__file__).parent.parent.parent


def test_keyword_arguments_are_the_options():
    theirs = {n: f.annotation for n, f in RunConfig.model_fields.items() if n not in ("data", "target")}
    assert get_type_hints(RunOptions) == theirs


def test_the_keyword_arguments_are_freshly_made():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_options.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_option_is_in_the_model_with_its_limits_and_its_words():
    assert list(RunConfig.model_fields) == list(options())
    for name, found in options().items():
        assert found.option.words.en, name
        assert found.option.words.zh, name
        assert any("一" <= c <= "鿿" for c in found.option.words.zh) or name == "device", name


def test_every_option_is_on_the_command_line_in_yaml_and_in_both_reference_pages(tmp_path):
    import typer.main

    from modelwright.cli.app import app

    run = typer.main.get_command(app).commands["run"]
    typed = {flag for p in run.params for flag in p.opts}
    save_config(make_config(data="d.csv"), tmp_path / "c.yaml")
    stored = load_config(tmp_path / "c.yaml")
    pages = [(ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") for name in ("cli.md", "cli.zh-CN.md")]
    pages = [page[page.index("\n## `run`") : page.index("\n## `inspect`")] for page in pages]
    for name, found in options().items():
        assert name in stored
        if name == "data":
            continue
        assert set(found.flags) <= typed, name
        for page in pages:
            assert f"`{found.flags[0]}`" in page, name
    assert make_config(**stored) == make_config(data="d.csv")


def test_what_the_code_asks_of_a_configuration_is_declared():
    """Options beside tasks are unknown to the type checker, which would pass a misspelt one."""
    known = {*options(), *dir(RunConfig)}
    for path in sorted((ROOT / "src" / "modelwright").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "RunConfig" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("config", "self.config"):
                assert node.attr in known, f"{path}:{node.lineno}: config.{node.attr}"


def test_reading_the_declarations_imports_nothing_heavy():
    code = (
        "import sys; from modelwright.core.option_groups.declared import options; options(); "
        "print([m for m in ('torch', 'numpy', 'pyarrow', 'pydantic', 'sklearn') if m in sys.modules], "
        "[m for m in sys.modules if m.startswith('modelwright.recipes.') and m.count('.') == 3 and not m.endswith('options')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[] []"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"wrong": 0.2}, "--wrong is for the task question-answering, received no task"),
        ({"wrong": 0.2, "task": "regression"}, "--wrong is for the task question-answering, received regression"),
        ({"series": ["a=x_*"], "task": "translation"}, "--series is for the tasks classification, "),
        ({"split": "scaffold", "task": "ner"}, "--split is for the tasks classification, "),
    ],
)
def test_an_option_of_other_tasks_is_refused(given, says):
    with pytest.raises(OptionError, match="name the task with --task") as found:
        check_tasks(make_config(data="d.csv", **given))
    assert str(found.value).startswith(says)
    assert "只用于任务" in found.value.words.zh


@pytest.mark.parametrize(
    "given",
    [
        {"wrong": 0.2, "task": "question-answering"},
        {"series": ["a=x_*"]},
        {"split": "scaffold", "task": "tabular-regression"},
        {"split": "random", "task": "translation"},
        {"base": "folder", "task": "translation"},
    ],
)
def test_an_option_of_the_task_is_taken(given):
    check_tasks(make_config(data="d.csv", **given))


@pytest.mark.parametrize("value", [20, 20.5, "20", " 20 ", "20.5"])
@pytest.mark.parametrize("name", ["budget", "latency", "memory"])
def test_a_bare_number_is_asked_for_its_unit_however_it_comes(name, value):
    with pytest.raises(OptionError, match=f"`{name}` needs a unit: write 20"):
        make_config(data="d.csv", **{name: value})


# recipes had these before the guard stood, and bundles hold them by name
_BEFORE = {("frequency", "ials"), ("recent", "popular-items")}


def test_no_option_of_a_task_is_called_as_one_of_a_recipe_for_other_tasks():
    """Whoever reads `--noise` on one page and `noise` on another would take them for one thing."""
    from modelwright.core.recipe import get_recipe, recipe_names
    from modelwright.core.task import get_task, task_names

    used: dict[str, set[str]] = {}
    for task in task_names():
        for name in get_task(task).recipes:
            used.setdefault(name, set()).add(task)
    clashes = {
        (option, recipe)
        for recipe in recipe_names()
        for option in get_recipe(recipe).options.model_fields
        if option in options() and (mine := options()[option].group.tasks) and used[recipe] - set(mine)
    }
    assert clashes == _BEFORE


def test_a_recipe_takes_over_an_option_of_a_run_of_its_name_and_type_only():
    """`--style` names pictures, and a recipe's `style` is a weight: what is called alike is not passed where it is another thing."""
    from modelwright.core.option_groups.declared import passed_to
    from modelwright.core.recipe import get_recipe

    taken = {n: passed_to(get_recipe(n).options.model_fields) for n in ("answer-bm25", "style-adain", "popular-items")}
    assert taken == {"answer-bm25": ("wrong",), "style-adain": (), "popular-items": ()}
    assert "frequency" not in passed_to(get_recipe("ials").options.model_fields)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_two_groups_of_options_go_by_one_title(lang):
    """Help and reference put what goes by one title under one heading, and say for which tasks."""
    titles = [group.about.to(lang) for group in (*declared.SHARED, *declared.beside())]
    assert sorted(titles) == sorted(set(titles))
