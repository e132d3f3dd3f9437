"""One release as an application that is loaded and warm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI

from modelwright.release.registry.store import Release
from modelwright.serve.assign import RELEASE
from modelwright.serve.deadlines import HEADER as DEADLINE
from modelwright.serve.judge import Seen
from modelwright.serve.stores import Answered


class Version:
    """One release as an application, and how many requests it is answering."""

    def __init__(self, release: Release, app: FastAPI) -> None:
        self.release, self.app = release, app
        self.seen = Seen()
        self.heard: Callable[[int], None] | None = None  # told of the status of every answer to /predict
        self._named = RELEASE.lower().encode(), f"{quote(release.name)}/{release.version}".encode()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._life: AbstractAsyncContextManager[Any] | None = None
        # at the first request this would be made in the event loop, while others wait
        app.middleware_stack = app.build_middleware_stack()
        self.service.observers.append(self._answered)
        self.service.told = self._count

    @property
    def service(self) -> Any:
        """The service inside the application."""
        return self.app.state.service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self._named]
                if scope["path"] == "/predict":
                    self._status(scope, message["status"])
            await send(message)

        self._under_way += 1
        self._idle.clear()
        try:
            await self.app(scope, receive, told)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def further(self, rows: int) -> float:
        """Return the seconds that this version takes for the rows of a request beyond the first."""
        latency = self.service.batcher.latency
        return float(latency.seconds(rows) - latency.seconds(1)) if rows > 1 else 0.0

    def _status(self, scope: Any, status: int) -> None:
        """Count an answer. What the load or a client's own deadline is to blame for is no error of the version."""
        if status != 504 or all(name != DEADLINE.lower().encode() for name, _ in scope["headers"]):
            self._count(status)

    def _count(self, status: int) -> None:
        """Count a request, or the rows of a stream that were answered together."""
        self.seen.requests += 1
        self.seen.errors += status >= 500 and status != 503
        if self.heard is not None:
            self.heard(status)

    def _answered(self, answered: Answered) -> None:
        self.seen.late.append(max(0.0, answered.seconds - self.further(len(answered.rows))))

    async def begin(self) -> None:
        """Answer a few rows, so that the first request meets a model that is warm. What fails leaves no thread behind."""
        life = self.app.router.lifespan_context(self.app)
        try:
            await life.__aenter__()
        except BaseException:
            await self.service.stop()
            raise
        self._life = life

    async def end(self, *, wait: bool = True) -> None:
        """Let all that was begun be answered, then end the threads."""
        if wait:
            await self._idle.wait()
        life, self._life = self._life, None
        if life is not None:
            await life.__aexit__(None, None, None)
        # applications are full of circles, and what was there at the start is left out of the search for garbage (see
        # wire.Server), which would stop all requests meanwhile: the model is dropped by hand
        for held in (self.service.batcher, *self.app.state._state.values()):
            getattr(held, "__dict__", {}).clear()
