"""One failure ends one candidate: whatever a fit raises becomes a reason on the leaderboard, and a traceback in the run folder.

Ctrl-C, SIGTERM and the end of the process for memory are not caught.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from modelwright.core.errors import MemoryTooSmall, ModelwrightError, NodeAtFault
from modelwright.core.run import FAILURES, write_text
from modelwright.core.stored_data import sealing
from modelwright.core.words import Words

T = TypeVar("T")
_LONGEST = 160  # characters of a library's message


@dataclass(frozen=True)
class Broken:
    """Why an attempt gave nothing; `fault` where the program or a library failed, as against time or data that do not suit; `memory` where that did not
    suffice; `node` where a machine of the cluster lacks what it needs."""

    words: Words
    fault: bool = False
    memory: bool = False
    node: bool = False


def attempt(work: Callable[[], T], name: str, folder: Path | None) -> T | Broken:
    """Return what `work` gives, or why it gave nothing; a traceback goes to `folder`/failures/NAME.txt."""
    try:
        return work()
    except ModelwrightError as e:
        return Broken(e.words, memory=isinstance(e, MemoryTooSmall), node=isinstance(e, NodeAtFault))
    except MemoryError:
        words = Words("ran out of memory; grant more or give fewer rows", "内存不足；请增加内存或减少数据")
        return Broken(words, memory=True)
    except Exception as e:  # a candidate among many: what went wrong is told, and the others go on
        _keep(name, folder)
        return Broken(_error_line(e), fault=True)


def _error_line(error: Exception) -> Words:
    """Return the type and the first line of what a library raised; the type alone where rows are kept encrypted."""
    kind = type(error).__name__
    lines = [] if sealing() else str(error).strip().splitlines()
    if not lines:
        return Words(kind, kind)
    line = re.sub(r"\s+", " ", lines[0])[:_LONGEST]
    return Words(f"{kind}: {line}", f"{kind}：{line}")


def _keep(name: str, folder: Path | None) -> None:
    if folder is None or sealing():
        return
    place = folder / FAILURES
    try:
        place.mkdir(exist_ok=True)
        write_text(place / f"{name}.txt", traceback.format_exc())
    except (OSError, ModelwrightError):  # a full disk may be what failed
        return
