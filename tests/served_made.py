"""A service that runs: a small model on a free port of this machine, in a thread, served as `modelwright serve` does it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

KEY = "a-key-for-these-tests"


@dataclass
class Running:
    """A service that answers at `url` for `key`."""

    url: str
    key: str
    app: Any
    predictor: Any


def small_predictor() -> Any:
    """Return a linear model of the task's own sample: columns amount, channel, member, message."""
    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.release.bundle import Predictor
    from modelwright.testing import context, sample_table

    task, recipe = get_task("classification"), get_recipe("linear")
    table, target = sample_table(task, 80)
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(30)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@contextmanager
def running(predictor: Any, folder: Path, **options: Any) -> Iterator[Running]:
    """Serve a predictor until the block ends; `options` are those of `create_app`."""
    import uvicorn

    from modelwright.serve.app import create_app
    from modelwright.serve.guard import Stopping
    from modelwright.serve.keys import KeyRing
    from modelwright.serve.stores import home_of_folder
    from modelwright.serve.wire import Server, Wire

    stopping, home = Stopping(), home_of_folder("sample", "1", folder / "keys.json")
    named = {"home": home, **options}
    app = create_app(predictor, keys=KeyRing.of({"test": KEY}), stopping=stopping, **named)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    config = uvicorn.Config(app, port=port, log_level="critical", access_log=False, http=Wire)
    server = Server(config, stopping, 3.0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "it did not start"
            assert time.monotonic() < until, "it did not start"
            time.sleep(0.02)
        yield Running(f"http://127.0.0.1:{port}", KEY, app, predictor)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
