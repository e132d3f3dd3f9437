"""Files encrypted at rest: chunked AES-256-GCM, authenticated, written and read in a stream with flat memory.

    0     magic `MWVAULT1`, chunk size (u32), file id (16 bytes), prefix of nonces (8 bytes)      the fixed part
    512   slot A: id of a vault key (8), nonce (12), the file's own key wrapped by it (48)
    1024  slot B: likewise; empty but for a moment while the key is rotated
    2048  chunks: each `chunk size` bytes and a tag of 16, the last one shorter

Every file has a random key of its own. The nonce of chunk i is the prefix and i; its associated data are the fixed part,
i, and whether it is the last one. So chunks that were changed, swapped, taken from another file, cut off or appended
do not open. Source: the STREAM construction, Hoang, Reyhanitabar, Rogaway and Vizar, CRYPTO 2015, section 7.

Rotation rewrites the slots alone: the new one first, on a disk sector of its own, then the old one is wiped, so that a
crash at any point leaves a file that one of the two keys opens.
"""

from __future__ import annotations

import functools
import io
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from modelwright.core.envelope import (
    CHUNK,
    ENV,
    FIXED,
    HEADER,
    MAGIC,
    SLOTS,
    TAG,
    VERSION,
    associated,
    cipher,
    invalid,
    nonce_of,
    read_header,
    unwrap,
    wrap,
)
from modelwright.core.errors import VaultError
from modelwright.core.keyref import Key, read_keys

_SWAPS = 256  # chunks looked through to say that two were swapped

# -- the vault that is open ------------------------------------------------------------------------------------------

_open: list[list[Key]] = []


@contextmanager
def unlocked(ref: str | None) -> Iterator[list[Key]]:
    """Let encrypted files be read and written with the keys at a reference while the block runs; None changes nothing.

    Raises VaultError where the reference holds no key, MissingExtra without the library.
    """
    if ref is None:
        keys = vault_keys()
        if keys:
            cipher(keys[0].secret)  # refused now, not at the first write
        yield keys
        return
    keys = read_keys(ref)
    cipher(keys[0].secret)
    _open.append(keys)
    try:
        yield keys
    finally:
        _open.remove(keys)


def vault_keys() -> list[Key]:
    """Return the keys of the vault that is open: by `unlocked`, else by the environment variable; [] where none is."""
    if _open:
        return _open[-1]
    ref = os.environ.get(ENV)
    return _of_env(ref) if ref else []


@functools.lru_cache(maxsize=1)
def _keys_of(ref: str) -> list[Key]:
    return read_keys(ref)


def _of_env(ref: str) -> list[Key]:
    return _keys_of(ref) if ref.startswith("keyring:") else read_keys(ref)  # asking a keyring takes long


# -- writing ---------------------------------------------------------------------------------------------------------


