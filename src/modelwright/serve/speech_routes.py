"""The routes of a service that writes down what is said. One row of a key's quota is a part of some 20 seconds."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket

from modelwright.core.words import Words
from modelwright.data.kinds.audio import blocks
from modelwright.data.kinds.base import Unreadable
from modelwright.recipes.shared.listening import DELAY, PAUSE, Listener, in_turn, placed
from modelwright.serve.event_streams import event, event_stream, failed
from modelwright.serve.guard import answer_json, asked_lang
from modelwright.serve.limits import Refused
from modelwright.serve.microphone import Microphone, open_socket, rate_of
from modelwright.serve.model_list import add_model_list
from modelwright.serve.openai_shapes import bad, in_shape
from modelwright.serve.page import add_face
from modelwright.serve.transcripts import Asked, read_asked, subtitles, text_of, verbose

_MOST = 32  # recordings and microphones that are listened to at a time


class Ear:
    """Listens in one thread, a part at a time, so that none of those who speak waits for another's whole recording."""

    def __init__(self, service: Any) -> None:
        self.service, self.model = service, service.predictor.members[0][1]
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="ear")
        self.open = 0

    async def run(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns, run in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, function)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place among those who are listened to. Raises Refused 429."""
        if self.open >= _MOST:
            raise Refused(
                429,
                "busy",
                Words("Too many speak at a time; try again in a moment.", "同时进行的识别过多；请稍后再试。"),
                retry=2,
            )
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def spend(self, key: Any) -> None:
        """Take a part from a key's quota. Raises Refused 429."""
        self.service.quota.spend(key, 1)
        self.service.rows.inc()

    async def hear(self, path: Path, asked: Asked, key: Any) -> AsyncIterator[tuple[list[dict[str, Any]], float]]:
        """Yield the words of each part of a recording, and the seconds up to its end. Raises Refused."""
        model = self.model.hoping(asked.phrases) if asked.phrases and hasattr(self.model, "hoping") else self.model
        parts = in_turn(model, blocks({"path": str(path), "bytes": None}, model.front.rate))

        def one() -> tuple[list[dict[str, Any]], float] | None:
            found = next(parts, None)
            if found is None:
                return None
            start, samples = found
            return placed(model.hear([samples])[0], start), start + len(samples) / model.front.rate

        while True:
            try:
                found = await self.run(one)
            except Unreadable as e:
                raise bad(Words(f"{e.words.en[:1].upper()}{e.words.en[1:]}.", f"{e.words.zh}。"), "file") from None
            if found is None:
                return
            self.spend(key)
            yield found


def add_speech(app: FastAPI, service: Any) -> None:
    """Add the routes of a predictor whose model hears."""
    ear = Ear(service)
    app.state.at_end = [*getattr(app.state, "at_end", []), lambda: ear.pool.shutdown(wait=True)]
    app.state.home = getattr(app.state, "home", None) or "/transcribe"
    app.state.forms = {*getattr(app.state, "forms", ()), "/transcribe"}
    _transcriptions(app, ear)
    add_model_list(app, service.predictor.name)
    _microphone(app, ear)
    add_face(app, "transcribe", ["transcribe.js"], "transcribe.css", "hear")


def _language(service: Any) -> str:
    return str(getattr(getattr(service.predictor.target, "rules", None), "language", ""))


def _transcriptions(app: FastAPI, ear: Ear) -> None:
    takes = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {
        "type": "object", "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary"}, "model": {"type": "string"}, "prompt": {"type": "string"}, "language": {"type": "string"},
            "response_format": {"type": "string", "enum": ["json", "text", "srt", "verbose_json", "vtt"]}, "stream": {"type": "boolean"},
            "timestamp_granularities[]": {"type": "array", "items": {"type": "string", "enum": ["word", "segment"]}},
        },
    }}}}}  # fmt: skip

    @app.post("/v1/audio/transcriptions", summary="What is said in a recording", openapi_extra=takes)
    async def transcriptions(request: Request) -> Response:
        return await in_shape(request, partial(_answer, ear, request))


