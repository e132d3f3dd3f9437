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
    def stack() -> Any:
        from modelwright.models.stacked import stacked

        return stacked([m.network for m in made], [m.codecs for m in made])

    def answer(table: Table) -> np.ndarray | None:
        if len(table) != 1 or stack() is None:
            return None
        from modelwright.models.stacked import to_scores

        return to_scores(stack().outputs(table), made[0].target.kind, [m.unit for m in made])

    return answer
