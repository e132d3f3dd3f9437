"""What stands before every route: the key, the count of requests, the security headers, and the one shape of errors.

Shut by default: a path that is not named here as open needs a key, whether there is such a route or not.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser

from modelwright.core.errors import BundleError, ModelwrightError
from modelwright.core.words import Words
from modelwright.serve.keys import KeyRing, ServiceKey
from modelwright.serve.limits import STOPPING, Refused
from modelwright.serve.origins import answered_preflight, check_own_page, shared
from modelwright.serve.roles import FORMS, OPEN, Rules

COOKIE = "modelwright_session"

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends `Origin: null` with the form of the key
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


def answer_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response; Han characters stay as they are."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return Response(body, status, dict(headers or {}), "application/json")


def asked_lang(headers: Headers) -> str:
    """Return the language that a client asks for, `en` or `zh`."""
    return "zh" if headers.get("accept-language", "").lower().startswith("zh") else "en"


def error_json(headers: Headers, refused: Refused) -> Response:
    """Return the one shape of an error, `message` in the language the client asks for."""
    error = {
        "code": refused.code,
        "message": refused.words.to(asked_lang(headers)),
        "message_zh": refused.words.zh,
        **refused.more,
    }
    if refused.status == 401:
        error |= {"type": "authentication_error", "param": None}  # as clients of OpenAI's shape read it
    more = {"Retry-After": str(refused.retry)} if refused.retry else {}
    if refused.status == 401:
        more["WWW-Authenticate"] = "Bearer"
    if refused.status in (408, 413):
        more["Connection"] = "close"  # the rest of the body is not read
    return answer_json({"error": error}, refused.status, more)


class Guard:
    """ASGI middleware around the whole app. `requests` and `seconds` are the counters, bodies are never kept or logged.

    Routes find the key in `scope["key"]`, None where a route may be had without one. `release` is the name and the
    version of what is served.
    """

    def __init__(
        self,
        app: Any,
        keys: KeyRing,
        requests: Any,
        seconds: Any,
        rules: Rules,
        release: tuple[str, str],
        forms: frozenset[str] = frozenset(),
        origins: frozenset[str] = frozenset(),
        stopping: Stopping | None = None,
    ) -> None:
        self.app, self.keys, self.requests, self.seconds = app, keys, requests, seconds
        self.rules, self.release = rules, release
        self.forms = FORMS | forms
        self.origins, self.stopping = origins, stopping or Stopping()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, began = time.perf_counter(), False
        headers = Headers(scope=scope)
        more = [(n.lower().encode(), v.encode()) for n, v in shared(headers, self.origins).items()]

        async def watched(message: Any) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                own = {name for name, _ in message["headers"]}
                added = [*_RAW_HEADERS, *more, *([(b"connection", b"close")] if self.stopping.now else [])]
                message["headers"] = [*message["headers"], *(h for h in added if h[0] not in own)]
                route = getattr(scope.get("route"), "path", "other")
                self.requests.labels(route, str(message["status"])).inc()
                self.seconds.labels(route).observe(time.perf_counter() - start)
            await send(message)

        preflight = answered_preflight(scope["method"], headers, self.origins)
        if preflight is not None:
            await Response(None, 204 if preflight else 403, preflight)(scope, receive, watched)
            return
        path = scope["path"]
        given = "" if path in OPEN else given_key(headers)
        scope["key"] = key = None if path in OPEN else self._key(headers, given)
        scope["who"] = None if key is None else key.name
        refused = self._refused(scope, headers, key, given)
        if refused is not None:
            await error_json(headers, refused)(scope, receive, watched)
            return
        if key is not None and (wire := scope.get("modelwright.wire")) is not None:
            wire.known()
        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:
            if began or not self.stopping.now:
                raise
            await error_json(headers, stopped())(scope, receive, watched)

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a WebSocket through that shows a key, or the cookie of this service's own page; others are closed unopened."""
        headers = Headers(scope=scope)
        given = given_key(headers)
        scope["key"] = key = self._key(headers, given)
        scope["who"] = None if key is None else key.name
        asked = {
            **scope,
            "method": "POST",
            "scheme": {"ws": "http", "wss": "https"}.get(scope.get("scheme", "ws"), "http"),
        }
        refused = self._refused(asked, headers, key, given)
        self.requests.labels(
            scope["path"] if key is not None else "other", str(refused.status if refused else 101)
        ).inc()
        if refused is not None:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refused.code})
            return
        if (wire := scope.get("modelwright.wire")) is not None:
            wire.known()
        await self.app(scope, receive, send)

    def _refused(self, scope: Any, headers: Headers, key: ServiceKey | None, given: str) -> Refused | None:
        """Return why a request may not pass; None where it may."""
        path = scope["path"]
        if path in OPEN:
            return None
        if self.stopping.now:
            return stopped()
        if not given:  # only a cookie, or nothing at all, speaks for it
            try:
                check_own_page(scope["method"], scope.get("scheme", "http"), headers)
            except Refused as e:
                return e
        if key is None and path in self.forms and not given:
            return None
        if key is None and given:
            en = "This key is not known here, has expired or was revoked. Ask whoever runs the service for another."
            return Refused(401, "wrong_key", Words(en, "此密钥不存在、已过期或已吊销。请向服务管理员索取新的密钥。"))
        if key is None:
            en = "A key is needed: send the header `Authorization: Bearer KEY`."
            return Refused(401, "key", Words(en, "需要密钥：请发送请求头 `Authorization: Bearer KEY`。"))
        if not key.covers(*self.release):
            return Refused(403, "scope", Words("This key is not for this release.", "此密钥不适用于该发布版本。"))
        role = self.rules.needs(path)
        if not key.may(role):
            en = f"This key may not do that: it is for the role {role}."
            return Refused(403, "role", Words(en, f"此密钥无权执行该操作：需要角色 {role}。"))
        return None

    def _key(self, headers: Headers, given: str) -> ServiceKey | None:
        """Return the live key that a request carries, or None."""
        if given:
            return self.keys.key(given)
        return self.keys.session(cookie_parser(headers.get("cookie", "")).get(COOKIE))


