"""How something may be read out: the one place that says how fast, how high and with what pauses, for requests, files and models."""

from __future__ import annotations

from typing import Any

from pydantic import Field

SPEEDS, TONES, PAUSES_TIMES = (0.25, 4.0), (-12.0, 12.0), (0.0, 5.0)  # times as fast, semitones, times as long


def within(limits: tuple[float, float], about: str | None = None) -> Any:
    """Return the field of a request that may be left out, and lies within limits where it is not."""
    return Field(None, ge=limits[0], le=limits[1], description=about)
