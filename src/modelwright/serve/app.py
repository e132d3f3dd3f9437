"""The HTTP service around one predictor. Every route but liveness and readiness needs a key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException

from modelwright import __version__
from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.release.bundle import Predictor
from modelwright.serve.batcher import Batcher
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import BodyLimit, Quota, Refused, ServeLimits, parse_rows
from modelwright.serve.page import COOKIE, add_page


def answer_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response; Han characters stay as they are."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return Response(body, status, dict(headers or {}), "application/json")


def error_json(request: Request, refused: Refused) -> Response:
    """Return the one shape of an error, `message` in the language the client asks for."""
    zh = request.headers.get("accept-language", "").lower().startswith("zh")
    error = {
        "code": refused.code,
        "message": refused.words.to("zh" if zh else "en"),
        "message_zh": refused.words.zh,
        **refused.more,
    }
    headers = {"Retry-After": str(refused.retry)} if refused.retry else {}
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer_json({"error": error}, refused.status, headers)


def bad_json(value: BadValue) -> dict[str, Any]:
    """Return a value that cannot be read as the answer to its row."""
    return {
        "error": {
            "code": "value",
            "row": value.row,
            "column": value.column,
            "message": f"row {value.row}, column `{value.column}`: {value.words.en}",
            "message_zh": f"第 {value.row} 行，列 `{value.column}`：{value.words.zh}",
        }
    }


class Service:
    """What the routes share: predictor, batcher, keys, limits, counters."""

    def __init__(self, predictor: Predictor, keys: KeyRing, limits: ServeLimits) -> None:
        self.predictor, self.keys, self.limits = predictor, keys, limits
        self.batcher = Batcher(predictor.scores, queue=limits.queue)
        self.quota = Quota(limits.rows_per_minute)
        self.ready = False
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "modelwright_requests", "Requests by route and status", ["route", "status"], registry=self.registry
        )
        self.rows = Counter("modelwright_rows", "Rows answered", registry=self.registry)
        self.seconds = Histogram("modelwright_seconds", "Seconds per request", ["route"], registry=self.registry)
        batches = Gauge("modelwright_batches", "Calls of the model so far", registry=self.registry)
        batches.set_function(lambda: self.batcher.batches)

    async def who(self, request: Request) -> str:  # async, since FastAPI would run it in a thread otherwise
        """Return the name of the key that a request carries. Raises Refused 401 without a known one."""
        head = request.headers.get("authorization", "")
        key = head[7:].strip() if head.lower().startswith("bearer ") else request.headers.get("x-api-key")
        name = self.keys.who(key) or self.keys.session(request.cookies.get(COOKIE))
        if name is None:
            raise Refused(
                401,
                "key",
                Words(
                    "A key is needed: send the header `Authorization: Bearer KEY`.",
                    "需要密钥：请发送请求头 `Authorization: Bearer KEY`。",
                ),
            )
        return name

    async def predict(self, body: bytes, who: str) -> Any:
        """Answer the rows of a request's body."""
        rows, alone, with_scores = parse_rows(body, self.limits)
        self._known(rows)
        self.quota.spend(who, len(rows))
        table, bad = self.predictor.table(rows)
        scores = await self.batcher.scores(table, self.limits.seconds)
        answers = self.predictor.answers(scores, with_scores)
        for value in bad:
            answers[value.row - 1] = bad_json(value)
        self.rows.inc(len(rows) - len(bad))
        if not alone:
            return {"answers": answers}
        if bad:
            error = bad_json(bad[0])["error"]
            words = Words(error.pop("message"), error.pop("message_zh"))
            raise Refused(422, error.pop("code"), words, **error)
        return answers[0]

    def _known(self, rows: list[dict[str, Any]]) -> None:
        """Refuse rows that hold none of the model's columns: most likely a wrong name or a wrong service."""
        names = {c.name for c in self.predictor.schema.inputs}
        for i, row in enumerate(rows, 1):
            if not names & row.keys():
                shown = ", ".join(f"`{n}`" for n in list(names)[:12])
                raise Refused(
                    422,
                    "columns",
                    Words(f"Row {i} holds none of the columns: {shown}.", f"第 {i} 行不含任何所需的列：{shown}。"),
                    row=i,
                )

    async def explain(self, body: bytes, who: str) -> Any:
        """Explain the answer to one row."""
        rows, _, _ = parse_rows(body, self.limits)
        if len(rows) != 1:
            raise Refused(422, "rows", Words("Explain takes one row at a time.", "每次只能解释一行。"))
        self._known(rows)
        self.quota.spend(who, 50)
        table, bad = self.predictor.table(rows)
        if bad:
            error = bad_json(bad[0])["error"]
            words = Words(error.pop("message"), error.pop("message_zh"))
            raise Refused(422, error.pop("code"), words, **error)
        answer = self.predictor.answers(await self.batcher.scores(table, self.limits.seconds), True)[0]
        found = await asyncio.to_thread(self.predictor.explain, rows[0], top=30, seconds=1.0)
        return {"answer": answer, "explanation": found}

    def schema(self) -> dict[str, Any]:
        """Return what the model reads and answers, for forms and clients."""
        p = self.predictor
        return {
            "name": p.name,
            "version": p.version,
            "task": p.task.name,
            "columns": [
                {"name": c.name, "modality": c.modality, "choices": c.options.get("choices")} for c in p.schema.inputs
            ],
            "labels": list(p.target.labels),
            "request": p.request.model_json_schema(),
            "response": p.response.model_json_schema(),
        }