def given_key(headers: Headers) -> str:
    """Return the text of the key that a request's headers hold; "" where there is none."""
    head = headers.get("authorization", "")
    return head[7:].strip() if head[:7].lower() == "bearer " else headers.get("x-api-key", "")


def stopped() -> Refused:
    """Return the refusal of a service that is about to stop."""
    return Refused(503, "stopping", STOPPING, retry=5)


def with_headers(send: Any, stopping: Stopping) -> Any:
    """Return a `send` that adds the security headers, for answers that no guard stands before."""

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            added = [*_RAW_HEADERS, *([(b"connection", b"close")] if stopping.now else [])]
            message["headers"] = [*message["headers"], *(h for h in added if h[0] not in own)]
        await send(message)

    return sent


class Stopping:
    """Whether the service was told to stop: what comes from then on is answered 503."""

    def __init__(self) -> None:
        self.now = False


def add_errors(app: FastAPI) -> None:
    """Answer every error as JSON; what went wrong inside is named to nobody but the log, and there without its values."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return error_json(request.headers, error)

    @app.exception_handler(ModelwrightError)
    async def ours(request: Request, error: ModelwrightError) -> Response:
        if isinstance(error, BundleError):  # no fault of the request: the model that is served is damaged
            words = Words("The model of this service cannot answer.", "此服务的模型无法作答。")
            return error_json(request.headers, Refused(500, "model", words))
        return error_json(request.headers, Refused(422, type(error).__name__, error.words))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        words = {
            404: Words("There is no such address.", "没有这个地址。"),
            405: Words("This address does not take that method.", "该地址不支持此请求方法。"),
        }.get(error.status_code, Words(str(error.detail), str(error.detail)))
        return error_json(request.headers, Refused(error.status_code, "http", words))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return error_json(
            request.headers, Refused(422, "request", Words("The request does not fit.", "请求不符合要求。"))
        )

    @app.exception_handler(500)
    async def inside(request: Request, error: Exception) -> Response:
        words = Words("Something failed inside the service; its log says where.", "服务内部出错；位置见服务日志。")
        return error_json(request.headers, Refused(500, "internal", words))


class WithoutValues(logging.Filter):
    """A log filter that keeps the kind and the place of an error but not its message, which may quote a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that carries an exception; everything passes."""
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
            record.msg, record.args = f"{kind.__name__} at {place}", ()
            record.exc_info = record.exc_text = None
        return True
