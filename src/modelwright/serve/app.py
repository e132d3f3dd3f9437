"""The HTTP service around one predictor. Every route but liveness and readiness needs a key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from fastapi import FastAPI, Response
from pydantic import BaseModel

from modelwright.core.facts.details import AttributionFact
from modelwright.core.registry import load_file, names_in
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.data.kinds.base import kind_of
from modelwright.release.bundle import Predictor
from modelwright.serve import trace
from modelwright.serve._columns import doubts, known_rows
from modelwright.serve._routes import add_routes
from modelwright.serve._values import bad_json, refused_value
from modelwright.serve.admin import add_admin
from modelwright.serve.background_scores import Aside
from modelwright.serve.batcher import Batcher, Ticket
from modelwright.serve.counters import Counters, Shared
from modelwright.serve.deadlines import Deadline
from modelwright.serve.fair_turns import Turns
from modelwright.serve.feedback.ids import AnswerIds, with_id
from modelwright.serve.feedback.keep import Keep
from modelwright.serve.feedback.secret import secret_of, store_of
from modelwright.serve.file_answer import as_file
from modelwright.serve.guard import Guard, Stopping, add_errors, answer_json
from modelwright.serve.keys import KeyRing, ServiceKey
from modelwright.serve.limits import BodyLimit, Refused, ServeLimits, is_media, parse_rows, tenant_for
from modelwright.serve.page import add_docs, add_page
from modelwright.serve.quota import Quota
from modelwright.serve.roles import Rules
from modelwright.serve.stores import Answered, Home
from modelwright.serve.watch import Watch

# further routes, one file each; what looks at how a model is used stands to the right of this folder
FACES = ("modelwright.serve.faces", "modelwright.improve.faces")
Shown = TypeVar("Shown")
_LARGE_BODY = 32 << 10  # bytes from which a body is read beside the event loop
_MANY_ROWS = 64
_EXPLAIN_ROWS = 50  # what an explanation costs of a quota
_SHOWN = 480  # pixels of the longer side of a picture that comes with an explanation


class Service:
    """What the routes share: predictor, batcher, keys, limits, counters."""

    def __init__(
        self,
        predictor: Predictor,
        keys: KeyRing,
        limits: ServeLimits,
        shared: Shared | None = None,
        home: Home | None = None,
        keep: Keep | None = None,
    ) -> None:
        self.predictor, self.keys, self.limits, self.home, self.keep = predictor, keys, limits, home, keep
        version = home.version if home else ""
        self.ids = AnswerIds(secret_of(home), home.name, version, predictor.target) if home else None
        self.adapt = False  # whether it learns from feedback while it serves; see improve/faces/adapt.py
        self.bundle: Path | None = None
        self.companions: Any = None  # voice_front.Companions: who hears and speaks beside this model, if anyone
        self.observers: list[Callable[[Answered], None]] = []  # told of every request that was answered by /predict
        self.told: Callable[[int], None] = lambda status: None  # of the status of rows that are no request of their own
        self.batcher = Batcher(predictor.scores, queue=limits.queue)
        self._own_quota = shared is None
        self.quota = shared.quota if shared else Quota.beside(keys, limits.rows_per_minute)
        self.tokens = shared.tokens if shared else Quota.of_tokens(keys, limits.tokens_per_minute)
        self.modalities = {c.name: c.modality for c in predictor.schema.inputs}
        self.names = frozenset(self.modalities)
        self.files = any(is_media(m) for m in self.modalities.values())
        # whether rows say whose documents are searched: a bound key may not name another's there either
        self.tenanted = "tenant" in self.names and any(hasattr(m, "knowledge") for _, m in predictor.members)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")  # large bodies, beside the event loop
        self.explains = Turns(2.0 if self.files else 1.0)
        self.searches = Turns(0.05)
        self.aside = Aside(predictor.scores, self.batcher)
        self._bytes_per_row = 0.0
        self.open_streams = 0
        self.ready = False
        self.leads: Callable[[], bool] = lambda: True  # whether this version is the champion of its name
        self.stopping = Stopping()
        release = (f"{predictor.name}/{predictor.version}",) if shared else ()
        self.counted = (shared.counters if shared else Counters()).of(*release)
        self.counted.follow(self.batcher)
        self.rows = self.counted.rows

    @cached_property
    def feedback(self) -> Any:
        """The store of what is told of answers, None where the service has no home. Raises MissingExtra."""
        return store_of(self.home) if self.home is not None else None

    @property
    def answer_model(self) -> type[BaseModel]:
        """The model of one answer as it is served."""
        return with_id(self.predictor.response) if self.ids is not None else self.predictor.response

    async def warm(self) -> None:
        """Answer a few rows without values, so that the first request meets a model that is loaded and measured."""
        for i, rows in enumerate((1, 1, 2, 8)):
            if i == 1:  # a first call loads what later ones find there
                self.batcher.forget()
            await self.batcher.scores(self.predictor.table([{}] * rows)[0], self.limits.seconds)

    async def predict(
        self, body: bytes, key: ServiceKey, headers: Mapping[str, str] | None = None, deadline: Deadline | None = None,
        scores: bool = False,
    ) -> Response:  # fmt: skip
        """Answer the rows of a request's body, with `scores` where they or it ask for them; what is not answered costs nothing."""
        deadline = deadline or Deadline(headers, self.limits.seconds)
        rows, alone, with_scores = await self._beside(len(body) > _LARGE_BODY, self._parse, body)
        self._bytes_per_row = 0.9 * (self._bytes_per_row or len(body) / len(rows)) + 0.1 * len(body) / len(rows)
        warnings = known_rows(self.predictor, rows)

        def shown(answers: list[dict[str, Any]], table: Table) -> Response:
            unread = {i for i, answer in enumerate(answers) if "error" in answer}
            more = {"warnings": found} if (found := [*warnings, *doubts(self.predictor, table, unread)]) else {}
            body = {**answers[0], **more} if alone else {"answers": answers, **more}
            return as_file(headers, answers, alone) or answer_json(body)

        return await self.answered(rows, key, shown, deadline, headers, scores=scores or with_scores, alone=alone)

    async def answered(
        self,
        rows: list[dict[str, Any]],
        key: ServiceKey,
        shown: Callable[[list[dict[str, Any]], Table], Shown],
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        *,
        scores: bool = False,
        alone: bool = False,
    ) -> Shown:
        """Answer rows in time, charge the key for them, tell the observers, and return what `shown` makes of the answers.

        Raises Refused where they are not answered at all, and for a row that is `alone` and cannot be read.
        """
        if self.tenanted and key.tenant is not None:
            rows = [{**row, "tenant": tenant_for(key, row.get("tenant"))} for row in rows]
        with deadline.held(), self.admitted(key, len(rows), deadline) as ticket:
            table, bad = await self._table(rows)
            found = await self.batcher.scores(table, deadline.left, ticket)
            if alone and bad:
                raise refused_value(bad[0])
            large = len(rows) > _MANY_ROWS
            answers, out = await self._beside(large, self._answer, found, scores, table, bad, shown)
        unread = len({value.row for value in bad})
        if unread:
            self.quota.refund(key, unread)
        self.rows.inc(len(rows) - unread)
        if self.observers:
            took = time.monotonic() - deadline.began
            seen = Answered(key, table, rows, found, answers, took, headers or {})
            for observe in self.observers:
                observe(seen)
        return cast(Shown, out)

    def _parse(self, body: bytes) -> tuple[list[dict[str, Any]], bool, bool]:
        return parse_rows(body, self.limits, self.names, self.modalities)

    def _answer(
        self, scores: Any, with_scores: bool, table: Table, bad: list[BadValue], shown: Callable[..., Shown]
    ) -> tuple[list[dict[str, Any]], Shown]:
        answers = self.predictor.answers(scores, with_scores, table.hidden)
        for value in bad:
            answers[value.row - 1] = bad_json(value)
        if self.ids is not None:
            self.ids.give(answers)
        return answers, shown(answers, table)

    async def _beside(self, large: bool, function: Callable[..., Any], *args: Any) -> Any:
        """Run what takes long beside the event loop, so that others are answered meanwhile."""
        if not large:
            return function(*args)
        return await asyncio.get_running_loop().run_in_executor(self._reader, function, *args)

    @contextmanager
    def admitted(self, key: ServiceKey, rows: int, deadline: Deadline | None = None) -> Iterator[Ticket]:
        """Keep a place for rows and take them from the key's quota; they are given back where no answer comes of it.

        Raises Refused 429: too much is waiting, or the quota is used up; 504: the answer would come after the deadline.
        """
        weight = float(self.quota.per_minute(key))
        if deadline is not None:
            deadline.check(self.batcher.takes(key.name, weight, rows))
        ticket = self.batcher.admit(key.name, weight, rows, self.limits.seconds)
        trace.rows.set(rows)
        try:
            self.quota.spend(key, rows)
            try:
                yield ticket
            except BaseException:
                self.quota.refund(key, rows)
                raise
        finally:
            ticket.drop()

    def gate(self, key: ServiceKey, size: str | None, deadline: Deadline) -> None:
        """Refuse a request before its body is read where its size tells that it would wait too long. Raises Refused."""
        if size is None or not size.isdecimal() or not self._bytes_per_row:
            return
        rows, weight = (
            min(self.limits.rows, max(1, round(int(size) / self._bytes_per_row))),
            float(self.quota.per_minute(key)),
        )
        deadline.check(self.batcher.takes(key.name, weight, rows))
        self.batcher.check(key.name, weight, rows, self.limits.seconds)

    def refuse_waiting(self) -> None:
        """Answer all that waits with 503: the time to finish it is over."""
        self.batcher.refuse_waiting()
        self.explains.refuse_waiting()
        self.searches.refuse_waiting()

    async def stop(self) -> None:
        """End all work; what waits is refused."""
        await self.explains.stop()
        await self.searches.stop()
        await self.batcher.stop()
        self._reader.shutdown(wait=True)
        self.counted.forget()
        if self._own_quota:
            self.quota.close()
            self.tokens.close()

    async def explain(self, body: bytes, key: ServiceKey, deadline: Deadline | None = None) -> Any:
        """Explain the answer to one row."""
        remote = any(m.remote for _, m in self.predictor.members)
        if not self.predictor.target.explains or remote:
            made = Words(
                "Answers of this task are made, not chosen: nothing to explain.", "该任务的答案为生成结果，无法解释。"
            )
            hosted = Words(
                "A hosted model answers, at a price for every row: nothing is explained.",
                "回答来自托管模型，每行都有费用：不提供解释。",
            )
            raise Refused(422, "task", hosted if remote else made)
        rows, _, _ = await self._beside(len(body) > _LARGE_BODY, self._parse, body)
        if len(rows) != 1:
            raise Refused(422, "rows", Words("Explain takes one row at a time.", "每次只能解释一行。"))
        known_rows(self.predictor, rows)
        from modelwright.evaluate.explain.media import read_as, shares

        table, bad = await self._table(rows)
        if bad:
            raise refused_value(bad[0])
        weight = float(self.quota.per_minute(key))
        self.quota.spend(key, _EXPLAIN_ROWS)
        seconds = self.limits.seconds if deadline is None else deadline.left
        try:
            answer, found, pictures = await self.explains.run(key.name, weight, lambda: self._why(table), seconds)
        except BaseException:
            self.quota.refund(key, _EXPLAIN_ROWS)
            raise
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

    def _why(self, table: Table) -> tuple[dict[str, Any], list[AttributionFact], dict[str, str]]:
        """Return the answer to a table of one row, what it rests on, and a small picture of each cell that has one."""
        from modelwright.evaluate.explain.media import pictures

        answer = self.predictor.answers(self.aside(table), True)[0]
        seconds = 2.0 if self.files else 1.0  # parts of media are hidden by the hundred
        found = self.predictor.explain_table(table, top=30, seconds=seconds, scores=self.aside)
        return answer, found, pictures(table, _SHOWN, found)

    async def _table(self, rows: list[dict[str, Any]]) -> tuple[Table, list[BadValue]]:
        """Return rows as a typed table; files and many rows are read one request at a time, beside the event loop.

        No folder is given: a path or an address in a request is refused, never opened.
        """
        large = self.files or len(rows) > _MANY_ROWS
        found: tuple[Table, list[BadValue]] = await self._beside(large, self.predictor.table, rows)
        return found

    def schema(self) -> dict[str, Any]:
        """Return what the model reads and answers, for forms and clients."""
        p = self.predictor
        return {
            "name": p.name,
            "version": p.version,
            "task": p.task.name,
            "title": p.task.title._asdict(),
            "made": not p.target.explains,  # whether answers are made, so that there is nothing to explain
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
            "response": self.answer_model.model_json_schema(),
        }


