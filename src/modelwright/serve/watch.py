"""What is told of each request: its id and trace in the answer, one line in the log, a span. Never a value of it.

Stands outside of all else, so that refusals are told too.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from modelwright.serve import spans, trace

log = logging.getLogger("modelwright.requests")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds by machines: told where they fail


class Watch:
    """ASGI middleware. `release` is the name and version that answer."""

    def __init__(self, app: Any, release: str) -> None:
        self.app, self.release = app, release

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = {name: value for name, value in scope["headers"] if name in (b"traceparent", b"x-request-id")}
        parent, named = given.get(b"traceparent"), given.get(b"x-request-id")
        found = trace.read_trace(
            None if parent is None else parent.decode("latin-1"), None if named is None else named.decode("latin-1")
        )
        span = spans.begin(scope, found)
        if span is not None:
            found = spans.traced(span, found)
        scope["trace"] = found
        began, status = time.perf_counter(), 0
        more = [(b"x-request-id", found.request.encode()), (b"traceparent", found.header.encode())]

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        token, rows = trace.now.set(found), trace.rows.set(None)
        try:
            await self.app(scope, receive, sent)
        finally:
            count = trace.rows.get()
            trace.now.reset(token)
            trace.rows.reset(rows)
            route = getattr(scope.get("route"), "path", "other")
            if span is not None:
                spans.end(span, scope["method"], route, status, self.release, count)
            if log.isEnabledFor(logging.INFO) and (route not in _QUIET or status >= 400):
                took = time.perf_counter() - began
                # routes are patterns: addresses and queries may hold values
                told = {"method": scope["method"], "route": route, "status": status, "seconds": round(took, 6)}
                told |= {"request_id": found.request, "trace_id": found.trace, "span_id": found.span}
                told |= {"release": self.release, "key": scope.get("who"), "rows": count}
                log.info("request", extra={"told": told})
