"""Figures as people read them: shares in percent, quantities with three figures that count."""

from __future__ import annotations

import math


def shown_score(value: float | None) -> str:
    """Return a score with three decimals, large values with none; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def share(part: int, whole: int) -> str:
    """Return a share in percent as people say it: `88`, `99.6`; 0 and 100 only where it is none or all."""
    percent = 100 * part / whole
    if part not in (0, whole) and not 1 <= percent < 99:
        return f"{min(99.9, max(0.1, percent)):.1f}"
    return f"{percent:.0f}"


def rounded(value: float) -> str:
    """Return a quantity with three figures that count, thousands apart: `32,600`, `4.08`, `0.0123`."""
    if not math.isfinite(value):
        return "–"
    if value and abs(value) >= 1000:
        digits = math.floor(math.log10(abs(value))) - 2
        return f"{round(value / 10**digits) * 10**digits:,.0f}"
    return f"{value:.3g}"
