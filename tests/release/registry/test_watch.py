"""A change is seen within two seconds, cheaply, and also after the registry was away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import Queue

import pytest

from modelwright.release.registry.store import Registry


class Watching:
    """A thread that watches, as a service does."""

    def __init__(self, registry: Registry) -> None:
        self.seen: Queue[tuple[int, float]] = Queue()
        self.away: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(registry,))
        self.thread.start()

    def _run(self, registry: Registry) -> None:
        for revision in registry.watch(self.stop, away=lambda e: self.away.append(e.words.en)):
            self.seen.put((revision, time.monotonic()))

    def close(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def watching(registry: Registry) -> Iterator[Watching]:
    found = Watching(registry)
    yield found
    found.close()


def test_changes_are_seen_within_two_seconds(registry, make_run, watching):
    run = make_run()
    assert watching.seen.get(timeout=5)[0] == 0
    for revision, change in ((1, lambda: registry.release(run, "desk")), (2, lambda: registry.release(run, "desk")), (3, lambda: registry.promote("desk", 2))):  # fmt: skip
        change()
        done = time.monotonic()
        seen, at = watching.seen.get(timeout=5)
        assert seen == revision
        assert at - done < 2.0


def test_it_goes_on_after_the_registry_was_away(postgres, make_run, tmp_path):
    registry = Registry(postgres.database(), tmp_path / "bundles")
    run = make_run()
    registry.release(run, "desk")
    watching = Watching(registry)
    try:
        assert watching.seen.get(timeout=5)[0] == 1
        postgres.stop()
        for _ in range(100):
            if watching.away:
                break
            time.sleep(0.1)
        postgres.start()
        assert len(watching.away) == 1, "told once"
        registry.release(run, "desk")
        done = time.monotonic()
        seen, at = watching.seen.get(timeout=5)
        assert seen == 2
        assert at - done < 2.0
    finally:
        watching.close()
