"""Speech to text: OpenAI's `/v1/audio/transcriptions`, a WebSocket for microphones, and the page `/transcribe`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

ROLES = {"/v1/audio/transcriptions": "predictor", "/v1/audio/stream": "predictor", "/transcribe": "viewer"}


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor writes down what is said."""
    if not hasattr(service.predictor.members[0][1], "hear"):
        return
    from modelwright.serve.speech_routes import add_speech

    add_speech(app, service)
