"""SentencePiece models as tokenizers of the library `tokenizers`, read without the library that wrote them.

A model file is a protocol buffer: pieces with scores (field 1), what kind of model it is (2), and how texts are normalised
(3), as sentencepiece_model.proto of google/sentencepiece says. Unigram models are read.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

from modelwright.core.errors import OptionError

_SPACE = "\u2581"
_UNIGRAM, _UNKNOWN, _BYTE = 1, 2, 6


def tokenizer_of(data: bytes, name: str) -> str:
    """Return tokenizer.json for the bytes of a SentencePiece model. Raises OptionError where they are none."""
    pieces: list[list[Any]] = []
    unknown, kind, charsmap, dummy, tidy, fallback = None, _UNIGRAM, b"", True, True, False
    try:
        for field, value in _fields(data):
            if field == 1:
                one = dict(_fields(value))
                what = int(one.get(3, 1))
                unknown = len(pieces) if what == _UNKNOWN else unknown
                fallback |= what == _BYTE
                pieces.append([one[1].decode("utf-8"), struct.unpack("<f", one.get(2, b"\0\0\0\0"))[0]])
            elif field == 2:
                kind = int(dict(_fields(value)).get(3, _UNIGRAM))
            elif field == 3:
                told = dict(_fields(value))
                charsmap, dummy, tidy = told.get(2, b""), bool(told.get(3, 1)), bool(told.get(4, 1))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, struct.error) as e:
        raise _no_model(name, e) from e
    if not pieces or unknown is None or kind != _UNIGRAM:
        raise OptionError(
            f"`{name}` is not a unigram SentencePiece model; save the model with a tokenizer.json.",
            f"`{name}` 不是 unigram 类型的 SentencePiece 模型；请保存带 tokenizer.json 的模型。",
        )
    normalizers: list[dict[str, Any]] = []
    if charsmap:
        normalizers.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()})
    if tidy:
        normalizers.append({"type": "Strip", "strip_left": True, "strip_right": True})
        normalizers.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    scheme = "always" if dummy else "never"
    metaspace = {"type": "Metaspace", "replacement": _SPACE, "prepend_scheme": scheme, "split": True}
    made: dict[str, Any] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None,
        "normalizer": {"type": "Sequence", "normalizers": normalizers}, "pre_tokenizer": metaspace, "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": fallback},
    }  # fmt: skip
    return json.dumps(made, ensure_ascii=False)


def pieces_of(data: bytes, name: str) -> list[str]:
    """Return the pieces of a SentencePiece model of any kind, in the order of their numbers. Raises OptionError where it is none."""
    try:
        pieces = [dict(_fields(value))[1].decode("utf-8") for field, value in _fields(data) if field == 1]
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, struct.error) as e:
        raise _no_model(name, e) from e
    if not pieces:
        raise _no_model(name, ValueError())
    return pieces


def _no_model(name: str, error: Exception) -> OptionError:
    return OptionError(
        f"`{name}` is not a SentencePiece model ({type(error).__name__}).",
        f"`{name}` 不是 SentencePiece 模型（{type(error).__name__}）。",
    )


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (number, value) of a message: bytes of fixed and counted fields, int of varints. Raises ValueError."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size, at = {1: (8, at), 5: (4, at)}.get(wire) or (_varint(data, at) if wire == 2 else (-1, at))
        if size < 0 or at + size > len(data):
            raise ValueError("field runs past the end")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("number too long")
