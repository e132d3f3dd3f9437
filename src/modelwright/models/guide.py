"""Holding an answer to a grammar: which ids may come next, found by walking all of them at once through the automaton.

Legend: V vocabulary, K nodes of the tree of all ids' bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.models.grammar import Automaton


class Tree:
    """The bytes of all ids as a tree, level by level: each node's parent and byte."""

    def __init__(self, pieces: Sequence[bytes | None]) -> None:
        parents, letters, depths = [0], [0], [0]
        places: dict[tuple[int, int], int] = {}
        ends = np.full(len(pieces), -1, np.int64)
        for i, piece in enumerate(pieces):
            if not piece:
                continue
            at = 0
            for b in piece:
                goal = places.get((at, b))
                if goal is None:
                    goal = places[(at, b)] = len(parents)
                    parents.append(at)
                    letters.append(b)
                    depths.append(depths[at] + 1)
                at = goal
            ends[i] = at
        order = np.argsort(depths, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        self.parents, self.letters = place[np.array(parents)[order]], np.array(letters, np.int64)[order]
        self.levels = np.searchsorted(np.array(depths)[order], np.arange(max(depths) + 2))
        self.ends = np.where(ends >= 0, place[ends], -1)


class Held:
    """An automaton against a vocabulary; masks are kept by state, so that all answers of one grammar share them."""

    def __init__(self, automaton: Automaton, tree: Tree, stops: frozenset[int]) -> None:
        self.automaton, self.tree = automaton, tree
        self.stops = np.array(sorted(stops), np.int64)
        self._masks: dict[int, np.ndarray] = {}

    def mask(self, state: int) -> np.ndarray:
        """Return which ids may follow a state [V]; the ids that end an answer where it is whole, or nothing else fits."""
        found = self._masks.get(state)
        if found is None:
            found = self._masks[state] = self._walk(state)
        return found

    def _walk(self, state: int) -> np.ndarray:
        tree, automaton = self.tree, self.automaton
        states = np.full(len(tree.parents), -1, np.int32)
        states[0] = state
        for low, high in zip(tree.levels[1:-1], tree.levels[2:]):
            before = states[tree.parents[low:high]]
            live = np.flatnonzero(before >= 0)
            if not len(live):
                break
            for s in np.unique(before[live]):
                automaton.know(int(s))
            states[low + live] = automaton.table[before[live], tree.letters[low + live]]
        mask = (tree.ends >= 0) & (states[tree.ends] >= 0)
        mask[self.stops] = automaton.accepting[state] or not mask.any()
        return mask


class HeldAnswer:
    """One answer under way: a `models.decode.Guide`."""

    def __init__(self, held: Held, pieces: Sequence[bytes | None]) -> None:
        self.held, self.pieces, self.state = held, pieces, 0

    def mask(self) -> np.ndarray:
        """As Guide.mask."""
        return self.held.mask(self.state)

    def advance(self, token: int) -> None:
        """As Guide.advance."""
        self.state = self.held.automaton.next(self.state, self.pieces[token] or b"")

    def whole(self) -> bool:
        """As Guide.whole."""
        return self.state >= 0 and self.held.automaton.accepting[self.state]

    def done(self) -> bool:
        """As Guide.done."""
        if not self.whole():
            return False
        self.held.automaton.know(self.state)
        return not bool((self.held.automaton.table[self.state] >= 0).any())
