"""What stands before HTTP itself: bounds on headers, time and connections before anyone has shown a key, and an orderly end.

uvicorn's own protocol waits for headers without end and keeps all that come; its server drops connections whose request
it has not read yet. Both are mended here, with its classes as they are.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections import OrderedDict
from functools import partial
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from modelwright.serve.guard import Stopping

HEAD_SECONDS = 10.0  # until all headers of a request have come
HANDSHAKE_SECONDS = 10.0  # until TLS is agreed on
HEAD_BYTES = 64 << 10
HEAD_FIELDS = 100
UNREAD_SECONDS = 60.0  # until a client has taken what was answered
STRANGERS = 256  # connections on which no key was shown, all together ...
STRANGERS_AT = 64  # ... and from one address
FINISH_SECONDS = 20.0  # for what was accepted, once the service is told to stop
LINGER_SECONDS = 1.0  # in which connections that wait to be read are answered that it stops
_LATE, _LARGE = 408, 431
_SAID = {_LATE: b"Request Timeout", _LARGE: b"Request Header Fields Too Large"}


class Door:
    """The connections on which no key was shown yet. Where they are too many, the one that has waited longest ends."""

    def __init__(self, each: int | None = STRANGERS_AT, most: int = STRANGERS) -> None:
        self._each, self._most = each, most
        self._all: OrderedDict[Wire, str] = OrderedDict()
        self._by_address: dict[str, OrderedDict[Wire, None]] = {}

    def enter(self, wire: Wire, address: str) -> None:
        """Let a connection in, and close others where they are too many."""
        self._all[wire] = address
        own = self._by_address.setdefault(address, OrderedDict())
        own[wire] = None
        if self._each is not None and len(own) > self._each:
            self._close(next(iter(own)))
        if len(self._all) > self._most:
            self._close(next(iter(self._all)))

    def leave(self, wire: Wire) -> None:
        """Count a connection no more: a key was shown on it, or it ended."""
        address = self._all.pop(wire, None)
        if address is None:
            return
        own = self._by_address[address]
        del own[wire]
        if not own:
            del self._by_address[address]

    def _close(self, wire: Wire) -> None:
        self.leave(wire)
        wire.abort()


class Wire(HttpToolsProtocol):
    """One connection: headers within bounds and time, and an answer that is taken in time."""

    door = Door()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._head_bytes = self._head_fields = 0
        self._in_head, self._refused = True, False
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.door.enter(self, self.client[0] if self.client else "")
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self.door.leave(self)
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def known(self) -> None:
        """A key was shown on this connection."""
        self.door.leave(self)

    def abort(self) -> None:
        """End the connection at once."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._refused or self.transport is None or self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self._refuse(_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_fields, self._in_head = 0, True
        if self._head_timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        # those after a body in chunks are counted too
        self._head_fields += 1
        if not self._in_head:
            self._head_bytes += len(name) + len(value) + 4
        if self._head_fields > HEAD_FIELDS or self._head_bytes > 2 * HEAD_BYTES + (256 << 10):
            if not self._refused:
                self._refuse(_LARGE)
            raise httptools.HttpParserError("too many header fields")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        own = sum(len(n) + len(v) + 4 for n, v in self.headers) + len(self.url)
        if own > HEAD_BYTES:
            self._refuse(_LARGE)
            return
        self._in_head, self._head_bytes = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self.scope["modelwright.wire"] = self  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            self._in_head, self._head_bytes = True, 0
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self._refused and not self.transport.is_closing():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(_LATE if self._head_bytes else None)

    def _refuse(self, status: int | None) -> None:
        """Answer what cannot be read on, and end the connection."""
        self._refused = True
        busy = self.cycle is not None and not self.cycle.response_complete
        if status is not None and not busy:
            head = b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % (status, _SAID[status])
            self.transport.write(head)
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, which answers all that was sent to it before it ends."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping, finish: float = FINISH_SECONDS) -> None:
        super().__init__(config)
        self._stopping, self._finish = stopping, finish

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and leave what is there by now out of the search for garbage, which stops all requests meanwhile."""
        loop: Any = asyncio.get_running_loop()
        if self.config.is_ssl:  # uvicorn has no word for it, and a minute is the loop's own
            loop.create_server = partial(loop.create_server, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        try:
            await super().startup(sockets)
        finally:
            loop.__dict__.pop("create_server", None)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted, answer the rest 503, then end.

        The door stays open a moment longer: what a client sent before it could know that the service stops lies unread
        in a connection, or in one that nobody took yet.
        """
        began = time.monotonic()
        self._stopping.now = True
        service = getattr(getattr(self.config.app, "state", None), "service", None)
        while not self.force_exit:
            took = time.monotonic() - began
            if took > LINGER_SECONDS and not self.server_state.tasks:
                break
            if took > self._finish:
                if service is not None:
                    service.refuse_waiting()
                if took > self._finish + 5.0:
                    break
            await asyncio.sleep(0.02)
        await self.close_door()
        await super().shutdown(sockets)

    async def close_door(self) -> None:
        """Take no more connections."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)
