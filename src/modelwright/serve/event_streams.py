"""Answers that come piece by piece, as server-sent events in the shape of OpenAI's API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import StreamingResponse

from modelwright.serve.limits import Refused
from modelwright.serve.openai_shapes import error_facts

DONE = b"data: [DONE]\n\n"


def event(data: dict[str, Any]) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"


def failed(refused: Refused, lang: str, **more: Any) -> bytes:
    """Return the event that tells why a stream ends early. `more` are fields beside `error`."""
    return event({**more, "error": error_facts(refused, lang)})


def event_stream(events: AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> StreamingResponse:
    """Return the answer that sends events as they come; no proxy is to collect them."""
    return StreamingResponse(events, 200, {**(headers or {}), "X-Accel-Buffering": "no"}, "text/event-stream")
