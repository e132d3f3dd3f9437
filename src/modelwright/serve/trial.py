"""A version on trial in a service: which requests it answers, what is learnt of it, and how it is taken back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge

from modelwright.core.errors import ModelwrightError
from modelwright.release.registry.findings import Findings, tell
from modelwright.release.registry.store import Registry
from modelwright.release.registry.traffic import Traffic
from modelwright.serve.assign import meets
from modelwright.serve.compare import Compared, Comparer
from modelwright.serve.counters import Counters
from modelwright.serve.feedback.secret import contested
from modelwright.serve.judge import Judge, Reason
from modelwright.serve.stores import Answered
from modelwright.serve.version import Version

_EVERY = 0.5  # seconds between two looks at what is known
_SETTLE = 2.0  # seconds after the start that tell nothing: the machine is busy with loading
_TELL = 10.0  # seconds between two reports to the registry
_LAST = 1.0  # seconds for the last report: nobody waits longer for a registry that is away
_RETRY, _LONGEST_RETRY = 0.5, 30.0  # seconds between two tries to tell the registry of a rollback
log = logging.getLogger("modelwright")


class TrialCounters:
    """What `/metrics` says of versions on trial."""

    def __init__(self, counters: Counters) -> None:
        own: Any = {"registry": counters.registry}
        by = ["release"]
        # who tells the registry what was found; in a container that starts again, host and number are those of the process before
        self.teller = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.share = Gauge(
            "modelwright_trial_share", "Share of units that a canary answers", by, multiprocess_mode="max", **own
        )
        self.rollbacks = Counter("modelwright_rollbacks", "Versions taken back by the service", [*by, "reason"], **own)
        due = "Rollbacks that the registry could not be told of yet"
        self.due = Gauge(
            "modelwright_rollback_due", due, multiprocess_mode="max", **own
        )  # of several workers it is the same one
        self.rows = Counter(
            "modelwright_compared_rows", "Rows that a version on trial and the other answered", [*by, "equal"], **own
        )
        self.distance = Counter("modelwright_compared_distance", "Sum of distances of these answers", by, **own)
        self.seconds = Counter("modelwright_compared_seconds", "Seconds that unseen answers took", by, **own)
        self.dropped = Counter("modelwright_compared_dropped", "Requests not compared, as too many waited", by, **own)
        self.failed = Counter("modelwright_compared_failed", "Requests without an unseen answer", by, **own)

    def add(self, release: str, counts: Compared) -> None:
        """Count a comparison."""
        self.rows.labels(release, "yes").inc(counts.equal)
        self.rows.labels(release, "no").inc(counts.rows - counts.equal)
        self.distance.labels(release).inc(counts.distance)
        self.seconds.labels(release).inc(counts.seconds)
        self.dropped.labels(release).inc(counts.dropped)
        self.failed.labels(release).inc(counts.failed)


class Trial:
    """The version that is judged, and the one that it is compared with. `back` is called in the event loop when it is taken back,
    `over` when a watch is over. `workers` processes judge it beside one another; one of them takes it back, and tells why."""

    def __init__(
        self,
        traffic: Traffic,
        judged: Version,
        other: Version | None,
        registry: Registry,
        counters: TrialCounters,
        back: Callable[[Reason], None],
        over: Callable[[], None],
        workers: int = 1,
    ) -> None:
        self.traffic, self.judged, self.other = traffic, judged, other
        self._registry, self._counters, self._back, self._over = registry, counters, back, over
        self.due: Reason | None = None
        self.compared = Compared()
        self._before = judged.seen.requests, judged.seen.errors
        self._reported: Findings | None = None
        self._began = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._judge: Judge | None = None
        self._comparers: dict[Version, Comparer] = {}
        self._watched: list[tuple[Version, Any]] = []
        self._release = f"{traffic.name}/{traffic.version}"
        if other is not None:
            self._judge = Judge(traffic.limits, other.seen, judged.service.predictor.target.labels, workers)
            self._listen(judged, other)
            self._listen(other, judged if traffic.shadow else None)
            judged.heard = self._heard
        self._show_share()
        self._counters.add(self._release, Compared())  # so that all of them are there from the beginning
        self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._tell())]

    @property
    def judges(self) -> bool:
        """Whether the version is taken back where it exceeds its limits; one that answers nobody does no harm."""
        return bool(self.traffic.limits.watch) and (not self.traffic.canary or self.traffic.share > 0)

    def change(self, traffic: Traffic) -> bool:
        """Go on with another share; False where more than that is different."""
        before = (self.traffic.began, self.traffic.shadow, self.traffic.limits)
        if before != (traffic.began, traffic.shadow, traffic.limits):
            return False
        self.traffic = traffic
        self._show_share()
        return True

    def answers(self, keys: Any, scope: Any) -> bool:
        """Whether the canary answers a request."""
        traffic = self.traffic
        return traffic.canary and self.due is None and traffic.share > 0 and meets(traffic, keys, scope)

    async def stop(self) -> None:
        """Judge and compare no more; the versions may be let go then."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for version, observe in self._watched:
            observers = getattr(version.service, "observers", [])
            if observe in observers:
                observers.remove(observe)
        self._watched.clear()
        self.judged.heard = None
        for comparer in self._comparers.values():
            await asyncio.to_thread(comparer.stop)
        self._comparers.clear()
        self._counters.share.labels(self._release).set(0)
        self._counters.due.set(0)

    async def report(self) -> None:
        """Tell the registry for the last time what was found, if it can be reached."""
        with contextlib.suppress(ModelwrightError, TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._report), _LAST)

    # -- what is learnt ----------------------------------------------------------------------------------------------

    def _listen(self, version: Version, unseen: Version | None) -> None:
        """Hear of the answers of a version, and let another answer them too, unseen; never a hosted model unless asked for."""
        hosted = unseen is not None and any(getattr(m, "remote", False) for _, m in unseen.service.predictor.members)
        if unseen is not None and (not hosted or self.traffic.shadow):
            tell = partial(self._loop_tell, version is not self.judged)
            self._comparers[version] = Comparer(
                unseen.service.predictor,
                version.service.batcher,
                tell,
                shadow=self.traffic.shadow,
                note=contested(version.service),
            )
        observe = partial(self._observe, version)
        version.service.observers.append(observe)
        self._watched.append((version, observe))

    def _settled(self) -> bool:
        return time.monotonic() - self._began >= _SETTLE

    def _heard(self, status: int) -> None:
        """Take note of the status of an answer of the version on trial; what the client or the load is to blame for counts as none."""
        if self._judge is not None and (status < 400 or status >= 500) and status not in (503,):
            self._judge.request(status >= 500)

    def _observe(self, version: Version, answered: Answered) -> None:
        if self._judge is not None and self.other is not None and self._settled():
            took = self._judge.took if version is self.judged else self._judge.other_took
            took(answered.seconds, self.other.further(len(answered.rows)))
        comparer = self._comparers.get(version)
        if comparer is not None and not comparer.offer(answered):
            self._count(Compared(dropped=1))

    def _loop_tell(self, swapped: bool, pairs: list[tuple[Any, Any]], counts: Compared) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has just ended
            self._loop.call_soon_threadsafe(self._take_compared, swapped, pairs, counts)

    def _take_compared(self, swapped: bool, pairs: list[tuple[Any, Any]], counts: Compared) -> None:
        self._count(counts)
        if self._judge is not None:
            self._judge.compare((b, a) for a, b in pairs) if swapped else self._judge.compare(pairs)

    def _count(self, counts: Compared) -> None:
        self.compared.add(counts)
        self._counters.add(self._release, counts)

    def _show_share(self) -> None:
        self._counters.share.labels(self._release).set(self.traffic.share if self.due is None else 0.0)

    # -- what comes of it --------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Judge twice a second, and let a watch end in time."""
        while True:
            await asyncio.sleep(_EVERY)
            if self.traffic.lasts <= 0:
                self._over()
                return
            reason = self._judge.verdict() if self._judge is not None else None
            if reason is not None and self.judges:
                self.due = reason
                self._show_share()
                self._counters.due.set(1)
                self._back(reason)
                await self._take_back(reason)
                return

    async def _tell(self) -> None:
        """Let the registry know from time to time what was found; where it is away, the next time tells all."""
        while True:
            await asyncio.sleep(_TELL)
            try:
                await asyncio.to_thread(self._report)
            except ModelwrightError as e:
                log.debug("what was found of %s was not told: %s", self._release, e.words.en)

    def _report(self) -> None:
        told, compared = self._reported, self.compared
        found = Findings(
            self.judged.seen.requests - self._before[0],
            self.judged.seen.errors - self._before[1],
            self.judged.seen.p95(),
            None if self.other is None else self.other.seen.p95(),
            compared.rows,
            compared.equal,
            compared.measured,
            compared.distance,
            compared.dropped,
            compared.failed,
        )
        if found != (told or Findings()):
            tell(self._registry.url, self.traffic, self._counters.teller, found)
            self._reported = found

    async def _take_back(self, reason: Reason) -> None:
        """Tell the registry, as soon as it can be reached; until then this service goes back by itself."""
        words, release, wait = reason.words, self._release, _RETRY
        while True:
            try:
                if await asyncio.to_thread(self._registry.take_back, self.traffic, words) is not None:
                    # whoever ended it tells it and counts it: another process may have found the same at the same moment
                    self._counters.rollbacks.labels(release, reason.code).inc()
                    log.warning("%s is taken back: %s. %s 已回退：%s。", release, words.en, release, words.zh)
                break
            except ModelwrightError as e:
                text = "The registry was not told yet that %s is taken back, this service has gone back by itself: %s 尚未能将 %s 的回退写入模型登记，本服务已自行回退：%s"
                if wait == _RETRY:
                    log.warning(text, release, e.words.en, release, e.words.zh)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_RETRY)
        self._counters.due.set(0)
        self._over()
