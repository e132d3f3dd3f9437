"""The HTTP service around one predictor. Every route but liveness and readiness needs a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from modelwright.core.registry import load_file, names_in
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.data.kinds.base import kind_of
from modelwright.release.bundle import Predictor
from modelwright.serve.admin import add_admin
from modelwright.serve.batcher import Batcher
from modelwright.serve.guard import Guard, add_errors, answer_json
from modelwright.serve.keys import KeyRing, ServiceKey
from modelwright.serve.limits import BodyLimit, Refused, ServeLimits, is_media, parse_rows, tenant_for
from modelwright.serve.page import add_docs, add_page
from modelwright.serve.quota import Quota
from modelwright.serve.roles import Rules

FACES = "modelwright.serve.faces"  # further routes for predictors that fit them, one file each
_SHOWN = 480  # pixels of the longer side of a picture that comes with an explanation


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
        self.quota = Quota(limits.rows_per_minute, keys.path.with_name("usage.journal") if keys.path else None, keys)
        self.modalities = {c.name: c.modality for c in predictor.schema.inputs}
        self.names = frozenset(self.modalities)
        self.files = any(is_media(m) for m in self.modalities.values())
        # whether rows say whose documents are searched: a bound key may not name another's there either
        self.tenanted = "tenant" in self.names and any(hasattr(m, "knowledge") for _, m in predictor.members)
        self._reading = asyncio.Lock()
        self.ready = False
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "modelwright_requests", "Requests by route and status", ["route", "status"], registry=self.registry
        )
        self.rows = Counter("modelwright_rows", "Rows answered", registry=self.registry)
        self.seconds = Histogram("modelwright_seconds", "Seconds per request", ["route"], registry=self.registry)
        batches = Gauge("modelwright_batches", "Calls of the model so far", registry=self.registry)
        batches.set_function(lambda: self.batcher.batches)

    async def warm(self) -> None:
        """Answer a few rows without values, so that the first request meets a model that is loaded and measured."""
        for rows in (1, 1, 2, 8):
            await self.batcher.scores(self.predictor.table([{}] * rows)[0], self.limits.seconds)

    async def predict(self, body: bytes, key: ServiceKey) -> Any:
        """Answer the rows of a request's body."""
        rows, alone, with_scores = parse_rows(body, self.limits, self.names, self.modalities)
        self._known(rows)
        if self.tenanted and key.tenant is not None:
            rows = [{**row, "tenant": tenant_for(key, row.get("tenant"))} for row in rows]
        self.quota.spend(key, len(rows))
        table, bad = await self._table(rows)
        scores = await self.batcher.scores(table, self.limits.seconds)
        answers = self.predictor.answers(scores, with_scores, table.hidden)
        for value in bad:
            answers[value.row - 1] = bad_json(value)
        self.rows.inc(len(rows) - len({value.row for value in bad}))
        if not alone:
            return {"answers": answers}
        if bad:
            error = bad_json(bad[0])["error"]
            words = Words(error.pop("message"), error.pop("message_zh"))
            raise Refused(422, error.pop("code"), words, **error)
        return answers[0]

    def _known(self, rows: list[dict[str, Any]]) -> None:
        """Refuse rows that hold none of the model's columns: most likely a wrong name or a wrong service."""
        for i, row in enumerate(rows, 1):
            if self.names.isdisjoint(row):
                shown = ", ".join(f"`{n}`" for n in sorted(self.names)[:12])
                raise Refused(
                    422,
                    "columns",
                    Words(f"Row {i} holds none of the columns: {shown}.", f"第 {i} 行不含任何所需的列：{shown}。"),
                    row=i,
                )

    async def explain(self, body: bytes, key: ServiceKey) -> Any:
        """Explain the answer to one row."""
        remote = any(m.remote for _, m in self.predictor.members)
        if self.predictor.task.free or remote:
            made = Words(
                "Answers of this task are made, not chosen: nothing to explain.", "该任务的答案为生成结果，无法解释。"
            )
            hosted = Words(
                "A hosted model answers, at a price for every row: nothing is explained.",
                "回答来自托管模型，每行都有费用：不提供解释。",
            )
            raise Refused(422, "task", hosted if remote else made)
        rows, _, _ = parse_rows(body, self.limits, self.names, self.modalities)
        if len(rows) != 1:
            raise Refused(422, "rows", Words("Explain takes one row at a time.", "每次只能解释一行。"))
        self._known(rows)
        self.quota.spend(key, 50)
        table, bad = await self._table(rows)
        if bad:
            error = bad_json(bad[0])["error"]
            words = Words(error.pop("message"), error.pop("message_zh"))
            raise Refused(422, error.pop("code"), words, **error)
        answer = self.predictor.answers(await self.batcher.scores(table, self.limits.seconds), True)[0]
        from modelwright.evaluate.explain_media import read_as, shares

        found, pictures = await asyncio.to_thread(self._why, table)
        # places in texts are counted as the model reads them: with personal data replaced, molecules in one spelling
        texts = {n: table.column(n)[0].as_py() for n in self.predictor.shield.columns if n in table.data.column_names}
        texts = {n: t for n, t in texts.items() if t is not None and t != rows[0].get(n)}
        return {
            "answer": answer,
            "explanation": found,
            "shares": shares(found),
            "pictures": pictures,
            "texts": texts,
            "read_as": read_as(table),
        }

    def _why(self, table: Table) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return what the answer to a table of one row rests on, and a small picture of each cell that has one."""
        from modelwright.evaluate.explain_media import pictures

        # parts of media are hidden by the hundred, which takes longer than words do
        found = self.predictor.explain_table(table, top=30, seconds=2.0 if self.files else 1.0)
        return found, pictures(table, _SHOWN, found)

    async def _table(self, rows: list[dict[str, Any]]) -> tuple[Table, list[BadValue]]:
        """Return rows as a typed table; files are decoded one request at a time, beside the event loop.

        No folder is given: a path or an address in a request is refused, never opened.
        """
        if not self.files:
            return self.predictor.table(rows)
        async with self._reading:
            return await asyncio.to_thread(self.predictor.table, rows)

    def schema(self) -> dict[str, Any]:
        """Return what the model reads and answers, for forms and clients."""
        p = self.predictor
        return {
            "name": p.name,
            "version": p.version,
            "task": p.task.name,
            "title": p.task.title._asdict(),
            "made": p.task.free,  # whether answers are made, so that there is nothing to explain
            "columns": [
                {
                    "name": c.name,
                    "modality": c.modality,
                    "choices": c.options.get("choices"),
                    "suffixes": sorted(getattr(kind_of(c.modality), "suffixes", ())),
                    "longest": self.limits.media_cell if is_media(c.modality) else self.limits.cell,
                }
                for c in p.schema.inputs
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
    bundle: Path | None = None,
) -> FastAPI:
    """Return the service as an ASGI application. `secure_cookie` marks the page's cookie for TLS only.

    Changes of keys are entered into the ledger of `bundle`. Raises DataError where the count of rows cannot be kept.
    """
    service = Service(predictor, keys, (limits or ServeLimits()).fitting(predictor.schema))

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await service.warm()
        service.ready = True
        yield
        service.ready = False
        for stop in getattr(app.state, "at_end", ()):
            await asyncio.to_thread(stop)
        await service.batcher.stop()
        service.quota.usage.close()

    app = FastAPI(
        title=f"Modelwright: {predictor.name}",
        version=predictor.version,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.service = service
    app.state.spent = lambda: service.quota.spent
    add_errors(app)
    _add_routes(app, service)
    faces = _add_faces(app, service)
    add_admin(app, keys, bundle)
    add_page(app, service.keys, lang, secure_cookie)
    add_docs(app, lang)
    app.add_middleware(BodyLimit, limit=service.limits.body, held=service.limits.held)
    app.add_middleware(
        Guard,
        keys=keys,
        requests=service.requests,
        seconds=service.seconds,
        rules=Rules(app.routes, faces),
        release=(predictor.name, predictor.version),
        forms=frozenset(getattr(app.state, "forms", ())),
    )
    return app


def _add_faces(app: FastAPI, service: Service) -> dict[str, str]:
    """Add the routes of faces and return the role that each needs: a predictor, unless the face's `ROLES` says other."""
    roles: dict[str, str] = {}
    routes: Any = app.routes
    for name in names_in(FACES):
        before = {r.path for r in routes}
        face = load_file(FACES, name, Words("face", "接口"))
        face.add(app, service)
        named: dict[str, str] = getattr(face, "ROLES", {})
        roles |= {r.path: named.get(r.path, "predictor") for r in routes if r.path not in before}
    return roles