class SealWriter(io.RawIOBase):
    """Encrypts what is written into a file that is open for writing; `close` writes the last chunk.

    A block that ends with an error leaves the last chunk out, so that what stands there is refused as cut.
    """

    def __init__(self, file: BinaryIO, key: Key, *, chunk: int = CHUNK) -> None:
        fixed = FIXED.pack(MAGIC + VERSION, chunk, secrets.token_bytes(16), secrets.token_bytes(8))
        file_key = secrets.token_bytes(32)
        self._file, self._chunk, self._fixed, self._prefix = file, chunk, fixed, fixed[-8:]
        self._cipher = cipher(file_key)
        self._index = 0
        self._held = bytearray()
        head = bytearray(HEADER)
        head[: len(fixed)] = fixed
        slot = wrap(key, file_key, fixed)
        head[SLOTS[0] : SLOTS[0] + len(slot)] = slot
        file.write(head)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Take bytes; whole chunks are encrypted as soon as it is clear that another one follows."""
        view = memoryview(data).cast("B")
        size, at = len(view), 0
        if self._held:
            at = min(size, self._chunk - len(self._held))
            self._held += view[:at]
        while size - at > 0:
            if self._held:
                self._put(self._held, last=False)
                self._held = bytearray()
            if size - at > self._chunk:
                self._put(view[at : at + self._chunk], last=False)
                at += self._chunk
            else:
                self._held += view[at:]
                at = size
        return size

    def _put(self, data: Any, *, last: bool) -> None:
        if self._index == 1 << 32:
            raise VaultError("The file is too large to encrypt.", "文件太大，无法加密。")
        nonce, aad = nonce_of(self._prefix, self._index), associated(self._fixed, self._index, last)
        self._file.write(self._cipher.encrypt(nonce, data, aad))
        self._index += 1

    def close(self) -> None:
        if not self.closed:
            self._put(self._held, last=True)
            super().close()

    def drop(self) -> None:
        """Close without the last chunk."""
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.drop()

    def __del__(self) -> None:
        super().close()


# -- reading ---------------------------------------------------------------------------------------------------------


class SealReader(io.RawIOBase):
    """Reads an encrypted file as if it were plain; it can be sought in, and holds one chunk at a time.

    The end is checked at the start, every chunk before any of its bytes is given. Raises VaultError for a wrong key
    and for whatever was changed, swapped, cut off or appended. With `owns` the file is closed with it.
    """

    def __init__(self, file: BinaryIO, keys: Sequence[Key], name: str, *, owns: bool = False) -> None:
        self._file, self._label, self._owns = file, name, False
        file.seek(0)
        self.header = header = read_header(file.read(HEADER), name)
        self._key, self.slot = unwrap(header, keys, name)
        self._cipher = cipher(self._key)
        body = file.seek(0, io.SEEK_END) - HEADER
        full = header.chunk + TAG
        self._count = max(1, -(-body // full))
        self.size = body - TAG * self._count
        self._at, self._held, self._chunk = 0, -1, b""
        if self.size < 0 or body - (self._count - 1) * full < TAG:
            before = self._count - 2
            raise self._appended() if before >= 0 and self._opens(self._stored(before), before, True) else self._cut()
        self._load(self._count - 1)
        self._owns = owns

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._at < self.size:
            index, offset = divmod(self._at, self.header.chunk)
            self._load(index)
            part = memoryview(self._chunk)[offset : offset + len(view) - done]
            view[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return done

    def chunks(self) -> Iterator[bytes]:
        """Yield all chunks in order."""
        for index in range(self._count):
            self._load(index)
            yield self._chunk

    def close(self) -> None:
        if not self.closed:
            if self._owns:
                self._file.close()
            super().close()

    def _load(self, index: int) -> None:
        if index == self._held:
            return
        stored = self._stored(index)
        last = index == self._count - 1
        try:
            self._chunk = self._decrypt(stored, index, last)
        except invalid():
            raise self._why(stored, index, last) from None
        self._held = index

    def _stored(self, index: int) -> bytes:
        self._file.seek(HEADER + index * (self.header.chunk + TAG))
        return self._file.read(self.header.chunk + TAG)

    def _decrypt(self, stored: bytes, index: int, last: bool) -> bytes:
        out: bytes = self._cipher.decrypt(
            nonce_of(self.header.prefix, index), stored, associated(self.header.fixed, index, last)
        )
        return out

    def _opens(self, stored: bytes, index: int, last: bool) -> bool:
        try:
            self._decrypt(stored, index, last)
        except invalid():
            return False
        return True

    def _cut(self) -> VaultError:
        return VaultError(
            f"{self._label} was cut: its end is missing. Copy it again.",
            f"{self._label} 被截断：缺少结尾。请重新复制。",
        )

    def _appended(self) -> VaultError:
        return VaultError(
            f"{self._label}: something was appended after its end. Copy it again.",
            f"{self._label}：结尾之后被附加了内容。请重新复制。",
        )

    def _why(self, stored: bytes, index: int, last: bool) -> VaultError:
        """Return the error for a chunk that does not open: cut, appended to, swapped or changed."""
        name, at = self._label, index + 1
        if last and self._opens(stored, index, False):
            return self._cut()
        if self._opens(stored, index, not last) or (
            last and any(self._opens(self._stored(i), i, True) for i in range(max(0, index - 8), index))
        ):
            return self._appended()
        for other in [i for i in range(min(self._count, _SWAPS)) if i != index]:
            if self._opens(stored, other, other == self._count - 1):
                return VaultError(
                    f"{name}: chunk {at} holds what belongs to chunk {other + 1}; they were swapped. Copy it again.",
                    f"{name}：第 {at} 块的内容属于第 {other + 1} 块，数据块被调换。请重新复制。",
                )
        if last and len(stored) < self.header.chunk + TAG:
            return VaultError(
                f"{name}: its last chunk ({at}) was changed or cut. Copy it again.",
                f"{name}：最后一块（第 {at} 块）被改动或截断。请重新复制。",
            )
        return VaultError(
            f"{name}: chunk {at} was changed after it was written. Copy it again.",
            f"{name}：第 {at} 块在写入后被改动。请重新复制。",
        )


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, through the vault that is open where it is encrypted. Raises VaultError, OSError."""
    file = path.open("rb")
    try:
        sealed = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        if not sealed:
            return file
        return io.BufferedReader(SealReader(file, vault_keys(), str(path), owns=True), 256 << 10)
    except BaseException:
        file.close()
        raise
