"""The run folder: one process at a time, nothing that cannot go on, and what a refusing disk leaves."""

import subprocess
import sys

import pytest

from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.errors import CannotWrite, DataError, LedgerError
from modelwright.core.events import EventStream
from modelwright.core.run import RunFolder
from modelwright.core.task import get_task
from modelwright.pipeline import folder as steps
from modelwright.pipeline import walk as path
from modelwright.pipeline.walk import run as walk

FAST = {"recipes": ["constant", "linear"], "search": "none", "budget": "60s"}
HOLD = """
import sys
from pathlib import Path
from modelwright.core.run import RunFolder
from modelwright.pipeline.folder import alone
with alone(RunFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def begin(folder: RunFolder, *, resume: bool = False):
    table, target = get_task("classification").sample(120, 1)
    config = make_config(data="memory", target=target, **FAST)
    return walk(config, table, EventStream(), folder=folder, deadline=Deadline.after(60), resume=resume)


def full(*_args, **_more):
    raise CannotWrite("Cannot write x: No space left on device.", "无法写入 x：磁盘已满。")


def test_a_run_is_for_one_process_at_a_time(tmp_path):
    folder = RunFolder(tmp_path / "r")
    begin(folder)
    before = (folder.bundle / "manifest.json").read_bytes()
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DataError, match="Another process is working on the run"):
            begin(folder, resume=True)
        other.kill()
    assert (folder.bundle / "manifest.json").read_bytes() == before
    begin(folder, resume=True)  # the lock ended with the process that was killed


def test_a_refused_run_leaves_no_log(tmp_path):
    folder = RunFolder(tmp_path / "r")
    with steps.alone(folder):
        with pytest.raises(DataError, match="Another"):
            steps.alone(folder).__enter__()
        assert folder.events.is_file()
    assert list(tmp_path.iterdir()) == []


def test_what_ends_before_the_rows_are_dealt_is_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr(steps.resumed, "keep", full)
    with pytest.raises(CannotWrite, match=r"device\.$"):
        begin(RunFolder.choose(tmp_path, "r"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_later_leaves_a_run_that_goes_on(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(path, "write_bundle", full)
        with pytest.raises(CannotWrite, match="--resume") as e:
            begin(RunFolder.choose(tmp_path, "r"))
    assert f"modelwright run --resume {tmp_path / 'r'}" in e.value.words.zh
    assert begin(RunFolder(tmp_path / "r"), resume=True).folder.bundle.is_dir()


def test_a_run_without_its_splits_says_what_is_missing(tmp_path):
    folder = RunFolder(tmp_path / "r")
    begin(folder)
    (folder.data / "splits.json").unlink()
    with pytest.raises(DataError, match="before it had dealt its rows"):
        begin(folder, resume=True)


def test_a_ledger_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_LEDGER", raising=False)
    (tmp_path / "ledger.jsonl").mkdir()
    monkeypatch.setattr(path, "get_data", None)  # the walk would end with a TypeError
    with pytest.raises(LedgerError, match="ledger"):
        begin(RunFolder.choose(tmp_path, "r"))
    assert [p.name for p in tmp_path.iterdir()] == ["ledger.jsonl"]
