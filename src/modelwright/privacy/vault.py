"""The vault: files and folders encrypted at rest, decrypted, looked through, and their keys rotated.

The form of the files is `core.encrypted_files`, where keys stand `core.keyref`. Every file is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modelwright.core.encrypted_files import SealReader, SealWriter
from modelwright.core.envelope import CHUNK, HEADER, SLOT_SIZE, SLOTS, SUFFIX, is_sealed, read_header, unwrap, wrap
from modelwright.core.errors import ModelwrightError, VaultError
from modelwright.core.keyref import Key
from modelwright.core.leftovers import being_written, sweep
from modelwright.core.unwritable import cannot_write


@dataclass(frozen=True)
class Status:
    """What is known of one file: under which keys it stands, and why it does not open, if it does not."""

    path: Path
    sealed: bool
    key_ids: tuple[str, ...] = ()
    size: int = 0  # bytes when decrypted
    problem: ModelwrightError | None = None


def files_below(places: Sequence[Path], *, sealed: bool | None = None) -> list[Path]:
    """Return the files named and those below the folders named; hidden files and links in folders are passed over.

    `sealed` keeps only encrypted ones, or only plain ones. Raises VaultError for a place that does not exist.
    """
    out: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = (p for p in sorted(place.rglob("*")) if p.is_file() and not p.is_symlink())
            out += [p for p in inside if not any(q.startswith(".") for q in p.relative_to(place).parts)]
        elif place.is_file():
            out.append(place)
        else:
            raise VaultError(f"There is no file or folder {place}.", f"找不到文件或文件夹 {place}。")
    return [p for p in dict.fromkeys(out) if sealed is None or is_sealed(p) == sealed]


def sweep_places(places: Sequence[Path]) -> list[Path]:
    """Remove what programs that were killed left half-written beside the files named and below the folders named.

    Raises VaultError where one cannot be removed.
    """
    try:
        return sweep([p for p in places if not p.is_dir()], [p for p in places if p.is_dir()])
    except OSError as e:
        raise VaultError(
            f"Cannot remove the unfinished copy {e.filename}: {e.strerror}.",
            f"无法删除未完成的副本 {e.filename}：{e.strerror}。",
        ) from e


@contextmanager
def whole_file(final: Path, *, force: bool = False, sync: bool = False) -> Iterator[BinaryIO]:
    """Give a file, readable by its owner only, that takes the place of `final` once the block ends well.

    Raises VaultError where `final` stands already and `force` is not given, or where the disk refuses.
    """
    if final.exists() and not force:
        raise VaultError(f"{final} exists already; replace it with --force.", f"{final} 已存在；如需覆盖请加 --force。")
    part = final.with_name(f".{final.name}.{os.getpid()}.held.part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w+b") as file, being_written(file):
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, final)
    except OSError as e:
        raise cannot_write(VaultError, e, final) from e
    finally:
        part.unlink(missing_ok=True)


def encrypt_file(
    source: Path, target: Path, key: Key, *, force: bool = False, remove: bool = False, chunk: int = CHUNK
) -> int:
    """Encrypt a file in a stream and return its bytes; `remove` deletes the plain one once the other was read back.

    Raises VaultError where it is encrypted already, cannot be read or written, or does not read back the same.
    """
    if is_sealed(source):
        raise VaultError(f"{source} is encrypted already.", f"{source} 已经加密。")
    digest, size = hashlib.sha256(), 0
    with _reading(source) as f, whole_file(target, force=force, sync=remove) as out:
        with SealWriter(out, key, chunk=chunk) as writer:
            while block := f.read(chunk):
                writer.write(block)
                size += len(block)
                if remove:
                    digest.update(block)
        if remove:
            out.flush()
            _check_reads_back(out, key, target, digest.digest())
    if remove:
        source.unlink()
    return size


def _check_reads_back(file: BinaryIO, key: Key, name: Path, digest: bytes) -> None:
    """Read an encrypted file back and compare. Raises VaultError where it is not what was encrypted."""
    again = hashlib.sha256()
    for block in SealReader(file, [key], str(name)).chunks():
        again.update(block)
    if again.digest() != digest:
        raise VaultError(
            f"{name} does not read back as it was written; the plain file is kept.",
            f"{name} 写入后读回的内容不一致；已保留原文件。",
        )


def decrypt_file(source: Path, target: Path, keys: Sequence[Key], *, force: bool = False) -> int:
    """Decrypt a file in a stream and return its bytes; nothing is left where any chunk does not open."""
    size = 0
    with _reading(source) as f, whole_file(target, force=force) as out:
        for block in SealReader(f, keys, str(source)).chunks():
            out.write(block)
            size += len(block)
    return size


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as e:
        raise VaultError(f"Cannot read {path}: {e.strerror}.", f"无法读取 {path}：{e.strerror}。") from e
    with file:
        yield file


def plain_name(path: Path) -> Path:
    """Return the name of an encrypted file once it is decrypted."""
    return path.with_name(path.name.removesuffix(SUFFIX)) if path.name.endswith(SUFFIX) else path.with_suffix(".plain")


def rewrap(path: Path, keys: Sequence[Key], new: Key) -> bool:
    """Wrap a file's own key under another vault key, its data untouched; return whether there was anything to do.

    The new slot is written and flushed before the old one is wiped, so that a crash leaves a file that opens.
    """
    try:
        with path.open("r+b") as file:
            data = file.read(HEADER)
            header = read_header(data, str(path))
            file_key, at = unwrap(header, [new, *keys], str(path))
            if header.key_ids == [new.id]:
                return False
            if header.slots[at][:8].hex() != new.id:
                other = next(a for a in SLOTS if a != at)
                _put(file, other, wrap(new, file_key, header.fixed))
                at = other
            _put(file, next(a for a in SLOTS if a != at), bytes(SLOT_SIZE))
    except OSError as e:
        raise VaultError(f"Cannot rewrite {path}: {e.strerror}.", f"无法改写 {path}：{e.strerror}。") from e
    return True


def _put(file: BinaryIO, at: int, data: bytes) -> None:
    file.seek(at)
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def reencrypt(path: Path, keys: Sequence[Key], new: Key) -> None:
    """Encrypt a file's data anew, under a fresh key of its own: after a key of the file itself may have leaked."""
    with _reading(path) as f, whole_file(path, force=True, sync=True) as out, SealWriter(out, new) as writer:
        for block in SealReader(f, [new, *keys], str(path)).chunks():
            writer.write(block)


def status(path: Path, keys: Sequence[Key], *, deep: bool = False) -> Status:
    """Say what a file is and whether the keys open it; `deep` reads all of it instead of its end only."""
    if not is_sealed(path):
        return Status(path, False, size=path.stat().st_size)
    ids: tuple[str, ...] = ()
    try:
        with _reading(path) as f:
            header = read_header(f.read(HEADER), str(path))
            ids = tuple(header.key_ids)
            reader = SealReader(f, keys, str(path))
            if deep:
                for _ in reader.chunks():
                    pass
            return Status(path, True, ids, reader.size)
    except VaultError as e:
        return Status(path, True, ids, problem=e)
