"""The files of a folder and of the folders in it."""

from __future__ import annotations

import os
from pathlib import Path

_HIDDEN = (".", "~$")  # what systems, notebooks and open documents leave beside the user's own files


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of the folders in it, in the order of their paths, each path beginning with `folder`.

    What is hidden in it is passed over, wherever the folder itself lies (`../photos`, `~/.data/photos`). Links to folders that lie elsewhere are
    followed, each folder once; what is linked from within is listed where it lies. Links to files that are not there are listed, so that whoever
    opens them tells that they are missing.
    Raises OSError for a folder that may not be listed.
    """
    out: list[tuple[tuple[str, ...], str]] = []
    root, seen = os.path.realpath(folder), {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, onerror=_refused, followlinks=True):
        kept = sorted(name for name in folders if not name.startswith(_HIDDEN))
        folders[:] = [name for name in kept if _is_new(os.path.join(place, name), root, seen)]
        parts = Path(place).parts
        found = ((name, os.path.join(place, name)) for name in names if not name.startswith(_HIDDEN))
        out += [((*parts, name), file) for name, file in found if os.path.isfile(file) or _leads_nowhere(file)]
    return [Path(file) for _, file in sorted(out)]


def _is_new(place: str, root: str, seen: set[str]) -> bool:
    """Whether a folder is to be listed: none twice, and no link into the root or to a folder around it, which could go round in circles."""
    real = os.path.realpath(place)
    if os.path.islink(place) and (Path(real).is_relative_to(root) or Path(root).is_relative_to(real)):
        return False
    new = real not in seen
    seen.add(real)
    return new


def _leads_nowhere(place: str) -> bool:
    return os.path.islink(place) and not os.path.exists(place)


def _refused(fault: OSError) -> None:
    raise fault
