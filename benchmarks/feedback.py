"""Feedback that was accepted is never lost: a service killed, PostgreSQL restarted, the disk full, while clients go on telling.

    python benchmarks/feedback.py [--how kill|postgres|full] [--seconds 30] [--clients 8]

A service in a process of its own takes thumbs from several clients. `kill` ends it with SIGKILL three times and starts it again;
`postgres` stops the database as a crash would three times and starts it again; `full` lets the database file grow no further for a
while (needs SQLite). Afterwards every id that was answered 200 is looked for. Prints how many were accepted, lost and refused (503),
how long the service took to recover, and the latency of what was accepted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing as mp
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

_KEY = "benchmark-key-of-feedback"
_ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "I want my money back"}


def serve(url: str, folder: str, port: int, full: Any) -> None:
    """Run the service; while `full` is set its database file cannot grow."""
    import uvicorn

    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.release.bundle import Predictor
    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
    from modelwright.serve.stores import Home
    from modelwright.testing import context, sample_table

    task = get_task("classification")
    table, target = sample_table(task, 80)
    recipe = get_recipe("linear")
    model = recipe.fit(
        table, table.take(np.arange(40)), recipe.variants(table.schema, target, 80)[0], context(task, target)
    )
    predictor = Predictor(task, table.schema, target, [(1.0, model)], name="desk")
    if full is not None:
        import sqlalchemy as sa

        from modelwright.release.registry.database import engine_of

        def bound(connection: Any, _: Any) -> None:
            if full.is_set():
                pages = connection.execute("PRAGMA page_count").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {pages}")

        sa.event.listen(engine_of(url), "connect", bound)
    ring = KeyRing({"bench": ServiceKey("bench", digest_of(_KEY), "admin", rows_per_minute=10**9)})
    app = create_app(predictor, keys=ring, home=Home("desk", "1", url, Path(folder)))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", ws="none")


class Client(threading.Thread):
    """Asks for answers and tells thumbs until stopped; what was answered 200 is remembered."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.stop = port, stop
        self.accepted: list[str] = []
        self.took: list[float] = []
        self.refused: list[float] = []
        self.errors: dict[int, int] = {}

    def ask(self, path: str, body: Any) -> tuple[int, Any]:
        """Return status and answer; 0 where the connection fails."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
            connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {_KEY}"})
            reply = connection.getresponse()
            found = reply.status, json.loads(reply.read())
            connection.close()
            return found
        except (OSError, ValueError, http.client.HTTPException):
            time.sleep(0.05)
            return 0, None

    def run(self) -> None:
        """Go on until stopped."""
        while not self.stop.is_set():
            status, said = self.ask("/predict", {"rows": [_ROW] * 20})
            for answer in said["answers"] if status == 200 else ():
                if self.stop.is_set():
                    break
                began = time.monotonic()
                status, _ = self.ask("/feedback", {"id": answer["id"], "thumb": True})
                if status == 200:
                    self.accepted.append(answer["id"])
                    self.took.append(time.monotonic() - began)
                elif status == 503:
                    self.refused.append(time.monotonic())
                    time.sleep(0.2)
                elif status:
                    self.errors[status] = self.errors.get(status, 0) + 1


def main() -> None:
    """Run one way of failing and print what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--how", choices=("kill", "postgres", "full"), default="kill")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--port", type=int, default=8765)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="feedback-"))
    server = None
    if asked.how == "postgres":
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
        from modelwright.release.registry.places import database_url
        from postgres_made import Postgres, _binaries

        binaries = _binaries()
        if binaries is None:
            raise SystemExit("PostgreSQL is not installed.")
        server = Postgres(binaries)
        url = database_url(server.database())
    else:
        url = f"sqlite:///{folder / 'records.db'}"
    context = mp.get_context("spawn")
    full = context.Event() if asked.how == "full" else None

    def start() -> Any:
        process = context.Process(target=serve, args=(url, str(folder), asked.port, full), daemon=True)
        process.start()
        probe, until = Client(asked.port, threading.Event()), time.monotonic() + 120
        while probe.ask("/predict", {"rows": [_ROW]})[0] != 200:
            if time.monotonic() > until:
                raise SystemExit("The service does not start.")
        return process

    process = start()
    stop = threading.Event()
    clients = [Client(asked.port, stop) for _ in range(asked.clients)]
    for client in clients:
        client.start()
    recoveries = []
    for _ in range(3):
        time.sleep(asked.seconds / 4)
        broke = time.monotonic()
        if asked.how == "kill":
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            process = start()
        elif server is not None:
            server.stop()
            time.sleep(2.0)
            server.start()
        elif full is not None:
            full.set()
            time.sleep(2.0)
            full.clear()
        before = sum(len(c.accepted) for c in clients)
        back = time.monotonic()
        while sum(len(c.accepted) for c in clients) == before and time.monotonic() < back + 60:
            time.sleep(0.02)
        recoveries.append((time.monotonic() - broke, time.monotonic() - back))
    time.sleep(asked.seconds / 4)
    stop.set()
    for client in clients:
        client.join(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    from modelwright.serve.feedback.sealing import Sealing
    from modelwright.serve.feedback.store import Feedback

    stored = {t.id for t in Feedback(url, "desk", Sealing([])).told()}
    accepted = {id_ for c in clients for id_ in c.accepted}
    took = np.array([t for c in clients for t in c.took])
    errors: dict[int, int] = {}
    for c in clients:
        for status, count in c.errors.items():
            errors[status] = errors.get(status, 0) + count
    print(
        f"{asked.how}: {len(accepted)} accepted, {len(accepted - stored)} lost, {sum(len(c.refused) for c in clients)} answered 503, other errors {errors or 'none'}"
    )
    print(
        "seconds from the failure to the next accepted one: "
        + ", ".join(f"{a:.1f} ({b:.1f} after it was over)" for a, b in recoveries)
    )
    print(
        f"accepted in {1000 * np.median(took):.1f} ms (median), {1000 * np.quantile(took, 0.99):.1f} ms (p99), {len(took) / asked.seconds:.0f} a second"
    )
    if server is not None:
        server.stop()


if __name__ == "__main__":
    main()
