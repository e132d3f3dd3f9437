"""Recommendations: `POST /recommend`, `POST /events`, and the page `/browse` that shows items with their pictures and titles."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.answers.base import as_objects
from modelwright.core.answers.ranked import Ranking
from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words, counted
from modelwright.recipes.shared.recommend import RankModel
from modelwright.release.recommend import Asked, Recommender
from modelwright.serve._recommend import EVENT, FIELDS, asked_of, events_of
from modelwright.serve.feedback.shapes import Told
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.page import lang_of, page_of, static
from modelwright.serve.stores import Answered

_FOUND = 20  # items of a search by title
ROLES = dict.fromkeys(("/recommend", "/events", "/browse", "/items", "/items/picture"), "predictor")
_SAID: dict[int | str, dict[str, Any]] = {
    400: {"description": "no JSON"},
    401: {"description": "no key"},
    422: {"description": "does not fit"},
    429: {"description": "too much"},
}


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor ranks the items of a catalogue."""
    if not any(isinstance(m, RankModel) for _, m in service.predictor.members):
        return
    shop = Shop(service)
    app.state.home = getattr(app.state, "home", None) or "/browse"
    app.state.at_start = [*getattr(app.state, "at_start", ()), shop.recall]
    app.state.at_end = [*getattr(app.state, "at_end", ()), shop.stop]

    def takes(shape: dict[str, Any]) -> dict[str, Any]:
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}

    body = {"type": "object", "additionalProperties": False, "properties": FIELDS}
    events = {
        "anyOf": [
            EVENT,
            {"type": "object", "required": ["events"], "properties": {"events": {"type": "array", "items": EVENT}}},
        ]
    }

    @app.post("/recommend", summary="Items for a user, a session or a description, best first", openapi_extra=takes(body), responses={200: {"content": {"application/json": {"schema": _ANSWER}}}, **_SAID})  # fmt: skip
    async def recommend(request: Request) -> Response:
        asked = asked_of(await request.body(), service.limits.cell)
        return answer_json(await shop.answer(asked, request))

    @app.post("/events", summary="What users did: it counts at once", openapi_extra=takes(events), responses=_SAID)
    async def take_events(request: Request) -> Response:
        found = events_of(await request.body(), service.limits.cell)
        return answer_json(await shop.take(found, request.scope["key"]))

    @app.get("/items", summary="Items by their title, or what is known of them", responses=_SAID)
    async def items(request: Request) -> Response:
        return answer_json(shop.found(request.query_params.get("q", ""), lang_of(request, "en")))

    @app.get("/items/picture", include_in_schema=False)
    async def picture(request: Request) -> Response:
        data = shop.picture(request.query_params.get("id", ""))
        if data is None:
            raise Refused(404, "picture", Words("There is no picture of this item.", "该物品没有图片。"))
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    @app.get("/browse", include_in_schema=False)
    async def browse(request: Request) -> Response:
        where = lang_of(request, "en")
        pictures = int(shop.recommender.catalogue.picture_column is not None)
        body = f'<main class="shop" id="app" data-lang="{where}" data-pictures="{pictures}"></main>'
        return page_of(body, where, static("browse.js"), static("browse.css"))


_HIT = {
    "type": "object",
    "required": ["item", "score"],
    "properties": {
        "item": {"type": "string"},
        "score": {"type": "number"},
        "because": {"type": "array", "items": {"type": "string"}},
        "columns": {"type": "object"},
    },
}
_ANSWER = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": _HIT},
        "known": {"type": "boolean"},
        "warnings": {"type": "array", "items": {"type": "object"}},
        "id": {"type": "string"},
    },
}


