"""What was found in many cells, most of which hold nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np

from modelwright.privacy.recognisers.base import Match


class Finds(Sequence[list[Match]]):
    """The matches of each cell: `held` has those of the cells that have any, by the cell's number. Equal to a list of lists."""

    def __init__(self, size: int, held: dict[int, list[Match]]) -> None:
        self._size, self.held = size, held

    @classmethod
    def of(cls, matches: Sequence[list[Match]]) -> Finds:
        """Return the same matches; those of `Finds` as they are."""
        return matches if isinstance(matches, Finds) else cls(len(matches), {i: m for i, m in enumerate(matches) if m})

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, i: int) -> list[Match]: ...

    @overload
    def __getitem__(self, i: slice) -> list[list[Match]]: ...

    def __getitem__(self, i: int | slice) -> list[Match] | list[list[Match]]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(self._size))]
        if not -self._size <= i < self._size:
            raise IndexError(i)
        return self.held.get(i % self._size, [])

    def __iter__(self) -> Iterator[list[Match]]:
        return (self.held.get(i, []) for i in range(self._size))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # held changes

    def changed(self, change: Callable[[list[Match]], list[Match]]) -> Finds:
        """Return the matches of each cell after a change, which leaves cells without any as they are."""
        made = ((i, change(found)) for i, found in self.held.items())
        return Finds(self._size, {i: found for i, found in made if found})

    def joined(self, more: Sequence[list[Match]]) -> Finds:
        """Return these matches and further ones of the same cells."""
        other = Finds.of(more).held
        return Finds(self._size, {i: [*self[i], *other.get(i, [])] for i in sorted({*self.held, *other})})

    def placed(self, order: np.ndarray) -> Finds:
        """Return the matches by the cells that stood at `order` [N] when these were taken from there."""
        return Finds(self._size, {int(order[i]): found for i, found in self.held.items()})