def create_app(
    predictor: Predictor,
    *,
    keys: KeyRing,
    limits: ServeLimits | None = None,
    lang: str = "en",
    secure_cookie: bool = False,
    bundle: Path | None = None,
    origins: frozenset[str] = frozenset(),
    stopping: Stopping | None = None,
    shared: Shared | None = None,
    home: Home | None = None,
    keep: Keep | None = None,
    adapt: bool = False,
    companions: Any = None,
) -> FastAPI:
    """Return the service as an ASGI application. `secure_cookie` marks the page's cookie for TLS only.

    Pages of `origins` may ask from a browser. Once `stopping` says so, requests are answered 503. Changes of keys are entered
    into the ledger of `bundle`. `shared` is what a release has in common with the other versions of its name; `home` says
    where what is told of answers is kept, `keep` which requests are kept there. Raises DataError where the count of rows cannot be
    kept, OptionError where requests must be encrypted and no vault is open. With `adapt` the model learns from feedback while it
    serves; OptionError where it cannot. `companions` hear and speak for it (`voice_front.Companions`).
    """
    service = Service(predictor, keys, (limits or ServeLimits()).fitting(predictor.schema), shared, home, keep)
    service.stopping = stopping = stopping or Stopping()
    service.adapt, service.bundle, service.companions = adapt, bundle, companions

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await service.warm()
        service.ready = True
        for start in getattr(app.state, "at_start", ()):
            await asyncio.to_thread(start)
        yield
        service.ready = False
        for stop in getattr(app.state, "at_end", ()):
            await asyncio.to_thread(stop)
        await service.stop()

    app = FastAPI(
        title=f"Modelwright: {predictor.name}", version=predictor.version, lifespan=life, docs_url=None, redoc_url=None, openapi_url=None
    )  # fmt: skip
    app.state.service = service
    app.state.spent = lambda: service.quota.spent
    add_errors(app)
    add_routes(app, service)
    faces = _add_faces(app, service)
    add_admin(app, keys, bundle)
    add_page(app, service.keys, lang, secure_cookie)
    add_docs(app, lang)
    bounds = service.limits
    app.add_middleware(BodyLimit, limit=bounds.body, held=bounds.held, seconds=bounds.seconds, streamed=bounds.streamed)
    app.add_middleware(
        Guard,
        keys=keys,
        requests=service.counted.requests,
        seconds=service.counted.seconds,
        rules=Rules(app.routes, faces),
        release=(predictor.name, predictor.version),
        forms=frozenset(getattr(app.state, "forms", ())),
        origins=origins,
        stopping=stopping,
    )
    app.add_middleware(Watch, release=f"{predictor.name}/{predictor.version}")
    return app


def _add_faces(app: FastAPI, service: Service) -> dict[str, str]:
    """Add the routes of faces and return the role that each needs: a predictor, unless the face's `ROLES` says other."""
    roles: dict[str, str] = {}
    routes: Any = app.routes
    for package, name in ((folder, found) for folder in FACES for found in names_in(folder)):
        before = {r.path for r in routes}
        face = load_file(package, name, Words("face", "接口"))
        face.add(app, service)
        named: dict[str, str] = getattr(face, "ROLES", {})
        roles |= {r.path: named.get(r.path, "predictor") for r in routes if r.path not in before}
    return roles
