"""The route `/track`: the things of a clip followed from frame to frame, for detectors."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.data.kinds.base import Unreadable, media
from modelwright.serve.bodies import json_of
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused

_MOST = 300  # frames of an answer


def add(app: FastAPI, service: Any) -> None:
    """Add the route where the predictor finds boxes."""
    if not any(hasattr(m, "of_pixels") for _, m in service.predictor.members):
        return
    body = {
        "type": "object",
        "required": ["video"],
        "properties": {
            "video": {"type": "string", "description": "data URL of a clip"},
            "every": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1},
        },
    }
    frame = {
        "type": "object",
        "properties": {
            "frame": {"type": "integer"}, "second": {"type": "number"}, "boxes": {"type": "array", "items": {"type": "object"}},
            "now": {"type": "object"}, "so_far": {"type": "object"},
        },
    }  # fmt: skip
    shape = {
        "type": "object",
        "properties": {
            "frames": {"type": "array", "items": frame},
            "things": {"type": "object"},
            "cut": {"type": "boolean"},
        },
    }
    said: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": shape}}}}
    said |= {
        n: {"description": w} for n, w in {400: "no JSON", 401: "no key", 422: "does not fit", 429: "too much"}.items()
    }

    @app.post(
        "/track",
        summary="The things of a clip, followed from frame to frame",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        responses=said,
    )
    async def track(request: Request) -> Response:
        cell, every = _parse_request(await request.body())
        key, quota = request.scope["key"], service.quota
        quota.spend(key, 1)
        try:
            run = partial(_track, service.predictor, cell, every)
            told = await service.searches.run(key.name, float(quota.per_minute(key)), run, service.limits.seconds)
        except BaseException:
            quota.refund(key, 1)  # what is not answered costs nothing
            raise
        return answer_json(told)


def _track(predictor: Any, cell: Any, every: int) -> dict[str, Any]:
    from modelwright.release.track_video import tracked

    try:
        frames = list(tracked(predictor, cell, every, _MOST + 1))
    except Unreadable as e:
        raise Refused(422, "video", Words(f"`video`: {e.words.en}.", f"`video`：{e.words.zh}。")) from None
    return {"frames": frames[:_MOST], "things": frames[-1]["so_far"] if frames else {}, "cut": len(frames) > _MOST}


def _parse_request(body: bytes) -> tuple[Any, int]:
    """Return the clip as a media cell, and every how many frames are looked at. Raises Refused where they do not fit."""
    data = json_of(body)
    video = data.get("video") if isinstance(data, dict) else None
    every = data.get("every", 1) if isinstance(data, dict) else 1
    if isinstance(every, bool) or not isinstance(every, int) or not 1 <= every <= 1000:
        raise Refused(422, "every", Words("`every` must be 1 to 1000.", "`every` 应为 1 到 1000。"))
    try:
        cell = media(video, None) if isinstance(video, str) else None
    except Unreadable as e:
        raise Refused(422, "video", Words(f"`video`: {e.words.en}.", f"`video`：{e.words.zh}。")) from None
    if cell is None:
        raise Refused(
            422, "video", Words('Expected {"video": data URL of a clip}.', '应为 {"video": 视频的 data URL}。')
        )
    return cell, every
