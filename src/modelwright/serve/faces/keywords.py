"""Keyword spotting: a WebSocket that takes a microphone and tells keywords, for models that tell short recordings apart."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from fastapi import FastAPI, WebSocket

from modelwright.core.words import Words
from modelwright.recipes.shared.spotting import EVERY, RATE, WINDOW, Spotter, is_keyword, scores_of
from modelwright.serve.limits import Refused
from modelwright.serve.microphone import Microphone, open_socket, rate_of

ROLES = {"/v1/audio/keywords": "predictor"}
_MOST = 8  # microphones at a time


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
        async with open_socket(socket):
            if places.locked():
                words = Words("Too many listen at a time; try again in a moment.", "同时监听的连接过多；请稍后再试。")
                raise Refused(429, "busy", words, retry=2)
            async with places:
                rate, threshold = rate_of(socket), _threshold(socket)
                await _listened(service, socket, rate, Spotter(scores, labels, RATE, threshold))


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
    key, loop = socket.scope.get("key"), asyncio.get_running_loop()

    def spend() -> None:
        service.quota.spend(key, 1)
        service.rows.inc()

    heard = Microphone(socket, rate, RATE, spend)
    named = [label for label in spotter.labels if is_keyword(label)]
    told = {"window": WINDOW, "every": EVERY, "threshold": spotter.threshold, "keywords": named}
    await socket.send_json({"type": "ready", "rate": rate, **told})
    async for samples in heard.sounds():
        for found in await loop.run_in_executor(None, partial(spotter.feed, samples)):
            await socket.send_json({"type": "keyword", **found.to_json()})
    if heard.ended:
        await socket.send_json({"type": "done", "seconds": round(heard.seen, 3)})
