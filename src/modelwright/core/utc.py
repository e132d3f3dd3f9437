"""Times as files, messages and routes tell them: UTC to the second, such as 2026-12-02T14:00:00Z."""

from __future__ import annotations

import time
from typing import overload


@overload
def utc(seconds: float) -> str: ...
@overload
def utc(seconds: None) -> None: ...
def utc(seconds: float | None) -> str | None:
    """Return a time in seconds since 1970 as text; None for None, such as a key that never expires."""
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def utc_now() -> str:
    """Return the present time as text."""
    return utc(time.time())
