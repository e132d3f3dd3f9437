"""Rows in and answers out as a stream, one JSON object a line (https://github.com/ndjson/ndjson-spec), in the same order.

Memory is bounded by one line: rows are answered a few at a time, and only when those answers were taken are further ones read. A row
that cannot be read is answered by a line with `error`, and the stream goes on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import Request, Response

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.serve._columns import known_rows, with_doubts
from modelwright.serve.deadlines import Deadline
from modelwright.serve.limits import STOPPING, Refused, ServeLimits, parse_row, scores_asked

TYPE = "application/x-ndjson"
_ROWS = 128  # that are answered together at most
_POLL = 0.25  # seconds between two looks whether the service stops
_IDLE = 10.0  # times the patience with one request, until something must come
_PATIENCE = 120.0  # seconds that a full service is waited for
_LONGEST_WAIT = 60  # seconds until a quota of a minute has filled again
log = logging.getLogger("modelwright")


def stream(service: Any, request: Request) -> Response:
    """Return the answer to a request whose body is a stream of rows. Raises Refused 429 where too many are open."""
    limits: ServeLimits = service.limits
    most = max(1, min(limits.streams, limits.held // (2 * limits.body)))
    if service.open_streams >= most:
        words = Words(
            f"{most} streams are open; try again when one has ended.", f"已有 {most} 个流在进行；请待其结束后再试。"
        )
        raise Refused(429, "busy", words, retry=5)
    return Stream(service, request.headers, request.scope["key"], scores_asked(request.query_params))


class Lines:
    """Puts chunks together to lines; of one with more than `longest` bytes only that it was too long is kept, as None."""

    def __init__(self, longest: int) -> None:
        self._longest, self._part, self._over = longest, bytearray(), False
        self.ready: deque[bytes | None] = deque()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._add(piece)
            self.end()
        self._add(rest)

    def end(self) -> None:
        """End the line that has begun, as at the end of the stream; blank ones are passed over."""
        if self._over:
            self.ready.append(None)
        elif self._part.strip():
            self.ready.append(bytes(self._part))
        self._part, self._over = bytearray(), False

    def _add(self, piece: bytes) -> None:
        if self._over or len(self._part) + len(piece) > self._longest:
            self._part, self._over = bytearray(), True
        else:
            self._part += piece


class _Ended(Exception):
    """The stream ends before its rows do: with a last line, or without one where nobody reads it."""

    def __init__(self, refused: Refused | None) -> None:
        self.refused = refused


class Stream(Response):
    """The answers to a stream of rows, which are read while it is sent."""

    media_type = TYPE

    def __init__(self, service: Any, headers: Mapping[str, str], key: Any, scores: bool) -> None:
        super().__init__(None, 200)
        del self.headers["content-length"]
        self._service, self._asked, self._key, self._scores = service, headers, key, scores
        self._deadline = Deadline(headers, float("inf"))
        limits: ServeLimits = service.limits
        self._lines = Lines(limits.body)
        self._most = max(1, min(_ROWS, limits.rows, int(service.quota.per_minute(key))))
        self._next = 1  # number of the row that is answered next
        self._whole = False  # whether all of the body has come
        self._reading: asyncio.Future[Any] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._service.open_streams += 1
        try:
            await self._run(receive, send)
        finally:
            self._service.open_streams -= 1
            if self._reading is not None:
                self._reading.cancel()

    async def _run(self, receive: Any, send: Any) -> None:
        started = False
        try:
            while await self._await_row(receive):
                rows = self._take()
                body = await self._answer(rows, receive)
                if not started:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    started = True
                await send({"type": "http.response.body", "body": body, "more_body": True})
                self._next += len(rows)
            last = b""
        except _Ended as e:
            if e.refused is None:
                return
            last = _line(_error(e.refused, self._next))
        if not started:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": last, "more_body": False})

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _await_row(self, receive: Any) -> bool:
        """Wait until there is a row; False at the end of the stream."""
        idle = time.monotonic() + _IDLE * self._service.limits.seconds
        while not self._lines.ready:
            if self._whole:
                return False
            message = await self._receive(receive, _POLL)
            if message is None:
                if time.monotonic() > idle:
                    raise _Ended(Refused(408, "slow", Words("No further row came.", "未收到后续的行。")))
                continue
            self._lines.feed(message.get("body", b""))
            if not message.get("more_body", False):
                self._whole = True
                self._lines.end()
        self._check()
        return True

    async def _receive(self, receive: Any, seconds: float) -> Any:
        """Return the next part of the body, None where none comes in time. Raises _Ended where the client went away."""
        self._check()
        if self._reading is None:
            self._reading = asyncio.ensure_future(receive())
        done, _ = await asyncio.wait([self._reading], timeout=seconds)
        if not done:
            return None
        message, self._reading = self._reading.result(), None
        if message["type"] == "http.disconnect":
            raise _Ended(None)
        return message

    def _check(self) -> None:
        """Raise _Ended where the service stops, or the time that the request allows for all of it is over."""
        if self._service.stopping.now:
            raise _Ended(Refused(503, "stopping", STOPPING, retry=5))
        try:
            self._deadline.check(0.0)
        except Refused:
            raise _Ended(self._deadline.passed()) from None

    def _take(self) -> list[bytes | None]:
        ready = self._lines.ready
        return [ready.popleft() for _ in range(min(len(ready), self._most))]

    # -- answering ---------------------------------------------------------------------------------------------------

    async def _answer(self, lines: list[bytes | None], receive: Any) -> bytes:
        """Return a line for each row."""
        out: list[Any] = [None] * len(lines)
        good: list[tuple[int, dict[str, Any], list[dict[str, Any]]]] = []
        for i, line in enumerate(lines):
            try:
                good.append((i, *self._row(line, self._next + i)))
            except Refused as e:
                out[i] = _numbered(_error(e, e.more.get("row", 1)), self._next + i)
        if good:
            answers = await self._answers([row for _, row, _ in good], receive)
            for (i, _, warnings), answer in zip(good, answers, strict=True):
                if "error" in answer:
                    answer = _numbered(answer, self._next + i)
                elif warnings or "warnings" in answer:
                    answer = _with_warnings(answer, warnings, self._next + i)
                out[i] = answer
        return b"".join(map(_line, out))

    def _row(self, line: bytes | None, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return a row, and the warnings that its answer carries. Raises Refused."""
        service = self._service
        if line is None:
            most = service.limits.body
            words = Words(f"The row holds more than {most} bytes.", f"该行超过 {most} 字节。")
            raise Refused(413, "too_large", words)
        row = parse_row(line, number, service.limits, service.modalities)
        return row, known_rows(service.predictor, [row])

    async def _answers(self, rows: list[dict[str, Any]], receive: Any) -> list[dict[str, Any]]:
        """Return the answers to rows; a service that is full, or a minute's quota that is used up, is waited for."""
        service = self._service
        until, wait = time.monotonic() + _PATIENCE, 0.02
        while True:
            try:
                found: list[dict[str, Any]] = await service.answered(
                    rows,
                    self._key,
                    partial(with_doubts, service.predictor),
                    Deadline(None, service.limits.seconds),
                    self._asked,
                    scores=self._scores,
                )
                service.told(200)
                return found
            except Refused as e:
                if e.status != 429:
                    if e.status == 503:
                        raise _Ended(e) from None
                    return [_error(e, 0)] * len(rows)
                pause = wait if e.code == "busy" else float(e.retry or 1)
                if pause > _LONGEST_WAIT or time.monotonic() + pause > until:
                    raise _Ended(e) from None
                wait = min(1.0, 2 * wait)
                await self._pause(pause)
            except ModelwrightError as e:
                return [_error(Refused(422, type(e).__name__, e.words), 0)] * len(rows)
            except Exception as e:  # what the model raises belongs to these rows
                service.told(500)
                log.error("rows of a stream were not answered: %s", type(e).__name__)
                words = Words(
                    "Something failed inside the service; its log says where.", "服务内部出错；位置见服务日志。"
                )
                return [_error(Refused(500, "internal", words), 0)] * len(rows)

    async def _pause(self, seconds: float) -> None:
        """Wait, unless the service stops meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(_POLL, left))
            self._check()


def _error(refused: Refused, row: int) -> dict[str, Any]:
    """Return a refusal as the answer to a row."""
    more = {"retry_after": refused.retry} if refused.retry else {}
    error = {"code": refused.code, "row": row, "message": refused.words.en, "message_zh": refused.words.zh}
    return {"error": {**refused.more, **error, **more}}


def _numbered(answer: dict[str, Any], row: int) -> dict[str, Any]:
    """Return an answer that is an error with the number of its row in the stream."""
    error, was = dict(answer["error"]), answer["error"].get("row")
    for field, form in (("message", "row {}"), ("message", "Row {}"), ("message_zh", "第 {} 行")):
        before = form.format(was)
        if str(error.get(field, "")).startswith(before):
            error[field] = form.format(row) + error[field][len(before) :]
    return {"error": {**error, "row": row}}


def _with_warnings(answer: dict[str, Any], warnings: list[dict[str, Any]], row: int) -> dict[str, Any]:
    """Return an answer with further warnings, those that name their row with its number in the stream."""
    every = [*warnings, *answer.get("warnings", ())]
    return {**answer, "warnings": [{**w, "row": row} if "row" in w else w for w in every]}


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"
