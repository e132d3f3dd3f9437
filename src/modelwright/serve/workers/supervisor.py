"""The supervisor: it owns the port, hands every connection to the worker that holds fewest, and replaces workers that end.

It loads no model and answers nothing itself but that nobody is there to answer. Should it be killed, its workers see that
and end. A worker that died is started again at once, one that keeps dying after a growing pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from modelwright.core.errors import BundleError
from modelwright.core.words import Words
from modelwright.serve.workers.child import Child
from modelwright.serve.workers.no_worker import answer_away

LINGER_SECONDS = 0.7  # in which connections are still taken once the service is told to stop; workers linger longer
FINISH_SECONDS = 27.0  # until workers that were told to stop are killed: longer than they give themselves
_TOGETHER = 5.0  # seconds that the first workers are waited for, so that connections spread over all of them
_LOOK = 0.25
_STEADY = 10.0  # seconds of life after which a worker's earlier deaths are forgotten
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # between two deaths soon after one another
_TRIES = 4  # before any worker was ready
_GATHER = 1.0  # seconds for what workers are asked
_BACKLOG = 2048
_AT_ONCE = 64  # connections taken before anything else is looked at


class Supervisor:
    """Runs `task["workers"]` workers behind a socket that is bound already.

    `began` is called once, when the first worker has made its application; `say` is told of workers that are replaced.
    """

    def __init__(
        self,
        task: dict[str, Any],
        listening: socket.socket,
        *,
        tls: bool,
        began: Callable[[dict[str, Any]], None],
        say: Callable[[Words], None],
    ) -> None:
        self._task, self._socket, self._tls, self._began, self._say = task, listening, tls, began, say
        self.children: dict[int, Child] = {}
        self.restarts = 0
        self._gone: dict[str, int] = {}  # rows asked for of workers that have ended
        self._ending = self._forced = self._made = self._ever = False
        self._failed: tuple[str, str] | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[set[int], list[Any], asyncio.Event]] = {}

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C. Raises BundleError where no worker can start, with what it said."""
        asyncio.run(self._run())
        if self._failed is not None:
            raise BundleError(*self._failed)

    @property
    def spent(self) -> dict[str, int]:
        """Rows that each key asked for since the start, by its name, as far as workers told."""
        out = dict(self._gone)
        for child in self.children.values():
            for key, rows in child.spent.items():
                out[key] = out.get(key, 0) + rows
        return out

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for which in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(which, self._stop, stop)
        places = [asyncio.create_task(self._keep(number, stop)) for number in range(self._task["workers"])]
        look = asyncio.create_task(self._look())
        opened = asyncio.create_task(self._open())
        for place in (*places, look, opened):
            place.add_done_callback(lambda done: stop.set() if not done.cancelled() and done.exception() else None)
        await stop.wait()
        self._ending = True
        opened.cancel()
        for child in self.children.values():
            child.ending, child.ready = True, False
            child.process.terminate()
        if self._failed is None:
            await asyncio.wait(places, timeout=LINGER_SECONDS)
        loop.remove_reader(self._socket.fileno())
        self._socket.close()
        until = time.monotonic() + FINISH_SECONDS
        while not all(place.done() for place in places):
            if self._forced or time.monotonic() > until:
                for child in self.children.values():
                    child.process.kill()
            await asyncio.wait(places, timeout=_LOOK)
        look.cancel()
        for error in await asyncio.gather(look, opened, *places, return_exceptions=True):
            if isinstance(error, Exception):
                raise error

    def _stop(self, stop: asyncio.Event) -> None:
        """Told to stop: in order the first time, at once the second."""
        self._forced = self._ending
        self._ending = True
        stop.set()

    # -- the workers --------------------------------------------------------------------------------------------------

    async def _keep(self, place: int, stop: asyncio.Event) -> None:
        """Keep a worker in a place: start it, and another after it, until the service stops."""
        pause = 0.0
        while not self._ending:
            child = self.children[place] = Child(next(self._numbers), self._task, self._take_message)
            code = await child.live()
            for key, rows in child.spent.items():
                self._gone[key] = self._gone.get(key, 0) + rows
            child.spent = {}
            if not self._ever and not self._ending and (code > 0 or self.restarts >= _TRIES):
                self._failed = child.failed or _never(code)
                self._ending = True
                stop.set()
            if self._ending:
                return
            self.restarts += 1
            self._say(_ended(child, code))
            if time.monotonic() - child.born > _STEADY:
                pause = 0.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause or 0.001)
            pause = min(_LONGEST_PAUSE, 2 * pause or _PAUSE)

    def _take_message(self, child: Child, message: dict[str, Any]) -> None:
        self._ever = self._ever or child.ready
        if "made" in message and not self._made:
            self._made = True
            self._began(message["made"])
        if "gather" in message:
            asyncio.get_running_loop().create_task(self._gather(child, message["gather"], message["id"]))
        if "given" in message:
            asked = self._asked.get(message["given"])
            if asked is not None:
                asked[0].discard(child.number)
                asked[1].append(message["data"])
                if not asked[0]:
                    asked[2].set()

    async def _gather(self, asking: Child, what: str, number: int) -> None:
        """Ask all other workers for something and give the one that wants it what they say in time."""
        others = [c for c in self.children.values() if c is not asking and c.ready and c.link is not None]
        if others:
            key = next(self._numbers)
            found: list[Any] = []
            done = asyncio.Event()
            self._asked[key] = ({c.number for c in others}, found, done)
            for child in others:
                if child.link is not None:
                    child.link.tell(give=what, id=key)
            with contextlib.suppress(TimeoutError):  # who hangs is left out
                await asyncio.wait_for(done.wait(), _GATHER)
            del self._asked[key]
        else:
            found = []
        if asking.link is not None:
            workers = sum(c.ready for c in self.children.values())
            asking.link.tell(gathered=number, data=found, workers=workers, restarts=self.restarts)

    async def _look(self) -> None:
        """Kill workers that hang: others take their place."""
        while True:
            await asyncio.sleep(_LOOK * 2)
            now = time.monotonic()
            for child in self.children.values():
                if child.hangs(now) and child.process.poll() is None and not self._ending:
                    child.ready = False
                    child.process.kill()

    # -- the port -----------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Open the port once workers are ready: all of them, or after a while those that are."""
        first = 0.0
        while True:
            ready = sum(c.ready for c in self.children.values())
            first = first or (time.monotonic() if ready else 0.0)
            if ready == self._task["workers"] or (first and time.monotonic() - first > _TOGETHER):
                break
            await asyncio.sleep(0.02)
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        """Hand what came to the workers that hold fewest connections."""
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            # answers are small and must not wait for one another (Nagle)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            now = time.monotonic()
            able = [c for c in self.children.values() if c.ready or (self._ending and c.link is not None)]
            if any(child.take(connection) for child in sorted(able, key=lambda c: (c.quiet(now), c.load))) or self._tls:
                connection.close()
            else:
                connection.setblocking(False)
                asyncio.get_running_loop().create_task(answer_away(connection))


def _ended(child: Child, code: int) -> Words:
    how = Words(f"signal {-code}", f"信号 {-code}") if code < 0 else Words(f"code {code}", f"退出码 {code}")
    if child.failed is not None:
        how = Words(*child.failed)
    return Words(
        f"worker {child.number} ended ({how.en}); another takes its place\n",
        f"工作进程 {child.number} 已结束（{how.zh}），将由新进程接替\n",
    )


def _never(code: int) -> tuple[str, str]:
    return (
        f"No worker could start (the first ended with {code}); the lines above say why.",
        f"没有工作进程能够启动（首个以 {code} 结束）；原因见上文。",
    )


def bound(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address, which nobody can connect to yet. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]"), port))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
