"""A run with several devices: the same run, and one process where another is lost."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from modelwright import fit
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.events import Step, Warned
from modelwright.tune import crew
from scale_made import rows, written


def others():
    return [p for p in psutil.Process().children(recursive=True) if "modelwright.tune.follower" in p.cmdline()]


def run(tmp_path, listener, **more):
    told = {"budget": "25s", "recipes": ["textcnn"], "folds": 1, "search": "none", "refit": False, "devices": 2}
    return fit(
        rows(), "label", out=tmp_path, listeners=[listener], progress=False, **{**told, **more}
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr(crew, "_processors", lambda: 2)


def test_a_run_with_two_devices_trains_and_leaves_no_process(tmp_path):
    seen, warned = set(), []

    def listen(event):
        if isinstance(event, Step):
            seen.update(p.pid for p in others())
        if isinstance(event, Warned):
            warned.append(event.words.en)

    done = run(tmp_path, listen)
    assert done.metrics["macro_f1"] > 0.9
    assert len(seen) == 1
    assert others() == []
    assert not [w for w in warned if "Process" in w]


@pytest.mark.parametrize(
    ("signal_", "how"), [(signal.SIGKILL, "died"), pytest.param(signal.SIGSTOP, "hangs", marks=pytest.mark.slow)]
)
def test_a_process_that_dies_or_hangs_is_named_and_the_run_goes_on_alone(tmp_path, signal_, how):
    killed, warned = [], []

    def listen(event):
        if isinstance(event, Step) and not killed and others():
            killed.append((others()[0].pid, time.monotonic()))
            os.kill(killed[0][0], signal_)
        if isinstance(event, Warned) and "Process" in event.words.en:
            warned.append((event.words, time.monotonic()))

    done = run(tmp_path, listen, budget="60s" if how == "hangs" else "25s")
    (pid, at), (words, told) = killed[0], warned[0]
    assert f"(pid {pid})" in words.en
    assert how in words.en
    assert "进程" in words.zh
    assert told - at < 30
    assert done.metrics["macro_f1"] > 0.9
    assert others() == []


def test_more_devices_than_there_are_or_than_rows_are_refused(tmp_path):
    with pytest.raises(OptionError, match="more than this machine has: 2 processor cores"):
        run(tmp_path, print, devices=8, device="cpu")
    with pytest.raises(OptionError):
        make_config(data="d.csv", devices=0)
    assert list(tmp_path.iterdir()) == []


def test_parts_of_a_network_need_several_processes(tmp_path):
    with pytest.raises(OptionError, match="--shard shares a network out among several processes") as told:
        run(tmp_path, print, devices=1, shard=True)
    assert "--devices 2" in told.value.words.zh
    assert list(tmp_path.iterdir()) == []


def test_a_port_to_meet_at_that_somebody_has_is_told_before_anything_is_read(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name, value in {"RANK": 0, "WORLD_SIZE": 2, "MASTER_PORT": port}.items():
            monkeypatch.setenv(name, str(value))
        with pytest.raises(OptionError, match=f"Port {port} of 127.0.0.1 is in use"):
            run(tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_more_processes_than_rows_are_refused():
    from types import SimpleNamespace

    climb = SimpleNamespace(validation=SimpleNamespace(splits=[(np.arange(3), np.arange(2))]), private=None)
    with (
        pytest.raises(OptionError, match=r"4 processes are more than the 3 training rows .* give --devices 3 at most"),
        crew.crewed(climb, 4),
    ):
        pass


def test_torchrun_is_told_why_and_has_no_others_to_end(tmp_path):
    (tmp_path / "few.csv").write_text("x,y\n" + "".join(f"{i},k{i % 2}\n" for i in range(4)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4", "-m", "modelwright", "run",
               "few.csv", "--target", "y", "--budget", "30s"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    why = "4 processes are more than the 1 training row can be shared among: give --nproc-per-node 1 at most."
    assert done.returncode != 0
    assert f"Error: {why}\n" in done.stderr
    assert f"traceback : {why}\n" in done.stderr  # torchrun's own report
    assert "NO_OTHER_FAILURES" in done.stderr
    assert "SIGTERM" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["few.csv"]


@pytest.mark.slow
def test_torchrun_trains_with_two_processes(tmp_path):
    written(tmp_path / "d.csv")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "modelwright", "run",
               "d.csv", "--target", "label", "--budget", "90s", "--recipe", "textcnn", "--folds", "1", "--search", "none", "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "d" / "bundle" / "manifest.json").is_file()
    assert done.stdout.count('"folder"') <= 1


@pytest.mark.slow
def test_a_process_of_torchrun_that_is_killed_is_named_and_the_run_goes_on_later(tmp_path):
    written(tmp_path / "d.csv")
    shared = tmp_path / "tmp"
    shared.mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "modelwright", "run",
               "d.csv", "--target", "label", "--budget", "120s", "--recipe", "textcnn", "--folds", "1", "--search", "none"]  # fmt: skip
    started = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(shared)},
    )
    events = tmp_path / "runs" / "d" / "events.jsonl"
    until = time.monotonic() + 100
    while not (events.exists() and '"event": "Step"' in events.read_text()) and time.monotonic() < until:
        time.sleep(0.2)
    assert list(shared.glob("modelwright-*"))  # the rows that are shared
    second = next(
        p
        for p in psutil.Process(started.pid).children()
        if p.environ().get("RANK") == "1" and "modelwright" in p.cmdline()
    )
    second.kill()
    _, said = started.communicate(timeout=60)
    assert started.returncode != 0
    assert f"Error: Process 2 of 2 (pid {second.pid} on " in said
    assert f"modelwright run --resume {Path('runs') / 'd'}" in said
    assert not list(shared.glob("modelwright-*"))
    assert not (tmp_path / "runs" / "d" / "bundle").exists()  # a job that is started again goes on with the run
    done = subprocess.run(
        [sys.executable, "-m", "modelwright", "run", "--resume", "runs/d", "--budget", "60s"],
        cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "d" / "bundle" / "manifest.json").is_file()
