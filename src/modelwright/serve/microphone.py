"""A microphone at a WebSocket: mono sound of 16 bits in messages, `{"type": "end"}` at its end; for all routes that listen.

Legend: T samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from modelwright.core.words import Words
from modelwright.serve.limits import Refused

MESSAGE = 1 << 20  # bytes of one message
SILENT = 30.0  # seconds without a message, after which a microphone counts as gone
PAID = 20.0  # seconds of sound that count as one row of a key's quota
_HELD = 3.0  # seconds of sound that wait to be read at most
_RATES = (4000, 192_000)
_SCALE = 32768.0


@contextlib.asynccontextmanager
async def open_socket(socket: WebSocket) -> AsyncIterator[None]:
    """Accept a connection; what is refused while it is open is told in a message, and it is closed at the end."""
    await socket.accept()
    try:
        yield
    except Refused as e:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.send_json({"type": "error", "code": e.code, "message": e.words.en, "message_zh": e.words.zh})
    except WebSocketDisconnect:
        return
    with contextlib.suppress(RuntimeError):
        await socket.close()


def rate_of(socket: WebSocket) -> int:
    """Return the samples a second that a microphone says it has. Raises Refused 400."""
    given = socket.query_params.get("rate", "16000")
    if not given.isdecimal() or not _RATES[0] <= int(given) <= _RATES[1]:
        words = Words(
            f"Expected a rate from {_RATES[0]} to {_RATES[1]}.", f"rate 应在 {_RATES[0]} 到 {_RATES[1]} 之间。"
        )
        raise Refused(400, "rate", words)
    return int(given)


class Microphone:
    """What comes from a socket, at `own` samples a second: samples [T], and words that say what to do (`commands`), such as `stop`.

    `spend` is called for every `PAID` seconds that are begun, and may refuse. `ended` says that the other side said so, and did not only go.
    """

    def __init__(
        self, socket: WebSocket, rate: int, own: int, spend: Callable[[], None], commands: tuple[str, ...] = (),
        on_silence: Callable[[], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        import soxr

        self.socket, self.rate, self.spend, self.commands, self.on_silence = socket, rate, spend, commands, on_silence
        self.change = soxr.ResampleStream(rate, own, 1, dtype="float32") if rate != own else None
        self.seen, self.ended = 0.0, False
        self._paid, self._odd = 0.0, b""

    async def messages(self) -> AsyncIterator[np.ndarray | str]:
        """Yield what comes until the end. Raises Refused for silence, for what is no sound, and where a quota is used up."""
        while True:
            try:
                async with asyncio.timeout(SILENT):
                    message = await self.socket.receive()
            except TimeoutError:
                if self.on_silence is not None:
                    await self.on_silence()
                words = Words(
                    f"Nothing came for {SILENT:g} s; the stream ends.", f"{SILENT:g} 秒内没有数据，流已结束。"
                )
                raise Refused(408, "silent", words) from None
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            if data is not None:
                yield self._samples(data)
                continue
            said = _type_of(message.get("text") or "")
            if said == "end":
                self.ended = True
                return
            if said not in self.commands:
                raise Refused(400, "bytes", self._expected())
            yield said

    async def sounds(self) -> AsyncIterator[np.ndarray]:
        """Yield the samples alone, where there are no commands."""
        async for message in self.messages():
            if not isinstance(message, str):
                yield message

    async def gathered(self) -> AsyncIterator[np.ndarray]:
        """Yield the samples alone, all that came since the last ones were taken: who is behind reads them at once instead of one by one.

        At most some seconds are held; then the other side waits. Raises as `messages` does, once what came before was yielded.
        """
        held: list[np.ndarray] = []
        came, room = asyncio.Event(), asyncio.Event()
        taken = 0.0

        async def take() -> None:
            nonlocal taken
            async for samples in self.sounds():
                if not held:
                    room.clear()
                    taken = self.seen
                held.append(samples)
                came.set()
                if self.seen - taken > _HELD:
                    await room.wait()

        task = asyncio.create_task(take())
        task.add_done_callback(lambda _: came.set())
        try:
            while not task.done() or held:
                await came.wait()
                came.clear()
                some = held[:]
                held.clear()
                room.set()
                if some:
                    yield np.concatenate(some)
            task.result()
        finally:
            task.cancel()

    def _samples(self, data: bytes) -> np.ndarray:
        if len(data) > MESSAGE:
            words = Words(f"A message may hold {MESSAGE} bytes.", f"每条消息不超过 {MESSAGE} 字节。")
            raise Refused(400, "size", words)
        whole = self._odd + data
        even = len(whole) // 2 * 2
        self._odd = whole[even:]  # a sample may be cut between two messages
        samples = np.frombuffer(whole[:even], "<i2").astype(np.float32) / _SCALE
        self.seen += len(samples) / self.rate
        while self.seen > self._paid:
            self.spend()
            self._paid += PAID
        if self.change is None:
            return samples
        changed: np.ndarray = self.change.resample_chunk(samples)
        return changed

    def _expected(self) -> Words:
        known = [f'{{"type": "{c}"}}' for c in ("end", *self.commands)]
        return Words(f"Expected sound as bytes, or {' or '.join(known)}.", f"应为音频字节，或 {'、'.join(known)}。")


def _type_of(text: str) -> str:
    try:
        return str(json.loads(text)["type"])
    except (ValueError, KeyError, TypeError):
        return ""
