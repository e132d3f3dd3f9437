"""The version of a name that answers, and how another takes its place without one request lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from prometheus_client import Counter, Gauge

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.privacy.ledger import record
from modelwright.release.registry.store import Registry, Release
from modelwright.serve.counters import Counters
from modelwright.serve.limits import Refused

_SLACK = 10.0  # times the usual patience with requests while a version is loaded beside the one that answers ...
_SETTLE = 2.0  # ... and seconds after
_RETRY, _LONGEST_RETRY = 5.0, 300.0  # seconds after which a version that did not load is tried again

Make = Callable[[Release], FastAPI]
log = logging.getLogger("modelwright")


class Version:
    """One release as an application, and how many requests it is answering."""

    def __init__(self, release: Release, app: FastAPI) -> None:
        self.release, self.app = release, app
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._life: AbstractAsyncContextManager[Any] | None = None
        # at the first request this would be made in the event loop, while others wait
        app.middleware_stack = app.build_middleware_stack()

    @property
    def service(self) -> Any:
        """The service inside the application."""
        return self.app.state.service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._under_way += 1
        self._idle.clear()
        try:
            await self.app(scope, receive, send)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

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
        for held in self.app.state._state.values():
            getattr(held, "__dict__", {}).clear()


class Named:
    """A name: its current version, and the ones before it that still answer what they had begun.

    `make` builds the application of a release, in a thread; `say` is told when another version answers.
    """

    def __init__(
        self, name: str, registry: Registry, counters: Counters, make: Make, say: Callable[[Words], None]
    ) -> None:
        self.name, self._registry, self._make, self._say = name, registry, make, say
        self._changed = asyncio.Event()
        self._going: set[asyncio.Task[None]] = set()
        self._settle: asyncio.TimerHandle | None = None
        self._told: tuple[int | None, str] | None = None
        own: Any = {"registry": counters.registry}
        self._swaps = Counter("modelwright_swaps", "Times that another version took over", **own)
        self._failures = Counter("modelwright_swap_failures", "Versions that did not load", **own)
        self._version = Gauge("modelwright_version", "The version that answers", **own)
        ending = "Versions that still answer what they had begun"
        ending_now = Gauge("modelwright_versions_ending", ending, multiprocess_mode="sum", **own)
        ending_now.set_function(lambda: len(self._going))
        release = registry.get(name)
        self.current = Version(release, make(release))
        self._version.set(release.version)

    async def begin(self) -> None:
        """Warm the first version."""
        await self.current.begin()

    def look(self) -> None:
        """Look at the registry soon: something may have changed there."""
        self._changed.set()

    async def follow(self) -> None:
        """Go on serving the champion, whichever version that is, until cancelled."""
        retry = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry or None):
                    await self._changed.wait()
                    retry = 0.0
            self._changed.clear()
            retry = 0.0 if await self._catch_up() else min(2 * retry or _RETRY, _LONGEST_RETRY)

    async def end(self) -> None:
        """End all versions."""
        self._stay_patient()
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        await self.current.end(wait=False)

    def refuse_waiting(self) -> None:
        """Answer all that waits with 503."""
        self.current.service.refuse_waiting()

    async def _catch_up(self) -> bool:
        """Load and warm the champion beside the version that answers, then let it answer. False where it does not load."""
        began, release = time.monotonic(), None
        try:
            release = await asyncio.to_thread(self._registry.get, self.name)
            now = self.current.release
            if (release.version, release.digest) == (now.version, now.digest):
                self._told = None
                return True
            self._stay_patient()
            self.current.service.batcher.slack = _SLACK
            version = Version(release, await asyncio.to_thread(self._make, release))
            await version.begin()
            version.service.batcher.slack = _SLACK
        except Exception as e:  # whatever is wrong with a version, the one before goes on
            await asyncio.to_thread(self._tell_failure, release, e)
            return False
        finally:
            self._stay_patient()
            self._settle = asyncio.get_running_loop().call_later(_SETTLE, self._calm)
        self._take_over(version, time.monotonic() - began)
        facts = {"version": release.version, "before": now.version, "model": release.digest[:32]}
        await asyncio.to_thread(self._enter, "serve swap", **facts)
        return True

    def _take_over(self, version: Version, took: float) -> None:
        """Let a version answer from now on, and the one before end."""
        old, self.current = self.current, version
        self._told = None
        self._swaps.inc()
        self._version.set(version.release.version)
        task = asyncio.create_task(self._let_go(old))
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        words, before = version.release.words, old.release.version
        self._say(
            Words(
                f"{words.en} answers now, after {before} ({took:.1f} s)\n",
                f"{words.zh} 开始作答，此前为 {before}（{took:.1f} 秒）\n",
            )
        )

    def _stay_patient(self) -> None:
        """Do not go back to the usual patience yet."""
        if self._settle is not None:
            self._settle.cancel()

    def _calm(self) -> None:
        """Go back to the usual patience: what answers took while a version was loaded tells nothing of later ones."""
        self.current.service.batcher.calm()

    async def _let_go(self, old: Version) -> None:
        try:
            await old.end()
        except asyncio.CancelledError:
            old.service.refuse_waiting()
            await old.end(wait=False)
            raise
        except Exception as e:
            log.warning("%s %s did not end in order (%s)", self.name, old.release.version, type(e).__name__)

    def _tell_failure(self, release: Release | None, error: Exception) -> None:
        """Say once why a version does not answer, in the log, the ledger and the counters."""
        named = Words(type(error).__name__, type(error).__name__)
        said = error.words if isinstance(error, (ModelwrightError, Refused)) else named
        about = (None if release is None else release.version, said.en)
        if self._told == about:
            return
        self._told = about
        stays = self.current.release.version
        which = "?" if release is None else release.version
        if release is not None:
            self._failures.inc()
            facts = {"version": release.version, "before": stays, "model": release.digest[:32]}
            self._enter("serve swap failed", **facts, why=type(error).__name__)
        log.warning(
            "%s %s cannot be served, %s goes on answering: %s %s %s 无法提供服务，继续由 %s 作答：%s",
            self.name, which, stays, said.en, self.name, which, stays, said.zh,
        )  # fmt: skip

    def _enter(self, did: str, **facts: Any) -> None:
        """Write into the ledger; the change itself stands there already, so one that cannot be written stops nothing."""
        try:
            record(None, did, name=self.name, **facts)
        except ModelwrightError as e:
            log.warning("%s %s", e.words.en, e.words.zh)
