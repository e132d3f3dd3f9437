"""A worker process: `python -m modelwright.serve.workers.worker LINK HANDS LIFE`, started by the supervisor alone.

It hears over LINK what to serve, takes its connections from HANDS, and ends when LIFE does: the supervisor is gone then.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

_END_SECONDS = 4.0  # to finish what was begun once the supervisor is gone


def main() -> None:
    """Serve what the supervisor asks for until told to stop."""
    link, hands, life = (socket.socket(fileno=int(handle)) for handle in sys.argv[1:4])
    threading.Thread(target=_end_with, args=(life,), name="life", daemon=True).start()
    task = _task_of(link)

    from modelwright.core.errors import ModelwrightError
    from modelwright.serve import sessions
    from modelwright.serve.guard import Stopping
    from modelwright.serve.workers import server

    sessions.share(bytes.fromhex(task["secret"]))
    stopping = Stopping()
    at = server.HandedOver(**_listening(task["listening"]))
    try:
        app, made = server.made(task, at, stopping)
    except ModelwrightError as e:
        link.setblocking(True)
        link.sendall(server.failure(e))
        sys.exit(2)
    at.serve(app, stopping, link, hands, made)


def _listening(given: dict[str, Any]) -> dict[str, Any]:
    out = {**given, **{k: Path(given[k]) for k in ("tls_cert", "tls_key") if given.get(k)}}
    if given.get("keep"):
        from modelwright.serve.feedback.keep import Keep

        keep = given["keep"]
        out["keep"] = Keep(**{**keep, "consent": Path(keep["consent"]) if keep["consent"] else None})
    return out


def _task_of(link: socket.socket) -> dict[str, Any]:
    """Read the first message, byte by byte: what follows it belongs to the event loop."""
    import json

    line = bytearray()
    while not line.endswith(b"\n"):
        byte = link.recv(1)
        if not byte:
            sys.exit(0)
        line += byte
    task: dict[str, Any] = json.loads(line)["task"]
    return task


def _end_with(life: socket.socket) -> None:
    """Wait until the supervisor is gone; then end in order, and by force where that takes too long."""
    while True:
        try:
            if not life.recv(1):
                break
        except InterruptedError:
            continue
        except OSError:
            break
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_END_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
