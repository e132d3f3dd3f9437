"""Who is next, and how long a request would wait: fair shares between keys, weighted by their quotas.

Start-time fair queueing (Goyal, Vin, Cheng 1996): every request gets a start tag, the later of the line's own time and
its key's last finish; a finish is the start plus cost over weight; the smallest start is served next. So a key that asks
for more than its share waits behind itself, and another one's share is not touched by it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
_FADE_SECONDS = 2.0  # in which what was given to a key fades to 1/e, and a refusal is forgotten
_OVER = 1.05


@dataclass
class _Key(Generic[Item]):
    waiting: deque[tuple[float, float, Item]] = field(default_factory=deque)  # start tag, cost, item
    cost: float = 0.0  # of what waits
    reserved: float = 0.0  # of what was admitted and is still being read
    finish: float = 0.0
    weight: float = 1.0


class FairLine(Generic[Item]):
    """A line of requests by key. Costs are in rows, or whatever the caller counts."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key[Item]] = {}
        self._now = 0.0  # the line's own time: the start tag of what was served last
        self.cost = 0.0

    def __bool__(self) -> bool:
        return self.cost > 0

    def push(self, key: str, weight: float, cost: float, item: Item) -> None:
        """Put a request at its key's end."""
        own = self._own(key, weight)
        start = max(self._now, own.finish)
        own.finish = start + cost / own.weight
        own.waiting.append((start, cost, item))
        own.cost += cost
        self.cost += cost

    def peek(self) -> tuple[float, Item] | None:
        """Return cost and item of the request that is next."""
        found = self._next_key()
        return None if found is None else (found.waiting[0][1], found.waiting[0][2])

    def pop(self) -> Item:
        """Take the request that is next."""
        own = self._next_key()
        assert own is not None
        start, cost, item = own.waiting.popleft()
        self._now = max(self._now, start)
        own.cost -= cost
        self.cost -= cost
        if not any(k.waiting for k in self._keys.values()):  # nobody waits: nobody has a debt
            self.cost, self._now = 0.0, max(k.finish for k in self._keys.values())
            self._keys = {n: k for n, k in self._keys.items() if k.reserved}
        return item

    def clear(self) -> list[Item]:
        """Take all requests."""
        return [self.pop() for _ in range(sum(len(k.waiting) for k in self._keys.values()))]

    def reserve(self, key: str, weight: float, cost: float) -> None:
        """Count a request that is admitted and not in the line yet; below zero when it is, or is given up."""
        own = self._own(key, weight)
        own.reserved = max(0.0, own.reserved + cost)
        if not own.waiting and own.reserved == 0 and own.finish <= self._now:
            del self._keys[key]

    def ahead(self, key: str, weight: float, cost: float) -> float:
        """Return what is served until a request of that key would be done, itself included.

        Of every other key's backlog only what its share allows in the meantime counts.
        """
        own = self._keys.get(key)
        mine = cost + (own.cost + own.reserved if own else 0.0)
        others = (
            min(k.cost + k.reserved, mine * k.weight / max(weight, 1e-9))
            for name, k in self._keys.items()
            if name != key
        )
        return mine + sum(others)

    def _own(self, key: str, weight: float) -> _Key[Item]:
        own = self._keys.setdefault(key, _Key())
        own.weight = max(weight, 1e-9)
        return own

    def _next_key(self) -> _Key[Item] | None:
        found = [k for k in self._keys.values() if k.waiting]
        return min(found, key=lambda k: k.waiting[0][0]) if found else None


class Shares:
    """What each key was given of late, by its weight, and who was refused: so that no key has more while another has less.

    A short line forgets who was served before; this does not.
    """

    def __init__(self) -> None:
        self._given: dict[str, tuple[float, float]] = {}
        self._refused: dict[str, float] = {}

    def give(self, key: str, weight: float, cost: float, now: float) -> None:
        """Count what a key is given."""
        self._given[key] = (self._faded(key, now) + cost / max(weight, 1e-9), now)
        if len(self._given) > 1000:
            self._given = {k: v for k, v in self._given.items() if now - v[1] < 10 * _FADE_SECONDS}

    def refuse(self, key: str, now: float) -> None:
        """Remember that a key asked for more than it got."""
        self._refused[key] = now
        if len(self._refused) > 1000:
            self._refused = {k: t for k, t in self._refused.items() if now - t < _FADE_SECONDS}

    def over(self, key: str, now: float) -> bool:
        """Whether a key had more of late than another one that was refused."""
        own = self._faded(key, now)
        return any(
            own > _OVER * self._faded(other, now)
            for other, at in self._refused.items()
            if other != key and now - at < _FADE_SECONDS
        )

    def _faded(self, key: str, now: float) -> float:
        value, at = self._given.get(key, (0.0, now))
        return value * math.exp((at - now) / _FADE_SECONDS)