async def _body(request: Request, limits: ServeLimits) -> bytes:
    """Return the request's body. Raises Refused 408 where it trickles in too slowly."""
    try:
        async with asyncio.timeout(limits.seconds):
            return await request.body()
    except TimeoutError:
        words = Words(
            f"The body did not arrive within {limits.seconds:g} s.", f"{limits.seconds:g} 秒内未收到完整请求。"
        )
        raise Refused(408, "slow", words) from None


def _add_routes(app: FastAPI, service: Service) -> None:
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
            408: "body too slow",
            413: "too large",
            422: "does not fit",
            429: "too much",
            504: "too slow",
        }.items()
    }

    @app.post("/predict", openapi_extra=body, responses={**problems, **said})
    async def predict(request: Request) -> Response:
        return answer_json(await service.predict(await _body(request, service.limits), request.scope["key"]))

    @app.post(
        "/explain",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": row}}}},
        responses=problems,
    )
    async def explain(request: Request) -> Response:
        return answer_json(await service.explain(await _body(request, service.limits), request.scope["key"]))

    @app.get("/schema", responses=problems)
    async def schema() -> Response:
        return answer_json(service.schema())

    @app.get("/metrics", responses=problems)
    async def metrics() -> Response:
        return Response(generate_latest(service.registry), media_type="text/plain; version=0.0.4")

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return answer_json(app.openapi())

    @app.get("/healthz")
    async def healthz() -> Response:
        return answer_json({"alive": True})

    @app.get("/readyz", responses={503: {"description": "not ready"}})
    async def readyz() -> Response:
        return answer_json({"ready": service.ready}, 200 if service.ready else 503)
