"""The files of a folder and of the folders in it."""

from __future__ import annotations

import os
from pathlib import Path

_HIDDEN = (".", "~$")  # what systems, notebooks and open documents leave beside the user's own files


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of the folders in it, in the order of their paths, each path beginning with `folder`.

    What is hidden in it is passed over, wherever the folder itself lies (`../photos`, `~/.data/photos`). Links to folders are not followed.
    Raises OSError for a folder that may not be listed.
    """
    out: list[tuple[tuple[str, ...], str]] = []
    for place, folders, names in os.walk(folder, onerror=_refused):
        folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
        parts = Path(place).parts
        found = ((name, os.path.join(place, name)) for name in names if not name.startswith(_HIDDEN))
        out += [((*parts, name), file) for name, file in found if os.path.isfile(file)]
    return [Path(file) for _, file in sorted(out)]


def _refused(fault: OSError) -> None:
    raise fault
