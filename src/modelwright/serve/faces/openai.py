"""OpenAI's API, where a language model is served. Light: other models need neither torch nor what reads grammars."""

from __future__ import annotations

import sys
from typing import Any

from fastapi import FastAPI


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor is a language model."""
    module = sys.modules.get("modelwright.recipes.shared.lm")  # whoever has loaded such a model has loaded this
    if module is None or not isinstance(service.predictor.members[0][1], module.LanguageModel):
        return
    from modelwright.serve.openai_routes import add_language_model

    add_language_model(app, service)
