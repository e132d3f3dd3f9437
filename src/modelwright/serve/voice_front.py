"""A conversation by voice: what is said is written down, answered by the served model, and read aloud; who speaks in between is heard.

Three models stand in one service: one that hears, one that answers, and maybe one that speaks. Legend: T samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from fastapi import FastAPI, WebSocket

from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.recipes.shared.listening import DELAY, PAUSE, Listener
from modelwright.serve.limits import Refused
from modelwright.serve.microphone import Microphone, open_socket, rate_of
from modelwright.serve.page import add_face
from modelwright.serve.speech_routes import Ear

_SCALE = 32768.0
_LONGEST = 2000  # characters of an answer that are read aloud
_PIECE = 0.5  # seconds of sound in one message
_BARGE = 1  # words that are heard while the service speaks, from which on it falls silent


@dataclass(frozen=True)
class Companions:
    """The predictors beside the one that answers: one that hears, and one that speaks, if any."""

    hears: Any
    speaks: Any = None


def roles_of(predictors: list[Any]) -> tuple[Any, Companions]:
    """Return which predictor answers, and which hears and speaks. Raises OptionError where it cannot be told."""
    hear = [p for p in predictors if hasattr(p.members[0][1], "hear")]
    speak = [p for p in predictors if hasattr(p.members[0][1], "speak")]
    answer = [p for p in predictors if p not in hear and p not in speak and asked_in(p) is not None]
    if len(hear) != 1 or len(answer) != 1 or len(speak) > 1 or len(predictors) != 2 + len(speak):
        shown = ", ".join(f"{p.name} ({p.task.name})" for p in predictors)
        raise OptionError(
            "--voice takes a model of automatic-speech-recognition, one that answers a text (question-answering, say), and maybe one of "
            f"text-to-speech; received {shown}.",
            f"--voice 需要一个语音识别模型（automatic-speech-recognition）、一个回答文本的模型（如 question-answering），以及可选的一个语音合成模型（text-to-speech）；收到的是 {shown}。",
        )
    return answer[0], Companions(hear[0], speak[0] if speak else None)


def asked_in(predictor: Any) -> str | None:
    """Return the one column that a question goes into; None where there is none, or are several."""
    texts = [c.name for c in predictor.schema.inputs if c.modality in ("text", "category", "id")]
    if "question" in texts:
        return "question"
    return texts[0] if len(texts) == 1 and len(predictor.schema.inputs) == 1 else None


def add_front(app: FastAPI, service: Any) -> None:
    """Add the conversation, its page, and the routes of the model that hears."""
    front = Front(service)
    app.state.at_end = [*getattr(app.state, "at_end", []), front.close]
    app.state.home = "/talk"
    app.state.forms = {*getattr(app.state, "forms", ()), "/talk"}

    @app.websocket("/v1/voice")
    async def voice(socket: WebSocket) -> None:
        """Take PCM (16 bits, little-endian, mono) at `?rate=`, tell what is said, answer it, and speak; `{"type": "end"}` ends, `{"type": "stop"}` hushes."""
        async with open_socket(socket):
            with front.ear.place():
                await Talk(front, socket, rate_of(socket)).run()

    add_face(app, "talk", ["talk.js"], "transcribe.css", "hear talk")


class Front:
    """Ear, answers and mouth of a service."""

    def __init__(self, service: Any) -> None:
        from modelwright.serve.faces.answers import Desk, Question

        self.service = service
        companions: Companions = service.companions
        own = SimpleNamespace(predictor=companions.hears, quota=service.quota, rows=service.rows)
        self.ear = Ear(own)
        self.mouth = companions.speaks.members[0][1] if companions.speaks is not None else None
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="mouth")
        cites = service.predictor.task.name == "question-answering"
        self.desk = Desk(service) if cites else None
        self.question: Callable[..., Any] = Question
        self.column = asked_in(service.predictor) or ""

    def close(self) -> None:
        """End the threads."""
        self.ear.pool.shutdown(wait=True)
        self.pool.shutdown(wait=True)

    async def answer(self, text: str, key: Any, lang: str, session: str) -> dict[str, Any]:
        """Return the answer to what was said: "text" to be read aloud, and what the model tells of it. Raises Refused."""
        if self.desk is not None:
            told = await self.desk.reply(self.question(question=text[:2000], session=session), key, lang)
            aloud = told["answer"] if told["answer"] else (told["handover"] or {}).get("message") or told["message"]
            return {**told, "text": aloud or ""}
        service = self.service
        with service.admitted(key, 1) as ticket:
            table, _ = service.predictor.table([{self.column: text}])
            scores = await service.batcher.scores(table, service.limits.seconds, ticket)
        service.rows.inc()
        answer = service.predictor.answers(scores)[0]
        said = answer["prediction"]
        return {**answer, "text": said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)}

    async def sound(self, text: str) -> AsyncIterator[np.ndarray]:
        """Yield what a text sounds like, sentence by sentence, samples [T] in -1..1; none where nothing speaks, or it cannot be said."""
        if self.mouth is None or not text.strip():
            return
        found = self.mouth.speak(text[:_LONGEST])
        loop = asyncio.get_running_loop()
        while True:
            part = await loop.run_in_executor(self.pool, next, found, None)
            if part is None:
                return
            yield part.samples


class Talk:
    """One conversation: listens all the while, answers each utterance, and falls silent when somebody speaks."""

    def __init__(self, front: Front, socket: WebSocket, rate: int) -> None:
        self.front, self.socket, self.rate = front, socket, rate
        self.listener = Listener(front.ear.model)
        self.key = socket.scope.get("key")
        self.lang = "zh" if socket.query_params.get("lang", "").startswith("zh") else "en"
        self.session = f"voice-{id(self)}-{time.time_ns()}"
        self.turn: asyncio.Task[None] | None = None
        self.playing = 0.0  # the moment at which what was sent will have been heard
        self.sending = asyncio.Lock()

    async def run(self) -> None:
        """Talk until the other side ends, falls silent or is refused. Raises Refused, WebSocketDisconnect."""
        mouth = self.front.mouth
        speaks = mouth is not None
        await self.send({"type": "ready", "rate": self.rate, "delay": DELAY, "pause": PAUSE, "speaks": speaks, "voice_rate": mouth.rate if mouth is not None else None})  # fmt: skip
        heard = Microphone(
            self.socket, self.rate, self.front.ear.model.front.rate, lambda: self.front.ear.spend(self.key), ("stop",)
        )
        try:
            async for message in heard.messages():
                if isinstance(message, str):
                    await self.hush()
                else:
                    await self.heard(partial(self.listener.feed, message))
            if not heard.ended:
                return
            await self.heard(self.listener.finish)
            if self.turn is not None:
                await asyncio.wait([self.turn])
            await self.send({"type": "done", "seconds": round(heard.seen, 3)})
        finally:
            if self.turn is not None:
                self.turn.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await self.turn

    async def heard(self, listen: Callable[[], list[dict[str, Any]]]) -> None:
        """Tell what was heard; words hush the service, and a whole utterance is answered."""
        began = time.monotonic()
        events = await self.front.ear.run(listen)
        took = time.monotonic() - began
        for event in events:
            if len(event["words"]) >= _BARGE and self.speaking():
                await self.hush()
            await self.send(event)
            if event["type"] == "final" and event["text"].strip():
                await self.hush()
                self.turn = asyncio.create_task(self.answered(event["text"], took))

    def speaking(self) -> bool:
        """Whether an answer is under way, or is still being heard on the other side."""
        return (self.turn is not None and not self.turn.done()) or time.monotonic() < self.playing

    async def hush(self) -> None:
        """Break an answer off; the other side is told to stop what it plays."""
        if not self.speaking():
            return
        if self.turn is not None and not self.turn.done():
            self.turn.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.turn
        self.playing = 0.0
        await self.send({"type": "interrupted"})

    async def answered(self, question: str, heard: float) -> None:
        """Answer an utterance and read the answer aloud, telling how long each stage took."""
        try:
            began = time.monotonic()
            told = await self.front.answer(question, self.key, self.lang, self.session)
            answered = time.monotonic() - began
            await self.send({"type": "answer", "question": question, **told})
            first: float | None = None
            begun, rate = time.monotonic(), self.front.mouth.rate if self.front.mouth is not None else 1
            async for samples in self.front.sound(str(told["text"])):
                if first is None:
                    first = time.monotonic() - begun
                    await self.send({"type": "speech", "rate": rate})
                self.playing = max(self.playing, time.monotonic()) + len(samples) / rate
                data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
                step = int(_PIECE * rate) * 2
                for at in range(0, len(data), step):
                    async with self.sending:
                        await self.socket.send_bytes(data[at : at + step])
            stages = {"heard": heard, "answered": answered, "spoken": first}
            milliseconds = {k: None if v is None else round(1000 * v) for k, v in stages.items()}
            await self.send({"type": "latency", "pause": round(1000 * PAUSE), **milliseconds})
        except Refused as e:
            await self.send({"type": "refused", "code": e.code, "message": e.words.en, "message_zh": e.words.zh})
        except (ModelwrightError, OptionError) as e:  # an answer that cannot be said stands there written
            await self.send({"type": "unspoken", "message": e.words.en, "message_zh": e.words.zh})

    async def send(self, event: dict[str, Any]) -> None:
        """Send an event; whole messages only, whoever sends at the same time."""
        async with self.sending:
            await self.socket.send_json(event)
