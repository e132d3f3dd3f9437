"""The page `/product`: how each release does in use, what to do next, and buttons that do it. No script is needed."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response

from modelwright.core.errors import InputError, RegistryAway
from modelwright.core.words import Words
from modelwright.improve.faces._product_html import body_of
from modelwright.improve.product import Served
from modelwright.privacy.ledger import record
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.page import lang_of, login_page, page_of, static

PRICE = "MODELWRIGHT_PRICE"  # of an hour of one core, in any currency
ROLES = {"/product": "viewer", "/product/promote": "admin", "/product/rollback": "admin", "/product/facts": "viewer"}


def add(app: FastAPI, service: Any) -> None:
    """Add the page where the service has a home for feedback."""
    home = service.home
    if home is None:
        return
    served = Served(str(home.version))
    service.observers.append(served.count)
    app.state.forms = {*getattr(app.state, "forms", ()), "/product"}

    def registry() -> Any:
        from modelwright.release.registry.store import Registry

        return None if home.registry is None else Registry(home.registry)

    def facts(price: float | None) -> Any:
        from modelwright.improve.feedback_source import alarms_of, drift_words
        from modelwright.improve.product import facts_of
        from modelwright.serve.feedback.store import Feedback

        adapting = getattr(service, "adapting", None)
        adapt = None if adapting is None else adapting.head.state.to_json()
        store = getattr(service, "feedback", None) or Feedback(home.url, home.name)
        drifted = drift_words(alarms_of(home.url, home.name, str(home.version)))
        return facts_of(home.name, registry(), store, served=served.to_json(price), adapt=adapt, drifted=drifted)

    @app.get("/product", include_in_schema=False)
    async def product(request: Request) -> Response:
        where = lang_of(request, "en")
        key = request.scope["key"]
        if key is None:
            return login_page(where, wrong=False)
        price = price_of(request.query_params.get("price"))
        try:
            found = await asyncio.to_thread(facts, price)
        except RegistryAway as e:
            raise Refused(503, "registry", e.words) from e
        body = body_of(found, where, may=key.may("admin") and home.registry is not None, price=price)
        return page_of(body, where, more_style=static("product.css"))

    @app.get("/product/facts", summary="What the product page shows, as JSON")
    async def product_facts() -> Response:
        try:
            found = await asyncio.to_thread(facts, price_of(None))
        except RegistryAway as e:
            raise Refused(503, "registry", e.words) from e
        actions = [{"code": a.code, "words": list(a.words), "command": a.command} for a in found.actions]
        experiments = [{**e.__dict__, "result": r} for e, r, _ in found.experiments]
        return answer_json(
            {
                "name": found.name,
                "releases": found.releases,
                "corrections": found.corrections,
                "adapt": found.adapt,
                "new_labels": found.new_labels,
                "waiting": found.waiting,
                "experiments": experiments,
                "actions": actions,
                "improvements": [i.to_json() for i in found.improvements],
            }
        )

    async def change(request: Request, act: Any, did: str) -> Response:
        """Do what a button asks for, in the name of the key, and go back to the page."""
        found = registry()
        if found is None:
            words = Words(
                "This service serves a folder: there is nothing to promote.", "此服务提供的是文件夹，无可上线的版本。"
            )
            raise Refused(409, "registry", words)
        who = request.scope["key"].name
        try:
            await asyncio.to_thread(act, found, who)
            await asyncio.to_thread(record, None, did, name=home.name, by=who)
        except RegistryAway as e:
            raise Refused(503, "registry", e.words) from e
        except InputError as e:
            raise Refused(409, "registry", e.words) from e
        back = f"../product?lang={lang_of(request, 'en')}"
        return Response(status_code=303, headers={"Location": back})

    @app.post("/product/promote", include_in_schema=False)
    async def promote(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode("utf-8", "replace")[:4096])
        version = fields.get("version", [""])[0]
        if not version.isdecimal():
            raise Refused(422, "version", Words("Expected `version`, a number.", "应给出版本号 `version`。"))
        return await change(request, lambda r, who: r.promote(home.name, int(version)), "product promote")

    @app.post("/product/rollback", include_in_schema=False)
    async def rollback(request: Request) -> Response:
        return await change(
            request, lambda r, who: r.rollback(home.name, f"product page, by the key {who}"), "product rollback"
        )


def price_of(asked: str | None) -> float | None:
    """Return the price of an hour of one core: what was asked for, else MODELWRIGHT_PRICE; None where that is no price."""
    text = asked if asked else os.environ.get(PRICE, "")
    try:
        price = float(text)
    except ValueError:
        return None
    return price if 0 < price < 1e6 else None
