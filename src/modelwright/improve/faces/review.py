"""The review page at `/review`: people say what is right for kept requests, one key a label."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.errors import MissingExtra, RegistryAway
from modelwright.core.words import Words
from modelwright.serve.feedback.check import AWAY, RETRY, checked
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.page import lang_of, login_page, page_of

ROLES = dict.fromkeys(("/review", "/review/items", "/review/answer", "/review/undo", "/review/agreement"), "trainer")
_MOST = 100  # items of one answer
_SKIM = 20_000  # pieces of feedback that an agreement is computed from


@cache
def _static(name: str) -> str:
    return files("modelwright.improve").joinpath("static", name).read_text(encoding="utf-8")


def add(app: FastAPI, service: Any) -> None:
    """Add the page and its routes where the service has a home."""
    if service.home is None:
        return
    app.state.forms = {*getattr(app.state, "forms", ()), "/review"}

    @app.get("/review", include_in_schema=False)
    async def review(request: Request) -> Response:
        where = lang_of(request, "en")
        if request.scope["key"] is None:
            return login_page(where, wrong=False, then="review")
        title = Words("Review", "审核").to(where)
        body = f'<main class="review" id="app" data-lang="{where}"><h1>{title}</h1></main>'
        return page_of(body, where, _static("review.js"), _static("review.css"))

    @app.get("/review/items", include_in_schema=False)
    async def items(request: Request) -> Response:
        order, who = request.query_params.get("order", "worth"), request.scope["key"].name
        return answer_json(await _beside(service, lambda store: _items(service, store, order, who)))

    @app.post("/review/answer", include_in_schema=False)
    async def answer(request: Request) -> Response:
        who = request.scope["key"].name
        item = _object(await request.body())
        if not set(item) <= {"id", "answer", "new"}:
            raise Refused(422, "fields", Words("Expected `id`, `answer`, `new`.", "应为 `id`、`answer`、`new`。"))
        target = service.predictor.target
        told, _ = checked(item, who, service.ids, target, lambda row: row, source="review")
        await _beside(service, lambda store: store.add([told], replace=True))
        return answer_json({"id": told.id, "correct": told.correct})

    @app.post("/review/undo", include_in_schema=False)
    async def undo(request: Request) -> Response:
        who, id_ = request.scope["key"].name, str(_object(await request.body()).get("id", ""))
        done = await _beside(service, lambda store: store.withdraw(id_, who))
        return answer_json({"undone": done})

    @app.get("/review/agreement", include_in_schema=False)
    async def agreement(request: Request) -> Response:
        return answer_json({"agreement": await _beside(service, lambda store: _agreement(service, store))})


async def _beside(service: Any, ask: Any) -> Any:
    """Ask the store beside the event loop. Raises Refused 501 where there is none, 503 where its database is away."""
    try:
        store = service.feedback
    except MissingExtra as e:
        raise Refused(501, "feedback", e.words) from e
    try:
        return await asyncio.to_thread(ask, store)
    except RegistryAway as e:
        raise Refused(503, "feedback", AWAY, retry=RETRY) from e


def _items(service: Any, store: Any, order: str, who: str) -> dict[str, Any]:
    from modelwright.improve.review import ORDERS, items

    predictor = service.predictor
    mine = sum(1 for t in store.told(kinds=("answer",)) if t.by == who)
    return {
        "reviewer": who,
        "form": predictor.target.told_as,
        "labels": list(predictor.target.labels),
        "scales": predictor.target.scales,
        "columns": [{"name": c.name, "modality": c.modality} for c in predictor.schema.inputs],
        "orders": list(ORDERS),
        "keeping": service.keep is not None,
        "kept": store.count_kept(),
        "answered": mine,
        "items": items(store, predictor, order, who, _MOST),
    }


def _agreement(service: Any, store: Any) -> list[dict[str, Any]]:
    import itertools

    from modelwright.improve.review import agreements

    told = itertools.islice(store.told(kinds=("answer",)), _SKIM)
    return [a.__dict__ for a in agreements(told, service.predictor.target)]


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Refused(400, "no_json", Words("Expected a JSON object.", "应为 JSON 对象。"))
    return data
