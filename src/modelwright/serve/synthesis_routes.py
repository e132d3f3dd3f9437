"""The routes of a service that reads texts aloud: OpenAI's `/v1/audio/speech`. One row of a key's quota is a sentence.

Shapes: platform.openai.com/docs/api-reference/audio/createSpeech.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import StreamingResponse

from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.words import Words
from modelwright.data.provenance import marked_wav
from modelwright.data.sound_files import TYPES, Growing, formats
from modelwright.features.shared.aloud.asked import PAUSES_TIMES, SPEEDS, TONES, within
from modelwright.recipes.shared.synthesis import Asked, Part
from modelwright.serve.event_streams import event, event_stream
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.model_list import add_model_list, no_such_model
from modelwright.serve.openai_shapes import bad, in_shape, read_asked
from modelwright.serve.page import add_face

_MOST = 32  # texts that are read at a time
_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")  # names that clients of OpenAI's send
_FIRST = ("", "default", "alloy")  # names of the first voice
MOST_CHARACTERS = 40_000


class SpeechAsked(BaseModel):
    """A request to /v1/audio/speech. `pitch` (semitones) and `pause` (times as long) are this service's own."""

    model_config = ConfigDict(extra="allow", strict=True)
    model: str = ""
    input: str
    voice: str = ""
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] | None = None
    speed: float | None = within(SPEEDS)
    stream_format: Literal["audio", "sse"] | None = None
    pitch: float | None = within(TONES)
    pause: float | None = within(PAUSES_TIMES)


