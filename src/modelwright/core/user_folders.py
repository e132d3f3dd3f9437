"""Folders of this user for what can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """Return where this user's programs keep such files: `$XDG_CACHE_HOME/modelwright`, else `~/.cache/modelwright`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())) / "modelwright"
