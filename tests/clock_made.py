"""A clock that runs where a test says so: what keeps to its time is tested on any machine, however busy."""

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


def stopped_clock(patch: pytest.MonkeyPatch, *modules: ModuleType | str) -> Clock:
    """Return the clock that these modules, or the ones of these names, now look at."""
    clock = Clock()
    for module in modules:
        if isinstance(module, str):
            patch.setattr(f"{module}.time", clock)
        else:
            patch.setattr(module, "time", clock)
    return clock
