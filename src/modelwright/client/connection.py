"""What both clients are made of: address, time, tries, and the library that carries their requests."""

from __future__ import annotations

from typing import Any, ClassVar

from modelwright.client import calls
from modelwright.core.errors import MissingExtra


class Connection:
    """Where a client asks. `_http` is the client of that name of httpx2, without a timeout, as each call has its own."""

    _library_class: ClassVar[str]

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 30.0, retries: int = 3, verify: str | bool = True
    ) -> None:
        try:
            import httpx2
        except ImportError as e:
            raise MissingExtra("client", f"modelwright.{type(self).__name__}") from e
        self.url, self.timeout, self.retries = calls.checked_address(url), timeout, retries
        self._streams = True
        self._wrong, self._unsent = httpx2.TransportError, (httpx2.ConnectError, httpx2.ConnectTimeout)
        self._http: Any = getattr(httpx2, self._library_class)(
            headers=calls.usual_headers(key), verify=verify, timeout=None
        )
