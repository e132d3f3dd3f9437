"""The route `/search`: the documents that answer a query, for models that find documents."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.serve.bodies import json_of
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused

_MOST = 100  # documents of an answer


def add(app: FastAPI, service: Any) -> None:
    """Add the route where the predictor can search."""
    found = [m for _, m in service.predictor.members if hasattr(m, "search") and getattr(m, "documents", None)]
    if not found:
        return
    body = {
        "type": "object",
        "required": ["query"],
        "properties": {"query": {"type": "string"}, "k": {"type": "integer", "minimum": 1, "maximum": _MOST}},
    }
    hit = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "score": {"type": "number"}, "id": {"type": "integer"}},
    }
    said: dict[int | str, dict[str, Any]] = {
        200: {
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"hits": {"type": "array", "items": hit}}}
                }
            }
        },
        400: {"description": "no JSON"},
        401: {"description": "no key"},
        422: {"description": "does not fit"},
        429: {"description": "too much"},
    }

    @app.post(
        "/search",
        summary="The documents that answer a query, best first",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        responses=said,
    )
    async def search(request: Request) -> Response:
        query, k = _parse_request(await request.body(), service.limits.cell)
        key, quota = request.scope["key"], service.quota
        quota.spend(key, 1)
        try:
            hits = await service.searches.run(
                key.name,
                float(quota.per_minute(key)),
                partial(service.predictor.search, query, k),
                service.limits.seconds,
            )
        except BaseException:
            quota.refund(key, 1)  # what is not answered costs nothing
            raise
        return answer_json({"hits": hits})


def _parse_request(body: bytes, longest: int) -> tuple[str, int]:
    """Return query and number of documents. Raises Refused where they do not fit."""
    data = json_of(body)
    query = data.get("query") if isinstance(data, dict) else None
    k = data.get("k", 10) if isinstance(data, dict) else 10
    if not isinstance(query, str) or not query.strip() or len(query) > longest:
        words = Words(
            f'Expected {{"query": text of 1 to {longest} characters}}.',
            f'应为 {{"query": 1 到 {longest} 个字符的文本}}。',
        )
        raise Refused(422, "query", words)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= _MOST:
        raise Refused(422, "k", Words(f"`k` must be 1 to {_MOST}.", f"`k` 应为 1 到 {_MOST}。"))
    return query.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), k
