"""What runs inside a worker: the same service as in one process, on connections that the supervisor hands over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import uvicorn

from modelwright.core.errors import ModelwrightError
from modelwright.serve import metrics
from modelwright.serve.guard import Stopping
from modelwright.serve.run import Listening, folder_app, names_app
from modelwright.serve.wire import FINISH_SECONDS, HANDSHAKE_SECONDS, Server
from modelwright.serve.workers.link import Link, take
from modelwright.serve.workers.peers import Peers

_BEAT = 1.0  # seconds between two signs of life
_AT_ONCE = 16  # connections taken before anything else is done


def made(task: dict[str, Any], at: Listening, stopping: Stopping) -> tuple[Any, dict[str, Any]]:
    """Return the application that a task asks for, and what it serves as the supervisor tells it. Raises ModelwrightError."""
    key_file = Path(task["key_file"]) if task["key_file"] else None
    rest = (task["allow_origin"], task["allow_missing"])
    if "names" in task:
        from modelwright.release.registry.store import Registry

        registry = Registry(task["db"], task["blobs"] or None)
        app = names_app(registry, task["names"], at, stopping, key_file, *rest, workers=task["workers"])
        releases = [named.current.release for named in app.names.values()]
        return app, {"releases": [(r.name, r.version, r.digest) for r in releases]}
    assert key_file is not None
    folder, name, version, _ = folder_app(Path(task["bundle"]), at, stopping, key_file, *rest)
    return folder, {"name": name, "version": version}


def failure(error: ModelwrightError) -> bytes:
    """Return the message that tells the supervisor why a worker cannot start."""
    return json.dumps({"failed": [error.words.en, error.words.zh]}).encode() + b"\n"


class HandedOver(Listening):
    """Listening of a worker: the supervisor has bound the address, which is not looked at again."""

    def __post_init__(self) -> None:
        return

    def serve(self, app: Any, stopping: Stopping, link: socket.socket, hands: socket.socket, made: Any) -> None:
        """Serve what is handed over until SIGTERM."""

        def server(config: uvicorn.Config, stopping: Stopping, finish: float) -> Server:
            return HandedServer(config, stopping, finish, link=link, hands=hands, made=made)

        self.run(app, stopping, server)


class HandedServer(Server):
    """The service's server, whose connections come from the supervisor; it tells how many it holds, once a second."""

    def __init__(
        self,
        config: uvicorn.Config,
        stopping: Stopping,
        finish: float = FINISH_SECONDS,
        *,
        link: socket.socket,
        hands: socket.socket,
        made: dict[str, Any],
    ) -> None:
        super().__init__(config, stopping, finish)
        self._link_socket, self._hands, self._made_of = link, hands, made
        self._link: Link | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        self._talking: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Warm the model, then take connections."""
        self._link = link = await Link.opened(self._link_socket)
        link.tell(made=self._made_of)
        peers = metrics.peers = Peers(link, lambda what: metrics.told(self.config.app))
        loop = asyncio.get_running_loop()
        self._talking.append(loop.create_task(peers.listen()))
        await super().startup(sockets=[])
        self._hands.setblocking(False)
        loop.add_reader(self._hands.fileno(), self._take)
        self._talking.append(loop.create_task(self._beats(link)))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted, then end; the supervisor is told first."""
        if self._link is not None:
            self._link.tell(ending=True)
        await super().shutdown([])
        for task in self._talking:
            task.cancel()
        if self._link is not None:
            self._link.tell(spent=self._spent())
            await self._link.close()

    async def close_door(self) -> None:
        """Take no more connections; those that wait already are taken still."""
        self._take()
        with contextlib.suppress(ValueError, OSError):
            asyncio.get_running_loop().remove_reader(self._hands.fileno())
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def _take(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE):
            try:
                connection = take(self._hands)
            except EOFError:
                loop.remove_reader(self._hands.fileno())
                return
            if connection is None:
                return
            task = loop.create_task(self._connect(connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        """Speak HTTP over a connection, as uvicorn does with those that it accepts itself."""
        config: Any = self.config
        secure: dict[str, Any] = {}
        if config.ssl is not None:
            secure = {"ssl": config.ssl, "ssl_handshake_timeout": HANDSHAKE_SECONDS}

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, **secure)

    async def _beats(self, link: Link) -> None:
        while True:
            link.tell(beat=len(self.server_state.connections), spent=self._spent())
            await asyncio.sleep(_BEAT)

    def _spent(self) -> dict[str, int]:
        app: Any = self.config.app
        return dict(getattr(app.state, "spent", dict)())
