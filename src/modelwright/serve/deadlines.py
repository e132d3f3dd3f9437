"""Deadlines that requests carry: how long whoever asks will wait for the answer.

As in gRPC (https://grpc.io/docs/guides/deadlines/) a request says how long it may take from when the service has it, since clocks
differ: `X-Request-Deadline-Ms: 250`. An answer that would come later helps nobody, so it is not begun, or not finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager

from modelwright.core.words import Words
from modelwright.serve.limits import Refused

HEADER = "X-Request-Deadline-Ms"
_MOST = 24 * 3600 * 1000  # milliseconds


class Deadline:
    """Until when a request must be answered, counted from now: `most` seconds, or what the request says where that is less.

    Raises Refused 400 for a header that is no number of milliseconds.
    """

    def __init__(self, headers: Mapping[str, str] | None, most: float) -> None:
        self.own = _milliseconds(headers)  # milliseconds that the request allows; None where it says nothing
        self.began = time.monotonic()
        self._until = self.began + (most if self.own is None else min(most, self.own / 1000))

    @property
    def left(self) -> float:
        """Seconds that are left; a moment where none are."""
        return max(1e-3, self._until - time.monotonic())

    def check(self, takes: float) -> None:
        """Raise Refused 504 where an answer that takes so many seconds from now on would be later than the request allows."""
        if self.own is not None and takes > self._until - time.monotonic():
            raise self.too_late(takes)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Say that it was the request's own deadline where that, and not the service's, ended the work within."""
        try:
            yield
        except Refused as e:
            if e.code != "timeout" or self.own is None:
                raise
            raise self.passed() from None

    async def reading(self, body: Awaitable[bytes]) -> bytes:
        """Return a body. Raises Refused 504 where it does not come before the request's deadline."""
        if self.own is None:
            return await body
        try:
            async with asyncio.timeout(self.left):
                return await body
        except TimeoutError:
            raise self.passed() from None

    def passed(self) -> Refused:
        """Return the refusal of a request whose time is over."""
        ms = f"{self.own:g}" if self.own is not None else "?"
        words = Words(
            f"The deadline of the request ({ms} ms) has passed; nothing was charged.",
            f"请求的截止时间（{ms} 毫秒）已过；未计费。",
        )
        return Refused(504, "deadline", words)

    def too_late(self, seconds: float) -> Refused:
        """Return the refusal of a request that would be answered after its deadline."""
        ms = f"{self.own:g}" if self.own is not None else "?"
        words = Words(
            f"The answer would take about {1000 * seconds:.0f} ms, longer than the request allows ({ms} ms); nothing was charged.",
            f"预计需要约 {1000 * seconds:.0f} 毫秒，超过请求允许的 {ms} 毫秒；未计费。",
        )
        return Refused(504, "deadline", words)


def _milliseconds(headers: Mapping[str, str] | None) -> float | None:
    given = None if headers is None else headers.get(HEADER.lower(), headers.get(HEADER))
    if given is None:
        return None
    text = given.strip()
    if text.isascii() and text.isdecimal() and len(text) <= 9 and 0 < int(text) <= _MOST:
        return float(text)
    words = Words(
        f"{HEADER} takes whole milliseconds, 1 to {_MOST}; what came is something else.",
        f"{HEADER} 应为整数毫秒，1 到 {_MOST}；收到的不是。",
    )
    raise Refused(400, "deadline_format", words)
