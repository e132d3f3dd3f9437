"""Requests and answers in the shape of OpenAI's API: what is read, within which bounds, and what is refused by name."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from modelwright.core.words import Words
from modelwright.serve.guard import answer_json, asked_lang
from modelwright.serve.limits import Refused
from modelwright.serve.misfit import misfit
from modelwright.serve.openai_fields import check_fields

T = TypeVar("T", bound=BaseModel)


class StructuredOutputs(BaseModel):
    """What an answer is held to, as vLLM says it: one of a schema, any JSON object, a regular expression, some texts."""

    model_config = ConfigDict(extra="forbid", strict=True)
    json_: dict[str, Any] | bool | None = Field(None, alias="json")
    json_object: bool | None = None
    regex: str | None = Field(None, max_length=10_000)
    choice: list[str] | None = Field(None, min_length=1, max_length=1000)


class Asked(BaseModel):
    """What requests for texts share. Fields of OpenAI's, and `top_k`, `min_p`, `repetition_penalty` as vLLM has them."""

    model_config = ConfigDict(extra="allow", strict=True)
    model: str = ""
    temperature: float | None = Field(None, ge=0, le=100)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    min_p: float | None = Field(None, ge=0, le=1)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, ge=1, le=16)
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    guided_regex: str | None = Field(None, max_length=10_000)
    guided_json: dict[str, Any] | bool | None = None
    guided_choice: list[str] | None = Field(None, min_length=1, max_length=1000)
    structured_outputs: StructuredOutputs | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the strings at which an answer ends."""
        found = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(s for s in found if s)

    @property
    def with_usage(self) -> bool:
        """Return whether a stream ends with the count of tokens."""
        return bool((self.stream_options or {}).get("include_usage"))


class ChatAsked(Asked):
    """A request to /v1/chat/completions."""

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=1000)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)

    @model_validator(mode="after")
    def _logprobs_asked(self) -> ChatAsked:
        if self.top_logprobs and not self.logprobs:
            raise ValueError(_TOGETHER.en)
        return self


class TextAsked(Asked):
    """A request to /v1/completions."""

    prompt: str | list[str] | list[int] | list[list[int]]
    logprobs: int | None = Field(None, ge=0, le=20)


class VectorsAsked(BaseModel):
    """A request to /v1/embeddings."""

    model_config = ConfigDict(extra="allow", strict=True)
    model: str = ""
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] | None = None


_TOGETHER = Words("`top_logprobs` goes with `logprobs` true", "`top_logprobs` 须与 `logprobs` 为 true 一起使用")


def read_asked(body: bytes, kind: type[T]) -> T:
    """Return a request's body as its model. Raises Refused 400 that names the field."""
    try:
        data = json.loads(body)
        if not isinstance(data, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError) as e:
        raise bad(Words("Expected a JSON object.", "应为 JSON 对象。"), None) from e
    check_fields(data, kind.model_fields)
    try:
        return kind.model_validate(data)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(p) for p in first["loc"][:2]) or "body"
        said = _TOGETHER if first["type"] == "value_error" else misfit(first)
        raise bad(Words(f"`{where}`: {said.en}.", f"`{where}` 无效：{said.zh}。"), where) from e


def bad(words: Words, param: str | None, code: str | None = None, status: int = 400) -> Refused:
    """Return the refusal of a request that does not fit."""
    return Refused(status, code or "invalid_request", words, param=param)


_TYPES = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error", 503: "server_error"}


def error_facts(refused: Refused, lang: str) -> dict[str, Any]:
    """Return what a refusal says, in OpenAI's shape."""
    return {
        "message": refused.words.to(lang), "message_zh": refused.words.zh, "param": refused.more.get("param"),
        "type": _TYPES.get(refused.status, "server_error" if refused.status >= 500 else "invalid_request_error"),
        "code": refused.code,
    }  # fmt: skip


async def in_shape(request: Request, handler: Callable[[], Awaitable[Response]]) -> Response:
    """Return what `handler` answers, every refusal in OpenAI's shape and in the language that the client asks for."""
    try:
        return await handler()
    except Refused as e:
        headers = {"Retry-After": str(e.retry)} if e.retry else {}
        return answer_json({"error": error_facts(e, asked_lang(request.headers))}, e.status, headers)
