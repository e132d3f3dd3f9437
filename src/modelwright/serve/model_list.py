"""`/v1/models`, where clients of OpenAI's ask which model a service has.

Shapes: platform.openai.com/docs/api-reference/models.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.openai_shapes import bad, in_shape


def add_model_list(app: FastAPI, name: str, **more: Any) -> None:
    """Add the routes that list the one model of a service; `more` is told of it beside its name."""
    one = {"id": name, "object": "model", "created": 0, "owned_by": "modelwright", **more}

    @app.get("/v1/models", summary="Which model answers here")
    async def models() -> Response:
        return answer_json({"object": "list", "data": [one]})

    @app.get("/v1/models/{asked:path}", summary="The model of a name")
    async def model(request: Request, asked: str) -> Response:
        async def handler() -> Response:
            if asked != name:
                raise no_such_model(name)
            return answer_json(one)

        return await in_shape(request, handler)


def no_such_model(name: str) -> Refused:
    """Return what refuses a request for another model than the one named `name`, which is the one that is here."""
    words = Words(f"There is no such model; this service has `{name}`.", f"没有该模型；此服务提供 `{name}`。")
    return bad(words, "model", "model_not_found", 404)
