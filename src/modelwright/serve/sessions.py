"""Browser sessions: a token that names a key and says until when, signed by a secret of this service.

Nothing is kept, so every worker of a service knows the sessions that another has opened; they end with the service.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time

_LONGEST = 2000
_secret = [secrets.token_bytes(32)]


def share(secret: bytes) -> None:
    """Sign by a secret that other processes of the same service have too."""
    _secret[:] = [secret]


def begin(name: str, digest: str, seconds: float) -> str:
    """Return the token of a session of so many seconds for the key of that name and hash."""
    told = json.dumps([name, digest, time.time() + seconds, secrets.token_hex(8)]).encode()
    return f"{_text(told)}.{_text(_sign(told))}"


def read(token: str) -> tuple[str, str] | None:
    """Return the name and the hash of the key that a session was opened with; None for a token that is not ours, or too old."""
    head, _, sign = token.partition(".")
    if not sign or len(token) > _LONGEST:
        return None
    try:
        told, given = _bytes(head), _bytes(sign)
    except ValueError:
        return None
    if not hmac.compare_digest(given, _sign(told)):
        return None
    name, digest, until, _ = json.loads(told)
    return (name, digest) if time.time() < until else None


def _sign(told: bytes) -> bytes:
    return hmac.digest(_secret[0], told, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not base64")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
