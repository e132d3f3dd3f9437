"""Two nodes of Ray on one machine: a node that is killed takes no finished candidate along, and its fit is done on the other."""

import os
import shutil
import signal
import socket
import tempfile

import numpy as np
import psutil
import pytest

from modelwright import fit
from modelwright.core.events import Step, Warned
from modelwright.tune.cluster import _ENVIRONMENT
from scale_made import rows

OPTIONS = {
    "budget": "90s", "recipes": ["linear", "textcnn"], "folds": 2, "search": "none", "refit": False, "ensemble": False,
}  # fmt: skip


def board(run):
    return {r["name"]: np.round(r["folds"], 6).tolist() for r in run.leaderboard if r.get("folds")}


def raylets():
    return [p for p in psutil.Process().children(recursive=True) if p.name() == "raylet"]


@pytest.fixture
def nodes(monkeypatch):
    """Two nodes of one place each; yields the client's address and the raylet of the second."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, os.environ.get(name, value))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    told = {"num_cpus": 1, "object_store_memory": 128 << 20, "include_dashboard": False}
    place = tempfile.mkdtemp(prefix="mw-")  # short, as its sockets lie there
    cluster = Cluster(initialize_head=True, head_node_args={**told, "ray_client_server_port": port, "temp_dir": place})
    try:
        first = {p.pid for p in raylets()}
        cluster.add_node(num_cpus=1, object_store_memory=128 << 20)
        second = [p for p in raylets() if p.pid not in first]
        yield f"ray://127.0.0.1:{port}", second[0]
    finally:
        cluster.shutdown()
        shutil.rmtree(place, ignore_errors=True)


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
