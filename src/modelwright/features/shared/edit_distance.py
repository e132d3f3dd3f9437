"""How one sequence becomes another: the fewest swaps, drops and adds (Levenshtein 1966)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MATCH, SWAP, DROP, ADD = range(4)


def edits(truth: Sequence[Any], said: Sequence[Any]) -> list[tuple[int, int, int]]:
    """Return the fewest edits from `truth` to `said`, in order: (kind, place in truth, place in said); kinds 0 match, 1 swap, 2 drop, 3 add.

    Levenshtein 1966; of equally few, swaps before drops before adds.
    """
    rows, columns = len(truth), len(said)
    cost = np.zeros((rows + 1, columns + 1), np.int64)
    cost[:, 0], cost[0] = np.arange(rows + 1), np.arange(columns + 1)
    for i in range(1, rows + 1):
        before, here, mine = cost[i - 1], cost[i], truth[i - 1]
        for j in range(1, columns + 1):
            here[j] = min(before[j - 1] + (mine != said[j - 1]), before[j] + 1, here[j - 1] + 1)
    out: list[tuple[int, int, int]] = []
    i, j = rows, columns
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (truth[i - 1] != said[j - 1]):
            i, j = i - 1, j - 1
            out.append((int(truth[i] != said[j]), i, j))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            out.append((DROP, i, j))
        else:
            j -= 1
            out.append((ADD, i, j))
    return out[::-1]


def distance(truth: str, said: str) -> int:
    """Return the fewest single-sign edits between two texts."""
    if truth == said:
        return 0
    a = np.frombuffer(truth.encode("utf-32-le"), np.uint32)
    b = np.frombuffer(said.encode("utf-32-le"), np.uint32)
    if not len(a) or not len(b):
        return max(len(a), len(b))
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for i, sign in enumerate(a, 1):
        best = np.concatenate([[i], np.minimum(row[:-1] + (b != sign), row[1:] + 1)])
        row = np.minimum.accumulate(best - steps) + steps  # an addition costs one for each place to the left
    return int(row[-1])


def matched(truth: Sequence[Any], said: Sequence[Any]) -> set[int]:
    """Return the places in `said` that are right."""
    return {j for kind, _, j in edits(truth, said) if kind == MATCH}


def errors(truth: Sequence[Any], said: Sequence[Any]) -> int:
    """Return how many swaps, drops and adds there are."""
    return 0 if truth == said else sum(kind != MATCH for kind, _, _ in edits(truth, said))
