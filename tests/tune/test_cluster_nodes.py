"""Nodes of Ray on one machine: one that is killed takes no finished candidate along, and its fit is done on the other; a lost head loses nothing."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from modelwright import fit
from modelwright.core.events import Step, Warned
from modelwright.tune.session import ENVIRONMENT
from scale_made import rows, written

OPTIONS = {
    "budget": "90s", "recipes": ["linear", "textcnn"], "folds": 2, "search": "none", "refit": False, "ensemble": False,
}  # fmt: skip


def board(run):
    return {r["name"]: np.round(r["folds"], 6).tolist() for r in run.leaderboard if r.get("folds")}


def raylets():
    return [p for p in psutil.Process().children(recursive=True) if p.name() == "raylet"]


def _wait_for(port):
    """The head says that it stands before its client's port is open."""
    until = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < until
        time.sleep(0.1)


@contextlib.contextmanager
def head(cpus=1):
    """A head of Ray with so many places; yields its client's address and the cluster."""
    from ray.cluster_utils import Cluster

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    told = {"num_cpus": cpus, "object_store_memory": 128 << 20, "include_dashboard": False}
    place = tempfile.mkdtemp(prefix="mw-")  # short, as its sockets lie there
    # where Ray notes its address, whichever folder it is given, and where nothing need have been before
    Path(tempfile.gettempdir(), "ray").mkdir(exist_ok=True)
    cluster = Cluster(initialize_head=True, head_node_args={**told, "ray_client_server_port": port, "temp_dir": place})
    try:
        _wait_for(port)
        yield f"ray://127.0.0.1:{port}", cluster
    finally:
        cluster.shutdown()
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def head_alone():
    """A head of Ray with one place, by the command that operators give; yields its client's address.

    It has a process of its own and so shares nothing with an earlier one: a second head inside this process waited in vain for its GCS.
    """
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    place = tempfile.mkdtemp(prefix="mw-")
    ray = [
        sys.executable,
        "-c",
        "from ray.scripts.scripts import main; main()",
        "start",
        "--head",
        "--block",
        "--port=0",
        "--num-cpus=1",
    ]
    own = [
        f"--ray-client-server-port={port}",
        f"--temp-dir={place}",
        f"--object-store-memory={128 << 20}",
        "--include-dashboard=false",
    ]
    with Path(place, "head.log").open("wb") as said:
        started = subprocess.Popen([*ray, *own, "--node-ip-address=127.0.0.1"], stdout=said, stderr=said)
    try:
        _wait_for(port)
        yield f"ray://127.0.0.1:{port}"
    finally:
        own_children = psutil.Process(started.pid).children(recursive=True) if started.poll() is None else []
        for process in (started, *own_children):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        started.wait()
        psutil.wait_procs(own_children, timeout=10)
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(autouse=True)
def _ray(monkeypatch):
    pytest.importorskip("ray")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, os.environ.get(name, value))


@pytest.fixture
def nodes():
    """Two nodes of one place each; yields the client's address and the raylet of the second."""
    with head() as (address, cluster):
        first = {p.pid for p in raylets()}
        cluster.add_node(num_cpus=1, object_store_memory=128 << 20)
        second = [p for p in raylets() if p.pid not in first]
        yield address, second[0]


# Ray leaves files of its own open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.slow
def test_a_killed_node_takes_nothing_along(tmp_path, nodes):
    address, second = nodes
    killed, warned = [], []

    def listen(event):
        if isinstance(event, Warned):
            warned.append(event.words.en)
        if isinstance(event, Step) and not killed:
            killed.append(second.pid)
            os.kill(second.pid, signal.SIGKILL)

    alone = fit(rows(), "label", out=tmp_path / "alone", progress=False, **OPTIONS)
    shared = fit(
        rows(), "label", out=tmp_path / "shared", progress=False, listeners=[listen], cluster=address, **OPTIONS
    )
    assert killed
    assert not second.is_running() or second.status() == psutil.STATUS_ZOMBIE
    known, found = board(alone), board(shared)
    assert {k: found[k] for k in ("linear", "textcnn")} == {k: known[k] for k in ("linear", "textcnn")}
    assert not [w for w in warned if "is lost" in w]  # the cluster stands, with one node less


# Ray leaves files of its own open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.slow
def test_a_lost_head_loses_nothing(tmp_path):
    killed, warned = [], []

    def listen(event):
        if isinstance(event, Warned):
            warned.append(event.words.en)
        if isinstance(event, Step) and not killed:
            killed.extend(p for p in psutil.Process().children(recursive=True) if "ray" in p.name())
            for process in killed:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    written(tmp_path / "d.csv")
    with head(2) as (address, _):
        run = fit(
            str(tmp_path / "d.csv"),
            "label",
            out=tmp_path,
            progress=False,
            listeners=[listen],
            cluster=address,
            **OPTIONS,
        )
    assert killed
    assert [w for w in warned if f"The cluster at {address} is lost" in w and "goes on on this machine" in w]
    assert {"linear", "textcnn"} <= board(run).keys()


# Ray leaves files of its own open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.slow
def test_a_run_that_was_lost_with_its_head_goes_on_with_a_new_one(tmp_path):
    written(tmp_path / "d.csv")
    own = [
        "--recipe",
        "linear",
        "--recipe",
        "textcnn",
        "--folds",
        "1",
        "--search",
        "none",
        "--no-refit",
        "--no-ensemble",
    ]
    run = [sys.executable, "-m", "modelwright", "run"]
    stored = tmp_path / "runs" / "d" / "candidates"
    with head_alone() as address:
        driver = subprocess.Popen(
            [*run, "d.csv", "--target", "label", "--budget", "120s", "--quiet", "--cluster", address, *own],
            cwd=tmp_path,
        )
        until = time.monotonic() + 100
        while not (stored / "linear" / "candidate.json").exists() and time.monotonic() < until:
            time.sleep(0.2)
        driver.kill()
        driver.wait()
    assert not (stored / "textcnn" / "candidate.json").exists()
    before = (stored / "linear" / "candidate.json").read_text()
    with head_alone() as address:
        done = subprocess.run(
            [*run, "--resume", "runs/d", "--budget", "90s", "--cluster", address], capture_output=True, text=True, timeout=200,
            check=False, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{address}: 1 node" in done.stdout + done.stderr
    assert (stored / "linear" / "candidate.json").read_text() == before
    assert (stored / "textcnn" / "candidate.json").exists()
