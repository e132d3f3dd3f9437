"""Keyword spotting: a WebSocket that takes a microphone and tells keywords, for models that tell short recordings apart."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any

import numpy as np
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from modelwright.core.words import Words
from modelwright.recipes.shared.spotting import EVERY, RATE, WINDOW, Spotter, is_keyword, scores_of
from modelwright.serve.limits import Refused

ROLES = {"/v1/audio/keywords": "predictor"}
_MOST = 8  # microphones at a time
_SECONDS = 20.0  # of sound that count as one row of a key's quota


def add(app: FastAPI, service: Any) -> None:
    """Add the route where the predictor's one column is sound and its answer one of some labels."""
    if not any(c.modality == "audio" for c in service.predictor.schema.inputs):
        return
    found = scores_of(service.predictor)
    if found is None:
        return
    scores, labels = found
    places = asyncio.Semaphore(_MOST)

    @app.websocket("/v1/audio/keywords")
    async def keywords(socket: WebSocket) -> None:
        """Take PCM (16 bits, little-endian, mono) at `?rate=`; tell keywords from `?threshold=` on; `{"type": "end"}` ends."""
        from modelwright.serve.speech_routes import rate_of

        await socket.accept()
        try:
            if places.locked():
                raise Refused(
                    429,
                    "busy",
                    Words("Too many listen at a time; try again in a moment.", "同时监听的连接过多；请稍后再试。"),
                    retry=2,
                )
            async with places:
                rate, threshold = rate_of(socket), _threshold(socket)
                await _listened(service, socket, rate, Spotter(scores, labels, RATE, threshold))
        except Refused as e:
            with contextlib.suppress(RuntimeError):
                await socket.send_json(
                    {"type": "error", "code": e.code, "message": e.words.en, "message_zh": e.words.zh}
                )
        except WebSocketDisconnect:
            return
        with contextlib.suppress(RuntimeError):
            await socket.close()


def _threshold(socket: WebSocket) -> float:
    given = socket.query_params.get("threshold", "0.7")
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise Refused(
            400, "threshold", Words("Expected a threshold above 0 and up to 1.", "threshold 应大于 0 且不超过 1。")
        )
    return value


async def _listened(service: Any, socket: WebSocket, rate: int, spotter: Spotter) -> None:
    """Listen until the other side ends or falls silent. Raises Refused, WebSocketDisconnect."""
    import soxr

    from modelwright.serve.speech_routes import MESSAGE, SILENT, ended

    change = soxr.ResampleStream(rate, RATE, 1, dtype="float32") if rate != RATE else None
    key, paid, seen, odd = socket.scope.get("key"), 0.0, 0.0, b""
    named = [label for label in spotter.labels if is_keyword(label)]
    await socket.send_json(
        {
            "type": "ready",
            "rate": rate,
            "window": WINDOW,
            "every": EVERY,
            "threshold": spotter.threshold,
            "keywords": named,
        }
    )
    loop = asyncio.get_running_loop()
    while True:
        try:
            async with asyncio.timeout(SILENT):
                message = await socket.receive()
        except TimeoutError:
            words = Words(f"Nothing came for {SILENT:g} s; the stream ends.", f"{SILENT:g} 秒内没有数据，流已结束。")
            raise Refused(408, "silent", words) from None
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data is None:
            if ended(message.get("text") or ""):
                break
            raise Refused(
                400,
                "bytes",
                Words('Expected sound as bytes, or {"type": "end"}.', '应为音频字节，或 {"type": "end"}。'),
            )
        if len(data) > MESSAGE:
            raise Refused(
                400, "size", Words(f"A message may hold {MESSAGE} bytes.", f"每条消息不超过 {MESSAGE} 字节。")
            )
        whole = odd + data
        odd = whole[len(whole) // 2 * 2 :]
        samples = np.frombuffer(whole[: len(whole) // 2 * 2], "<i2").astype(np.float32) / 32768.0
        seen += len(samples) / rate
        while seen > paid:
            service.quota.spend(key, 1)
            service.rows.inc()
            paid += _SECONDS
        samples = change.resample_chunk(samples) if change is not None else samples
        for found in await loop.run_in_executor(None, partial(spotter.feed, samples)):
            await socket.send_json({"type": "keyword", **found.to_json()})
    await socket.send_json({"type": "done", "seconds": round(seen, 3)})
