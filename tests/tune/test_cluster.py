"""Fits as tasks of Ray: the leaderboard of a run alone, and nothing lost with a worker, a driver or an address that is none."""

import errno
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pyarrow as pa
import pytest

from modelwright import fit
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, MemoryTooSmall, MissingExtra, ModelwrightError, NodeAtFault, OptionError
from modelwright.core.events import EventStream, Step, Warned
from modelwright.core.schema import MEDIA, Column, Schema, Table
from modelwright.core.version import VERSION
from modelwright.tune import called_off, cluster, first_sign, nodes, remote, session
from modelwright.tune.payload import check_paths, files_of, unship
from modelwright.tune.under_way import TRIES, UnderWay
from ports_made import nobody
from scale_made import rows, written

OPTIONS = {
    "budget": "60s",
    "recipes": ["linear", "textcnn"],
    "folds": 2,
    "search": "none",
    "refit": False,
    "ensemble": False,
}


def asked(climb):
    """What a worker is told of a fit, as far as it reads before the rows are unpacked."""
    return {"climb": climb, "key": "k", "peers": (0, 1, "a"), "seconds": 9.0, "until": time.time() + 9}


def workers():
    return [p for p in psutil.Process().children(recursive=True) if p.name().startswith("ray::")]


def board(run):
    return {r["name"]: np.round(r["folds"], 6).tolist() for r in run.leaderboard if r.get("folds")}


