"""What a run keeps of the data: plain where no vault is open, encrypted where one is.

A folder becomes one encrypted file, NAME.mwv, an archive inside. While it is written or read, it stands in a folder of
its own in memory where the system has one (`/dev/shm`), else in the system's folder for temporary files, readable by
its owner only.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelwright.core import plain_json
from modelwright.core.encrypted_files import SealWriter, open_plain, vault_keys
from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import BundleError, DataError
from modelwright.core.run import read_json, recover, refused, whole_folder, write_json
from modelwright.core.unwritable import cannot_write


def sealing() -> bool:
    """Whether what a run keeps of the data is to be encrypted: where a vault is open."""
    return bool(vault_keys())


def sealed_at(path: Path) -> Path:
    """Return where the encrypted form of a file or folder stands."""
    return path.with_name(path.name + SUFFIX)


@contextmanager
def _scratch() -> Iterator[Path]:
    memory = "/dev/shm"  # noqa: S108 - a folder of our own is made in it, closed to others
    place = tempfile.mkdtemp(prefix="modelwright-", dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def keeping_folder(final: Path) -> Iterator[Path]:
    """Give a folder that takes the place of `final` when the block ends well, encrypted where a vault is open."""
    if not sealing():
        with whole_folder(final) as part:
            yield part
        return
    target = sealed_at(final)
    part = target.with_name(f".{target.name}.part")
    try:
        with _scratch() as scratch:
            yield scratch
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                part.open("wb") as file,
                SealWriter(file, vault_keys()[0]) as sealed,
                zipfile.ZipFile(sealed, "w") as archive,
            ):
                for path in sorted(p for p in scratch.rglob("*") if p.is_file()):
                    archive.write(path, path.relative_to(scratch).as_posix())
            os.replace(part, target)
    except Exception as e:
        error = refused(e, target)
        if error is None:
            raise
        raise error from e
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def kept_folder(place: Path) -> Iterator[Path]:
    """Give what `keeping_folder` left at `place` as a folder to read. Raises VaultError, BundleError."""
    target = sealed_at(place)
    if place.is_dir() or not target.is_file():
        yield place
        return
    with _scratch() as scratch, open_plain(target) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    if not (scratch / name).resolve().is_relative_to(scratch.resolve()):
                        raise BundleError(f"{target} holds a path that leads out of it.", f"{target} 含有越界路径。")
                archive.extractall(scratch)
        except zipfile.BadZipFile as e:
            raise BundleError(f"{target} is damaged ({e}).", f"{target} 已损坏（{e}）。") from e
        yield scratch


def kept_folders(root: Path) -> list[Path]:
    """Return the places of all folders that `keeping_folder` left below `root`, the oldest first."""
    if not root.is_dir():
        return []
    for old in root.glob(".*.old"):
        recover(root / old.name[1:].removesuffix(".old"))
    for part in root.glob(".*.part"):  # what a crash left half-written
        shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)
    found = [p for p in root.iterdir() if not p.name.startswith(".") and (p.is_dir() or p.name.endswith(SUFFIX))]
    return [p.with_name(p.name.removesuffix(SUFFIX)) for p in sorted(found, key=lambda p: p.stat().st_mtime)]


def keep_json(path: Path, data: Any) -> None:
    """Write JSON that holds rows of the data: at `path`, or encrypted beside it where a vault is open."""
    if not sealing():
        write_json(path, data)
        return
    target = sealed_at(path)
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file, SealWriter(file, vault_keys()[0]) as sealed:
            sealed.write(plain_json.dumps(data).encode())
        os.replace(part, target)
    except OSError as e:
        raise cannot_write(DataError, e, target) from e
    finally:
        part.unlink(missing_ok=True)


def kept_json(path: Path) -> Any:
    """Read what `keep_json` wrote; None where there is nothing. Raises VaultError without the right key."""
    target = sealed_at(path)
    if target.is_file():
        with open_plain(target) as file:
            return json.loads(file.read())
    return read_json(path) if path.is_file() else None
