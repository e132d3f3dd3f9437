"""Transcripts in the shapes of OpenAI's API: json, verbose_json, text, srt, vtt, and the events of a stream.

Shapes: platform.openai.com/docs/api-reference/audio. Legend: W words, each {"word", "start", "end", "confidence"}.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelwright.core.words import Words
from modelwright.features.shared.transcript_rules import joined
from modelwright.serve.model_list import no_such_model
from modelwright.serve.openai_shapes import bad

_MODELS = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")  # names that clients of OpenAI's send
FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
_PAUSE, _LONGEST = 0.6, 8.0  # seconds: a pause, or a length, that ends a segment
_LANGUAGES = {
    "en": "english",
    "zh": "chinese",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "ja": "japanese",
}
_CODES = {name: code for code, name in _LANGUAGES.items()}
_CODE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_FIELDS = frozenset({
    "file", "model", "language", "prompt", "response_format", "temperature", "stream", "timestamp_granularities[]", "timestamp_granularities",
    "include[]", "chunking_strategy",
})  # fmt: skip
_MOST_PHRASES, _MOST_PROMPT = 100, 4000


@dataclass(frozen=True)
class Asked:
    """A request's fields but the file."""

    shape: str = "json"
    stream: bool = False
    words: bool = False
    segments: bool = True
    phrases: tuple[str, ...] = field(default=())


def read_asked(form: Any, name: str, language: str = "") -> Asked:
    """Return the fields of a form to a model that hears one `language` (a code; "" where it is not known).

    Raises Refused 400 that names the field.
    """
    for key in form:
        if key not in _FIELDS:
            raise bad(
                Words(f"There is no field `{key[:40]}`.", f"没有字段 `{key[:40]}`。")
                if key.isprintable()
                else Words("There is a field that is not known.", "包含未知字段。"),
                None,
            )
    model = str(form.get("model") or "")
    if model not in ("", name, *_MODELS):
        raise no_such_model(name)
    _check_language(str(form.get("language") or ""), language)
    if form.getlist("include[]"):
        words = Words(
            "`include` is not supported here; how sure each word is stands in verbose_json with timestamp_granularities word.",
            "不支持 `include`；每个词的置信度见 verbose_json（timestamp_granularities 为 word）。",
        )
        raise bad(words, "include", "unsupported_parameter")
    shape = str(form.get("response_format") or "json")
    if shape not in FORMATS:
        raise bad(
            Words(f"Expected one of {', '.join(FORMATS)}.", f"应为 {'、'.join(FORMATS)} 之一。"), "response_format"
        )
    stream = _flag(str(form.get("stream") or "false"))
    kinds = [str(v) for k in ("timestamp_granularities[]", "timestamp_granularities") for v in form.getlist(k)]
    if any(k not in ("word", "segment") for k in kinds):
        raise bad(Words("Expected word or segment.", "应为 word 或 segment。"), "timestamp_granularities")
    if kinds and shape != "verbose_json":
        raise bad(
            Words("Times go with the format verbose_json.", "时间信息需要 verbose_json 格式。"),
            "timestamp_granularities",
        )
    if stream and shape not in ("json", "text"):
        raise bad(
            Words("A stream goes with the formats json and text.", "流式输出只支持 json 和 text 格式。"), "stream"
        )
    _number(form.get("temperature"))
    prompt = str(form.get("prompt") or "")
    if len(prompt) > _MOST_PROMPT:
        raise bad(Words(f"Expected at most {_MOST_PROMPT} characters.", f"最多 {_MOST_PROMPT} 个字符。"), "prompt")
    phrases = [p.strip() for p in prompt.replace("，", ",").replace("、", ",").replace("\n", ",").split(",")]
    return Asked(
        shape, stream, "word" in kinds, not kinds or "segment" in kinds, tuple(p for p in phrases if p)[:_MOST_PHRASES]
    )


def _check_language(asked: str, language: str) -> None:
    """Raise Refused 400 where another language is asked for than the one that is heard, or none at all."""
    code = _CODES.get(asked.strip().lower(), asked.strip().lower())
    if code and not _CODE.fullmatch(code):
        raise bad(
            Words("Expected the code of a language, such as en or zh.", "应为语言代码，如 en 或 zh。"), "language"
        )
    if code and language and code.partition("-")[0] != language.partition("-")[0]:
        words = Words(
            f"This model hears {language}; leave `language` out, or ask a model of that language.",
            f"该模型识别的语言为 {language}；请去掉 `language`，或使用该语言的模型。",
        )
        raise bad(words, "language")


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise bad(Words("Expected true or false.", "应为 true 或 false。"), "stream")
    return text.lower() in ("true", "1")


def _number(value: Any) -> None:
    try:
        good = value in (None, "") or 0 <= float(str(value)) <= 1
    except ValueError:
        good = False
    if not good:
        raise bad(Words("Expected a number from 0 to 1.", "应为 0 到 1 的数字。"), "temperature")


def segments(words: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return words in segments, cut at pauses and where they grow long."""
    out: list[list[Mapping[str, Any]]] = []
    for word in words:
        near = out and word["start"] - out[-1][-1]["end"] < _PAUSE and word["end"] - out[-1][0]["start"] < _LONGEST
        if near:
            out[-1].append(word)
        else:
            out.append([word])
    return out


def text_of(words: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of words."""
    return joined([str(w["word"]) for w in words])


def subtitles(words: Sequence[Mapping[str, Any]], kind: str) -> str:
    """Return words as SRT or WebVTT."""
    sign = "," if kind == "srt" else "."
    cues = []
    for number, part in enumerate(segments(words), 1):
        times = f"{stamp(part[0]['start'], sign)} --> {stamp(part[-1]['end'], sign)}"
        cues.append(f"{number}\n{times}\n{text_of(part)}\n" if kind == "srt" else f"{times}\n{text_of(part)}\n")
    return "\n".join(cues) if kind == "srt" else "WEBVTT\n\n" + "\n".join(cues)


def stamp(seconds: float, sign: str) -> str:
    """Return a time as subtitles have it: 00:01:02,500."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}{sign}{whole % 1000:03d}"


def verbose(words: Sequence[Mapping[str, Any]], seconds: float, language: str, asked: Asked) -> dict[str, Any]:
    """Return the shape verbose_json; what a recogniser of this house does not know of a segment (tokens, say) is empty."""
    out: dict[str, Any] = {
        "task": "transcribe", "language": _LANGUAGES.get(language, language or "unknown"), "duration": round(seconds, 3), "text": text_of(words),
    }  # fmt: skip
    if asked.segments:
        out["segments"] = [_segment(i, part) for i, part in enumerate(segments(words))]
    if asked.words:
        out["words"] = [
            {"word": w["word"], "start": w["start"], "end": w["end"], "confidence": w["confidence"]} for w in words
        ]
    return out


def _segment(number: int, words: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    sure = sum(math.log(max(1e-4, float(w["confidence"]))) for w in words) / len(words)
    return {
        "id": number, "seek": 0, "start": words[0]["start"], "end": words[-1]["end"], "text": text_of(words), "tokens": [], "temperature": 0.0,
        "avg_logprob": round(sure, 4), "compression_ratio": 1.0, "no_speech_prob": 0.0,
    }  # fmt: skip
