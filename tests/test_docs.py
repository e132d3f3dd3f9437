"""The documentation shows what there is: commands parse, links lead somewhere, both languages agree, the reference is fresh."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


runner = _script("run_examples")
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])
CHINESE = [p for p in PAGES if p.name.endswith(".zh-CN.md") and "reference" not in p.parts]
SHOWN = [p for p in PAGES if "reference" not in p.parts]


def _id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def english(page: Path) -> Path:
    return page.with_name(page.name.replace(".zh-CN.md", ".md"))


def test_pages_a_newcomer_reads_are_in_both_languages() -> None:
    needed = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", *(ROOT / "docs" / "how-to").glob("*.md")]
    missing = [_id(p) for p in needed if ".zh-CN" not in p.name and english(p).with_suffix(".zh-CN.md") not in CHINESE]
    assert missing == []
    assert len(CHINESE) >= 10


@pytest.mark.parametrize("page", CHINESE, ids=_id)
def test_chinese_page_shows_the_same_commands(page: Path) -> None:
    def shown(path: Path) -> list[tuple[Any, ...]]:
        out: list[tuple[Any, ...]] = []
        for block in runner.blocks(path.read_text(encoding="utf-8")):
            if block.language == "console":
                out += [("command", *command, code) for command, code in block.commands]
            elif block.language == "python":
                out.append(("python", re.sub(r"#.*", "", block.body).split()))
            elif block.file:
                out.append((block.file, re.sub(r"#.*", "", block.body).split()))
        return out

    assert shown(page) == shown(english(page))


@pytest.mark.parametrize("ending", [".md", ".zh-CN.md"])
def test_the_readme_leads_to_every_page(ending: str) -> None:
    text = (ROOT / f"README{ending}").read_text(encoding="utf-8")
    pages = [
        p.name for p in (ROOT / "docs" / "how-to").glob("*.md") if p.name.endswith(".zh-CN.md") == (ending != ".md")
    ]
    assert [p for p in pages if f"](docs/how-to/{p})" not in text] == []


@pytest.mark.parametrize("page", SHOWN, ids=_id)
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", link):
            assert (page.parent / link.split("#")[0]).exists(), f"{_id(page)} links to {link}"


@pytest.mark.parametrize("page", SHOWN, ids=_id)
def test_commands_parse(page: Path) -> None:
    import typer.main

    from modelwright.cli.app import app

    group: Any = typer.main.get_command(app)
    for block in runner.blocks(page.read_text(encoding="utf-8")):
        for command, _ in block.commands:
            if command and command[0].startswith("-"):
                continue
            verb, arguments = command[0], command[1:]
            assert verb in group.commands, f"{_id(page)}: no verb `{verb}`"
            found = group.commands[verb]
            while hasattr(found, "commands") and arguments:
                assert arguments[0] in found.commands, f"{_id(page)}: no verb `{verb} {arguments[0]}`"
                found, arguments = found.commands[arguments[0]], arguments[1:]
            if "--help" not in arguments:
                found.make_context(verb, list(arguments))


def test_threat_model_names_tests_that_exist() -> None:
    for name in ("threat-model.md", "threat-model.zh-CN.md"):
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / name).read_text(encoding="utf-8"))
        assert len(named) >= 15
        for file, function in named:
            assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), f"{name}: {file}::{function}"


FOLDERS = ("", "docs", "docs/how-to", "src", "src/modelwright")  # what paths in the pages begin from


def stale_paths(text: str) -> list[str]:
    """Return the paths in a page's code marks that lead nowhere: `a/b.py`, `tests/a.py::test`, folders such as `a/b/`."""
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)(?=[`:])", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    places = [ROOT / f for f in FOLDERS]
    ours = {p.name for place in places for p in place.iterdir() if p.is_dir() and p.name != "docs"} | {"docs"}
    paths = [n for n in named if n.endswith(".py") or n.split("/")[0] in ours]
    # `serve/NAME/` stands for a folder of the reader's own
    paths = [n for n in paths if n.isascii() and not any(part.isupper() for part in n.split("/"))]
    return [n for n in paths if not any((place / n).exists() for place in places)]


# the log and the list of changes tell of how things were
TOLD_NOW = [p for p in SHOWN if not p.name.startswith("log.")]


@pytest.mark.parametrize("page", TOLD_NOW, ids=_id)
def test_files_that_pages_name_exist(page: Path) -> None:
    assert stale_paths(page.read_text(encoding="utf-8")) == [], f"{_id(page)} names files that are not there"


def test_a_file_that_moved_is_noticed() -> None:
    text = "In `core/recipe.py`, `tests/core/` and `tests/test_docs.py::test_x`; was `core/cook.py`, `tests/cook.py::test_x`, `tests/cook/`."
    assert stale_paths(text) == ["core/cook.py", "tests/cook.py", "tests/cook/"]


def test_reference_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_blocks_are_found_with_their_marks() -> None:
    text = (
        "a\n```console\n$ modelwright sample iris\nsome output\n$ modelwright list nowhere  # exit 2\n$ ls\n```\n"
        "- item\n  ```python no-run\n  x = 1\n  ```\n```yaml run.yaml\ntarget: queue\n```\n"
    )
    console, python, yaml = runner.blocks(text)
    assert console.commands == [(["sample", "iris"], 0), (["list", "nowhere"], 2)]
    assert console.line == 2
    assert not python.runs
    assert python.body == "x = 1\n"
    assert yaml.file == "run.yaml"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["run", "a.csv", "--budget", "5m"], ["run", "a.csv", "--budget", "9s"]),
        (["run", "a.csv", "-b", "5m", "-q"], ["run", "a.csv", "-q", "--budget", "9s"]),
        (["run", "a.csv", "--budget=5m"], ["run", "a.csv", "--budget", "9s"]),
        (["run", "--help"], ["run", "--help"]),
        (["predict", "a", "b"], ["predict", "a", "b"]),
    ],
)
def test_budgets_are_shortened(command: list[str], expected: list[str]) -> None:
    assert runner.shortened(command, "9s") == expected


