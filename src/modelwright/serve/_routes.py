"""The routes of every service: predict, explain, what the model reads and answers, counters, and whether it can answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from modelwright.serve import metrics as counted
from modelwright.serve.deadlines import HEADER as DEADLINE
from modelwright.serve.deadlines import Deadline
from modelwright.serve.forms import as_openapi, is_form, json_of_form
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import check_kind, is_stream, scores_asked
from modelwright.serve.ndjson import TYPE, stream


class PlainRoute(Route):
    """A route of Starlette that, like those of FastAPI, tells what stands around it which route was met."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the request is for this route, and what its scope gains."""
        match, found = super().matches(scope)
        return match, ({**found, "route": self} if match is not Match.NONE else found)


def add_routes(app: FastAPI, service: Any) -> None:
    """Add the routes of a service to its application."""
    row = service.predictor.request.model_json_schema(ref_template="#/components/schemas/{model}")
    answer = service.answer_model.model_json_schema(ref_template="#/components/schemas/{model}")
    many = {
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": {"type": "array", "items": row}, "scores": {"type": "boolean"}},
    }
    form = as_openapi(service.modalities)
    content = {"application/json": {"schema": {"anyOf": [row, many]}}, TYPE: {"schema": row}, **form}
    header = {"in": "header", "name": DEADLINE, "description": "milliseconds that the answer may take"}
    limit = {**header, "schema": {"type": "integer", "minimum": 1}}
    scored = {
        "in": "query", "name": "scores", "schema": {"type": "boolean"}, "description": "whether answers hold the score of each label",
    }  # fmt: skip
    body = {"requestBody": {"required": True, "content": content}, "parameters": [limit, scored]}
    answers = {"type": "object", "properties": {"answers": {"type": "array", "items": answer}}}
    said: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"schema": {"anyOf": [answer, answers]}}}}
    }
    if service.predictor.target.media:
        said[200]["content"] |= {service.predictor.target.type: {"schema": {"type": "string", "format": "binary"}}}
    problems: dict[int | str, dict[str, Any]] = {
        c: {"description": d}
        for c, d in {
            400: "no JSON",
            401: "no key",
            408: "body too slow",
            413: "too large",
            415: "neither JSON nor a form",
            422: "does not fit",
            429: "too much",
            504: "too slow",
        }.items()
    }

    async def received(request: Request, deadline: Deadline, gated: bool = False) -> bytes:
        """Return the body of a request as JSON. Raises Refused 415 for what is neither that nor a form with a file for the model."""
        formed = bool(form) and is_form(request.headers)
        if not formed:
            check_kind(request.headers, service.modalities)
        if gated:
            service.gate(request.scope["key"], request.headers.get("content-length"), deadline)
        body = await deadline.reading(request.body())
        return await json_of_form(body, request.headers, service.modalities, service.limits) if formed else body

    @app.post("/predict", openapi_extra=body, responses={**problems, **said})
    async def predict(request: Request) -> Response:
        key = request.scope["key"]
        if is_stream(request.headers):
            return stream(service, request)
        scores = scores_asked(request.query_params)
        deadline = Deadline(request.headers, service.limits.seconds)
        body = await received(request, deadline, gated=True)
        return await service.predict(body, key, request.headers, deadline, scores)

    # The route above describes itself; this one, met first, answers without what FastAPI does for parameters, of which
    # there are none: a twelfth of the processor time of a short answer.
    app.router.routes.insert(0, PlainRoute("/predict", predict, methods=["POST"]))

    @app.post(
        "/explain",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": row}, **form}}},
        responses=problems,
    )
    async def explain(request: Request) -> Response:
        deadline = Deadline(request.headers, service.limits.seconds)
        with deadline.held():
            body = await received(request, deadline)
            return answer_json(await service.explain(body, request.scope["key"], deadline))

    @app.get("/schema", responses=problems)
    async def schema() -> Response:
        return answer_json(service.schema())

    @app.get("/metrics", responses=problems)
    async def metrics() -> Response:
        return await counted.answer(service)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return answer_json(app.openapi())

    @app.get("/healthz")
    async def healthz() -> Response:
        return answer_json({"alive": True})

    @app.get("/readyz", responses={503: {"description": "not ready"}})
    async def readyz() -> Response:
        ready = service.ready and not service.stopping.now
        return answer_json({"ready": ready}, 200 if ready else 503)
