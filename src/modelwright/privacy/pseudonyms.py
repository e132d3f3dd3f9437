"""Pseudonyms: the same value gives the same one under the same key, in every table and run, and nobody without the key can guess it.

A pseudonym is a keyed hash (HMAC-SHA-256, RFC 2104) of type and value in one spelling. An unkeyed hash would not do: there are
so few phone and ID numbers that all can be tried. By default nothing leads back; who must be able to go back passes
`remember`, which is told every value with its pseudonym (the vault keeps them encrypted).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np

from modelwright.core.errors import DataError, OptionError
from modelwright.privacy.catalogue import get_type

Remember = Callable[[str, str, str], None]  # type, original, pseudonym
_BYTES = 10  # of a pseudonym: 80 bits, so that a billion values hardly ever meet
_LEAST = 16  # bytes of a key


class Pseudonyms:
    """Makes pseudonyms under one key. `remember` is told each new (type, original, pseudonym), once per value."""

    def __init__(self, key: bytes, remember: Remember | None = None) -> None:
        if len(key) < _LEAST:
            raise OptionError(
                f"The key has {len(key)} bytes; at least {_LEAST} are needed.",
                f"密钥只有 {len(key)} 字节，至少需要 {_LEAST} 字节。",
            )
        self._key, self._remember = key, remember
        self._told: set[bytes] = set()

    @classmethod
    def fresh(cls, remember: Remember | None = None) -> Pseudonyms:
        """Return pseudonyms under a key that is nowhere kept: alike within one output, and never again."""
        return cls(secrets.token_bytes(32), remember)

    def digest(self, kind: str, value: str) -> bytes:
        """Return the keyed hash [32 bytes] of a value in its one spelling."""
        canonical = get_type(kind).canonical(value)
        return hmac.digest(self._key, f"{kind}\x00{canonical}".encode("utf-8", "surrogatepass"), "sha256")

    def of(self, kind: str, value: str) -> str:
        """Return the pseudonym of a value, such as `phone_k5d3mzqtv7hwi2xa`."""
        digest = self.digest(kind, value)
        made = f"{kind.replace('-', '_')}_{base64.b32encode(digest[:_BYTES]).decode().lower()}"
        self.tell(kind, value, made, digest)
        return made

    def tell(self, kind: str, value: str, made: str, digest: bytes | None = None) -> None:
        """Hand a value and what stands for it to `remember`, once."""
        if self._remember is not None:
            mark = digest if digest is not None else self.digest(kind, value)
            if mark not in self._told:
                self._told.add(mark)
                self._remember(kind, value, made)

    def rng(self, kind: str, value: str) -> np.random.Generator:
        """Return the generator from which a surrogate of this value is drawn, always the same."""
        seed = hmac.digest(self._key, b"surrogate\x00" + self.digest(kind, value), "sha256")
        return np.random.default_rng(np.frombuffer(seed, np.uint32))


def key_from(path: Path) -> tuple[bytes, bool]:
    """Return the key in a file, and whether it was made just now: 32 random bytes in hex, readable by its owner only.

    Raises OptionError for a file that holds no key, DataError where it cannot be read or made.
    """
    try:
        if path.exists():
            text = path.read_text(encoding="ascii", errors="replace").strip()
            with contextlib.suppress(ValueError):
                key = bytes.fromhex(text)
                if len(key) >= _LEAST:
                    return key, False
            if len(text) >= 2 * _LEAST:  # a passphrase of one's own
                return hashlib.sha256(text.encode()).digest(), False
            raise OptionError(
                f"{path} holds no key. Name a file that does not exist yet, and one is made.",
                f"{path} 中没有有效密钥。请指定一个尚不存在的文件，将自动生成密钥。",
            )
        key = secrets.token_bytes(32)
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
        return key, True
    except OSError as e:
        raise DataError(
            f"Cannot use the key file {path}: {e.strerror}.", f"无法使用密钥文件 {path}：{e.strerror}。"
        ) from e
