"""URLs as they may be shown and stored."""

from __future__ import annotations

import re


def masked(url: str) -> str:
    """Return a URL, or any text, without the password of its user."""
    return re.sub(r"(://[^/@:]*):[^@/]*@", r"\1:***@", url)
