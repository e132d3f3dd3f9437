"""The route `/recommend`: items for a user, or for who has certain items already, best first, with reasons."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.recipes.shared.recommend import RankModel
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused

_MOST = 1000  # items of an answer
_LONGEST = 10_000  # items of a history, or left out
_REASONS = 3
_FIELDS = {
    "user": {"type": ["string", "integer"]},
    "history": {"type": "array", "items": {"type": ["string", "integer"]}, "maxItems": _LONGEST},
    "k": {"type": "integer", "minimum": 1, "maximum": _MOST, "default": 10},
    "exclude": {"type": "array", "items": {"type": ["string", "integer"]}, "maxItems": _LONGEST},
    "seen": {"type": "boolean", "default": False},
    "reasons": {"type": "boolean", "default": False},
}


def add(app: FastAPI, service: Any) -> None:
    """Add the route where the predictor ranks the items of a catalogue."""
    found = [m for _, m in service.predictor.members if isinstance(m, RankModel)]
    if not found:
        return
    model = found[0]
    hit = {
        "type": "object",
        "required": ["item", "score"],
        "properties": {
            "item": {"type": "string"},
            "score": {"type": "number"},
            "because": {"type": "array", "items": {"type": "string"}},
        },
    }
    answer = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": hit},
            "known": {"type": "boolean"},
            "warnings": {"type": "array", "items": {"type": "object"}},
        },
    }
    said: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"schema": answer}}},
        400: {"description": "no JSON"},
        401: {"description": "no key"},
        422: {"description": "does not fit"},
        429: {"description": "too much"},
    }
    body = {"type": "object", "additionalProperties": False, "properties": _FIELDS}

    @app.post(
        "/recommend",
        summary="Items for a user or a history, best first",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        responses=said,
    )
    async def recommend(request: Request) -> Response:
        asked = _read(await request.body(), service.limits.cell)
        key, quota = request.scope["key"], service.quota
        quota.spend(key, 1)
        try:
            answered = await service.searches.run(
                key.name, float(quota.per_minute(key)), partial(_answer, model, asked), service.limits.seconds
            )
        except BaseException:
            quota.refund(key, 1)  # what is not answered costs nothing
            raise
        return answer_json(answered)


def _answer(model: RankModel, asked: dict[str, Any]) -> dict[str, Any]:
    places = model.target.places
    had = model.had(asked.get("user"))
    known = len(had) > 0
    had = model.joined(had, asked.get("history", []))
    without = np.zeros(len(model.target.items), bool)
    without[[places[i] for i in asked.get("exclude", []) if i in places]] = True
    ranking = model.answer([had], length=asked.get("k", 10), without=without, seen=asked.get("seen", False))[0]
    items: list[dict[str, Any]] = list(model.target.shown(ranking, len(ranking.items)))
    if asked.get("reasons"):
        for hit, place in zip(items, ranking.items.tolist(), strict=True):
            hit["because"] = [model.target.items[i] for i in model.because(had, place)[:_REASONS]]
    out: dict[str, Any] = {"items": items, "known": known}
    strange = [i for i in asked.get("history", []) if i not in places]
    warnings = []
    if strange:
        words = Words(
            f"{len(strange)} items of the history are not in the catalogue and tell nothing.",
            f"历史中有 {len(strange)} 个物品不在目录中，未被采用。",
        )
        warnings.append({"code": "items", "message": words.en, "message_zh": words.zh})
    if not len(had):
        words = Words(
            "Nothing is known of this user and no history was sent: popular items are answered.",
            "没有该用户的记录，请求中也没有历史：返回热门物品。",
        )
        warnings.append({"code": "unknown-user", "message": words.en, "message_zh": words.zh})
    if len(items) < asked.get("k", 10):
        words = Words(f"Only {len(items)} items are left to recommend.", f"可推荐的物品只剩 {len(items)} 个。")
        warnings.append({"code": "few", "message": words.en, "message_zh": words.zh})
    return {**out, **({"warnings": warnings} if warnings else {})}


def _read(body: bytes, longest: int) -> dict[str, Any]:
    """Return the fields of a request. Raises Refused 400 for no JSON, 422 for what does not fit."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "json", Words("The body is no JSON.", "请求体不是 JSON。")) from None
    shown = ", ".join(_FIELDS)
    if not isinstance(data, dict) or not set(data) <= set(_FIELDS):
        raise Refused(
            422, "fields", Words(f"Expected an object with fields of: {shown}.", f"应为对象，可用字段：{shown}。")
        )
    out: dict[str, Any] = {}
    if data.get("user") is not None:
        out["user"] = _one(data["user"], "user", longest)
    for name in ("history", "exclude"):
        if data.get(name) is None:
            continue
        if not isinstance(data[name], list) or len(data[name]) > _LONGEST:
            words = Words(
                f"`{name}` is a list of at most {_LONGEST:,} items.", f"`{name}` 应为列表，最多 {_LONGEST:,} 项。"
            )
            raise Refused(422, name, words)
        out[name] = [_one(item, name, longest) for item in data[name]]
    for name in ("seen", "reasons"):
        if name in data and not isinstance(data[name], bool):
            raise Refused(422, name, Words(f"`{name}` is true or false.", f"`{name}` 应为 true 或 false。"))
        out[name] = data.get(name, False)
    k = data.get("k", 10)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= _MOST:
        raise Refused(422, "k", Words(f"`k` must be 1 to {_MOST}.", f"`k` 应为 1 到 {_MOST}。"))
    return {**out, "k": k}


def _one(value: Any, name: str, longest: int) -> str:
    """Return an identifier as text: numbers as they are written in the training data."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)) > longest:
        words = Words(f"`{name}` holds identifiers: texts or whole numbers.", f"`{name}` 应为标识：文本或整数。")
        raise Refused(422, name, words)
    return str(value)
