"""What a service counts for Prometheus, and the quotas that the versions of one name share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from modelwright.serve.quota import Quota

if TYPE_CHECKING:
    from modelwright.serve.batcher import Batcher

_ROWS = tuple(2.0**i for i in range(10))  # bounds of batches


class Labelled:
    """A metric whose first labels are set already; `labels` takes the rest."""

    def __init__(self, metric: Any, *first: str) -> None:
        self._metric, self._first = metric, first

    def labels(self, *more: str) -> Any:
        """Return the one metric of all its labels."""
        values = (*self._first, *more)
        return self._metric.labels(*values) if values else self._metric


class Counters:
    """The counters of a service. Where it serves a name, each carries the release (`desk/2`) as its first label."""

    def __init__(self, *, by_release: bool = False) -> None:
        self.registry = CollectorRegistry()
        first = ["release"] if by_release else []
        self._requests = Counter(
            "modelwright_requests", "Requests by route and status", [*first, "route", "status"], registry=self.registry
        )
        self._rows = Counter("modelwright_rows", "Rows answered", first, registry=self.registry)
        self._seconds = Histogram(
            "modelwright_seconds", "Seconds per request", [*first, "route"], registry=self.registry
        )
        self._batches = Gauge(
            "modelwright_batches", "Calls of the model so far", first, registry=self.registry, multiprocess_mode="sum"
        )
        self._queue = Gauge(
            "modelwright_queue_rows",
            "Rows that wait for the model",
            first,
            registry=self.registry,
            multiprocess_mode="sum",
        )
        self._batch_rows = Histogram(
            "modelwright_batch_rows", "Rows in a call of the model", first, registry=self.registry, buckets=_ROWS
        )
        self._batch_seconds = Histogram(
            "modelwright_batch_seconds", "Seconds of a call of the model", first, registry=self.registry
        )
        self._holders: dict[tuple[str, ...], object] = {}
        self.further: dict[str, Any] = {}  # by name: made when first asked for, once however many versions come and go

    def of(self, *release: str) -> Counted:
        """Return the counters of one release; of the whole service where none is given."""
        rows = Labelled(self._rows, *release).labels()
        return Counted(self, release, Labelled(self._requests, *release), rows, Labelled(self._seconds, *release))


@dataclass(frozen=True)
class Counted:
    """The counters of one release, or of a service that serves one model."""

    all: Counters
    release: tuple[str, ...]
    requests: Labelled  # by route and status
    rows: Any
    seconds: Labelled  # by route

    def follow(self, batcher: Batcher) -> None:
        """Count the calls of a model, and ask it how many there were and what waits whenever the counters are read."""
        first = self.release
        rows = Labelled(self.all._batch_rows, *first).labels()
        took = Labelled(self.all._batch_seconds, *first).labels()

        def called(count: int, seconds: float) -> None:
            rows.observe(count)
            took.observe(seconds)

        batcher.called = called
        Labelled(self.all._batches, *first).labels().set_function(lambda: batcher.batches)
        Labelled(self.all._queue, *first).labels().set_function(lambda: batcher.waiting)
        self.all._holders[self.release] = self

    def also(self, kind: Callable[..., Counter | Gauge], name: str, text: str, *labels: str) -> Labelled:
        """Return one more metric of this release; `labels` are those behind the release."""
        if name not in self.all.further:
            first = ["release"] if self.release else []
            self.all.further[name] = kind(name, text, [*first, *labels], registry=self.all.registry)
        return Labelled(self.all.further[name], *self.release)

    def forget(self) -> None:
        """Ask that model no more, so that it can be let go; another of the same release is still asked."""
        if self.release and self.all._holders.get(self.release) is self:
            del self.all._holders[self.release]
            self.all._batches.remove(*self.release)
            self.all._queue.remove(*self.release)


@dataclass
class Shared:
    """What all versions of a name use together: quotas go on where the version before left off."""

    quota: Quota  # of rows
    tokens: Quota  # where models write texts
    counters: Counters = field(default_factory=lambda: Counters(by_release=True))
