"""A clock that runs where a test says so: what keeps to its time is tested on any machine, however busy."""

import time
from types import ModuleType

import pytest


class Clock:
    """Stands in for the module `time`; `sleep` is all that makes it go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = process_time = time = monotonic

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Ticking(Clock):
    """A clock that goes on by `tick` seconds whenever it is looked at, too, so that nothing waits for ever."""

    def __init__(self, tick: float) -> None:
        super().__init__()
        self.tick = tick

    def monotonic(self) -> float:
        self.now += self.tick
        return self.now

    perf_counter = process_time = time = monotonic


def stopped_clock(patch: pytest.MonkeyPatch, *modules: ModuleType | str) -> Clock:
    """Return the clock that these modules, or the ones of these names, now look at."""
    clock = Clock()
    for module in modules:
        if isinstance(module, str):
            patch.setattr(f"{module}.time", clock)
        else:
            patch.setattr(module, "time", clock)
    return clock


def own_time(patch: pytest.MonkeyPatch, tick: float = 1e-5) -> Ticking:
    """Return the clock that this process now looks at: time goes on with `sleep` alone, and a little with each look."""
    clock = Ticking(tick)
    for name in ("monotonic", "perf_counter", "process_time", "sleep"):
        patch.setattr(time, name, getattr(clock, name))
    return clock
