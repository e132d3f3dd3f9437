"""Spans for OpenTelemetry: off unless the standard variables of the environment name where they go; they hold no values.

OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT switches them on, OTEL_SDK_DISABLED=true or
OTEL_TRACES_EXPORTER=none off; OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and the like are read by the
library (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Names of attributes are those of its
conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
"""

from __future__ import annotations

import atexit
import logging
import os
from dataclasses import replace
from typing import Any

from modelwright.serve.trace import Trace

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer: Any = None


def asked() -> bool:
    """Whether the environment names where spans go."""
    env = os.environ
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    return not off and any(env.get(name) for name in _ENDPOINTS)


def set_up() -> bool:
    """Begin to send spans where that is asked for; in a process that serves, before its first request.

    The library sends in a thread of its own, and drops what it cannot deliver. Returns whether spans are sent; where the extra
    `otel` is missing the log says so and the service goes on.
    """
    global _tracer
    if not asked() or _tracer is not None:
        return _tracer is not None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        text = 'OTEL_... is set, but no spans are sent: pip install "modelwright[otel]" 已设置 OTEL_...，但缺少扩展 otel，不发送跟踪数据'
        logging.getLogger("modelwright").warning(text)
        return False
    os.environ.setdefault("OTEL_SERVICE_NAME", "modelwright")
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    atexit.register(provider.shutdown)
    _tracer = provider.get_tracer("modelwright")
    return True


def begin(scope: Any, found: Trace) -> Any:
    """Return the span of a request, None where none are sent."""
    if _tracer is None:
        return None
    from opentelemetry import trace as otel

    context = None
    if found.parent is not None:
        above = otel.SpanContext(int(found.trace, 16), int(found.parent, 16), True, otel.TraceFlags(found.flags))
        context = otel.set_span_in_context(otel.NonRecordingSpan(above))
    attributes = {"http.request.method": scope["method"], "url.scheme": scope.get("scheme", "http")}
    return _tracer.start_span(scope["method"], context, otel.SpanKind.SERVER, attributes)


def traced(span: Any, found: Trace) -> Trace:
    """Return the ids of a request by its span."""
    own = span.get_span_context()
    trace = f"{own.trace_id:032x}"
    request = trace if found.request == found.trace else found.request
    return replace(found, request=request, trace=trace, span=f"{own.span_id:016x}", flags=int(own.trace_flags))


def end(span: Any, method: str, route: str, status: int, release: str, rows: int | None) -> None:
    """End the span of a request."""
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("modelwright.release", release)
    if rows is not None:
        span.set_attribute("modelwright.rows", rows)
    if status >= 500 or not status:
        span.set_status(StatusCode.ERROR)
    span.end()
