"""Processes that fit one model together, each from its own share of the rows, as a recipe sees them; `tune/peers.py` makes them of Ray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Peers(Protocol):
    """`size` processes, of which this is the one of `rank`; the one of rank 0 decides what must be the same in all, and returns the model.

    All ask the same things in the same order. What does not come in time ends the fit with a ModelwrightError that names the node.
    """

    rank: int
    size: int
    host: str  # the address at which the others reach this one

    def agree(self, what: str, find: Callable[[], T]) -> T:
        """Return in all processes what the first one finds."""

    def gather(self, what: str, value: Any) -> list[Any]:
        """Return the values of all processes, in order of rank."""

    def in_force(self, what: str, at: int, value: Any) -> Any:
        """Return, in lockstep, what holds at step `at`: the first one's `value`, from two steps after it first said so; None before."""
