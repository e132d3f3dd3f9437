"""Ports of this machine for tests."""

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """Yield a port at which nobody answers; it is held, so that no other program comes to answer there meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
