"""One table of the fields of OpenAI's requests, and of vLLM's own: honoured, refused by name, or harmless.

Honoured are the fields of the request's model (`openai_shapes.py`). A field that would change the answer and is not honoured
here is refused, unless it says what holds anyway. Whatever stands in none of the lists is refused as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words
from modelwright.models.schema_keywords import same
from modelwright.serve.limits import Refused

# name -> values that ask for nothing; null always does
REFUSED: dict[str, tuple[Any, ...]] = {
    "tools": ([],), "tool_choice": ("none", "auto"), "functions": ([],), "function_call": ("none", "auto"), "logit_bias": ({},),
    "audio": (), "modalities": (["text"],), "suffix": ("",), "echo": (False,), "best_of": (1,), "web_search_options": (),
    "reasoning_effort": ("none",), "verbosity": ("medium",), "store": (False,), "guided_grammar": (), "use_beam_search": (False,),
    "length_penalty": (1,), "stop_token_ids": ([],), "include_stop_str_in_output": (False,), "ignore_eos": (False,),
    "min_tokens": (0,), "bad_words": ([],), "allowed_token_ids": (), "skip_special_tokens": (True,), "prompt_logprobs": (),
    "spaces_between_special_tokens": (True,), "truncate_prompt_tokens": (), "add_generation_prompt": (True,),
    "continue_final_message": (False,), "add_special_tokens": (False,), "documents": ([],), "chat_template": (),
    "chat_template_kwargs": ({},), "mm_processor_kwargs": ({},), "return_tokens_as_token_ids": (False,), "return_token_ids": (False,),
    "guided_whitespace_pattern": (), "logits_processors": ([],), "prompt_embeds": (), "dimensions": (),
}  # fmt: skip
# what is for the provider's books or speed, and changes no answer
HARMLESS = frozenset(
    ["user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls",
     "prediction", "priority", "request_id", "cache_salt", "guided_decoding_backend"]
)  # fmt: skip
MESSAGE = frozenset(["role", "content"])
# an answer that is sent back as part of the next request holds these, empty
MESSAGE_REFUSED: dict[str, tuple[Any, ...]] = {
    "tool_calls": ([],), "function_call": (), "audio": (), "tool_call_id": (), "refusal": ("",), "reasoning": ("",), "reasoning_content": ("",),
}  # fmt: skip
MESSAGE_HARMLESS = frozenset(["name", "annotations"])
STREAM = frozenset(["include_usage"])
STREAM_HARMLESS = frozenset(["include_obfuscation", "continuous_usage_stats"])


def check_fields(data: dict[str, Any], honoured: Iterable[str]) -> None:
    """Raise Refused 400 for the first field that would change the answer and is not honoured, and for unknown ones."""
    known = frozenset(honoured)
    _check(data, known, REFUSED, HARMLESS, "")
    messages = data.get("messages")
    for i, message in enumerate(messages if isinstance(messages, list) else []):
        if isinstance(message, dict):
            _check(message, MESSAGE, MESSAGE_REFUSED, MESSAGE_HARMLESS, f"messages[{i}].")
    if isinstance(data.get("stream_options"), dict):
        _check(data["stream_options"], STREAM, {}, STREAM_HARMLESS, "stream_options.")


def _check(
    data: dict[str, Any], known: frozenset[str], refused: dict[str, tuple[Any, ...]], harmless: frozenset[str], at: str
) -> None:
    for name, value in data.items():
        if value is None or name in known or name in harmless:
            continue
        if name in refused:
            if not any(same(value, neutral) for neutral in refused[name]):
                words = Words(f"`{at}{name}` is not supported here; leave it out.", f"不支持 `{at}{name}`；请去掉。")
                raise Refused(400, "unsupported_parameter", words, param=f"{at}{name}")
            continue
        # a long name may be anything; it is not said back
        shown = name if len(name) <= 40 and name.isidentifier() else "?"
        e = unknown(Words("field", "字段"), f"{at}{shown}", sorted(known), OptionError)
        raise Refused(400, "unknown_parameter", e.words, param=f"{at}{shown}")
