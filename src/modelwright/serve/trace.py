"""Which request this is: an id of its own, and its place in a trace that began elsewhere (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import os
import random
import re
from contextvars import ContextVar
from dataclasses import dataclass

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
# ids tell requests apart and guard nothing: asking the system for each costs more than all else here
_random = random.Random(os.urandom(32))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


@dataclass(frozen=True)
class Trace:
    """The ids of one request."""

    request: str  # as the client named it, else made here
    trace: str  # 32 hexadecimal digits
    span: str  # 16, of this request
    parent: str | None = None  # 16, of who asked; None where the trace begins here
    flags: int = 0  # 1: recorded by who asked

    @property
    def header(self) -> str:
        """The `traceparent` of this request, as it is answered and handed on."""
        return f"00-{self.trace}-{self.span}-{self.flags:02x}"


# of the request that is being answered
now: ContextVar[Trace | None] = ContextVar("trace", default=None)
rows: ContextVar[int | None] = ContextVar("rows", default=None)


def read_trace(traceparent: str | None, request_id: str | None) -> Trace:
    """Return the trace that the headers of a request name; a new one where they name none or a malformed one."""
    span = f"{_random.getrandbits(64) or 1:016x}"
    found = _PARENT.fullmatch(traceparent.strip().lower()) if traceparent else None
    known = found is not None and found[1] != "ff" and (found[1] != "00" or found[5] is None)
    if found is not None and known and int(found[2], 16) and int(found[3], 16):
        trace, parent, flags = found[2], found[3], int(found[4], 16) & 1
    else:
        trace, parent, flags = f"{_random.getrandbits(128) or 1:032x}", None, 0
    given = request_id is not None and _ID.fullmatch(request_id)
    return Trace(request_id if given and request_id else trace, trace, span, parent, flags)
