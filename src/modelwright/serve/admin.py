"""Routes for admins: who has which key, new ones, and an end to others. A key's text is answered once, when it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.budget import parse_duration
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.words import Words
from modelwright.privacy.ledger import record
from modelwright.serve.bodies import json_of
from modelwright.serve.guard import answer_json
from modelwright.serve.keys import KeyRing, add_key, revoke_key
from modelwright.serve.limits import Refused

_FIELDS = {"name", "role", "scopes", "expires", "rows_per_minute", "rows_per_day", "tenant"}
_LONGEST = 10_000


def add_admin(app: FastAPI, keys: KeyRing, bundle: Path | None = None) -> None:
    """Add `/keys`. What is done is entered into the ledger of `bundle` before it is: without an entry it is refused."""

    async def change(request: Request, did: str, act: Callable[..., Any], name: str, role: str | None = None) -> Any:
        def enter() -> None:
            try:
                record(bundle, did, key=name, role=role, by=request.scope["key"].name)
            except ModelwrightError as e:
                raise Refused(503, "ledger", e.words) from e

        place = _place(keys)
        try:
            done = await asyncio.to_thread(lambda: act(place, name, enter=enter))
        except OptionError:  # its message quotes what was asked
            words = Words(
                "That cannot be done: the name is in use or not known, or a field holds a value that it may not.",
                "无法执行：名称已被使用或不存在，或某个字段的值不合要求。",
            )
            raise Refused(422, "fields", words) from None
        keys.reload()
        return done

    @app.get("/keys")
    async def list_keys() -> Response:
        return answer_json({"keys": [k.shown() for k in keys.all()]})

    @app.post("/keys", status_code=201, openapi_extra={"requestBody": _BODY})
    async def make(request: Request) -> Response:
        asked = _parse_fields(await request.body())
        options: dict[str, Any] = {
            k: asked[k] for k in ("role", "rows_per_minute", "rows_per_day", "tenant") if k in asked
        }
        if "expires" in asked:
            try:
                options["expires_in"] = parse_duration(asked["expires"])
            except OptionError:
                words = Words("`expires` is a time such as 90d.", "`expires` 应为时长，如 90d。")
                raise Refused(422, "expires", words) from None
        options["scopes"] = tuple(asked.get("scopes", ()))
        who, role = asked["name"], asked.get("role", "predictor")
        made = await change(request, "service key made", partial(add_key, **options), who, role)
        return answer_json({"name": asked["name"], "key": made}, 201)

    @app.delete("/keys/{name}")
    async def revoke(request: Request, name: str) -> Response:
        await change(request, "service key revoked", revoke_key, name)
        return answer_json({"name": name, "revoked": True})


_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 64},
                    "role": {"type": "string", "enum": ["viewer", "predictor", "trainer", "admin"]},
                    "scopes": {"type": "array", "items": {"type": "string"}, "maxItems": 50},
                    "expires": {"type": "string", "examples": ["90d"]},
                    "rows_per_minute": {"type": "integer", "minimum": 1},
                    "rows_per_day": {"type": "integer", "minimum": 1},
                    "tenant": {"type": "string", "minLength": 1, "maxLength": 200},
                },
            }
        }
    },
}


def _parse_fields(body: bytes) -> dict[str, Any]:
    """Return the body's fields. Raises Refused 400 for no JSON, 422 for what does not fit."""
    data = json_of(body[:_LONGEST])
    kinds: dict[str, Any] = {
        "name": str, "role": str, "scopes": list, "expires": str, "rows_per_minute": int, "rows_per_day": int,
        "tenant": str,
    }  # fmt: skip
    fits = isinstance(data, dict) and isinstance(data.get("name"), str) and set(data) <= _FIELDS
    if fits:
        fits = all(isinstance(v, kinds[k]) and not isinstance(v, bool) for k, v in data.items())
        fits = fits and all(isinstance(s, str) and len(s) <= 200 for s in data.get("scopes", ()))
        fits = fits and not any(0xD800 <= ord(c) < 0xE000 for c in data["name"])
    if not fits:
        shown = ", ".join(sorted(_FIELDS))
        words = Words(f"Expected an object with `name`, and of: {shown}.", f"应为含 `name` 的对象，可用字段：{shown}。")
        raise Refused(422, "fields", words)
    return dict(data)


def _place(keys: KeyRing) -> Path:
    if keys.path is None:
        words = Words("This service keeps its keys elsewhere.", "此服务的密钥保存在别处。")
        raise Refused(409, "keys", words)
    return keys.path
