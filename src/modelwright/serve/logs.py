"""What the service writes on stderr: lines for people, or one JSON object a line for machines. Never a value of a request."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from modelwright.serve import trace
from modelwright.serve.guard import WithoutValues

_LOGGERS = ("modelwright", "uvicorn.error")


class JsonLine(logging.Formatter):
    """A record as one JSON object: time (UTC), level, logger, message, then what is told beside it."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told = getattr(record, "told", None)
        found = trace.now.get()
        if told is not None:
            line |= {k: v for k, v in told.items() if v is not None}
        elif found is not None:
            line |= {"request_id": found.request, "trace_id": found.trace, "span_id": found.span}
        return json.dumps(line, ensure_ascii=False)


class Stderr(logging.Handler):
    """Writes to whatever stderr is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # a log that cannot be written stops no request
            self.handleError(record)


def set_up(kind: str) -> None:
    """Write the logs of this process as `kind` says: `text` are warnings alone, `json` also a line for each request."""
    logging.getLogger("uvicorn.error").addFilter(WithoutValues())
    if kind != "json":
        return
    handler = Stderr()
    handler.setFormatter(JsonLine())
    handler.addFilter(WithoutValues())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    logging.getLogger("modelwright").setLevel(logging.INFO)
