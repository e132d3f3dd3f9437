"""OpenAI's API for language models: /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/models; and a page to chat.

The same keys as everywhere; quotas count tokens.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.recipes.shared.lm import LanguageModel
from modelwright.serve._talk import Talk, Talker
from modelwright.serve.event_streams import DONE, event, event_stream, failed
from modelwright.serve.guard import answer_json, asked_lang
from modelwright.serve.limits import Refused
from modelwright.serve.model_list import add_model_list
from modelwright.serve.openai_shapes import ChatAsked, TextAsked, VectorsAsked, bad, in_shape, read_asked
from modelwright.serve.page import lang_of, login_page, page_of, static

_MOST_TEXTS = 256  # of one request for vectors


def add_language_model(app: FastAPI, service: Any) -> None:
    """Add the routes of a service whose predictor is a language model."""
    model: LanguageModel = service.predictor.members[0][1]
    talker = Talker(model, service.predictor.name, service.limits, service.tokens)
    app.state.talker = talker
    app.state.at_end = [talker.writer.stop]
    _texts(app, service, talker)
    _vectors(app, service, talker)
    add_model_list(app, talker.name, max_model_len=talker.context)

    add_chat(app, {"model": talker.name, "speaks": model.speaks, "context": talker.context})


def add_chat(app: FastAPI, facts: dict[str, Any]) -> None:
    """Add the page to chat at /chat, where `/` leads from now on."""
    app.state.forms = {"/chat"}
    app.state.home = "/chat"

    @app.get("/chat", include_in_schema=False)
    async def chat(request: Request) -> Response:
        lang = lang_of(request, "en")
        if request.scope["who"] is None:
            return login_page(lang, wrong=False)
        body = f'<main class="chat" id="app" data-facts="{_attribute({"lang": lang, **facts})}"></main>'
        return page_of(body, lang, static("chat.js"), static("chat.css"))


def _attribute(facts: dict[str, Any]) -> str:
    import html

    return html.escape(json.dumps(facts, ensure_ascii=False), quote=True)


def _texts(app: FastAPI, service: Any, talker: Talker) -> None:
    for path, kind in (("/v1/chat/completions", ChatAsked), ("/v1/completions", TextAsked)):
        shape = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        extra = {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}
        app.post(path, openapi_extra=extra)(_route(service, talker, kind))


def _route(service: Any, talker: Talker, kind: type[ChatAsked] | type[TextAsked]) -> Any:
    async def write(request: Request) -> Response:
        async def handler() -> Response:
            asked = read_asked(await request.body(), kind)
            who = request.scope["who"]
            talk = await talker.begin(asked, who)
            if asked.stream:
                return event_stream(_events(service, talker, talk, who, asked_lang(request.headers)))
            try:
                watch = _Leaving(request)
                async for _ in talker.follow(talk, service.limits.seconds):
                    if await watch.gone():
                        break
                return answer_json(_completion(talker, talk))
            finally:
                _settle(service, talker, talk, who)

        return await in_shape(request, handler)

    write.__name__ = kind.__name__
    return write


class _Leaving:
    """Asks now and then whether the client went away."""

    def __init__(self, request: Request) -> None:
        self.request, self.asked = request, 0

    async def gone(self) -> bool:
        self.asked += 1
        return self.asked % 16 == 0 and await self.request.is_disconnected()


def _settle(service: Any, talker: Talker, talk: Talk, who: str) -> None:
    talker.end(talk, who)
    service.rows.inc(len(talk.streams))


def _head(talk: Talk, part: str) -> dict[str, Any]:
    kind = f"chat.completion{part}" if talk.chat else "text_completion"
    return {
        "id": f"{'chatcmpl' if talk.chat else 'cmpl'}-{talk.id}",
        "object": kind,
        "created": talk.created,
        "model": talk.name,
    }


def _completion(talker: Talker, talk: Talk) -> dict[str, Any]:
    choices = []
    for i, s in enumerate(talk.streams):
        said: dict[str, Any] = (
            {"message": {"role": "assistant", "content": s.text, "refusal": None}} if talk.chat else {"text": s.text}
        )
        choices.append({"index": i, **said, "logprobs": talker.logprobs(talk, i), "finish_reason": s.reason})
    return {**_head(talk, ""), "choices": choices, "usage": talk.usage}


async def _events(service: Any, talker: Talker, talk: Talk, who: str, lang: str) -> AsyncIterator[bytes]:
    """Yield the pieces of a talk as server-sent events; a failure on the way is told as the last one."""

    def piece(i: int, said: dict[str, Any], reason: str | None) -> bytes:
        choice = {"index": i, **said, "logprobs": talker.logprobs(talk, i), "finish_reason": reason}
        whole = {**_head(talk, ".chunk"), "choices": [choice]}
        return event(whole | ({"usage": None} if talk.asked.with_usage else {}))

    try:
        if talk.chat:
            for i in range(len(talk.streams)):
                yield piece(i, {"delta": {"role": "assistant", "content": ""}}, None)
        async for i, text, last in talker.follow(talk, service.limits.seconds):
            if text:
                yield piece(i, {"delta": {"content": text}} if talk.chat else {"text": text}, None)
            if last:
                yield piece(i, {"delta": {}} if talk.chat else {"text": ""}, talk.streams[i].reason)
        if talk.asked.with_usage:
            yield event({**_head(talk, ".chunk"), "choices": [], "usage": talk.usage})
        yield DONE
    except Refused as e:
        yield failed(e, lang)
    finally:
        _settle(service, talker, talk, who)


def _vectors(app: FastAPI, service: Any, talker: Talker) -> None:
    shape = VectorsAsked.model_json_schema()
    extra = {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}

    @app.post("/v1/embeddings", openapi_extra=extra)
    async def vectors(request: Request) -> Response:
        async def handler() -> Response:
            import asyncio

            asked = read_asked(await request.body(), VectorsAsked)
            talker.check_model(asked.model)
            texts = _inputs(asked, talker)
            counted = sum(len(talker.model.prompt_ids(t)) for t in texts)
            talker.quota.spend(request.scope["who"], counted)
            found = await asyncio.wrap_future(talker.writer.call(lambda: talker.model.embed(texts)))
            if found is None:
                raise bad(Words("This model has no vectors of texts.", "该模型不提供文本向量。"), "model")
            service.rows.inc(len(texts))
            data = [{"object": "embedding", "index": i, "embedding": _vector(v, asked)} for i, v in enumerate(found)]
            usage = {"prompt_tokens": counted, "total_tokens": counted}
            return answer_json({"object": "list", "data": data, "model": talker.name, "usage": usage})

        return await in_shape(request, handler)


def _inputs(asked: VectorsAsked, talker: Talker) -> list[str]:
    given: list[Any] = asked.input if isinstance(asked.input, list) else [asked.input]
    if given and isinstance(given[0], int):
        given = [given]
    texts = [
        t
        if isinstance(t, str)
        else talker.model.vocabulary.decode(i for i in t if 0 <= i < talker.model.vocabulary.size)
        for t in given
    ]
    if not 0 < len(texts) <= _MOST_TEXTS or any(len(t) > talker.limits.cell for t in texts):
        words = Words(
            f"Expected 1 to {_MOST_TEXTS} texts of at most {talker.limits.cell} characters.",
            f"应有 1 到 {_MOST_TEXTS} 段文本，每段不超过 {talker.limits.cell} 个字符。",
        )
        raise bad(words, "input")
    return texts


def _vector(values: np.ndarray, asked: VectorsAsked) -> Any:
    if asked.encoding_format == "base64":
        return base64.b64encode(values.astype("<f4").tobytes()).decode()
    return values.astype(float).tolist()
