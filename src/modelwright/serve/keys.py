"""Keys of the service: made at first start, shown once, kept as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from pathlib import Path

from modelwright.core.errors import BundleError, DataError

ENV = "MODELWRIGHT_KEY"
SESSION_SECONDS = 12 * 3600


def _digest(key: str) -> str:
    # keys are 256 random bits, so a plain hash cannot be guessed back; a slow one would only slow every request
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class KeyRing:
    """The hashes of known keys, by name; and the browser sessions opened with them."""

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = dict(hashes)
        self._sessions: dict[str, tuple[str, float]] = {}

    @classmethod
    def open(cls, path: Path) -> tuple[KeyRing, str | None]:
        """Return the ring kept at `path` and, where it was made just now, the new key to show once.

        A key in the environment variable MODELWRIGHT_KEY is known too, and none is made then. Raises BundleError
        for a damaged file, DataError where the folder cannot be written.
        """
        hashes: dict[str, str] = {}
        made = None
        if path.is_file():
            try:
                stored = json.loads(path.read_text(encoding="utf-8"))
                hashes = {str(k): str(v) for k, v in stored["keys"].items()}
            except (OSError, ValueError, KeyError, AttributeError, TypeError) as e:
                raise BundleError(
                    f"The key file {path} is damaged; remove it to have a new key made.",
                    f"密钥文件 {path} 已损坏；删除后将生成新密钥。",
                ) from e
        if os.environ.get(ENV):
            if len(os.environ[ENV]) < 16:
                raise DataError(f"{ENV} must hold at least 16 characters.", f"{ENV} 至少需要 16 个字符。")
            hashes["environment"] = _digest(os.environ[ENV])
        elif not hashes:
            made = secrets.token_urlsafe(32)
            hashes["first"] = _digest(made)
            _store(path, hashes)
        return cls(hashes), made

    def who(self, key: str | None) -> str | None:
        """Return the name of the key, or None where it is not known; takes the same time for any wrong key."""
        given = _digest(key or "")
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(given, known):
                found = name
        return found if key else None

    def begin(self, name: str) -> str:
        """Open a browser session for the key of that name and return its token."""
        now = time.monotonic()
        self._sessions = {t: s for t, s in self._sessions.items() if s[1] > now}
        token = secrets.token_urlsafe(32)
        self._sessions[_digest(token)] = (name, now + SESSION_SECONDS)
        return token

    def session(self, token: str | None) -> str | None:
        """Return the key's name of a live session, or None."""
        found = self._sessions.get(_digest(token)) if token else None
        return found[0] if found and found[1] > time.monotonic() else None


def _store(path: Path, hashes: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as f:
            json.dump({"keys": hashes}, f)
    except OSError as e:
        raise DataError(
            f"Cannot write the key file {path}: {e.strerror}. Name another with --key-file.",
            f"无法写入密钥文件 {path}：{e.strerror}。请用 --key-file 指定其他位置。",
        ) from e
