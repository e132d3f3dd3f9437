"""Long work of single requests, explanations above all: one at a time, in fair turns of the keys, refused in time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from modelwright.core.words import Words
from modelwright.serve.fair_queue import FairLine
from modelwright.serve.limits import STOPPING, Refused

_PATIENCE = 3.0  # times what one takes ...
_GRACE = 0.1  # ... and seconds
_FADE = 0.8


class Turns:
    """Runs functions in one thread. What would have to wait for more than about two others of its share is refused."""

    def __init__(self, guess: float) -> None:
        self.mean = guess  # seconds that one takes
        self._line: FairLine[tuple[Callable[[], Any], asyncio.Future[Any]]] = FairLine()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="turns")
        self._work: asyncio.Future[Any] | None = None
        self._until = 0.0

    async def run(self, key: str, weight: float, function: Callable[[], Any], most: float) -> Any:
        """Return what a function returns. Raises Refused 429 with the time to wait, 504 after `most` seconds."""
        left = max(0.0, self._until - time.monotonic()) if self._work is not None else 0.0
        takes, patience = left + self.mean * self._line.ahead(key, weight, 1), min(most, _PATIENCE * self.mean + _GRACE)
        if self._work is not None and takes > patience:
            words = Words(
                "More is asked for than can be answered in time; try again later.",
                "请求过多，无法及时回答；请稍后再试。",
            )
            raise Refused(429, "busy", words, retry=max(1, math.ceil(takes - patience)))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._line.push(key, weight, 1, (function, future))
        self._start_next()
        try:
            async with asyncio.timeout(most):
                return await future
        except TimeoutError:
            words = Words(f"No answer within {most:g} s.", f"{most:g} 秒内未能得到回答。")
            raise Refused(504, "timeout", words, retry=1) from None

    def refuse_waiting(self) -> None:
        """Answer what still waits with 503."""
        for _, future in self._line.clear():
            if not future.done():
                future.set_exception(Refused(503, "stopping", STOPPING, retry=5))

    async def stop(self) -> None:
        """Refuse what waits and let what is under way end."""
        self.refuse_waiting()
        if self._work is not None:
            await asyncio.wait([self._work])
        self._pool.shutdown(wait=True)

    def _start_next(self) -> None:
        while self._work is None and self._line:
            function, future = self._line.pop()
            if future.done():
                continue
            began = time.monotonic()
            self._until = began + self.mean
            self._work = asyncio.get_running_loop().run_in_executor(self._pool, function)
            self._work.add_done_callback(partial(self._done, future=future, began=began))

    def _done(self, work: asyncio.Future[Any], future: asyncio.Future[Any], began: float) -> None:
        self._work = None
        self.mean = _FADE * self.mean + (1 - _FADE) * (time.monotonic() - began)
        self._start_next()
        error = work.exception()
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(work.result())