class Mouth:
    """Speaks in one thread, a sentence at a time, so that none of those who listen waits for another's whole text."""

    def __init__(self, service: Any) -> None:
        self.service, self.model = service, service.predictor.members[0][1]
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="mouth")
        self.open = 0

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place among those who are spoken to. Raises Refused 429."""
        if self.open >= _MOST:
            words = Words(
                "Too many texts are read at a time; try again in a moment.", "同时朗读的请求过多；请稍后再试。"
            )
            raise Refused(429, "busy", words, retry=2)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    async def parts(self, text: str, asked: Asked, key: Any) -> AsyncIterator[Part]:
        """Yield the sentences of a text as they are spoken. Raises Refused."""
        found = self.model.speak(text, asked)
        loop = asyncio.get_running_loop()
        while True:
            self.service.quota.spend(key, 1)
            try:
                part = await loop.run_in_executor(self.pool, next, found, None)
            except OptionError as e:
                raise bad(e.words, "voice") from e
            except ModelwrightError as e:
                raise bad(e.words, "input") from e
            if part is None:
                return
            self.service.rows.inc()
            yield part


def add_voice(app: FastAPI, service: Any) -> None:
    """Add the routes of a predictor whose model speaks."""
    mouth = Mouth(service)
    app.state.at_end = [*getattr(app.state, "at_end", []), lambda: mouth.pool.shutdown(wait=True)]
    app.state.home = getattr(app.state, "home", None) or "/speak"
    app.state.forms = {*getattr(app.state, "forms", ()), "/speak"}
    _speech(app, mouth)
    add_model_list(app, service.predictor.name)
    add_face(app, "speak", ["speak.js"], "transcribe.css", "hear")


def _speech(app: FastAPI, mouth: Mouth) -> None:
    takes = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": SpeechAsked.model_json_schema()}}}
    }

    @app.post("/v1/audio/speech", summary="A text read aloud", openapi_extra=takes)
    async def speech(request: Request) -> Response:
        return await in_shape(request, partial(_answer, mouth, request))

    @app.get("/v1/audio/voices", summary="Whom this service can speak as, and in which formats")
    async def voices() -> Response:
        names = mouth.model.voice.speakers or ("default",)
        return answer_json(
            {
                "voices": [{"id": n, "name": n} for n in names],
                "formats": list(formats()),
                "model": mouth.service.predictor.name,
            }
        )


def _parse_request(body: bytes, mouth: Mouth) -> tuple[SpeechAsked, Asked, str]:
    """Return a request, what it asks of the model, and its format. Raises Refused that names the field."""
    asked = read_asked(body, SpeechAsked)
    name = mouth.service.predictor.name
    if asked.model not in ("", name, *_MODELS):
        raise no_such_model(name)
    if not asked.input.strip():
        raise bad(Words("`input` is empty; expected a text.", "`input` 为空；应为文本。"), "input")
    if len(asked.input) > MOST_CHARACTERS:
        words = Words(
            f"`input` has {len(asked.input)} characters; at most {MOST_CHARACTERS} are read at a time: send it in parts.",
            f"`input` 有 {len(asked.input)} 个字符；一次最多朗读 {MOST_CHARACTERS} 个：请分段发送。",
        )
        raise bad(words, "input")
    known = formats()
    shape = asked.response_format or ("mp3" if "mp3" in known else "wav")
    if shape not in known:
        words = Words(
            f"The format {shape} cannot be written here; expected {', '.join(known)}.",
            f"此处无法写入 {shape} 格式；应为 {'、'.join(known)}。",
        )
        raise bad(words, "response_format")
    voice = None if asked.voice in _FIRST and asked.voice not in mouth.model.voice.speakers else asked.voice
    if voice is not None and voice not in mouth.model.voice.speakers:
        shown = ", ".join(mouth.model.voice.speakers[:20] or ("default",))
        raise bad(
            Words(f"There is no such voice; expected one of: {shown}.", f"没有该声音；应为：{shown}。"),
            "voice",
            "voice_not_found",
        )
    how = Asked(voice, asked.speed or 1.0, asked.pitch or 0.0, 1.0 if asked.pause is None else asked.pause)
    return asked, how, shape


async def _answer(mouth: Mouth, request: Request) -> Response:
    key = request.scope["key"]
    asked, how, shape = _parse_request(await request.body(), mouth)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mouth.place())
        unsaid = _unsaid(mouth, asked.input)
        parts = mouth.parts(asked.input, how, key)
        first = await anext(parts, None)  # what cannot be read is refused before the answer begins
        second = await anext(parts, None) if first is not None else None
        if first is None or (second is None and not len(first.samples)):
            words = Words("There is nothing in `input` that can be spoken.", "`input` 中没有可读出的内容。")
            raise bad(words, "input", "nothing_to_say")
        known = [p.unsaid for p in (first, second) if p is not None]  # of later sentences no head can tell
        unsaid = list(dict.fromkeys([*unsaid, *(c for signs in known for c in signs)]))
        headers = {"X-Unspoken": json.dumps(unsaid)} if unsaid else {}
        mark = {"recipe": mouth.model.recipe, **({"voice": how.voice} if how.voice else {})}
        if second is None and asked.stream_format != "sse":
            return Response(_sound_file(shape, first.samples, mouth.model.rate, mark), 200, headers, TYPES[shape])
        held = stack.pop_all()
        file = Growing(shape, mouth.model.rate, mark, whole=shape == "flac")  # whose head must say how long it is
        sounds = _sounds([p for p in (first, second) if p is not None], parts, file, held)
        if asked.stream_format == "sse":
            return event_stream(_events(sounds), headers)
        return StreamingResponse(sounds, 200, {**headers, "X-Accel-Buffering": "no"}, TYPES[shape])


def _unsaid(mouth: Mouth, text: str) -> list[str]:
    try:
        found: list[str] = mouth.model.voice.reader.unsaid(text)
    except ModelwrightError as e:
        raise bad(e.words, "input") from e
    return found


def _sound_file(shape: str, samples: np.ndarray, rate: int, mark: dict[str, Any]) -> bytes:
    if shape == "wav":
        return marked_wav(samples, rate, mark)
    file = Growing(shape, rate, mark, whole=True)
    return file.add(samples) + file.end()


async def _sounds(
    head: list[Part], parts: AsyncIterator[Part], file: Growing, held: contextlib.ExitStack
) -> AsyncIterator[bytes]:
    """Yield the bytes of a file sentence by sentence; where a later one fails, the file ends in good order with what was said."""
    with held:
        for part in head:
            yield file.add(part.samples)
        with contextlib.suppress(Refused):
            async for part in parts:
                yield file.add(part.samples)
        yield file.end()


async def _events(sounds: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the bytes as server-sent events."""
    async for data in sounds:
        if data:
            yield event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode("ascii")})
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield event({"type": "speech.audio.done", "usage": usage})
