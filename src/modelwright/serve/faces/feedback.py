"""What people tell of answers: `POST /feedback` takes it, `GET /feedback/summary` counts it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import Counter

from modelwright.core.errors import MissingExtra
from modelwright.core.words import Words
from modelwright.privacy.ledger import record
from modelwright.serve._columns import known_rows
from modelwright.serve.bodies import json_of
from modelwright.serve.feedback.check import FIELDS, checked, differs
from modelwright.serve.feedback.rows import kept_answer, kept_rows
from modelwright.serve.feedback.shapes import Told
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused, parse_rows

ROLES = {"/feedback": "predictor", "/feedback/summary": "viewer"}
_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "of the answer"},
        "answer": {"description": "the right answer"},
        "thumb": {"type": "boolean"},
        "outcome": {"anyOf": [{"type": "number"}, {"type": "string", "format": "date"}]},
        "new": {"type": "boolean", "description": "the label was not known to the model"},
        "replace": {"type": "boolean", "description": "change what this key told before"},
        "row": {"type": "object"},
    },
    "additionalProperties": False,
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _SCHEMA,
                        {
                            "type": "object",
                            "required": ["feedback"],
                            "properties": {"feedback": {"type": "array", "items": _SCHEMA}},
                        },
                    ]
                }
            }
        },
    }
}
_SAID: dict[int | str, dict[str, Any]] = {
    code: {"description": words}
    for code, words in {
        400: "no JSON", 401: "no key", 403: "a key without the right", 404: "no answer has that id",
        409: "something else was told before", 413: "too large", 422: "does not fit", 501: "an extra is not installed", 503: "cannot be kept now",
    }.items()
}  # fmt: skip


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the service has a home, and keep requests where that was asked for."""
    if service.home is None:
        return
    desk = Desk(service)
    ends = [desk.stop]
    if service.keep is not None:
        from modelwright.serve.feedback.keeper import Keeper

        keep = service.keep
        keep.check_private(bool(service.predictor.shield))
        told = {
            "seconds": keep.seconds,
            "purpose": keep.purpose,
            "subject": keep.subject,
            "consent": keep.consent is not None,
        }
        record(None, "requests kept", name=service.home.name, version=service.home.version, **told)
        keeper = Keeper(service, service.feedback, service.keep)
        service.observers.append(keeper.observe)
        ends.append(keeper.stop)
    app.state.at_end = [*getattr(app.state, "at_end", ()), *ends]

    @app.post("/feedback", summary="What is right, a thumb, or an outcome", openapi_extra=_BODY, responses=_SAID)
    async def feedback(request: Request) -> Response:
        return answer_json(await desk.take(await request.body(), request.scope["key"].name))

    @app.get("/feedback/summary", summary="What was told, by version", responses=_SAID)
    async def summary(request: Request) -> Response:
        store = desk.asked()
        counts = await asyncio.to_thread(store.counts)
        return answer_json({"versions": {version: c.to_json() for version, c in sorted(counts.items())}})


class Desk:
    """Takes feedback for one version of a name. The database, and what speaks to it, is opened at the first use."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self._writer: Any = None
        self._counted = service.counted.also(
            Counter, "modelwright_feedback", "Feedback taken, by kind and verdict", "kind", "verdict"
        )

    def asked(self) -> Any:
        """Return the store. Raises Refused 501 where its extra is not installed."""
        try:
            return self.service.feedback
        except MissingExtra as e:
            raise Refused(501, "feedback", e.words) from e

    @property
    def writer(self) -> Any:
        """What writes to the store."""
        if self._writer is None:
            store = self.asked()
            from modelwright.serve.feedback.writer import Writer

            self._writer = Writer(store)
        return self._writer

    async def take(self, body: bytes, by: str) -> dict[str, Any]:
        """Take one piece of feedback, or many; answered once all is on the disk."""
        writer = self.writer
        items, alone = _parsed(body, self.service.limits.rows)
        found: list[tuple[Told, bool] | Refused] = []
        for item in items:
            try:
                told, may = checked(item, by, self.service.ids, self.service.predictor.target, self.row)
                value = kept_answer(self.service.predictor, told.value) if told.kind == "answer" else told.value
                found.append((replace(told, value=value), may))
            except Refused as e:
                if alone:
                    raise
                found.append(e)
        fit = [f for f in found if not isinstance(f, Refused)]
        outcomes = await writer.add([t for t, _ in fit], [r for _, r in fit]) if fit else []
        for (told, _), outcome in zip(fit, outcomes, strict=True):
            if outcome == "taken":
                self._counted.labels(told.kind, verdict_of(told)).inc()
        if alone:
            if outcomes == ["differs"]:
                raise differs()
            return {"id": fit[0][0].id, "state": outcomes[0]}
        rest = iter(zip(fit, outcomes, strict=True))
        said = [_refusal(f) if isinstance(f, Refused) else _outcome_json(*next(rest)) for f in found]
        taken = sum("error" not in s for s in said)
        return {"taken": taken, "refused": len(said) - taken, "feedback": said}

    def row(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check a row as `/predict` does and return what is kept of it. Raises Refused."""
        from modelwright.serve._values import bad_json

        service = self.service
        rows, _, _ = parse_rows(json.dumps({"rows": [row]}).encode(), service.limits, (), service.modalities)
        known_rows(service.predictor, rows)
        table, bad = service.predictor.table(rows)
        if bad:
            error = bad_json(bad[0])["error"]
            words = Words(error.pop("message"), error.pop("message_zh"))
            raise Refused(422, error.pop("code"), words, **error)
        return kept_rows(service.predictor, rows, table)[0]

    def stop(self) -> None:
        """Write what was taken, then end."""
        if self._writer is not None:
            self._writer.stop()


def verdict_of(told: Told) -> str:
    """Return one word for what was told: `up down right wrong`, `known` for what became known, `-` for what tells nothing."""
    if told.kind == "outcome":
        return "known"
    if told.correct is None:
        return "-"
    return {"thumb": ("down", "up"), "answer": ("wrong", "right")}[told.kind][told.correct]


def _parsed(body: bytes, most: int) -> tuple[list[Any], bool]:
    data = json_of(body, "no_json")
    if not isinstance(data, dict) or "feedback" not in data:
        return [data], True
    items = data["feedback"]
    if set(data) != {"feedback"} or not isinstance(items, list) or not items:
        words = Words(
            f'Expected {{"feedback": [...]}}, a list of objects with {", ".join(FIELDS)}.',
            f'应为 {{"feedback": [...]}}，列表元素为对象，字段：{"、".join(FIELDS)}。',
        )
        raise Refused(422, "fields", words)
    if len(items) > most:
        words = Words(
            f"Expected at most {most} pieces of feedback at a time, received {len(items)}.",
            f"每次最多 {most} 条反馈，收到 {len(items)} 条。",
        )
        raise Refused(413, "rows", words)
    return items, False


def _refusal(e: Refused) -> dict[str, Any]:
    return {"error": {"code": e.code, "status": e.status, "message": e.words.en, "message_zh": e.words.zh}}


def _outcome_json(fit: tuple[Told, bool], outcome: str) -> dict[str, Any]:
    return _refusal(differs()) if outcome == "differs" else {"id": fit[0].id, "state": outcome}
