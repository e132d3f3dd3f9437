"""Patterns that are compiled when they are first used: a hundred of them take longer to compile than a bundle to load."""

from __future__ import annotations

import re
from typing import Any, cast


class _Later:
    """Stands for a compiled pattern; `pattern` and `flags` are known before it is compiled."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern, self.flags = pattern, flags
        self._made: re.Pattern[str] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by what makes classes, of each of their attributes
            raise AttributeError(name)
        if self._made is None:
            self._made = re.compile(self.pattern, self.flags)
        found = getattr(self._made, name)
        setattr(self, name, found)  # the next call does not come by here
        return found


def later(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that behaves as `re.compile` gives it, and is compiled at its first search."""
    return cast("re.Pattern[str]", _Later(pattern, int(flags)))
