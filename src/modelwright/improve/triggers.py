"""When a name is improved by itself: on a schedule, once enough feedback has come, or once drift was found."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from modelwright.core.budget import duration_words
from modelwright.core.errors import LedgerError, ModelwrightError, OptionError
from modelwright.core.words import Words

_LOOK = 20.0  # seconds between looks at feedback and drift
_WHEN = re.compile(r"drift|feedback:([1-9]\d{0,8})")


@dataclass(frozen=True)
class When:
    """What sets an attempt off: so many corrections since the last one, or drift that was found since."""

    corrections: int | None = None
    drift: bool = False


def parse_when(text: str) -> When:
    """Return a trigger from `drift` or `feedback:200`. Raises OptionError for others."""
    found = _WHEN.fullmatch(text.strip())
    if found is None:
        raise OptionError(
            f"--when is drift, or feedback:200 for every 200 corrections; received `{text[:40]}`.",
            f"--when 可为 drift，或 feedback:200（每 200 条更正）；收到 `{text[:40]}`。",
        )
    return When(int(found[1]), False) if found[1] else When(None, True)


def repeat(
    attempt: Callable[[], None],
    stop: Event,
    *,
    every: float | None = None,
    when: When | None = None,
    corrections: Callable[[float], int] = lambda since: 0,
    drifted: Callable[[float], bool] = lambda since: False,
    since: float = 0.0,
    say: Callable[[Words], None] = lambda words: None,
    look: float = _LOOK,
    clock: Callable[[], float] = time.time,
) -> int:
    """Call `attempt` whenever it is due, until `stop` is set; return how often.

    `every` is in seconds, counted from the last attempt (`since`, at the start: 0 for at once); `corrections` and `drifted` say
    what has come since a time (seconds since the epoch). What an attempt refuses is told, and the next one waits for its
    turn; a ledger that cannot be written ends all. Raises LedgerError.
    """
    count, last = 0, since
    while not stop.is_set():
        now = clock()
        if _due(now, last, every, when, corrections, drifted, say):
            count, last = count + 1, now
            try:
                attempt()
            except LedgerError:
                raise
            except ModelwrightError as e:
                say(e.words)
            wait = duration_words(every) if every is not None else None
            if wait is not None:
                say(Words(f"next attempt in {wait.en}", f"下次改进在 {wait.zh}后"))
        rest = look if every is None else min(look, max(0.0, last + every - clock())) or look
        stop.wait(rest)
    return count


def _due(
    now: float, last: float, every: float | None, when: When | None, corrections: Callable[[float], int],
    drifted: Callable[[float], bool], say: Callable[[Words], None],
) -> bool:  # fmt: skip
    if every is not None and now >= last + every:
        return True
    try:
        if when is not None and when.corrections is not None:
            return corrections(last) >= when.corrections
        return when is not None and when.drift and drifted(last)
    except ModelwrightError as e:  # the database is away: it is looked at again
        say(e.words)
        return False
