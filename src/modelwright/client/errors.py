"""What goes wrong between a client and the service, with the service's own words in both languages.

ServiceError              any of them; `status`, `code`, `retry_after`, `row`, `column`
├── Refused               the request does not fit (400, 413, 422 ...): sent again it would be refused again
│   └── NotAllowed        no key, a wrong one, or one without the right (401, 403)
├── Busy                  too much is asked for, or a quota is used up (429)
├── Unavailable           the service stops, starts or failed inside (5xx)
├── TimedOut              no answer within the deadline
└── Unreachable           nobody answers at that address
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words


class ServiceError(ModelwrightError):
    """The service did not answer as asked."""

    def __init__(
        self,
        words: Words,
        *,
        status: int | None = None,
        code: str = "",
        retry_after: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(words)
        self.status, self.code, self.retry_after, self.more = status, code, retry_after, dict(more or {})

    @property
    def row(self) -> int | None:
        """The row that is meant, counted from 1 in the request."""
        return self.more.get("row")

    @property
    def column(self) -> str | None:
        """The column that is meant."""
        return self.more.get("column")


class Refused(ServiceError):
    """The request does not fit; sent again it would be refused again."""


class NotAllowed(Refused):
    """The key is missing, wrong, or has not the right to do this."""


class Busy(ServiceError):
    """Too much is asked for at the moment, or the key's quota is used up; `retry_after` says when to ask again."""


class Unavailable(ServiceError):
    """The service is starting or stopping, or failed inside."""


class TimedOut(ServiceError):
    """There was no answer within the deadline."""


class Unreachable(ServiceError):
    """Nobody answers at that address."""


def of_status(status: int) -> type[ServiceError]:
    """Return the kind of error that an HTTP status means."""
    if status in (401, 403):
        return NotAllowed
    if status == 429:
        return Busy
    if status in (408, 504):
        return TimedOut
    return Unavailable if status >= 500 else Refused
