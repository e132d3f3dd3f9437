"""Text to speech: OpenAI's `/v1/audio/speech`, and the page `/speak`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

ROLES = {"/v1/audio/speech": "predictor", "/v1/audio/voices": "viewer", "/speak": "viewer"}


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor reads texts aloud."""
    if not hasattr(service.predictor.members[0][1], "speak"):
        return
    from modelwright.serve.synthesis_routes import add_voice

    add_voice(app, service)
