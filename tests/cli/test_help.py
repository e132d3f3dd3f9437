"""The help: short and in groups, in both languages, within 80 columns, and without heavy imports."""

import json
import os
import re
import subprocess
import sys

import pytest

from modelwright.cli.app import VERBS
from modelwright.cli.help import SECTIONS
from modelwright.cli.layout import cells, wrapped
from modelwright.core.option_groups.declared import SHARED, beside, options
from modelwright.core.registry import names_in


def asked(*args: str, lang: str = "en", **env: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "MODELWRIGHT_LANG": lang, "COLUMNS": "80", "PYTHONUTF8": "1", **env}
    command = [sys.executable, "-m", "modelwright.cli", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=told, encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_options_of_every_run_stand_in_their_groups(lang):
    shown = asked("run", "--help", lang=lang).stdout
    lines = shown.splitlines()
    assert max(cells(line) for line in lines) <= 80
    heads = [g.about.to(lang) for g in SHARED]
    ends = ":" if lang == "en" else "："
    assert [line[:-1] for line in lines if line[:-1] in heads and line.endswith(ends)] == heads
    for found in options().values():
        flag = found.flags[0].removeprefix("--")
        told = re.search(rf"(--|\]){flag}\s", shown) is not None or found.name == "data"
        assert told is not bool(found.group.tasks), flag
    assert len(lines) <= 104
    assert "question-answering" in shown


def test_a_task_adds_its_options():
    shown = asked("run", "--help", "--task", "question-answering").stdout
    assert "--wrong SHARE" in shown
    assert "--series-id" not in shown
    assert "--split WAY" in asked("run", "--task=tabular-regression", "--help").stdout
    done = asked("run", "--task", "regresion", "--help")
    assert done.returncode == 2
    assert "Did you mean `regression`" in done.stderr


def test_each_option_takes_one_line_of_help():
    for group in (*SHARED, *beside()):
        for name in vars(group):
            if name in options():
                words = options()[name].option.words
                assert cells(words.en) <= 50, name
                assert cells(words.zh) <= 50, name


def test_help_needs_nothing_heavy():
    code = (
        "import sys; sys.argv = ['modelwright', '--help']; from modelwright.cli.app import app; "
        "app(standalone_mode=False); "
        "print([m for m in ('numpy', 'pyarrow', 'pydantic', 'torch', 'rich', 'yaml') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_shell_completes_verbs_and_options():
    told = {"_MODELWRIGHT_COMPLETE": "complete_bash", "_TYPER_COMPLETE_ARGS": "modelwright lead", "COMP_WORDS": "modelwright lead", "COMP_CWORD": "1"}  # fmt: skip
    code = "from modelwright.cli.app import app; app(prog_name='modelwright')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **told}
    )
    assert done.stdout.split() == ["leaderboard"]
    told |= {
        "_TYPER_COMPLETE_ARGS": "modelwright run --epsi",
        "COMP_WORDS": "modelwright run --epsi",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **told}
    )
    assert done.stdout.split() == ["--epsilon"]


