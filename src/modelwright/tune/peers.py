"""Workers of a cluster that fit one model together: what they must agree on goes through the run's mailbox, an actor of Ray.

What models are made of goes from worker to worker by the library that fits them; here only decisions and addresses do.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import Any, TypeVar

from modelwright.core.errors import ModelwrightError

T = TypeVar("T")

_LOOK = 0.05  # seconds between two looks at what others have said
_PATIENCE = 120.0  # seconds for which one is waited for: nodes read their rows at different speeds; who hangs is found by the run


class RayPeers:
    """This worker among `size` of a fit; `attempt` tells the fit from others, and from itself where it was begun anew."""

    def __init__(self, mailbox: Any, attempt: str, rank: int, size: int) -> None:
        import ray

        self.rank, self.size = rank, size
        self.host = str(ray.util.get_node_ip_address())
        self._ray, self._mailbox, self._attempt = ray, mailbox, attempt
        self._held: dict[str, list[tuple[int, Any]]] = {}
        self._nodes = {rank: platform.node()}

    def agree(self, what: str, find: Callable[[], T]) -> T:
        """Return in all processes what the first one finds."""
        if self.rank == 0:
            value = find()
            self._say(f"{what}", value)
            return value
        found: T = self._wait([f"{what}"])[0]
        return found

    def gather(self, what: str, value: Any) -> list[Any]:
        """Return the values of all processes, in order of rank."""
        self._say(f"{what}/{self.rank}", (platform.node(), value))
        found = self._wait([f"{what}/{r}" for r in range(self.size)])
        self._nodes = {r: node for r, (node, _) in enumerate(found)}
        return [v for _, v in found]

    def in_force(self, what: str, at: int, value: Any) -> Any:
        """Return what holds at step `at`; a step ends in no process before all have begun it, so two steps ahead none is past it."""
        key = f"{what}/from"
        held = self._held.setdefault(key, [])
        if self.rank == 0:
            if not held or held[-1][1] != value:
                held.append((at + 2, value))
                self._say(key, list(held))
        else:
            found = self._ray.get(self._mailbox.said.remote([self._key(key)]))
            held[:] = found.get(self._key(key), held)
        return next((v for begins, v in reversed(held) if begins <= at), None)

    def _key(self, what: str) -> str:
        return f"{self._attempt}/{what}"

    def _say(self, what: str, value: Any) -> None:
        self._ray.get(self._mailbox.say.remote(self._key(what), value))

    def _wait(self, what: list[str]) -> list[Any]:
        keys, until = [self._key(w) for w in what], time.monotonic() + _PATIENCE
        while True:
            found = self._ray.get(self._mailbox.said.remote(keys))
            away = [r for r, k in enumerate(keys) if k not in found]
            if not away:
                return [found[k] for k in keys]
            if time.monotonic() > until:
                nodes = ", ".join(self._nodes.get(r, f"{r + 1} of {self.size}") for r in away)
                raise ModelwrightError(
                    f"the worker on {nodes} did not come within {_PATIENCE:.0f} s: look whether that node is overloaded, or give fewer workers",
                    f"{nodes} 上的工作进程在 {_PATIENCE:.0f} 秒内没有响应：请检查该节点是否过载，或减少工作进程",
                )
            time.sleep(_LOOK)
