"""What estimates in processor time come to on the clock, here and now; learnt from what has run so far.

Two things differ from what an estimate says: the work itself (rounds, epochs, the speed of the processor), and how much of
the machine other programs leave. The first is told by processor time, by recipe; the second by clock over processor time.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from types import TracebackType

from modelwright.core.recipe import Recipe

_NEW = 0.5  # weight of the latest measurement
_GAIN = 0.7  # T threads do the work of T to this power
_MOST = 12.0  # times by which a load or a wrong estimate may stretch what is expected
_TELLS = 0.05  # processor seconds below which a measurement says nothing
_TELLS_LOAD = 0.3  # the same of the load: within short ones another program may have had its turn
_BUSIEST = 5.0


class Stopwatch:
    """Measures a block: `wall` seconds on the clock, `cpu` seconds of processor time of all threads together."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.monotonic(), time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wall, self.cpu = time.monotonic() - self._wall, time.process_time() - self._cpu


@dataclass
class Pace:
    """How many seconds on the clock work takes. `load` is 1 where the machine is ours alone, 2 where it gives us half."""

    threads: int = 1
    load: float = 1.0
    _bias: dict[str, float] = field(default_factory=dict)  # by recipe, processor time measured over estimated
    _clock: dict[str, float] = field(default_factory=dict)  # by recipe, clock over processor time

    def seconds(self, recipe: Recipe, estimated: float) -> float:
        """Return the seconds on the clock that an estimate in processor seconds comes to."""
        clock = self._clock.get(recipe.name, self.load * self._alone(recipe))
        return estimated * self._bias.get(recipe.name, 1.0) * clock

    def learn(
        self, recipe: Recipe, watch: Stopwatch, estimated: float = 0.0, *, whole: bool = True, threads: int = 0
    ) -> None:
        """Take in what a piece of work took; `estimated` (0 for unknown) says what it was to, if it was not cut short.

        `threads` are those that it had, where that is not all of them: a fit is expected to gain by the others.
        """
        if watch.cpu < _TELLS or watch.wall <= 0:
            return
        gain = self._alone(recipe) if threads == 1 else 1.0
        clock = min(max(watch.wall / watch.cpu * gain, 1 / (4 * self.threads)), _MOST)
        self._clock[recipe.name] = _mixed(self._clock.get(recipe.name), clock)
        if watch.cpu >= _TELLS_LOAD:
            self.load = min(max(1.0, _mixed(self.load, max(1.0, clock / self._alone(recipe)))), _BUSIEST)
        if estimated > 0 and (whole or watch.cpu > estimated):
            bias = min(max(watch.cpu / estimated, 1 / _MOST), _MOST)
            self._bias[recipe.name] = _mixed(self._bias.get(recipe.name), bias)

    def _alone(self, recipe: Recipe) -> float:
        """Return clock over processor time where nothing else runs: less than 1 for what works on several cores."""
        return 1.0 if type(recipe).baseline else float(self.threads**-_GAIN)


def _mixed(old: float | None, new: float) -> float:
    """Return the geometric mean of what was known and what is new."""
    return new if old is None else math.exp((1 - _NEW) * math.log(old) + _NEW * math.log(new))
