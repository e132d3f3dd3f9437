"""Exports of Label Studio, as those who read boxes, recordings, marked texts and reviews from them share them.

What counts of a task's annotations, the file that a URL of a task names, and how places in a text are counted.
Format: labelstud.io/guide/export and labelstud.io/guide/task_format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what an upload has before its name


def are_tasks(found: Any) -> bool:
    """Whether the JSON of a file is a list of tasks: objects with an object `data`."""
    return isinstance(found, list) and all(isinstance(t, dict) and isinstance(t.get("data"), dict) for t in found)


def finished(annotations: Any) -> list[Mapping[str, Any]]:
    """Return the annotations of a task that were not cancelled, in the order of the export."""
    return [a for a in annotations or () if isinstance(a, Mapping) and not a.get("was_cancelled")]


def results(annotations: Any) -> list[Mapping[str, Any]] | None:
    """Return the results of the annotation that counts, the last one that was not cancelled; None where nobody annotated the task."""
    counted = finished(annotations)
    return [r for r in counted[-1].get("result") or () if isinstance(r, Mapping)] if counted else None


def file_of(url: str) -> Path:
    """Return the path that a URL of a task names: that of `/data/local-files/?d=folder/a.jpg`, else its own. A text that is no URL is a path."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a text that is no URL
        return Path(url)
    return Path(unquote(parse_qs(parts.query).get("d", [parts.path])[0]))


def beside(url: str, export: Path, *folders: str) -> Path | None:
    """Return the file of a URL where it is there: under its own path, or beside an export or in `folders` beside it; None where it is not."""
    named = file_of(url)
    names = (str(named).lstrip("/"), named.name, _UPLOADED.sub("", named.name))
    places = (named, *(export.parent / folder / name for name in names for folder in ("", *folders)))
    return next((p for p in places if p.is_file()), None)


def units_before(text: str, place: int) -> int:
    """Return how many units of UTF-16 stand before a character: so its JavaScript counts places, beyond the basic plane two a character."""
    return len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


def place_of(text: str, units: int) -> int:
    """Return how many characters so many units of UTF-16 are; units beyond the text count as one character each."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return len(raw[: 2 * units].decode("utf-16-le", "replace")) + max(0, units - len(raw) // 2)
