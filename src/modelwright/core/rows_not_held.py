"""Rows of a source that a run does not hold, as there are too many for its memory or its time to read: they can be read once more, in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from modelwright.core.schema import Table


@dataclass(frozen=True)
class Rest:
    """`count` is how many rows there are at least, `seconds` what reading one of them took on the clock.

    `tables()` reads the source again and yields typed tables [some thousand rows each] without the rows that the run holds, and without
    those that equal a row by which models are judged. It raises DataError where the source has gone or changed. `share(rank, size)`, which
    other processes may be sent, gives the part of them that one of `size` processes reads; None where rows cannot be read in parts.
    """

    count: int
    seconds: float
    tables: Callable[[], Iterator[Table]]
    share: Callable[[int, int], Rest] | None = None