def create_app(
    predictor: Predictor,
    *,
    keys: KeyRing,
    limits: ServeLimits | None = None,
    lang: str = "en",
    secure_cookie: bool = False,
) -> FastAPI:
    """Return the service as an ASGI application. `secure_cookie` marks the page's cookie for TLS only."""
    service = Service(predictor, keys, limits or ServeLimits())

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        service.ready = True
        yield
        service.ready = False
        await service.batcher.stop()

    app = FastAPI(
        title=f"Modelwright: {predictor.name}",
        version=predictor.version,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.service = service
    _add_errors(app)
    _add_routes(app, service)
    add_page(app, service.keys, lang, secure_cookie)
    app.add_middleware(BodyLimit, limit=service.limits.body)
    app.add_middleware(Watch, service=service)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return error_json(request, error)

    @app.exception_handler(ModelwrightError)
    async def ours(request: Request, error: ModelwrightError) -> Response:
        return error_json(request, Refused(422, type(error).__name__, error.words))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        words = Words(
            str(error.detail),
            {404: "没有这个地址。", 405: "不支持该请求方法。"}.get(error.status_code, str(error.detail)),
        )
        return error_json(request, Refused(error.status_code, "http", words))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return error_json(request, Refused(422, "request", Words("The request does not fit.", "请求不符合要求。")))


def _add_routes(app: FastAPI, service: Service) -> None:
    needs_key = Depends(service.who)
    row = service.predictor.request.model_json_schema(ref_template="#/components/schemas/{model}")
    answer = service.predictor.response.model_json_schema(ref_template="#/components/schemas/{model}")
    many = {
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": {"type": "array", "items": row}, "scores": {"type": "boolean"}},
    }
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": [row, many]}}}}}
    answers = {"type": "object", "properties": {"answers": {"type": "array", "items": answer}}}
    said: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"schema": {"anyOf": [answer, answers]}}}}
    }
    problems: dict[int | str, dict[str, Any]] = {
        c: {"description": d}
        for c, d in {
            400: "no JSON",
            401: "no key",
            413: "too large",
            422: "does not fit",
            429: "too much",
            504: "too slow",
        }.items()
    }

    @app.post("/predict", openapi_extra=body, responses={**problems, **said})
    async def predict(request: Request, who: str = needs_key) -> Response:
        return answer_json(await service.predict(await request.body(), who))

    @app.post(
        "/explain",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": row}}}},
        responses=problems,
    )
    async def explain(request: Request, who: str = needs_key) -> Response:
        return answer_json(await service.explain(await request.body(), who))

    @app.get("/schema", responses=problems)
    async def schema(who: str = needs_key) -> Response:
        return answer_json(service.schema())

    @app.get("/metrics", responses=problems)
    async def metrics(who: str = needs_key) -> Response:
        return Response(generate_latest(service.registry), media_type="text/plain; version=0.0.4")

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(who: str = needs_key) -> Response:
        return answer_json(app.openapi())

    @app.get("/healthz")
    async def healthz() -> Response:
        return answer_json({"alive": True, "modelwright": __version__})

    @app.get("/readyz", responses={503: {"description": "not ready"}})
    async def readyz() -> Response:
        return answer_json({"ready": service.ready}, 200 if service.ready else 503)


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Watch:
    """ASGI middleware that counts requests and adds the security headers; bodies and values are never kept or logged."""

    def __init__(self, app: Any, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                route = getattr(scope.get("route"), "path", "other")
                self.service.requests.labels(route, str(message["status"])).inc()
                self.service.seconds.labels(route).observe(time.perf_counter() - start)
            await send(message)

        await self.app(scope, receive, watched)
