"""Several workers behind one port: one quota, one key file, common counters; killed, hung, stopped, orphaned."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from modelwright.release.bundle import save
from modelwright.serve.guard import COOKIE
from modelwright.serve.keys import add_key, revoke_key

CODE = """
import sys
from pathlib import Path
from modelwright.serve.workers import child, start
child.HANG_SECONDS = child.QUIET_SECONDS = float(sys.argv[4])
start.serve_folder(Path(sys.argv[1]), port=int(sys.argv[2]), key_file=Path(sys.argv[3]), workers=2)
"""


class Service:
    """A service of two workers in processes of its own."""

    def __init__(self, folder: Path, *, hang: float = 10.0) -> None:
        self.keys = folder / "keys" / "keys.json"
        self.key = add_key(self.keys, "one", role="admin")
        self.ledger = folder / "ledger.jsonl"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        environment = {**os.environ, "MODELWRIGHT_LEDGER": str(self.ledger)}
        environment.pop("MODELWRIGHT_KEY", None)
        told = [sys.executable, "-c", CODE, folder / "bundle", str(self.port), self.keys, str(hang)]
        self.process = subprocess.Popen(told, stderr=subprocess.PIPE, env=environment)
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        within(60, self.answers)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.decode())

    def answers(self) -> bool:
        assert self.process.poll() is None, self.said
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Ask once, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = body if isinstance(body, str | None) else json.dumps(body)
            connection.request(method, path, data, headers or {"X-API-Key": self.key})
            reply = connection.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def metric(self, line: str) -> float:
        text = self.ask("GET", "/metrics")[2].decode()
        return sum(float(found.split()[-1]) for found in text.splitlines() if found.startswith(line + " "))

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(word) for word in found.stdout.split() if alive(int(word))]

    def end(self) -> None:
        for process in [self.process.pid, *self.workers()]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


def alive(process: int) -> bool:
    try:
        return "modelwright.serve.workers.worker" in Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return False


def within(seconds: float, holds: Callable[[], Any]) -> float:
    """Wait until something holds, at most so many seconds; return how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Service]:
    service = Service(folder, **options)
    try:
        yield service
    finally:
        service.end()


@pytest.fixture(scope="module")
def service(predictor: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("workers")
    save(predictor, folder / "bundle")
    with running(folder, hang=3.0) as found:
        yield found


def test_quota_and_counters_are_those_of_all_workers(service: Service, row: dict[str, Any]) -> None:
    text = add_key(service.keys, "small", rows_per_minute=10)
    time.sleep(1.1)  # a change of the key file is seen within a second
    before = service.metric('modelwright_requests_total{route="/predict",status="200"}')
    statuses = [service.ask("POST", "/predict", row, **{"X-API-Key": text})[0] for _ in range(14)]
    # a row comes back every six seconds
    assert 10 <= statuses.count(200) <= 12
    assert statuses.count(429) == 14 - statuses.count(200)
    after = service.metric('modelwright_requests_total{route="/predict",status="200"}')
    assert after - before == statuses.count(200)
    assert service.metric("modelwright_workers") == 2


def test_a_session_is_known_to_every_worker_and_ends_with_its_key(service: Service) -> None:
    text = add_key(service.keys, "page", role="viewer")
    time.sleep(1.1)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, headers, _ = service.ask("POST", "/login", urllib.parse.urlencode({"key": text}), **form)
    assert status == 303
    cookie = headers["set-cookie"].split(";")[0]
    assert cookie.startswith(COOKIE)
    assert {service.ask("GET", "/", Cookie=cookie)[0] for _ in range(4)} == {200}
    revoke_key(service.keys, "page")
    time.sleep(1.1)
    assert {service.ask("GET", "/", Cookie=cookie)[0] for _ in range(4)} == {401}


def test_connections_are_spread_and_a_worker_that_is_killed_is_replaced(service: Service, row: dict[str, Any]) -> None:
    kept = [http.client.HTTPConnection("127.0.0.1", service.port, timeout=20) for _ in range(8)]
    for connection in kept:
        connection.request("POST", "/predict", json.dumps(row), {"X-API-Key": service.key})
        assert connection.getresponse().read()
    victim = service.workers()[0]
    os.kill(victim, signal.SIGKILL)
    within(20, lambda: victim not in service.workers())  # it may answer once more before it is gone
    lost = 0
    for connection in kept:
        try:
            connection.request("POST", "/predict", json.dumps(row), {"X-API-Key": service.key})
            assert connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            lost += 1
        connection.close()
    assert 3 <= lost <= 5  # a connection of the test before may have counted when these were spread
    # the other one answers meanwhile
    assert {service.ask("POST", "/predict", row)[0] for _ in range(4)} == {200}
    within(20, lambda: service.metric("modelwright_workers") == 2)
    assert service.metric("modelwright_worker_restarts") == 1
    assert any("signal 9" in line for line in service.said)


def test_a_worker_that_hangs_is_replaced(service: Service, row: dict[str, Any]) -> None:
    victim = service.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    within(20, lambda: victim not in service.workers())
    within(20, lambda: service.metric("modelwright_workers") == 2)
    assert service.ask("POST", "/predict", row)[0] == 200


def test_told_to_stop_it_answers_what_was_begun_and_leaves_no_process(service: Service, row: dict[str, Any]) -> None:
    before, answered = service.workers(), []

    def ask() -> None:
        status, _, body = service.ask("POST", "/predict", {"rows": [row] * 900})
        answered.append((status, len(json.loads(body)["answers"])))

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.05)
    began = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert service.ask("GET", "/readyz")[0] == 503
    assert service.process.wait(20) == 0
    assert time.monotonic() - began < 5
    thread.join()
    assert answered == [(200, 900)]
    assert not any(map(alive, before))
    entry = json.loads(service.ledger.read_text().splitlines()[-1])
    assert (entry["did"], entry["rows"]["one"] >= 900) == ("serve stop", True)


def test_workers_end_with_a_supervisor_that_is_killed(predictor: Any, tmp_path: Path) -> None:
    save(predictor, tmp_path / "bundle")
    with running(tmp_path) as service:
        workers = service.workers()
        assert len(workers) == 2
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait()
        within(10, lambda: not any(map(alive, workers)))


def test_a_bundle_that_no_worker_can_load_is_one_sentence(predictor: Any, tmp_path: Path) -> None:
    save(predictor, tmp_path / "bundle")
    (tmp_path / "bundle" / "bundle.json").write_text("{}")
    told = [sys.executable, "-m", "modelwright.cli", "serve", str(tmp_path / "bundle"), "--workers", "2"]
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        told += ["--port", str(s.getsockname()[1]), "--key-file", str(tmp_path / "keys.json")]
    done = subprocess.run(told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "bundle.json" in done.stderr


@pytest.mark.parametrize("workers", ["0", "65"])
def test_a_number_of_workers_that_cannot_be(workers: str, predictor: Any, tmp_path: Path) -> None:
    from modelwright.core.errors import OptionError
    from modelwright.serve.workers.start import serve_folder

    with pytest.raises(OptionError, match="1 to 64"):
        serve_folder(tmp_path, workers=int(workers), key_file=tmp_path / "keys.json")
    assert not (tmp_path / "keys.json").exists()
