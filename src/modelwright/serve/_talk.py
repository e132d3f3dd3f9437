"""From a request in OpenAI's shape to streams of the decoding engine, and from their pieces to answers in that shape."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.data.messages import PartError, message
from modelwright.models.decode import Stream
from modelwright.models.grammar import Alt, Automaton, compile_grammar, text
from modelwright.models.guide import Held, HeldAnswer, Tree
from modelwright.models.json_schema import compile_json_object, compile_schema
from modelwright.models.regex import compile_regex
from modelwright.models.sampling import Sampling
from modelwright.recipes.shared.lm import LanguageModel
from modelwright.serve.engine import Writer
from modelwright.serve.limits import Refused, ServeLimits
from modelwright.serve.openai_shapes import Asked, ChatAsked, TextAsked, bad
from modelwright.serve.quota import Quota

_GRAMMARS = 64  # that are kept with their masks
_DEFAULT_TOKENS = 512


@dataclass
class Talk:
    """One request under way: its streams, and the queue on which their pieces arrive as (stream, text, whether it is the last)."""

    asked: Asked
    chat: bool
    name: str
    streams: list[Stream]
    prompts: int  # tokens
    pieces: asyncio.Queue[tuple[int, str, bool]]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))
    told: list[int] = field(default_factory=list)  # log-probabilities that were told, by stream

    @property
    def usage(self) -> dict[str, int]:
        """Return the count of tokens."""
        made = sum(len(s.ids) for s in self.streams)
        return {"prompt_tokens": self.prompts, "completion_tokens": made, "total_tokens": self.prompts + made}


class Talker:
    """Turns requests into streams of one writer, within limits and quotas."""

    def __init__(self, model: LanguageModel, name: str, limits: ServeLimits, quota: Quota | None = None) -> None:
        self.model, self.name, self.limits = model, name, limits
        self.writer = Writer(model.net(limits.streams), limits.streams)
        self.context = self.writer.engine.net.context
        self.quota = quota or Quota(limits.tokens_per_minute)
        self._tree: Tree | None = None
        self._grammars: OrderedDict[str, Held] = OrderedDict()

    def check_model(self, name: str) -> None:
        """Raise Refused 404 for another model's name."""
        if name and name != self.name:
            words = Words(
                f"There is no model `{name}` here; it is `{self.name}`.", f"没有模型 `{name}`；此处为 `{self.name}`。"
            )
            raise bad(words, "model", "model_not_found", 404)

    async def begin(self, asked: ChatAsked | TextAsked, who: str) -> Talk:
        """Return the talk of a request, its streams on their way. Raises Refused."""
        self.check_model(asked.model)
        chat = isinstance(asked, ChatAsked)
        prompts = [self._chat_prompt(asked)] if isinstance(asked, ChatAsked) else self._text_prompts(asked)
        most = asked.max_completion_tokens or asked.max_tokens or (_DEFAULT_TOKENS if chat else 16)
        longest = max(map(len, prompts))
        if longest >= self.context:
            words = Words(
                f"The prompt takes {longest} tokens; the model reads {self.context}, its answer included.",
                f"提示共 {longest} 个词元；模型连同回答最多 {self.context} 个。",
            )
            raise bad(words, "messages" if chat else "prompt", "context_length_exceeded")
        n = asked.n or 1
        if self.writer.waiting + n * len(prompts) > self.limits.waiting:
            raise Refused(
                429,
                "busy",
                Words("Too many answers are waiting; try again in a second.", "排队的请求过多；请稍后再试。"),
                retry=1,
            )
        counted = sum(map(len, prompts))
        whole = sum(min(most, self.context - len(p)) for p in prompts) * n + counted
        self.quota.spend(who, whole)
        try:
            held = await asyncio.to_thread(self._grammar_of, asked)
        except ModelwrightError as e:
            self.quota.refund(who, whole)
            raise bad(e.words, "response_format") from e
        pieces: asyncio.Queue[tuple[int, str, bool]] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        talk = Talk(asked, chat, self.name, [], counted, pieces)
        for prompt in prompts:
            for i in range(n):
                number = len(talk.streams)

                def tell(stream: Stream, text: str, number: int = number) -> None:
                    if text or stream.reason is not None or stream.logprobs:
                        loop.call_soon_threadsafe(pieces.put_nowait, (number, text, stream.reason is not None))

                guide = HeldAnswer(held, self.model.vocabulary.pieces) if held is not None else None
                stream = Stream(
                    prompt,
                    self._sampling(asked, most, i),
                    self.model.vocabulary.stops,
                    self.model.vocabulary.pieces,
                    guide,
                    tell,
                )
                talk.streams.append(stream)
        talk.told = [0] * len(talk.streams)
        for stream in talk.streams:
            self.writer.add(stream, who, float(self.quota.per_minute(who)))
        return talk

    def end(self, talk: Talk, who: str) -> None:
        """Let go what is still under way, and give back what was not used."""
        for stream in talk.streams:
            if stream.reason is None:
                self.writer.drop(stream)
        most = talk.asked.max_completion_tokens or talk.asked.max_tokens or (_DEFAULT_TOKENS if talk.chat else 16)
        self.quota.refund(who, sum(max(0, min(most, self.context - len(s.prompt)) - len(s.ids)) for s in talk.streams))

    async def follow(self, talk: Talk, seconds: float) -> AsyncIterator[tuple[int, str, bool]]:
        """Yield (number of the stream, text, whether it is the last) until all streams are at their ends. Raises Refused where the engine failed,
        or where no piece came for `seconds`."""
        left = len(talk.streams)
        while left:
            try:
                async with asyncio.timeout(seconds):
                    number, text, last = await talk.pieces.get()
            except TimeoutError:
                raise Refused(
                    504,
                    "timeout",
                    Words(f"No answer within {seconds:g} s.", f"{seconds:g} 秒内未能得到回答。"),
                    retry=1,
                ) from None
            stream = talk.streams[number]
            if stream.error:
                raise Refused(500, "internal", Words("Something failed while writing.", "生成过程中出错。"))
            yield number, text, last
            left -= last

    def logprobs(self, talk: Talk, number: int) -> dict[str, Any] | None:
        """Return the log-probabilities of a stream since last asked; None where they were not asked for."""
        stream = talk.streams[number]
        if stream.sampling.logprobs is None:
            return None
        fresh = stream.logprobs[talk.told[number] :]
        talk.told[number] += len(fresh)
        shown = [{**self._token(t, p), "top_logprobs": [self._token(a, b) for a, b in top]} for t, p, top in fresh]
        if talk.chat:
            return {"content": shown, "refusal": None}
        return {
            "tokens": [s["token"] for s in shown], "token_logprobs": [s["logprob"] for s in shown],
            "top_logprobs": [{x["token"]: x["logprob"] for x in s["top_logprobs"]} for s in shown], "text_offset": [],
        }  # fmt: skip

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        piece = self.model.vocabulary.pieces[token] or b""
        return {"token": piece.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(piece)}

    def _chat_prompt(self, asked: ChatAsked) -> list[int]:
        try:
            messages = [_text_message(m, i) for i, m in enumerate(asked.messages)]
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            words = Words(
                'Each message is {"role": ..., "content": text}.', '每条消息应为 {"role": ..., "content": 文本}。'
            )
            raise bad(words, "messages") from e
        if any(len(m["content"]) > self.limits.cell for m in messages):
            raise bad(
                Words(
                    f"A message holds more than {self.limits.cell} characters.",
                    f"单条消息超过 {self.limits.cell} 个字符。",
                ),
                "messages",
            )
        try:
            return self.model.chat_ids(messages) or [self.model.vocabulary.end]
        except ModelwrightError as e:
            raise bad(e.words, "messages") from e

    def _text_prompts(self, asked: TextAsked) -> list[list[int]]:
        given: list[Any] = asked.prompt if isinstance(asked.prompt, list) else [asked.prompt]
        if given and isinstance(given[0], int):
            given = [given]
        if not given or len(given) > 64:
            raise bad(Words("Expected 1 to 64 prompts.", "应有 1 到 64 个提示。"), "prompt")
        out: list[list[int]] = []
        for p in given:
            if isinstance(p, str):
                if len(p) > self.limits.cell:
                    raise bad(
                        Words(
                            f"A prompt holds more than {self.limits.cell} characters.",
                            f"提示超过 {self.limits.cell} 个字符。",
                        ),
                        "prompt",
                    )
                out.append(self.model.prompt_ids(p) or [self.model.vocabulary.end])
            elif p and all(0 <= i < self.model.vocabulary.size for i in p):
                out.append(list(p))
            else:
                raise bad(
                    Words(
                        f"Token ids are 0 to {self.model.vocabulary.size - 1}.",
                        f"词元编号应为 0 到 {self.model.vocabulary.size - 1}。",
                    ),
                    "prompt",
                )
        return out

    def _sampling(self, asked: ChatAsked | TextAsked, most: int, index: int) -> Sampling:
        logprobs = (asked.top_logprobs or 0) if isinstance(asked, ChatAsked) and asked.logprobs else None
        if isinstance(asked, TextAsked):
            logprobs = asked.logprobs
        seed = None if asked.seed is None else (asked.seed % (1 << 63)) + index
        return Sampling(
            temperature=1.0 if asked.temperature is None else asked.temperature, top_k=asked.top_k or 0,
            top_p=asked.top_p or 1.0, min_p=asked.min_p or 0.0, repetition_penalty=asked.repetition_penalty or 1.0,
            frequency_penalty=asked.frequency_penalty or 0.0, presence_penalty=asked.presence_penalty or 0.0,
            max_tokens=most, stop=asked.stops, seed=seed, logprobs=logprobs,
        )  # fmt: skip

    def _grammar_of(self, asked: Asked) -> Held | None:
        """Return what the answer is held to, from the ones kept where it is known. Raises ModelwrightError."""
        asks = held_to(asked)
        if not asks:
            return None
        if len(asks) > 1:
            names = ", ".join(f"`{name}`" for name in asks)
            raise ModelwrightError(f"{names} all bind the answer; keep one.", f"{names} 同时限定了回答；请保留其一。")
        key = next(iter(asks.values()))
        if key not in self._grammars:
            made = _compiled(key)
            if self._tree is None:
                self._tree = Tree(self.model.vocabulary.pieces)
            self._grammars[key] = Held(made, self._tree, self.model.vocabulary.stops)
            while len(self._grammars) > _GRAMMARS:
                self._grammars.popitem(last=False)
        return self._grammars[key]