def test_every_verb_and_its_verbs_take_a_language_before_help():
    code = """
import json, sys
sys.argv = ["modelwright", "--lang", "zh"]
import typer.main
from typer.testing import CliRunner
from modelwright.cli.app import app

def asked(verb, path):
    yield path
    for name, one in getattr(verb, "commands", {}).items():
        yield from asked(one, [*path, name])

told = {}
for path in asked(typer.main.get_command(app), []):
    done = CliRunner().invoke(app, [*path, "--lang", "zh", "--help"])
    told[" ".join(path)] = (done.exit_code, done.output)
print(json.dumps(told))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert {"", "run", "vault", "vault init", "consent", "keys add", "listen make", "audit"} <= told.keys()
    wrong = {
        path: shown
        for path, (code, shown) in told.items()
        if code != 0 or not re.search("[\u4e00-\u9fff]", shown.split("\n\n")[1])
    }
    assert wrong == {}
    lines = [line for _, shown in told.values() for line in shown.splitlines()]
    assert max(map(cells, lines)) <= 80
    assert not [line for line in lines if re.search(r"<[a-z]+\b|\[default|\[required|Show |Options:|Usage:", line)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_verbs_stand_in_sections_with_whole_sentences(lang):
    placed = [name for _, names in SECTIONS for name in names]
    assert sorted(placed) == sorted(names_in(VERBS))
    shown = asked(lang=lang).stdout
    assert max(cells(line) for line in shown.splitlines()) <= 80
    assert "..." not in shown
    first = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line[2] != " "]
    assert [name for name in first if name in placed] == placed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("rnu",), "There is no command `rnu`. Did you mean `run`?"),
        (("train", "x.csv"), "There is no command `train`. Did you mean `run`?"),
        (("keys", "ad"), "There is no command `ad`. Did you mean `add`?"),
        (("xyzzy",), "There is no command `xyzzy`. See all: "),
        (("predict",), "`RUN` is missing: run folder, its name, or a bundle. See: "),
        (("offpolicy", "x.csv"), "`--action` is missing: column that says what was shown. See: "),
        (("compare", "a", "b", "c"), "There is no place for `c`: write "),
        (("run", "x.csv", "--target"), "`--target` needs a value."),
        (("--versio",), "Did you mean `--version`? Known: `--version`"),
    ],
)
def test_a_command_line_that_says_too_little_or_too_much_is_answered_in_one_line(args, said):
    done = asked(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    chinese = asked(*args, lang="zh").stderr
    assert chinese.startswith("错误：")
    assert not re.search(r"[A-Z][a-z]+ [a-z]+ [a-z]+", chinese)


def test_help_may_be_asked_for_as_a_command():
    assert asked("help").stdout == asked("--help").stdout
    assert asked("help", "track").stdout == asked("track", "--help").stdout != ""


@pytest.mark.parametrize("room", [24, 31, 40, 53])
def test_lines_are_broken_by_cells_and_no_closing_sign_begins_one(room):
    text = "写出不含个人数据的副本：表格、JSON Lines，或图片、录音文件夹；再写一份 placeholder，并核对。"
    lines = wrapped(text, room)
    assert max(map(cells, lines)) <= room
    assert not [line for line in lines if line[0] in "，。、：；"]
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_language_alone_shows_the_help():
    assert asked("--lang", "zh").stdout == asked(lang="zh").stdout
    done = asked("--lang", "xx", "vault", "--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--lang takes en or zh" in done.stderr


def test_an_option_given_twice_tells_which_value_counts(tmp_path):
    data = tmp_path / "a.csv"
    data.write_text("x,y\n1,2\n3,4\n", encoding="utf-8")
    done = asked("inspect", str(data), "--delimiter", ";", "--delimiter", ",")
    assert done.returncode == 0
    assert done.stderr == "--delimiter was given several times; the last one counts: --delimiter ,\n"
    assert asked("inspect", str(data), "--delimiter", ",", "--delimiter", ",", "--na", "1", "--na", "2").stderr == ""
    last = asked("inspect", str(data), "--no-header", "--header", lang="zh").stderr
    assert last == "--header 给出了多次，以最后一次为准：--header\n"
    assert "the last one counts: --no-header" in asked("inspect", str(data), "--header", "--no-header").stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("-target", "queue"), "`-target` takes two dashes: write --target."),
        (("-target=queue",), "`-target` takes two dashes: write --target."),
        (("--target", "queue", "-json"), "`-json` takes two dashes: write --json."),
        (("-o", "there"), "There is no option `-o`. Did you mean `--out`?"),
    ],
)
def test_options_written_as_other_tools_have_them_are_named_as_they_are_here(args, told):
    done = asked("run", "no.csv", *args)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Error" not in asked("run", "no.csv", *args, lang="zh").stderr


def test_a_value_that_begins_with_a_dash_is_no_option():
    done = asked("run", "no.csv", "--target", "-task")
    assert "two dashes" not in done.stderr
    assert "no.csv" in done.stderr
