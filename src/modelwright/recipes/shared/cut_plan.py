"""What a fit asks for whose plan of epochs is cut to its time as training goes."""

from __future__ import annotations

from modelwright.core.recipe import FitContext

_MOST = 9  # times the time left that a fit asks for at most: a tenth of its epochs, or a pass or two over the rows, teach a good deal


def seconds_asked(epoch: float, epochs: int, ctx: FitContext) -> float:
    """Return the seconds that a fit of `epochs` asks for; where one of them (`epoch` seconds) fits into the time, never so many that it is refused."""
    left = ctx.deadline.remaining()
    return min(epoch * epochs, _MOST * left) if epoch < left else epoch * epochs