@pytest.fixture
def _ray():
    pytest.importorskip("ray")


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_a_local_cluster_gives_the_same_leaderboard_although_a_worker_is_killed(tmp_path):
    killed, warned, steps = [], [], []

    def listen(event):
        if isinstance(event, Warned):
            warned.append(event.words.en)
        if isinstance(event, Step):
            steps.append(event.who)
            busy = [p for p in workers() if "fit" in p.name()]
            if not killed and busy:
                killed.append(busy[0].pid)
                os.kill(busy[0].pid, signal.SIGKILL)

    made = rows(flipped=0.2)
    told = {**OPTIONS, "budget": "150s"}
    alone = fit(made, "label", out=tmp_path / "alone", progress=False, **told)
    shared = fit(made, "label", out=tmp_path / "shared", progress=False, listeners=[listen], cluster="local", **OPTIONS)
    known = board(alone)
    assert len({tuple(v) for v in known.values()}) > 1
    assert {k: v for k, v in board(shared).items() if k in ("linear", "textcnn")} == {
        k: known[k] for k in ("linear", "textcnn")
    }
    assert killed
    assert "textcnn" in steps  # events of a worker are heard here
    assert not [
        p for p in psutil.Process().children(recursive=True) if "raylet" in p.name() or p.name().startswith("ray")
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_a_worker_that_hangs_is_named_and_ended_and_its_fit_begun_anew(tmp_path):
    stopped, warned = [], []

    def listen(event):
        if isinstance(event, Warned) and "hangs" in event.words.en:
            warned.append((event.words, time.monotonic()))
        if isinstance(event, Step) and not stopped and (busy := [p for p in workers() if "fit" in p.name()]):
            for process in busy:
                process.suspend()
            stopped.append((busy, time.monotonic()))

    run = fit(
        rows(), "label", out=tmp_path, progress=False, listeners=[listen], cluster="local",
        **{**OPTIONS, "recipes": ["textcnn"], "folds": 1, "budget": "180s"},
    )  # fmt: skip
    (busy, at), (words, told) = stopped[0], warned[0]
    assert told - at < 30
    assert any(f"(pid {p.pid})" in words.en and f"(pid {p.pid})" in words.zh for p in busy)
    assert "textcnn" in {r["name"] for r in run.leaderboard}
    assert not [p for p in busy if p.is_running() and p.status() == psutil.STATUS_STOPPED]


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_a_driver_that_is_killed_leaves_what_is_finished_and_no_ray(tmp_path):
    written(tmp_path / "d.csv")
    command = [sys.executable, "-m", "modelwright", "run", "d.csv", "--target", "label", "--budget", "90s", "--cluster", "local",
               "--recipe", "linear", "--recipe", "textcnn", "--folds", "1", "--quiet"]  # fmt: skip
    driver = subprocess.Popen(command, cwd=tmp_path)
    try:
        place = tmp_path / "runs" / "d" / "candidates"
        until = time.monotonic() + 60
        while not list(place.glob("linear*/candidate.json")) and time.monotonic() < until:
            time.sleep(0.2)
        theirs = psutil.Process(driver.pid).children(recursive=True)
        assert [p for p in theirs if "raylet" in p.name()]
    finally:
        driver.kill()
        driver.wait()
    _, alive = psutil.wait_procs(theirs, timeout=30)
    assert [p.name() for p in alive if "ray" in p.name()] == []
    stored = json.loads((place / "linear" / "candidate.json").read_text())
    again = [
        sys.executable,
        "-m",
        "modelwright",
        "run",
        "--resume",
        "runs/d",
        "--budget",
        "40s",
        "--cluster",
        "local",
        "--quiet",
    ]
    assert subprocess.run(again, cwd=tmp_path, check=False, timeout=120).returncode == 0
    assert json.loads((place / "linear" / "candidate.json").read_text())["seconds"] == stored["seconds"]


def test_an_address_that_is_none_and_what_does_not_go_together_are_refused(tmp_path):
    for wrong in (
        "10.0.0.1:6379",
        "ray://host",
        "yes",
        "ray://:10001",
        "ray://host:0",
        "ray://host:99999",
        "ray://a b:1",
        "ray://h:1/x",
    ):
        with pytest.raises(OptionError, match="local or ray://HOST:PORT"):
            cluster.check_cluster(wrong, 1)
    with pytest.raises(OptionError, match="give one of them"):
        cluster.check_cluster("local", 2)
    cluster.check_cluster(None, 4)
    assert make_config(data="d.csv", cluster="local").cluster == "local"
    assert nodes.host_and_port("ray://[::1]:10001") == ("::1", 10001)
    assert nodes.host_and_port("ray://head.lan:65535") == ("head.lan", 65535)


@pytest.mark.usefixtures("_ray")
def test_nobody_at_an_address_is_told_at_once(tmp_path):
    climb = SimpleNamespace(private=None, events=EventStream())
    began = time.monotonic()
    with nobody() as port:
        with pytest.raises(OptionError, match="Nobody answers"):  # before any row is read
            cluster.check_cluster(f"ray://127.0.0.1:{port}", 1)
        with (
            pytest.raises(OptionError, match=f"Nobody answers at ray://127.0.0.1:{port}"),
            cluster.clustered(climb, f"ray://127.0.0.1:{port}"),
        ):
            pass
    assert time.monotonic() - began < 2 * nodes._REACHED


@pytest.mark.usefixtures("_ray")
def test_what_answers_and_is_no_ray_is_told_within_its_time(monkeypatch):
    monkeypatch.setattr(nodes, "_REACHED", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(OptionError, match="does not speak as Ray's head does") as told:
            cluster.check_cluster(f"ray://127.0.0.1:{silent.getsockname()[1]}", 1)
    assert time.monotonic() - began < 15
    assert "10001" in told.value.words.zh


@pytest.mark.usefixtures("_ray")
def test_a_proxy_that_speaks_for_the_head_is_told_at_once():
    """The channel stands, but whoever answers knows nothing of Ray."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with pytest.raises(OptionError, match="does not speak as Ray's head does"):
            cluster.check_cluster(f"ray://127.0.0.1:{port}", 1)
    finally:
        server.stop(None)


@pytest.mark.usefixtures("_ray")
def test_a_name_that_is_looked_up_for_long_is_told_in_time(monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(nodes, "_REACHED", 0.2)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: asked.wait(60))
    try:
        with pytest.raises(OptionError, match=r"Nobody answers at ray://head\.lan:10001 \(no answer within"):
            cluster.check_cluster("ray://head.lan:10001", 1)
    finally:
        asked.set()


@contextmanager
def head_that(answers):
    """A head that answers, of which what a client's session is asked of does what `answers` says; yields its address."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc

    class Driver(ray_client_pb2_grpc.RayletDriverServicer):
        def ClusterInfo(self, request, context):  # noqa: N802 - its name
            return ray_client_pb2.ClusterInfoResponse(json="{}")

    class Stream(ray_client_pb2_grpc.RayletDataStreamerServicer):
        def Datapath(self, requests, context):  # noqa: N802 - its name
            first = next(requests)
            said = answers()
            if said is None:
                return
            yield ray_client_pb2.DataResponse(
                req_id=first.req_id, init=ray_client_pb2.InitResponse(ok=False, msg=f"Traceback:\n{said}")
            )
            next(requests, None)  # its end may overtake its words: it stays until the client leaves

    server = grpc.server(ThreadPoolExecutor(4))
    ray_client_pb2_grpc.add_RayletDriverServicer_to_server(Driver(), server)
    ray_client_pb2_grpc.add_RayletDataStreamerServicer_to_server(Stream(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"ray://127.0.0.1:{port}"
    finally:
        server.stop(None)


@pytest.mark.usefixtures("_ray")
@pytest.mark.parametrize("how", ["late", "says why", "ends"])
def test_a_head_that_does_not_start_its_server_for_clients_is_told_in_time(monkeypatch, caplog, how):
    from ray.util.client import ray

    for name, value in session.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    over = threading.Event()
    late = how == "late"
    monkeypatch.setattr(session, "_GIVEN", 0.5 if late else 30.0)

    def answers():
        assert not late or over.wait(60)
        return None if how == "ends" else "RuntimeError: Starting Ray client server failed."

    climb = SimpleNamespace(private=None, events=EventStream(), config=SimpleNamespace(memory=None))
    with head_that(answers) as address:
        try:
            with pytest.raises(OptionError) as told, cluster.clustered(climb, address):
                pass
            assert not over.is_set()  # told before the head says anything
        finally:
            over.set()
        until = time.monotonic() + 30
        while ray.get_context().client_worker is not None and time.monotonic() < until:
            time.sleep(0.05)
        assert ray.get_context().client_worker is None  # no connection stays
    assert not [r for r in caplog.records if r.name.startswith("ray")]
    for words in (told.value.words.en, told.value.words.zh):
        assert address in words
        assert "ray_client_server" in words
        assert ("Starting Ray client server failed" in words) is (how == "says why")


def test_work_that_was_called_off_is_taken_back():
    free, undone = threading.Event(), threading.Event()
    with pytest.raises(called_off.CalledOff):
        called_off.in_time(lambda: free.wait(60), 0.05, undo=undone.set)
    assert not undone.is_set()
    free.set()
    assert undone.wait(30)
    assert called_off.in_time(lambda: 7, 30.0, undo=lambda: pytest.fail("undone")) == 7
    with pytest.raises(ZeroDivisionError):
        called_off.in_time(lambda: 1 / 0, 30.0)


def test_ray_does_not_change_what_the_run_does_when_it_is_told_to_end(monkeypatch):
    def own(*_):
        pass

    before = signal.signal(signal.SIGTERM, own)
    try:
        begun = session.Session(
            "local",
            SimpleNamespace(init=lambda **_: signal.signal(signal.SIGTERM, signal.SIG_DFL), shutdown=lambda: None),
        )
        begun.begin()
        begun.end()
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("count", "left", "said"), [(1, 600.0, "one fit at a time"), (4, 20.0, "do not repay")])
def test_a_local_ray_that_would_gain_nothing_is_not_begun(monkeypatch, count, left, said):
    monkeypatch.setattr(cluster.os, "cpu_count", lambda: count)
    monkeypatch.setattr(cluster.Cluster, "begin", lambda _: pytest.fail("begun"))
    monkeypatch.setenv("MODELWRIGHT_THREADS", "1")
    heard, events = [], EventStream()
    events.listen(heard.append)
    climb = SimpleNamespace(private=None, events=events, until_end=lambda: left, cluster=None)
    with cluster.clustered(climb, "local"):
        assert climb.cluster is None
    assert said in heard[0].words.en
    assert cluster.Cluster(climb, "local").worth(3.0)
    assert not cluster.Cluster(climb, "local").worth(0.1)


def test_a_worker_gives_a_sign_of_life_before_its_libraries_are_there(monkeypatch):
    code = "import sys, modelwright.tune.first_sign; print([m for m in ('numpy', 'pyarrow', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    heard, given = threading.Event(), []

    def put(*letter):
        given.append(letter)
        heard.set()

    def fitted(files, told, mailbox):
        assert heard.wait(10)
        return {"model": b""}

    context = SimpleNamespace(get_node_id=lambda: "node")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: context))
    monkeypatch.setattr(remote, "fit", fitted)
    mailbox = SimpleNamespace(put=SimpleNamespace(remote=put))
    assert first_sign.fit({}, {**asked("c"), "peers": (1, 2, "a")}, mailbox) == {"model": b""}
    assert given[0] == ("k #1", f"{platform.node()} (pid {os.getpid()})", [], ("node", os.getpid()))


def test_a_fit_that_holds_the_place_of_another_and_hangs_is_begun_anew(monkeypatch):
    made = cluster.Cluster(SimpleNamespace(events=EventStream()), "ray://head:10001")
    made._ray = SimpleNamespace(wait=lambda refs, timeout: (["done"], []) if refs == ["done"] else ([], refs))
    made._pending = {
        k: UnderWay([ref]) for k, ref in (("waits", "w"), ("hangs", "h"), ("through", "done"), ("often", "o"))
    }
    made._pending["often"].tries = TRIES
    made._beats = dict.fromkeys(("hangs", "through", "often"), (25.0, "vm")) | {"waits": (0.1, "vm")}
    begun = []
    monkeypatch.setattr(made, "_again", lambda *told: begun.append(told))
    made._begin_silent_anew()
    assert begun == [("hangs", "vm", "hangs")]


def test_another_version_on_a_node_is_told():
    files = {"climb.json": np.frombuffer(json.dumps({"version": "0.0.9"}).encode(), np.uint8)}
    with pytest.raises(DataError, match=f"has Modelwright {VERSION}, and the run is of 0.0.9"):
        unship(files)
    told = remote.fit(files, asked("c"), None)
    assert "install the same one there" in told["refused"][0]
    assert isinstance(remote.refusal(told), NodeAtFault)
    assert str(os.getpid()) in told["where"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MissingExtra("trees", "Trees", "树"), r"^on the node .+: .*trees"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            r'^on the node .+: textcnn needs .*pip install "modelwright\[nn\]"',
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "^the disk of the node .+ is full: free some space under"),
    ],
)
def test_what_a_node_lacks_is_told_with_its_name(monkeypatch, error, said):
    def lacking(files):
        raise error

    monkeypatch.setattr(remote, "unship", lacking)
    told = remote.fit({}, {**asked("another"), "recipe": "textcnn"}, None)
    refused = remote.refusal(told)
    told = told["refused"]
    assert re.search(said, told[0])
    assert all(platform.node() in words for words in told)
    assert isinstance(refused, NodeAtFault)
    assert refused.words.en == told[0]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryTooSmall("no room", "放不下"), MemoryTooSmall),
        (OptionError("not for text", "不适用于文本"), ModelwrightError),
    ],
)
def test_what_a_worker_refuses_is_of_the_same_kind_here(monkeypatch, error, kind):
    def refusing(files):
        raise error

    monkeypatch.setattr(remote, "unship", refusing)
    found = remote.refusal(remote.fit({}, asked("another"), None))
    assert type(found) is kind
    assert found.words == error.words


