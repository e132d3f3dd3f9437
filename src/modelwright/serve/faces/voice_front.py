"""A conversation by voice (`modelwright serve asr answers tts --voice`): a WebSocket and the page `/talk`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

ROLES = {"/v1/voice": "predictor", "/talk": "viewer"}


def add(app: FastAPI, service: Any) -> None:
    """Add the conversation where a model that hears stands beside the one that answers."""
    if service.companions is None:
        return
    from modelwright.serve.voice_front import add_front

    add_front(app, service)