class Shop:
    """Answers requests for lists, and takes events: they count from the next request on, and are kept to learn from where the
    service has a home."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.recommender = Recommender(service.predictor)
        self._writer: Any = None
        self._user = self.recommender.user_column

    async def answer(self, asked: Asked, request: Request) -> dict[str, Any]:
        """Answer one request, charge the key for it, give the list an id and tell the observers."""
        service, key = self.service, request.scope["key"]
        began = time.monotonic()
        service.quota.spend(key, 1)
        try:
            weight = float(service.quota.per_minute(key))
            out, ranking = await service.searches.run(
                key.name, weight, partial(self._answer, asked), service.limits.seconds
            )
        except BaseException:
            service.quota.refund(key, 1)  # what is not answered costs nothing
            raise
        service.rows.inc(1)
        answers = [{"prediction": [{"item": hit["item"], "score": hit["score"]} for hit in out["items"]]}]
        if service.ids is not None:
            service.ids.give(answers)
            out["id"] = answers[0]["id"]
        if service.observers:
            row = {self._user: asked.user, "history": list(asked.history)}
            table, _ = service.predictor.table([row])
            scores = as_objects([ranking])[:, None]
            seen = Answered(key, table, [row], scores, answers, time.monotonic() - began, dict(request.headers))
            for observe in service.observers:
                observe(seen)
        return out

    def _answer(self, asked: Asked) -> tuple[dict[str, Any], Ranking]:
        try:
            return self.recommender.listed(asked)
        except ModelwrightError as e:
            raise Refused(422, "columns", e.words) from e

    async def take(self, events: list[tuple[str, str, float | None]], key: Any) -> dict[str, Any]:
        """Remember events, and keep them where the service has a home. Items that the catalogue lacks are named and kept all the same."""
        if self.service.home is not None:
            from modelwright.privacy.subjects import digest
            from modelwright.serve.feedback.erase import subject_key

            whose = subject_key(self.service.home)
            told = [
                Told(
                    id=_event_id(user, item, when), kind="answer", value=item, by=key.name, version=self.service.home.version,
                    told_at=when or time.time(), new=item not in self.service.predictor.target.places, source="events",
                    row={self._user: user}, subject=digest(whose, user),
                )
                for user, item, when in events
            ]  # fmt: skip
            await self.writer.add(told, [True] * len(told))
        strange = [item for user, item, _ in events if not self.recommender.remember(user, item)]
        out: dict[str, Any] = {"taken": len(events), "kept": self.service.home is not None}
        if strange:
            words = Words(
                f"{counted(len(strange), 'event')} of items that the model does not know: to count once a new model was trained.",
                f"{len(strange)} 个事件的物品不在模型目录中；重新训练后才会生效。",
            )
            out["warnings"] = [{"code": "items", "message": words.en, "message_zh": words.zh}]
        return out

    @property
    def writer(self) -> Any:
        """What writes events to the store. Raises Refused 501 where its extra is not installed."""
        if self._writer is None:
            from modelwright.core.errors import MissingExtra
            from modelwright.serve.feedback.writer import Writer

            try:
                self._writer = Writer(self.service.feedback)
            except MissingExtra as e:
                raise Refused(501, "feedback", e.words) from e
        return self._writer

    def recall(self) -> None:
        """Take the events that were kept of this version into account again after a start."""
        home = self.service.home
        if home is None:
            return
        from modelwright.release.registry.places import file_of

        place = file_of(home.url)
        if place is not None and not place.is_file():
            return
        for told in self.service.feedback.told(versions=[home.version], kinds=("answer",)):
            user = (told.row or {}).get(self._user)
            if told.source == "events" and user is not None:
                self.recommender.remember(str(user), str(told.value))

    def stop(self) -> None:
        """Write what was taken, then end."""
        if self._writer is not None:
            self._writer.stop()

    def found(self, text: str, lang: str) -> dict[str, Any]:
        """Return items whose title holds a text, the most frequent first; and the columns that conditions may name."""
        catalogue = self.recommender.catalogue
        places = catalogue.search(text, _FOUND)
        hits = [{"item": catalogue.items[p], "title": catalogue.title(p, lang)} for p in places]
        columns = [{"name": c.name, "modality": c.modality} for c in catalogue.columns.values()]
        return {"items": hits, "columns": columns, "titles": catalogue.title_columns}

    def picture(self, item: str) -> bytes | None:
        """Return the picture of an item, None where there is none."""
        place = self.recommender.target.places.get(item)
        return None if place is None else self.recommender.catalogue.picture(place)


def _event_id(user: str, item: str, when: float | None) -> str:
    """Return what stands for an event: the same for the same one told twice with its time."""
    text = f"{user}\n{item}\n{time.time_ns() if when is None else when}"
    return "event-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
