"""Pseudonyms that lead back to the original, for whoever holds the key of the vault and for nobody else.

    with PseudonymStore.open(Path("names.mwv")) as store:      # a vault must be open
        store.remember("张三", "PERSON_1f3a")
        store.reveal("PERSON_1f3a")                         # -> "张三"

The store is one encrypted file, written whole when the block ends well; a lock beside it keeps two programs from writing
at once. It holds pairs and nothing else: how pseudonyms are made is not its business.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from modelwright.core.encrypted_files import SealReader, SealWriter, vault_keys
from modelwright.core.errors import VaultError
from modelwright.core.locks import locked
from modelwright.core.unwritable import cannot_write
from modelwright.privacy.subjects import plain_subject
from modelwright.privacy.vault import whole_file


class PseudonymStore:
    """Pairs of original and pseudonym: each pseudonym leads to one original, an original may have several."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._originals: dict[str, str] = {}  # by pseudonym
        self._known: dict[str, list[str]] = {}  # by original
        self._changed = False
        self._lock: Any = None
        self._held: Any = None

    @classmethod
    def open(cls, path: Path) -> PseudonymStore:
        """Return the store at `path`, to be used in a `with` block; there need be none yet."""
        return cls(path)

    def __enter__(self) -> Self:
        if not vault_keys():
            raise VaultError(
                "Pseudonyms that lead back are kept in the vault only: name its key with --vault.",
                "可还原的假名只能保存在加密库中：请用 --vault 指定密钥。",
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            place = self._path.with_name(f".{self._path.name}.lock")
            self._lock = os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        except OSError as e:
            raise cannot_write(VaultError, e, self._path) from e
        self._held = locked(self._lock)
        self._held.__enter__()
        try:
            self._load()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._changed:
                self._write()
        finally:
            self._release()

    def _release(self) -> None:
        self._held.__exit__(None, None, None)
        self._lock.close()

    def _load(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as f:
            text = SealReader(f, vault_keys(), str(self._path)).read()
        for original, pseudonym in json.loads(text):
            self._keep(original, pseudonym)

    def _keep(self, original: str, pseudonym: str) -> None:
        self._originals[pseudonym] = original
        self._known.setdefault(original, []).append(pseudonym)

    def _write(self) -> None:
        pairs = [(original, pseudonym) for pseudonym, original in self._originals.items()]
        with whole_file(self._path, force=True, sync=True) as file, SealWriter(file, vault_keys()[0]) as sealed:
            sealed.write(json.dumps(pairs, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        self._changed = False

    def __len__(self) -> int:
        return len(self._originals)

    def remember(self, original: str, pseudonym: str) -> None:
        """Keep a pair; one that is known changes nothing. Raises VaultError where the pseudonym stands for another."""
        known = self._originals.get(pseudonym)
        if known == original:
            return
        if known is not None:
            raise VaultError(
                f"The pseudonym `{pseudonym}` stands for another value already.", f"假名 `{pseudonym}` 已对应另一个值。"
            )
        self._keep(original, pseudonym)
        self._changed = True

    def reveal(self, pseudonym: str) -> str | None:
        """Return the original behind a pseudonym; None where there is none."""
        return self._originals.get(pseudonym)

    def of(self, original: str) -> list[str]:
        """Return the pseudonyms of an original, the oldest first."""
        return list(self._known.get(original, []))

    def forget(self, original: str) -> int:
        """Drop all pairs of an original, so that its pseudonyms lead nowhere; return how many there were."""
        wanted = plain_subject(original)
        gone = [p for p, o in self._originals.items() if plain_subject(o) == wanted]
        for pseudonym in gone:
            self._known.pop(self._originals.pop(pseudonym), None)
        self._changed = self._changed or bool(gone)
        return len(gone)