def test_any_other_fault_of_a_node_is_a_fault(monkeypatch):
    def broken(files):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(remote, "unship", broken)
    with pytest.raises(OSError, match="input/output"):
        remote.fit({}, asked("another"), None)


def test_files_that_a_node_does_not_see_are_told():
    cells = [None, {"path": "/nowhere/a.png", "bytes": None, "digest": "x", "how": None}]
    table = Table.of(pa.table({"picture": pa.array(cells, MEDIA)}), Schema((Column("picture", "image"),)))
    with pytest.raises(DataError, match=r"does not see /nowhere/a\.png of column `picture`"):
        check_paths(table)


def test_a_folder_that_is_shipped_is_read_from_its_bytes(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.err").write_text("left out")
    assert {k: bytes(v) for k, v in files_of(Path(tmp_path)).items()} == {"a.json": b"{}"}


def test_a_mailbox_keeps_events_and_ends_fits():
    box = remote.Mailbox()
    assert box.put("a", "node 1", ["event"]) is False
    box.end(["a"])
    assert box.put("a", "node 1", []) is True
    letters, beats = box.take()
    assert letters == [("a", "event")]
    assert beats["a"][1] == "node 1"
    assert box.place("a") == ("", 0)
    box.put("a", "node 1", [], ("n", 7))
    assert box.place("a") == ("n", 7)
    assert box.take()[0] == []
    box.forget("a")
    assert box.take()[1] == {}


@pytest.mark.parametrize("lean", [True, False])
def test_workers_whose_memory_is_counted_share_few_arenas(lean, monkeypatch):
    for name in session.LEAN:  # put back after the test, whatever is set in it
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    begun = session.Session("local", SimpleNamespace(init=lambda **_: None, shutdown=lambda: None), lean=lean)
    begun.begin()
    try:
        assert {n: os.environ.get(n) for n in session.LEAN} == (session.LEAN if lean else dict.fromkeys(session.LEAN))
    finally:
        begun.end()
