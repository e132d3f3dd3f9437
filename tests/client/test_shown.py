"""The examples in the documentation that ask a service are run against one, in each of their languages."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from served_made import running, small_predictor

ROOT = Path(__file__).parents[2]
PAGES = ("docs/how-to/client.md", "docs/how-to/client.zh-CN.md")
PROGRAMS = {"bash": ("bash", "-e"), "python": (sys.executable,), "js": ("node",)}
SUFFIX = {"bash": "sh", "python": "py", "js": "mjs"}


def blocks(page):
    spec = importlib.util.spec_from_file_location("run_examples", ROOT / "docs" / "run_examples.py")
    runner = sys.modules.setdefault("run_examples", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(runner)
    return [b for b in runner.blocks((ROOT / page).read_text(encoding="utf-8")) if b.language in PROGRAMS]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(small_predictor(), tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.mark.parametrize("at", range(len(blocks(PAGES[0]))))
def test_examples_do_what_they_show(served, tmp_path, at):
    block = blocks(PAGES[0])[at]
    if shutil.which(PROGRAMS[block.language][0]) is None or (block.language == "bash" and not shutil.which("curl")):
        pytest.skip(f"{block.language} is not installed")
    text = block.body.replace("http://127.0.0.1:8000", served.url)
    assert served.url in text
    script = tmp_path / f"shown.{SUFFIX[block.language]}"
    script.write_text(text, encoding="utf-8")
    env = {**os.environ, "KEY": served.key, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [*PROGRAMS[block.language], script], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    labels = served.predictor.classes
    assert any(label in done.stdout for label in labels), done.stdout


def test_both_pages_show_the_same():
    first, second = ([re.sub(r"(#|//).*", "", b.body).split() for b in blocks(p)] for p in PAGES)
    assert first == second
    assert {b.language for b in blocks(PAGES[0])} == set(PROGRAMS)
