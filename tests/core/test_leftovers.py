"""What a killed program left half-written is found and removed at the next start; what is being written stays."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelwright.core.leftovers import being_written, sweep

_ERASE = """
import os, signal, sys
from pathlib import Path
from modelwright.privacy import vault
from modelwright.privacy.rowfiles import remove_rows
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # all is written, nothing is in its place yet
remove_rows(Path(sys.argv[1]), "who", lambda cell: cell == "someone else")
"""
_ROTATE = """
import os, signal, sys
from pathlib import Path
from modelwright.core.keyref import read_keys
from modelwright.privacy import vault
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
vault.decrypt_file(Path(sys.argv[1]), Path(sys.argv[2]), read_keys(sys.argv[3]))
"""


def killed(code: str, *args: object) -> None:
    done = subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True)
    assert done.returncode == -9, done.stderr


def holders(folder: Path, text: bytes) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and text in p.read_bytes())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return tmp_path


def test_an_erasure_reaches_what_a_killed_one_left(here):
    from modelwright.cli import app as cli

    data = here / "data" / "rows.csv"
    data.parent.mkdir()
    data.write_text("who,text\nann,canary-ann\nsomeone else,x\nbob,canary-bob\n")
    cli.app(["consent", "register", str(data), "--subject", "who"], standalone_mode=False)
    killed(_ERASE, data)
    assert len(holders(here, b"canary-ann")) == 2  # the data and a hidden copy
    cli.app(["consent", "erase", "ann", "--lang", "en"], standalone_mode=False)
    assert holders(here, b"canary-ann") == []
    assert holders(here, b"canary-bob") == ["rows.csv"]


def test_a_vault_at_work_reaches_what_a_killed_one_left_in_the_open(here, capsys):
    from modelwright.cli import app as cli

    key = here / "vault.key"
    cli.app(["vault", "init", str(key)], standalone_mode=False)
    (here / "data").mkdir()
    (here / "data" / "rows.csv").write_text("canary")
    cli.app(["vault", "encrypt", "data", "--remove", "--vault", str(key)], standalone_mode=False)
    killed(_ROTATE, here / "data" / "rows.csv.mwv", here / "data" / "rows.csv", key)
    assert len(holders(here, b"canary")) == 1
    cli.app(["vault", "rotate", "data/rows.csv.mwv", "--vault", str(key), "--lang", "en"], standalone_mode=False)
    assert holders(here, b"canary") == []
    assert "unfinished copy, removed" in capsys.readouterr().err


def test_what_is_being_written_stays(tmp_path):
    data = tmp_path / "rows.csv"
    data.write_text("x")
    part = tmp_path / ".rows.csv.77.held.part"
    other = tmp_path / ".rows.csv.part"
    other.write_text("new")  # without a lock: left once nobody has touched it for a while
    with part.open("wb") as file, being_written(file):
        assert sweep([data]) == []
        assert sweep(folders=[tmp_path]) == []
    assert sweep([data]) == [part]
    os.utime(other, (time.time() - 100,) * 2)
    assert sweep([data]) == [other]
    assert data.read_text() == "x"


def test_what_belongs_to_others_stays(tmp_path):
    (tmp_path / "rows.csv").write_text("x")
    names = ["download.part", ".other.csv.3.held.part", "rows.csv.part", ".part", ".rows.csv.parts"]
    for name in names:
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (0, 0))
    os.symlink(tmp_path / "rows.csv", tmp_path / ".rows.csv.5.held.part")
    assert sweep([tmp_path / "rows.csv"]) == []
    assert sorted(p.name for p in sweep(folders=[tmp_path])) == [".other.csv.3.held.part"]


def test_half_a_folder_is_removed_whole(tmp_path):
    part = tmp_path / ".bundle.part"
    part.mkdir()
    (part / "rows.json").write_text("x")
    assert sweep(folders=[tmp_path]) == []
    for path in (part, part / "rows.json"):
        os.utime(path, (time.time() - 100,) * 2)
    assert sweep(folders=[tmp_path]) == [part]
    assert not part.exists()
