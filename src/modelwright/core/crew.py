"""Several processes that train one network together, as the loop and the planner see them; `train/crew.py` makes them of Accelerate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from modelwright.core.schema import Table


class Crew(Protocol):
    """`size` processes, of which the one of `rank` 0 leads: it decides, looks at validation rows, and keeps what came of it."""

    rank: int
    size: int
    own_rows: bool  # whether each process has rows of its own, not a part of every batch

    def fit(self, recipe: Any, train: Table, valid: Table | None, options: Any, ctx: Any, split: int | None) -> Any:
        """Fit a recipe on one split (None for all rows), the others taking part in every training loop; return the model."""

    def enter(self, device: str) -> Any:
        """Meet the others at the beginning of a training loop; return what to reduce gradients with, None where they do not come."""

    def lost(self) -> bool:
        """Return whether a process died or hung, so that the others are gone as well."""
