"""What documents of every form share: headings by their level, and digits that stand above or below the line."""

from __future__ import annotations

import re

_RAISED = str.maketrans("0123456789+-−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_DIGITS = re.compile(r"\s*[+\-−(]*\d[\d+\-−=(),\s]*")


class Outline:
    """The headings that a section stands under. Documents skip levels, or begin below the first one: a heading ends all those of its own
    level and below, however many there are above."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    @property
    def titles(self) -> tuple[str, ...]:
        """The outermost first."""
        return tuple(title for _, title in self._open)

    def close(self, level: int) -> None:
        """Leave the headings of a level (1 is the highest) and those below."""
        self._open = [held for held in self._open if held[0] < level]

    def begin(self, level: int, title: str) -> None:
        """Go on under another heading."""
        self.close(level)
        self._open.append((level, title))


def raised(text: str) -> str:
    """Return what stands above the line: digits as raised ones, so that 10 to the fifth is not 105; words as they are."""
    return text.translate(_RAISED) if _DIGITS.fullmatch(text) else text


def lowered(text: str) -> str:
    """Return what stands below the line: digits as lowered ones."""
    return text.translate(_LOWERED) if _DIGITS.fullmatch(text) else text
