"""The head of an encrypted file: its form, and how the file's own key is wrapped by keys of the vault.

The form of the whole file stands in `core.encrypted_files`.
"""

from __future__ import annotations

import itertools
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.core.errors import MissingExtra, VaultError
from modelwright.core.keyref import Key

SUFFIX = ".mwv"
ENV = "MODELWRIGHT_VAULT"
MAGIC = b"MWVAULT"
VERSION = b"1"
HEADER = 2048
CHUNK = 1 << 20
TAG = 16
FIXED = struct.Struct(">8sI16s8s")
_SLOT = struct.Struct(">8s12s48s")
SLOTS = (512, 1024)
SLOT_SIZE = _SLOT.size
_MOST_CHUNK = 64 << 20


def cipher(key: bytes) -> Any:
    """Return AES-GCM under a key of 16, 24 or 32 bytes. Raises MissingExtra without `cryptography`."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as e:
        raise MissingExtra("privacy", "Encryption", "加密") from e
    return AESGCM(key)


def invalid() -> type[Exception]:
    """Return the error that `cipher` raises for data that was changed or is under another key."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag


@dataclass(frozen=True)
class Header:
    """What stands before the chunks: the fixed part, and the slots that hold something, by place."""

    fixed: bytes
    chunk: int
    prefix: bytes
    slots: dict[int, bytes]

    @property
    def key_ids(self) -> list[str]:
        """The ids of the vault keys that the slots name."""
        return [slot[:8].hex() for slot in self.slots.values()]


def is_sealed(path: Path) -> bool:
    """Whether a file is one of these, by its first bytes."""
    try:
        with path.open("rb") as f:
            return f.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_header(data: bytes, name: str) -> Header:
    """Return the header in a file's first bytes. Raises VaultError for what is none, or is of a later version."""
    if not data.startswith(MAGIC):
        raise VaultError(f"{name} is not an encrypted file of Modelwright.", f"{name} 不是 Modelwright 加密文件。")
    if data[len(MAGIC) : len(MAGIC) + 1] != VERSION:
        raise VaultError(
            f"{name} was encrypted by another version of Modelwright, or its first bytes were changed.",
            f"{name} 由其他版本的 Modelwright 加密，或文件开头被改动。",
        )
    if len(data) < HEADER:
        raise VaultError(f"{name} was cut: it ends within its header.", f"{name} 被截断：文件头不完整。")
    _, chunk, _, prefix = FIXED.unpack_from(data)
    empty = bytes(_SLOT.size)
    slots = {at: data[at : at + _SLOT.size] for at in SLOTS if data[at : at + _SLOT.size] != empty}
    used = [(0, FIXED.size), *((at, at + _SLOT.size) for at in SLOTS), (HEADER, HEADER)]
    gaps = b"".join(data[a[1] : b[0]] for a, b in itertools.pairwise(used))
    if not 0 < chunk <= _MOST_CHUNK or any(gaps):
        raise _changed_header(name)
    return Header(data[: FIXED.size], chunk, prefix, slots)


def _changed_header(name: str) -> VaultError:
    return VaultError(f"The header of {name} was changed; it does not open.", f"{name} 的文件头被改动，无法打开。")


def wrap(key: Key, file_key: bytes, fixed: bytes) -> bytes:
    """Return a slot: the file's key under a vault key, bound to the fixed part of the header."""
    nonce = secrets.token_bytes(12)
    wrapped = cipher(key.derive("vault wrap")).encrypt(nonce, file_key, fixed)
    return _SLOT.pack(bytes.fromhex(key.id), nonce, wrapped)


def unwrap(header: Header, keys: Sequence[Key], name: str) -> tuple[bytes, int]:
    """Return the file's own key and the place of the slot that gave it.

    Raises VaultError where none of the keys is named there, or where the slot was changed.
    """
    known = {key.id: key for key in keys}
    named = False
    for at, slot in header.slots.items():
        key_id, nonce, wrapped = _SLOT.unpack(slot)
        key = known.get(key_id.hex())
        if key is None:
            continue
        named = True
        try:
            return cipher(key.derive("vault wrap")).decrypt(nonce, wrapped, header.fixed), at
        except invalid():
            continue
    if named:
        raise _changed_header(name)
    if not keys:
        raise VaultError(
            f"{name} is encrypted. Name its key with --vault, or in the environment variable {ENV}.",
            f"{name} 已加密。请用 --vault 或环境变量 {ENV} 指定密钥。",
        )
    under, have = ", ".join(header.key_ids) or "-", ", ".join(known)
    raise VaultError(
        f"Wrong key: {name} is encrypted under {under}, the key given is {have}.",
        f"密钥不符：{name} 使用密钥 {under} 加密，给出的密钥是 {have}。",
    )


def associated(fixed: bytes, index: int, last: bool) -> bytes:
    """Return what a chunk is bound to: the head of its file, its place, and whether it is the last. So chunks cannot be swapped, taken from
    another file or cut off."""
    return fixed + struct.pack(">Q?", index, last)


def nonce_of(prefix: bytes, index: int) -> bytes:
    """Return the nonce of a chunk; no two chunks of a file share one."""
    return prefix + struct.pack(">I", index)
