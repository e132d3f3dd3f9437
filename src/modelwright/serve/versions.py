"""The version of a name that answers, and how another takes its place without one request lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from prometheus_client import Counter, Gauge

from modelwright.core.errors import ModelwrightError, reason
from modelwright.core.words import Words
from modelwright.privacy.ledger import record
from modelwright.release.registry.store import Registry, Release
from modelwright.release.registry.traffic import Standing
from modelwright.serve.counters import Counters
from modelwright.serve.judge import Reason
from modelwright.serve.limits import Refused
from modelwright.serve.trial import Trial, TrialCounters
from modelwright.serve.version import Version

_SLACK = 10.0  # times the usual patience with requests while a version is loaded beside the one that answers ...
_SETTLE = 2.0  # ... and seconds after
_RETRY, _LONGEST_RETRY = 5.0, 300.0  # seconds after which a version that did not load is tried again
_LARGE = 2 << 30  # bytes of a bundle from which on it is not held in memory just to watch another

Make = Callable[[Release], FastAPI]
log = logging.getLogger("modelwright")


class Named:
    """A name: the version that answers, the one on trial beside it, and those before that still answer what they had begun.

    `make` builds the application of a release, in a thread; `say` is told when another version answers. `workers` processes
    do the same beside one another.
    """

    def __init__(
        self,
        name: str,
        registry: Registry,
        counters: Counters,
        make: Make,
        say: Callable[[Words], None],
        workers: int = 1,
    ) -> None:
        self._workers = workers
        self.name, self._registry, self._make, self._say = name, registry, make, say
        self._changed = asyncio.Event()
        self._going: set[asyncio.Task[None]] = set()
        self._reports: set[asyncio.Task[None]] = set()
        self._settle: asyncio.TimerHandle | None = None
        self._told: tuple[int | None, str] | None = None
        own: Any = {"registry": counters.registry}
        self._swaps = Counter("modelwright_swaps", "Times that another version took over", **own)
        self._failures = Counter("modelwright_swap_failures", "Versions that did not load", **own)
        self._version = Gauge("modelwright_version", "The version that answers", **own)
        ending = "Versions that still answer what they had begun"
        ending_now = Gauge("modelwright_versions_ending", ending, multiprocess_mode="sum", **own)
        ending_now.set_function(lambda: len(self._going))
        self._trials = TrialCounters(counters)
        release = registry.get(name)
        self.current = self._knowing_champion(Version(release, make(release)))
        self.other: Version | None = None  # a canary, or the champion before while the one after is watched
        self.trial: Trial | None = None
        self._version.set(release.version)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        version, trial = self.current, self.trial
        if trial is not None and self.other is not None and trial.answers(version.service.keys, scope):
            version = self.other
        await version(scope, receive, send)

    def _knowing_champion(self, version: Version) -> Version:
        """Let a version know whether it is the champion."""
        version.service.leads = lambda: self.current is version
        return version

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
        await self._end_trial()
        await asyncio.gather(*self._reports)
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        for version in self._versions_held:
            await version.end(wait=False)

    def refuse_waiting(self) -> None:
        """Answer all that waits with 503."""
        for version in self._versions_held:
            version.service.refuse_waiting()

    @property
    def _versions_held(self) -> list[Version]:
        return [v for v in (self.current, self.other) if v is not None]

    async def _catch_up(self) -> bool:
        """Serve what the registry says by now: the champion, and the version on trial. False where one of them does not load."""
        release = None
        try:
            standing = await asyncio.to_thread(self._registry.standing, self.name)
            if self._gone_back(standing):
                return True
            release = standing.champion
            if not _same_release(self.current, release):
                await self._take_over(*await self._ready(release))
            release = standing.other
            await self._follow_trial(standing)
        except Exception as e:  # whatever is wrong with a version, what answers goes on
            await asyncio.to_thread(self._tell_failure, release, e)
            return False
        self._told = None
        return True

    def _gone_back(self, standing: Standing) -> bool:
        """Whether the registry is still to be told that the version which it names was taken back here."""
        due = self.trial is not None and self.trial.due is not None
        return due and standing.traffic is not None and standing.traffic.began == self.trial.traffic.began  # type: ignore[union-attr]

    async def _ready(self, release: Release) -> tuple[Version, float]:
        """Return a release as a version that is warm, and the seconds that it took: one that is held already, or it is loaded now."""
        began = time.monotonic()
        held = next((v for v in self._versions_held if _same_release(v, release)), None)
        if held is not None:
            return held, time.monotonic() - began
        self._stay_patient()
        for version in self._versions_held:
            version.service.batcher.slack = _SLACK
        try:
            version = self._knowing_champion(Version(release, await asyncio.to_thread(self._make, release)))
            await version.begin()
        except BaseException:
            self._be_patient()
            raise
        self._be_patient(version)
        return version, time.monotonic() - began

    async def _take_over(self, version: Version, took: float) -> None:
        """Let a version answer from now on; the one before stays beside it until it is known whether it is still needed."""
        old, before = self.current, self.other
        self.current, self.other = version, old
        await self._end_trial()
        if before is not None and before is not version:
            self._let_go(before)
        self._be_patient()
        self._swaps.inc()
        self._version.set(version.release.version)
        words, was = version.release.words, old.release.version
        self._say(
            Words(
                f"{words.en} answers now, after {was} ({took:.1f} s)\n",
                f"{words.zh} 开始作答，此前为 {was}（{took:.1f} 秒）\n",
            )
        )
        facts = {"version": version.release.version, "before": was, "model": version.release.digest[:32]}
        await asyncio.to_thread(self._enter, "serve swap", **facts)

    async def _follow_trial(self, standing: Standing) -> None:
        """Hold the version on trial, or the one that a new champion is compared with, as long as it is needed."""
        traffic, release = standing.traffic, standing.other
        if self.trial is not None and (traffic is None or not self.trial.change(traffic)):
            await self._end_trial()
        if traffic is not None and release is not None:
            if not traffic.canary and release.bytes > _LARGE:
                release = None
            if self.other is not None and (release is None or not _same_release(self.other, release)):
                self._drop_other()
            if release is not None and self.other is None:
                self.other, took = await self._ready(release)
                self._say(
                    Words(
                        f"{release.words.en} stands beside {self.current.release.version} now ({took:.1f} s)\n",
                        f"{release.words.zh} 已与 {self.current.release.version} 并行（{took:.1f} 秒）\n",
                    )
                )
            if self.trial is None:
                judged, other = (self.other, self.current) if traffic.canary else (self.current, self.other)
                if judged is not None:
                    make = (traffic, judged, other, self._registry, self._trials)
                    self.trial = Trial(*make, back=self._go_back, over=self.look, workers=self._workers)
                    self._be_patient()
        elif self.other is not None:
            self._drop_other()

    def _go_back(self, reason: Reason) -> None:
        """Let the champion before answer at once, where the one that is watched has exceeded a limit; the registry is told then."""
        trial = self.trial
        if trial is None or trial.traffic.canary or self.other is None:
            return
        self.current, self.other = self.other, self.current
        self._swaps.inc()
        self._version.set(self.current.release.version)

    async def _end_trial(self) -> None:
        trial, self.trial = self.trial, None
        if trial is None:
            return
        await trial.stop()
        report = asyncio.create_task(trial.report())  # nobody waits for it
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)

    def _drop_other(self) -> None:
        other, self.other = self.other, None
        if other is not None:
            self._let_go(other)

    def _let_go(self, version: Version) -> None:
        """Let a version answer what it had begun, and end."""
        task = asyncio.create_task(self._finish(version))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def _be_patient(self, more: Version | None = None) -> None:
        """Be patient with requests for a moment: whoever answers more than before is yet to learn what that takes."""
        self._stay_patient()
        for version in self._versions_held if more is None else [*self._versions_held, more]:
            version.service.batcher.slack = _SLACK
        self._settle = asyncio.get_running_loop().call_later(_SETTLE, self._calm)

    def _stay_patient(self) -> None:
        """Do not go back to the usual patience yet."""
        if self._settle is not None:
            self._settle.cancel()

    def _calm(self) -> None:
        """Go back to the usual patience: what answers took while a version was loaded tells nothing of later ones."""
        for version in self._versions_held:
            version.service.batcher.calm()

    async def _finish(self, old: Version) -> None:
        try:
            await old.end()
        except asyncio.CancelledError:
            old.service.refuse_waiting()
            await old.end(wait=False)
            raise
        except Exception as e:
            log.warning("%s %s did not end in order (%s)", self.name, old.release.version, reason(e).en)

    def _tell_failure(self, release: Release | None, error: Exception) -> None:
        """Say once why a version does not answer, in the log, the ledger and the counters."""
        said = error.words if isinstance(error, Refused) else reason(error)
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


def _same_release(version: Version, release: Release) -> bool:
    return (version.release.version, version.release.digest) == (release.version, release.digest)
