"""Ids of answers that speak for themselves: which version answered, when, and a stand-in of what it answered.

    VERSION . base64url( time in ms (6 bytes), nonce (6), stand-in (4, masked), code (8) )

The code is a keyed hash (BLAKE2b, RFC 7693) of all before it under a secret of the name, so that an id which the service never gave is
refused without a record of those it gave. The stand-in tells later whether a told answer is the one given: a checksum of
a label, a text or spans, the number itself in single precision. It is masked by a keyed hash of the code, so that who has an id
but not the secret learns nothing of the answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pydantic import BaseModel, create_model

from modelwright.core.answers.base import TargetCodec

SECRET_BYTES = 32
_TIME, _NONCE, _STAND_IN, _CODE = 6, 6, 4, 8
_SIZE = _TIME + _NONCE + _STAND_IN + _CODE
_HEAD = _TIME + _NONCE
_NONCES = 1 << 8 * _NONCE
_LONGEST = 200  # characters
_LETTERS = re.compile(r"[A-Za-z0-9_-]{32}")


class AnswerId(NamedTuple):
    """What an id says: the version that answered, when (seconds since the epoch), and the stand-in of the answer."""

    version: str
    answered_at: float
    stand_in: bytes


class Verdict(NamedTuple):
    """How a told answer stands to the one given: equal or not, and for numbers told minus given; None: not known."""

    correct: bool | None
    error: float | None


@dataclass(frozen=True)
class _Hashes:
    code: Any
    mask: Any


class AnswerIds:
    """Gives and reads the ids of a name's answers. `secret` [32 bytes] is the same for all versions, workers and hosts."""

    def __init__(self, secret: bytes, name: str, version: str, target: TargetCodec) -> None:
        self._target, self._version = target, version
        bound = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=secret, digest_size=32).digest()
        self._hashes = _Hashes(
            hashlib.blake2b(key=bound, digest_size=_CODE, person=b"answer id"),
            hashlib.blake2b(key=bound, digest_size=_STAND_IN, person=b"stand-in"),
        )
        self._prefix = f"{quote(version, safe='')}."

    def give(self, answers: Sequence[dict[str, Any]]) -> None:
        """Put an `id` into each answer; those with an error get none."""
        stamp = int(time.time() * 1000).to_bytes(_TIME, "big")
        nonce = int.from_bytes(os.urandom(_NONCE), "big")  # asked for once a request: the rows count on from it
        for i, answer in enumerate(answers):
            if "prediction" not in answer:
                continue
            head = stamp + ((nonce + i) % _NONCES).to_bytes(_NONCE, "big")
            stand_in = self.stand_in(answer["prediction"])
            code = self._code(self._prefix, head + stand_in)
            masked = bytes(a ^ b for a, b in zip(stand_in, self._mask(code)))
            answer["id"] = self._prefix + base64.urlsafe_b64encode(head + masked + code).decode()

    def read(self, text: Any) -> AnswerId | None:
        """Return what an id says, None for one that no service of this name has given."""
        if not isinstance(text, str) or len(text) > _LONGEST:
            return None
        version, _, letters = text.rpartition(".")
        if not _LETTERS.fullmatch(letters):
            return None
        raw = base64.urlsafe_b64decode(letters)
        code = raw[-_CODE:]
        stand_in = bytes(a ^ b for a, b in zip(raw[_HEAD : _HEAD + _STAND_IN], self._mask(code)))
        if not hmac.compare_digest(self._code(f"{version}.", raw[:_HEAD] + stand_in), code):
            return None
        return AnswerId(unquote(version), int.from_bytes(raw[:_TIME], "big") / 1000, stand_in)

    def stand_in(self, answer: Any) -> bytes:
        """Return 4 bytes that stand for a prediction, or for an answer that was told."""
        gist = self._target.gist(answer)
        if isinstance(gist, float):
            return struct.pack(">f", gist) if abs(gist) < 3.4e38 else b"\x7f\xc0\0\0"  # no number: NaN
        text = gist if isinstance(gist, str) else json.dumps(gist, ensure_ascii=True, default=str)
        return zlib.crc32(text.encode("utf-8", "surrogatepass")).to_bytes(_STAND_IN, "big")

    def verdict(self, given: AnswerId, told: Any) -> Verdict:
        """Return how a told answer, as the answer type gave it back, stands to the answer that an id was given for."""
        if isinstance(self._target.gist(told), float):
            (number,) = struct.unpack(">f", given.stand_in)
            error = float(told) - number
            return Verdict(None, error if abs(error) < 3.4e38 else None)
        return Verdict(self.stand_in(told) == given.stand_in, None)

    def _code(self, prefix: str, data: bytes) -> bytes:
        made = self._hashes.code.copy()
        made.update(data + prefix.encode("utf-8", "surrogatepass"))
        return bytes(made.digest())

    def _mask(self, code: bytes) -> bytes:
        made = self._hashes.mask.copy()
        made.update(code)
        return bytes(made.digest())


def with_id(response: type[BaseModel]) -> type[BaseModel]:
    """Return the model of one answer with its id."""
    fields: dict[str, Any] = {"id": (str, ...)}
    return create_model(response.__name__, __base__=response, **fields)
