"""What many facts share: words in two languages, a score with its interval.

`value`, `low` and `high` (95 %) are NaN where a metric is not defined.
"""

from __future__ import annotations

from typing import TypeAlias, TypedDict

Pair: TypeAlias = list[str]  # a sentence or a name, [English, Chinese]


class Scored(TypedDict):
    """A score with its 95 % interval."""

    value: float
    low: float
    high: float