def test_runner_notices_what_does_not_do_as_shown(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ modelwright sample iris --out a.csv\n$ modelwright sample irisis  # exit 2\n```\n"
        "```python\nfrom pathlib import Path\nassert Path('a.csv').exists()\n```\n"
    )
    assert runner.run_page(page, "9s") == []
    page.write_text("```console\n$ modelwright sample irisis\n```\n```python\nassert False\n```\n")
    wrong = runner.run_page(page, "9s")
    assert len(wrong) == 2
    assert "ended with 2, expected 0" in wrong[0]
    assert "AssertionError" in wrong[1]


def test_examples_are_among_what_runs() -> None:
    names = {p.name for p in runner.documents()}
    assert {p.name for p in (ROOT / "examples").glob("*.py")} <= names
    assert {"README.md", "tutorial.md"} <= names


@pytest.mark.parametrize("name", ["architecture.md", "architecture.zh-CN.md"])
def test_the_architecture_names_every_folder_that_there_is_and_no_other(name: str) -> None:
    package = ROOT / "src" / "modelwright"
    there = {p.parent.relative_to(package).as_posix() for p in package.rglob("*.py")} - {"."}
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    told = {part.rstrip("/") for row in rows for code in re.findall(r"`([^`]+)`", row) for part in code.split() if part.endswith("/")}  # fmt: skip
    private = {
        f for f in there if f.rsplit("/", 1)[-1] in ("shared", "versions")
    }  # whose meaning is told once for all of them
    missing = [f for f in there - private if not any(f == t or f.endswith(f"/{t}") for t in told)]
    assert sorted(missing) == []
    assert [t for t in told if not any(f == t or f.endswith(f"/{t}") for f in there)] == ["serve/static"]
