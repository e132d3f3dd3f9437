"""The command line is made of the verbs that are asked for."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from modelwright.cli.app import VERBS, app, asked_for, built
from modelwright.core.errors import InputError, OptionError
from modelwright.core.registry import names_in


def registered(line):
    return {c.name or c.callback.__name__.strip("_") for c in line.registered_commands} | {
        g.name for g in line.registered_groups
    }


def test_a_verb_is_set_up_alone_and_all_of_them_for_the_help():
    assert asked_for(["run", "--help"]) == ("run",)
    assert set(asked_for([])) == set(asked_for(["--help"])) == set(asked_for(["rnu"])) == set(names_in(VERBS))
    assert asked_for([])[0] == "run"
    assert len(asked_for(["--version"])) == 1
    assert registered(app) == set(names_in(VERBS))


@pytest.mark.parametrize("verb", sorted(names_in(VERBS)))
def test_each_verb_stands_in_the_file_of_its_name(verb):
    assert registered(built((verb,))) == {verb}


@pytest.mark.parametrize(
    ("args", "told"), [(["keys", "--help"], "revoke"), (["rnu"], "run"), (["--version"], "modelwright ")]
)
def test_the_command_answers(args, told):
    done = subprocess.run([sys.executable, "-m", "modelwright.cli", *args], capture_output=True, text=True)
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["s3://b/answers.csv", "file:///answers.csv", "memory://answers.csv"])
@pytest.mark.parametrize(
    "verb", [["predict", "runs/desk", "d.csv"], ["run", "d.csv", "--target", "y"], ["export-job", "d.csv"]]
)
def test_a_url_is_no_place_to_write_to(tmp_path, monkeypatch, verb, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="--out names a place on this machine, received the URL") as found:
        CliRunner().invoke(app, [*verb, "--out", place], catch_exceptions=False)
    assert "本机" in found.value.words.zh
    assert not list(tmp_path.iterdir())


def test_a_path_with_a_drive_or_a_colon_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (r"C:\answers.csv", "a:b.csv", "12:30/answers.csv"):
        with pytest.raises(InputError) as found:
            CliRunner().invoke(app, ["predict", "runs/desk", "d.csv", "--out", place], catch_exceptions=False)
        assert "URL" not in str(found.value)