async def _answer(ear: Ear, request: Request) -> Response:
    key = request.scope["key"]
    stack = contextlib.ExitStack()
    with stack:
        stack.enter_context(ear.place())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelwright-")))
        asked = await _received(request, folder / "recording", ear.service)
        if asked.stream:
            first = await _once_begun(
                ear.hear(folder / "recording", asked, key)
            )  # what cannot be read is refused before the stream begins
            held = stack.pop_all()
            return event_stream(_events(first, held, asked_lang(request.headers)))
        words: list[dict[str, Any]] = []
        seconds = 0.0
        async for found, until in ear.hear(folder / "recording", asked, key):
            words += found
            seconds = until
            if await request.is_disconnected():
                break
    if asked.shape == "verbose_json":
        return answer_json(verbose(words, seconds, _language(ear.service), asked))
    if asked.shape == "json":
        return answer_json({"text": text_of(words)})
    text = text_of(words) + "\n" if asked.shape == "text" else subtitles(words, asked.shape)
    kind = {"vtt": "text/vtt", "srt": "application/x-subrip"}.get(asked.shape, "text/plain")
    return Response(text, media_type=f"{kind}; charset=utf-8")


async def _received(request: Request, place: Path, service: Any) -> Asked:
    """Write the file of a form to `place`, and return its fields. Raises Refused."""
    try:
        import python_multipart  # noqa: F401
    except ImportError:
        words = Words(
            "Forms need the extra `serve`: pip install modelwright[serve]",
            "表单需要扩展 `serve`：pip install modelwright[serve]",
        )
        raise Refused(501, "extra", words) from None
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise bad(
            Words(
                "Expected a form (multipart/form-data) with a `file`.",
                "应为包含 `file` 的表单（multipart/form-data）。",
            ),
            "file",
        )
    from starlette.exceptions import HTTPException

    try:
        form = await request.form(max_files=1, max_fields=32, max_part_size=1 << 16)
    except HTTPException as e:
        raise bad(
            Words(
                "The form does not fit: one file, and fields of at most 64 kB.",
                "表单不符合要求：一个文件，每个字段不超过 64 kB。",
            ),
            None,
        ) from e
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(form.close)
        file: Any = form.get("file")
        if file is None or isinstance(file, str):
            raise bad(Words("There is no `file` in the form.", "表单中没有 `file`。"), "file")
        asked = read_asked(form, service.predictor.name, _language(service))

        def keep() -> None:
            with place.open("wb") as out:
                shutil.copyfileobj(file.file, out)

        await asyncio.to_thread(keep)
    return asked


async def _once_begun(parts: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Return the same parts, once the first of them has come."""
    try:
        head = [await anext(parts)]
    except StopAsyncIteration:
        head = []

    async def all_of() -> AsyncIterator[Any]:
        for one in head:
            yield one
        async for one in parts:
            yield one

    return all_of()


async def _events(parts: AsyncIterator[Any], held: contextlib.ExitStack, lang: str) -> AsyncIterator[bytes]:
    """Yield the text of each part as a server-sent event, then the whole text; a failure on the way is told as the last event."""
    words: list[dict[str, Any]] = []
    with held:
        try:
            async for found, _ in parts:
                before = text_of(words)
                words += found
                delta = text_of(words)[len(before) :]
                if delta:
                    yield event({"type": "transcript.text.delta", "delta": delta})
            yield event({"type": "transcript.text.done", "text": text_of(words)})
        except Refused as e:
            yield failed(e, lang, type="error")


def _microphone(app: FastAPI, ear: Ear) -> None:
    @app.websocket("/v1/audio/stream")
    async def microphone(socket: WebSocket) -> None:
        """Take PCM (16 bits, little-endian, mono) at `?rate=` and tell what is said; `{"type": "end"}` ends."""
        async with open_socket(socket):
            with ear.place():
                await _listened(ear, socket, rate_of(socket))


async def _listened(ear: Ear, socket: WebSocket, rate: int) -> None:
    """Listen to one microphone until it ends, falls silent or is refused."""
    key, listener = socket.scope.get("key"), Listener(ear.model)

    async def finished() -> None:
        await tell(socket, await ear.run(listener.finish))

    heard = Microphone(socket, rate, ear.model.front.rate, lambda: ear.spend(key), on_silence=finished)
    await socket.send_json({"type": "ready", "rate": rate, "delay": DELAY, "pause": PAUSE})
    async for samples in heard.gathered():
        await tell(socket, await ear.run(partial(listener.feed, samples)))
    if heard.ended:
        await finished()
        await socket.send_json({"type": "done", "seconds": round(heard.seen, 3)})


async def tell(socket: WebSocket, events: list[dict[str, Any]]) -> None:
    """Send events, one message each."""
    for one in events:
        await socket.send_json(one)
