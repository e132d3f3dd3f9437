"""Messages between the supervisor and a worker: JSON objects, one a line, over a pair of sockets.

A second pair hands over connections: one byte for each, with the open socket beside it (SCM_RIGHTS, unix(7)).
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

_LONGEST = 16 << 20  # bytes of one message


class Link:
    """One end of the messages. Made inside the event loop, by `opened`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def opened(cls, sock: socket.socket) -> Link:
        """Return the link over one socket of a pair."""
        return cls(*await asyncio.open_connection(sock=sock, limit=_LONGEST))

    def tell(self, **message: Any) -> None:
        """Send a message; where the other end is gone nothing happens, and `messages` ends."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what comes, until the other end is gone."""
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError):
                return
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)

    async def close(self) -> None:
        """Send what is still to be sent, and end."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return


def hand(over: socket.socket, connection: socket.socket) -> bool:
    """Hand an accepted connection to whoever reads the other end; False where it cannot take one now."""
    try:
        return socket.send_fds(over, [b"c"], [connection.fileno()]) == 1
    except OSError:
        return False


def take(over: socket.socket) -> socket.socket | None:
    """Take one connection that was handed over; None where none waits. Raises EOFError once the other end is gone."""
    try:
        data, handles, _, _ = socket.recv_fds(over, 1, 1)
    except BlockingIOError:
        return None
    except OSError as e:
        raise EOFError from e
    if not data:
        raise EOFError
    if not handles:
        return None
    connection = socket.socket(fileno=handles[0])
    connection.setblocking(False)
    return connection
