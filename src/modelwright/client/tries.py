"""When a request is sent again: what failed on the way or will do later, after a growing random pause, within the deadline.

The pause is drawn evenly between nothing and a bound that doubles ("full jitter", Brooker 2015,
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that clients that failed together do not come
back together. Where the service says when to come back (Retry-After, RFC 9110 section 10.2.3) that is waited for, and a little more.
"""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelwright.client.errors import ServiceError, TimedOut, Unreachable, of_status
from modelwright.core.words import Words

DEADLINE_HEADER = "X-Request-Deadline-Ms"  # milliseconds that the client still waits
AGAIN = frozenset({429, 502, 503})  # statuses after which the same request may succeed
_FIRST, _LONGEST = 0.1, 10.0  # seconds: bounds of the pause after the first failure, and of any


@dataclass(frozen=True)
class Reply:
    """What came back: a status, headers with names in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Tries:
    """One request, sent until it is answered, `retries` are used up, or `seconds` are over.

    `safe` says whether the request may be sent again when it is not known whether it arrived. Use: send with `headers()` and
    `left()`, then ask `pause` with the reply or the error: None means that the reply is the answer.
    """

    retries: int
    seconds: float
    safe: bool = True
    rng: random.Random = field(default_factory=random.Random)
    clock: Any = time.monotonic

    def __post_init__(self) -> None:
        self.sent, self.until = 0, self.clock() + self.seconds
        self._last: ServiceError | None = None

    def left(self) -> float:
        """Return the seconds that are left. Raises the last error, or TimedOut, where there are none."""
        left: float = self.until - self.clock()
        if left <= 0:
            raise self._last or self._late()
        return left

    def headers(self) -> dict[str, str]:
        """Return the header that tells the service how long the answer is waited for."""
        return {DEADLINE_HEADER: str(max(1, int(1000 * self.left())))}

    def pause(self, came: Reply | Exception, *, arrived: bool = True) -> float | None:
        """Return the seconds to wait before the next try, or None where `came` is the answer. Raises ServiceError.

        `arrived` is False where nothing can have reached the service.
        """
        self.sent += 1
        if isinstance(came, Reply) and came.status < 400:
            return None
        again = came.status in AGAIN if isinstance(came, Reply) else (self.safe or not arrived)
        self._last = error = error_of(came) if isinstance(came, Reply) else self._failed(came)
        if not again or self.sent > self.retries or isinstance(error, TimedOut):
            raise error
        seconds = self.rng.uniform(0, min(_LONGEST, _FIRST * 2.0 ** (self.sent - 1)))
        if error.retry_after is not None:
            seconds += error.retry_after
        if self.clock() + seconds >= self.until:
            raise error
        return seconds

    def _failed(self, error: Exception) -> ServiceError:
        if self.clock() >= self.until:
            return self._late()
        name = type(error).__name__
        return Unreachable(
            Words(f"The service cannot be reached ({name}: {error}).", f"无法连接服务（{name}：{error}）。"),
            code="unreachable",
        )

    def _late(self) -> TimedOut:
        words = Words(
            f"There was no answer within {self.seconds:g} s; give more time (timeout=...) or send fewer rows.",
            f"{self.seconds:g} 秒内没有回答；请延长时限（timeout=...）或减少行数。",
        )
        return TimedOut(words, code="deadline")


def error_of(reply: Reply) -> ServiceError:
    """Return the error that a reply means, in the service's words; of another server's page, what the status says."""
    found: Any = None
    try:
        found = json.loads(reply.body)["error"]
    except (ValueError, KeyError, TypeError):
        found = None
    kind, retry = of_status(reply.status), retry_after(reply.headers)
    if not isinstance(found, dict):
        en = f"Expected an answer of the service, received status {reply.status}; check the address."
        words = Words(en, f"未收到服务的回答，状态码 {reply.status}；请检查地址。")
        return kind(words, status=reply.status, code="http", retry_after=retry)
    message = str(found.get("message", ""))
    more = {k: v for k, v in found.items() if k not in ("code", "message", "message_zh")}
    words = Words(message, str(found.get("message_zh", message)))
    return kind(words, status=reply.status, code=str(found.get("code", "")), retry_after=retry, more=more)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, given as seconds or as a date; None where it says neither."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
