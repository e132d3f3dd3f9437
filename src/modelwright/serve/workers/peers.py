"""What a worker asks of the others through the supervisor, and what it gives them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from modelwright.serve.workers.link import Link

_SECONDS = 1.5


@dataclass
class Gathered:
    """What the other workers said, and how many workers there are."""

    found: list[Any] = field(default_factory=list)
    workers: int = 1
    restarts: int = 0


class Peers:
    """The other workers of a service. `give` returns what they may ask of this one."""

    def __init__(self, link: Link, give: Callable[[str], Any]) -> None:
        self._link, self._give = link, give
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Gathered]] = {}

    async def gather(self, what: str) -> Gathered:
        """Ask the others for something; who does not answer in time is left out."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._link.tell(gather=what, id=number)
        try:
            async with asyncio.timeout(_SECONDS):
                return await future
        except TimeoutError:
            return Gathered()
        finally:
            del self._waiting[number]

    async def listen(self) -> None:
        """Answer what the supervisor asks, until it is gone."""
        async for message in self._link.messages():
            if "give" in message:
                self._link.tell(given=message["id"], data=self._give(message["give"]))
            future = self._waiting.get(message.get("gathered", 0))
            if future is not None and not future.done():
                future.set_result(Gathered(message["data"], message["workers"], message["restarts"]))
