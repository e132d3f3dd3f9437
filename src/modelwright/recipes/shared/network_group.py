"""One row through several networks: their weights laid side by side at the first row, where they have parts for which that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from modelwright.core.recipe import Model
from modelwright.core.schema import Table


def one_row(models: Sequence[Model]) -> Callable[[Table], np.ndarray | None]:
    """Return what answers single rows for networks of one recipe: scores [M, 1, K], or None where each answers by itself."""
    made: list[Any] = list(models)

    @cache
    def stacks() -> list[tuple[list[int], Any]] | None:
        from modelwright.models.stacked import alike, stacked

        groups = alike([m.network for m in made])
        found = [(own, stacked([made[i].network for i in own], [made[i].codecs for i in own])) for own in groups]
        return None if any(stack is None for _, stack in found) else found

    def answer(table: Table) -> np.ndarray | None:
        groups = stacks() if len(table) == 1 else None
        if groups is None:
            return None
        from modelwright.models.stacked import to_scores

        out: list[Any] = [None] * len(made)
        for own, stack in groups:
            scores = to_scores(stack.outputs(table), made[0].target.kind, [made[i].unit for i in own])
            for i, row in zip(own, scores, strict=True):
                out[i] = row
        return np.stack(out)

    return answer
