"""A service of names on a port of its own, and clients of it."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from modelwright.privacy.ledger import NAME as LEDGER
from modelwright.serve.wire import Server, Wire

OPEN: list[http.client.HTTPConnection] = []


def connect(port: int) -> http.client.HTTPConnection:
    OPEN.append(http.client.HTTPConnection("127.0.0.1", port, timeout=20))
    return OPEN[-1]


class Client:
    """One connection that is kept."""

    def __init__(self, port: int, key: str) -> None:
        self.connection = connect(port)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body)
        self.connection.request("GET" if body is None else "POST", path, data, self.headers)
        reply = self.connection.getresponse()
        text = reply.read().decode()
        return reply.status, json.loads(text) if text[:1] in "{[" else text

    def version(self, name: str) -> str:
        return str(self.ask(f"/{name}/schema")[1]["version"])

    def metric(self, name: str, line: str) -> float:
        text = self.ask(f"/{name}/metrics")[1]
        return float(next(found for found in text.splitlines() if found.startswith(line + " ")).split()[-1])


@contextmanager
def serving(live: Any) -> Iterator[int]:
    """Serve an application as `modelwright serve` does, in a thread, and give its port."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    config = uvicorn.Config(live, host="127.0.0.1", port=port, log_level="warning", access_log=False, http=Wire)
    server = Server(config, live.stopping, 5.0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.02)
        yield port
    finally:
        server.should_exit = True
        thread.join(30)
        gc.unfreeze()
    assert not thread.is_alive()


def eventually(found: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait until something is so and return the seconds that it took."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


def entries(did: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in (Path("runs") / LEDGER).read_text().splitlines())
    return [entry for entry in lines if entry["did"] == did]
