"""The Dockerfile's steps, without Docker: what it copies and installs suffices to serve any bundle of tables and texts."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from modelwright.core.recipe import get_recipe, recipe_names
from modelwright.core.schema import MODALITIES, Column, Schema
from modelwright.core.task import get_task
from modelwright.release.extras import needed

ROOT = Path(__file__).parent.parent
OFFERED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
STORED = ROOT / "tests" / "release" / "stored" / "format-1" / "bundle"


def steps():
    """Return (instruction, words) of the Dockerfile, continued lines joined and ARG's defaults filled in."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    found, given = [], {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "ARG":
            name, _, value = rest.partition("=")
            given[name] = value
        for name, value in given.items():
            rest = rest.replace(f"${{{name}}}", value)
        found.append((word, rest.strip()))
    return found


def installed():
    """Return the extras that the image installs, those that they bring along included."""
    line = next(rest for word, rest in steps() if word == "RUN" and rest.startswith("pip install"))
    pending = re.search(r"\.\[([\w,-]+)\]", line)[1].split(",")
    out = set()
    while pending:
        extra = pending.pop()
        assert extra in OFFERED, f"there is no extra {extra}"
        if extra not in out:
            out.add(extra)
            pending += [e for r in map(Requirement, OFFERED[extra]) if r.name == "modelwright" for e in r.extras]
    return out


def of_files(tasks):
    """Whether all of these tasks read pictures or sound, speak or make pictures, which a service does with an image of its own."""
    return bool(tasks) and all(
        get_task(t).inputs <= {"image", "audio"} or get_task(t).target_read_as in ("audio", "image") for t in tasks
    )


def test_the_image_holds_what_every_winner_on_tables_and_texts_needs():
    media = {"image", "audio", "video", "molecule", "series", "sequence", "labels", "id"}
    schema = Schema(tuple(Column(m, m) for m in MODALITIES if m not in media))
    read = [name for name in recipe_names() if not of_files(type(get_recipe(name)).tasks)]
    assert set(needed(read, schema)) <= installed()
    assert "serve" in installed()


def test_every_extra_that_a_bundle_can_need_is_offered():
    schema = Schema(tuple(Column(m, m) for m in MODALITIES))
    assert set(needed(recipe_names(), schema)) <= set(OFFERED)


def test_every_module_of_a_recipe_comes_with_its_extra():
    """Else the line that says what to install would install something else."""
    homes = {"PIL": "pillow", "hibari": "hibari-tts"}

    def brought(extra):
        found = set()
        for r in map(Requirement, OFFERED[extra]):
            found |= {x for e in r.extras for x in brought(e)} if r.name == "modelwright" else {r.name}
        return found

    for name in recipe_names():
        recipe = type(get_recipe(name))
        if recipe.extra:
            assert {homes.get(m, m) for m in recipe.needs} <= brought(recipe.extra) | {"tokenizers"}, name


def test_what_is_copied_is_there():
    for word, rest in steps():
        if word == "COPY":
            *sources, _ = shlex.split(rest)
            assert all((ROOT / s).exists() for s in sources)


@pytest.mark.slow
def test_what_is_copied_serves_a_bundle(tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    for word, rest in steps():
        if word == "COPY":
            *sources, goal = shlex.split(rest)
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, app / goal, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, app / goal)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    entry = json.loads(next(rest for word, rest in steps() if word == "ENTRYPOINT"))
    assert entry[:2] == ["sh", "-c"]
    # the command itself, with this machine's places and a free port; `python -c` stands for the installed script
    line = entry[2].replace("/bundle", shlex.quote(str(STORED))).replace("/keys/", f"{shlex.quote(str(tmp_path))}/")
    line = re.sub(r'--host "\$\(.*?\)"', "--host 127.0.0.1", line)
    line = line.replace(
        "exec modelwright", f"exec {shlex.quote(sys.executable)} -c 'from modelwright.cli.app import main; main()'"
    )
    env = {**os.environ, "PYTHONPATH": str(app / "src")}
    done = subprocess.Popen(
        ["sh", "-c", line, entry[3], "--port", str(port)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        for _ in range(240):
            assert done.poll() is None, done.stdout.read().decode()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4) as answer:
                    assert answer.status == 200
                    return
            except urllib.error.URLError:
                time.sleep(0.25)
        pytest.fail("it did not answer")
    finally:
        done.terminate()
        done.wait(20)
        done.stdout.close()


def test_an_installation_without_an_extra_is_told_in_one_line(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from modelwright.cli.app import app

    bundle = tmp_path / "bundle"
    shutil.copytree(STORED, bundle)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "catboost" else find(name, *a))
    for command in (["predict", str(bundle), str(tmp_path / "rows.csv")], ["serve", str(bundle), "--port", "1"]):
        done = CliRunner().invoke(app, command)
        assert 'pip install "modelwright[catboost]"' in str(done.output) + str(done.exception)
        assert "Traceback" not in str(done.output)
