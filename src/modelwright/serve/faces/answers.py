"""Questions and answers with citations: `POST /answer`, sessions with a memory, hand-over, and the page `/ask`."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelwright.core.words import Words
from modelwright.models.dialogue import REASONS, Conversation, Memory, Turn, covered, hand_over, points, summary, whole
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused, tenant_for
from modelwright.serve.page import lang_of, page_of, static

ROLES = {"/answer": "predictor", "/ask": "predictor"}
_SAYS = {
    "no_support": Words("The documents do not say.", "文档中没有相关内容。"),
    "no_question": Words("There is no question.", "没有问题。"),
    "no_tenant": Words("Say whose documents to search: `tenant`.", "请说明检索谁的文档：`tenant`。"),
}


class Past(BaseModel):
    """An earlier question, for clients that keep the conversation themselves."""

    model_config = ConfigDict(extra="forbid")
    question: str = Field(max_length=2000)
    answer: str | None = Field(None, max_length=20_000)


class Question(BaseModel):
    """What `/answer` takes. `session` goes on with an earlier conversation; `history` brings one along instead."""

    model_config = ConfigDict(extra="forbid")
    question: str = Field(max_length=2000)
    tenant: str | None = Field(None, max_length=200)
    session: str | None = Field(None, max_length=100)
    history: list[Past] | None = Field(None, max_length=20)


class Citation(BaseModel):
    """Characters `start` to `end` of the section under `heading` in `document`."""

    document: str
    heading: str
    start: int
    end: int
    text: str


class HandOver(BaseModel):
    """Why a person should take over, and what was said so far."""

    reason: str
    message: str
    summary: list[Past]


class Reply(BaseModel):
    """What `/answer` gives; `searched` is the question with what a follow-up leaned on."""

    answer: str | None
    citations: list[Citation]
    confidence: float
    refused: bool
    reason: str | None
    message: str | None
    searched: str
    session: str
    handover: HandOver | None
    id: str | None = None  # of the answer, for feedback


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor answers questions from documents."""
    if service.predictor.task.name != "question-answering":
        return
    desk = Desk(service)
    app.state.home = getattr(app.state, "home", None) or "/ask"
    takes = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": Question.model_json_schema()}}}
    }
    shape = Reply.model_json_schema(ref_template="#/components/schemas/{model}")
    said: dict[int | str, Any] = {200: {"content": {"application/json": {"schema": _inline(shape)}}}}
    said |= {
        code: {"description": words}
        for code, words in {
            400: "no JSON", 401: "no key", 403: "another tenant", 413: "too large", 422: "does not fit", 429: "too much", 504: "too slow",
        }.items()
    }  # fmt: skip

    @app.post("/answer", summary="An answer with citations, or a refusal", openapi_extra=takes, responses=said)
    async def answer(request: Request) -> Response:
        asked = _parse_question(await request.body())
        zh = lang_of(request, "en") == "zh"
        return answer_json(await desk.reply(asked, request.scope["key"], "zh" if zh else "en"))

    @app.get("/ask", include_in_schema=False)
    async def ask(request: Request) -> Response:
        where = lang_of(request, "en")
        named = desk.tenanted and getattr(request.scope["key"], "tenant", None) is None  # else the key says whose
        body = f'<main class="ask" id="app" data-lang="{where}" data-tenanted="{int(named)}"></main>'
        return page_of(body, where, static("ask.js"), static("ask.css"))


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its definitions put where they are used."""
    own = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).rsplit("/", 1)[-1]
            return put(own[name]) if name in own else {k: put(v) for k, v in value.items()}
        return [put(v) for v in value] if isinstance(value, list) else value

    out: dict[str, Any] = put(schema)
    return out


def _parse_question(body: bytes) -> Question:
    try:
        asked = Question.model_validate_json(body)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Refused(400, "no_json", Words("The body is no JSON.", "请求体不是 JSON。")) from None
        # a field is named where it is one of ours, never as the request wrote it
        field = str(first["loc"][0]) if first["loc"] and first["loc"][0] in Question.model_fields else None
        en = f"`{field}` does not fit" if field else "There is a field that is not known"
        zh = f"`{field}` 不符合要求" if field else "包含未知字段"
        words = Words(
            f'{en}. Expected {{"question": text, "tenant": text, "session": text}}.',
            f'{zh}。应为 `{{"question": 文本, "tenant": 文本, "session": 文本}}`。',
        )
        raise Refused(422, "question", words) from None
    if not asked.question.strip():
        raise Refused(422, "question", Words("The question is empty.", "问题为空。"))
    return asked


def _leaning(question: str, alone: dict[str, Any], full: dict[str, Any]) -> bool:
    """Return whether a follow-up is answered with what it leans on: never by words of the question before alone."""
    if full["refused"]:
        return False
    with_it = covered(question, _whole_text(full))
    if alone["refused"]:
        return with_it > 0
    by_itself = covered(question, _whole_text(alone))
    return with_it > by_itself or (with_it == by_itself and points(question))


def _whole_text(row: dict[str, Any]) -> str:
    return " ".join([str(row["answer"]), *(f"{c['heading']} {c['text']}" for c in row["citations"])])


class Desk:
    """Answers one question after the other, with what was said before in mind."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.memory = Memory()
        knowledge = getattr(service.predictor.members[0][1], "knowledge", None)
        self.tenanted = bool(knowledge is not None and knowledge.tenanted)

    async def reply(self, asked: Question, key: Any, lang: str) -> dict[str, Any]:
        """Return the reply to a question; a conversation belongs to one key and one tenant."""
        tenant = tenant_for(key, asked.tenant)
        with self.service.admitted(key, 1) as ticket:
            return await self._reply(asked, key, tenant, lang, ticket)

    async def _reply(self, asked: Question, key: Any, tenant: str | None, lang: str, ticket: Any) -> dict[str, Any]:
        session = asked.session or secrets.token_urlsafe(16)
        held = self.memory.get((key.name if key else "", tenant or "", session))
        if asked.history is not None:
            held = Conversation([Turn(p.question, p.question, p.answer) for p in asked.history])
        person = hand_over(asked.question, held.turns, False)
        full = asked.question if person else whole(asked.question, held.turns)
        rows = await self._answer_rows(list(dict.fromkeys((asked.question, full))), tenant, ticket)
        row, searched = rows[0], asked.question
        if len(rows) > 1 and _leaning(asked.question, rows[0], rows[1]):
            row, searched = rows[1], full
        why = hand_over(asked.question, held.turns, row["refused"])
        held.add(Turn(asked.question, searched, row["answer"]))
        self.service.rows.inc()
        return {
            **row,
            "message": _SAYS[row["reason"]].to(lang) if row["reason"] else None,
            "searched": searched,
            "session": session,
            "handover": {"reason": why, "message": REASONS[why].to(lang), "summary": summary(held.turns)}
            if why
            else None,
        }

    async def _answer_rows(self, questions: list[str], tenant: str | None, ticket: Any) -> list[dict[str, Any]]:
        service = self.service
        table, _ = service.predictor.table([{"question": q, "tenant": tenant} for q in questions])
        scores = await service.batcher.scores(table, service.limits.seconds, ticket)
        answers = service.predictor.answers(scores)
        if service.ids is not None:
            service.ids.give(answers)
        return [a["prediction"] | ({"id": a["id"]} if "id" in a else {}) for a in answers]
