"""One worker as its supervisor sees it: the process, whether it answers, and how many connections it holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from modelwright.core.device import cores
from modelwright.serve.workers.link import Link, hand

HANG_SECONDS = 10.0  # without a sign of life, after which a worker is replaced
QUIET_SECONDS = 3.0  # ... after which it gets no more connections, as long as another does better
START_SECONDS = 900.0  # until a model must be loaded
_THREADS = ("MODELWRIGHT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Child:
    """A worker process. It was started by itself (no fork of a process with threads) and inherits three sockets alone.

    `task` says what it serves; `told` hears its messages.
    """

    def __init__(self, number: int, task: dict[str, Any], told: Callable[[Child, dict[str, Any]], None]) -> None:
        self.number, self._task, self._told = number, task, told
        self.ready = self.ending = False
        self.born = self.seen = time.monotonic()
        self.spent: dict[str, int] = {}
        self.failed: tuple[str, str] | None = None  # why it did not start, in English and Chinese
        self._open = 0  # connections, as it said last and as were handed over since
        ours, theirs = socket.socketpair()
        self._hands, hands = socket.socketpair()
        # nothing is ever written into the third: it ends with the supervisor, however that ends
        self._life, life = socket.socketpair()
        self._hands.setblocking(False)
        handles = [s.fileno() for s in (theirs, hands, life)]
        told_apart = [sys.executable, "-m", "modelwright.serve.workers.worker", *map(str, handles)]
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            told_apart, pass_fds=handles, stdin=subprocess.DEVNULL, env=_environment(task["workers"]), process_group=0
        )
        for sock in (theirs, hands, life):
            sock.close()
        self._ours = ours
        self.link: Link | None = None

    @property
    def load(self) -> int:
        """Connections that it holds, as far as is known."""
        return self._open

    def quiet(self, now: float) -> bool:
        """Whether nothing was heard of it of late."""
        return now - self.seen > QUIET_SECONDS

    def hangs(self, now: float) -> bool:
        """Whether it must be replaced: no sign of life, or not ready for too long."""
        return now - self.seen > HANG_SECONDS if self.ready else now - self.born > START_SECONDS

    def take(self, connection: socket.socket) -> bool:
        """Hand over a connection; False where the worker cannot take it."""
        done = hand(self._hands, connection)
        self._open += done
        return done

    async def live(self) -> int:
        """Hear what it says until it ends; return its exit code."""
        import asyncio

        self.link = await Link.opened(self._ours)
        self.link.tell(task=self._task)
        async for message in self.link.messages():
            self.seen = time.monotonic()
            if "beat" in message:
                self.ready, self._open = not self.ending, int(message["beat"])
            if "spent" in message:
                self.spent = message["spent"]
            if "failed" in message:
                self.failed = tuple(message["failed"])
            self.ending = self.ending or "ending" in message
            self._told(self, message)
        self.ready = False
        code = await asyncio.to_thread(self._reaped)
        await self.link.close()
        self._hands.close()
        self._life.close()
        return code

    def _reaped(self) -> int:
        """Wait for the process, whose messages have ended; one that stays all the same is killed."""
        try:
            return self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _environment(workers: int) -> dict[str, str]:
    """Return the environment of a worker: the cores are shared out, whatever library asks for threads."""
    share = str(max(1, cores() // workers))
    return {**os.environ, **dict.fromkeys(_THREADS, share)}