def held_to(asked: Asked) -> dict[str, str]:
    """Return what the answer is to be held to, by the field that says so. Raises ModelwrightError for an unknown format."""
    out: dict[str, str] = {}
    format_ = asked.response_format or {}
    kind = format_.get("type", "text")
    if kind == "json_schema":
        said = format_.get("json_schema")
        schema = said.get("schema") if isinstance(said, dict) else None
        if schema is None:
            raise ModelwrightError(
                "`response_format.json_schema.schema` is missing.", "缺少 `response_format.json_schema.schema`。"
            )
        out["response_format"] = "schema" + json.dumps(schema)
    elif kind == "json_object":
        out["response_format"] = "object"
    elif kind != "text":
        raise ModelwrightError(
            "`response_format.type` is `text`, `json_object` or `json_schema`.",
            "`response_format.type` 应为 `text`、`json_object` 或 `json_schema`。",
        )
    more = asked.structured_outputs
    for name, schema, regex, choice in (
        ("guided", asked.guided_json, asked.guided_regex, asked.guided_choice),
        ("structured_outputs", *((more.json_, more.regex, more.choice) if more else (None, None, None))),
    ):
        mark = "_" if name == "guided" else "."
        if schema is not None:
            out[f"{name}{mark}json"] = "schema" + json.dumps(schema)
        if regex is not None:
            out[f"{name}{mark}regex"] = "regex" + regex
        if choice is not None:
            out[f"{name}{mark}choice"] = "choice" + json.dumps(choice)
    if more and more.json_object:
        out["structured_outputs.json_object"] = "object"
    return out


def _text_message(m: dict[str, Any], number: int) -> dict[str, str]:
    try:
        return message(m)
    except PartError as e:
        words = Words(
            f"`messages[{number}].content[{e.place}]` is no text; this model reads text alone.",
            f"`messages[{number}].content[{e.place}]` 不是文本；该模型只能读取文本。",
        )
        raise bad(words, f"messages[{number}].content[{e.place}].type", "unsupported_parameter") from e


def _compiled(key: str) -> Automaton:
    if key == "object":
        return compile_json_object()
    if key.startswith("choice"):
        return compile_grammar(Alt(tuple(text(t) for t in json.loads(key[6:]))))
    return compile_regex(key[5:]) if key.startswith("regex") else compile_schema(json.loads(key[6:]))
