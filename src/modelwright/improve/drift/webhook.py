"""Telling an address of the operator's about alarms: signed, tried again with longer and longer pauses, and nowhere else.

The body names release, columns and shares by bin, and no value of a row. `Modelwright-Signature: t=SECONDS,v1=HEX` holds the
HMAC-SHA256 of `SECONDS.BODY` under the secret, as other services sign theirs, so that the receiver can tell that it is genuine and
new. A redirect is not followed: whoever answers at the address could otherwise send requests to places that only this machine reaches.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from modelwright.core import plain_json
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.words import Words
from modelwright.improve.drift.store import Alarm, DriftStore

URL, SECRET = "MODELWRIGHT_WEBHOOK", "MODELWRIGHT_WEBHOOK_SECRET"
_SECONDS = 10.0  # for an answer
_FIRST, _LONGEST = 15.0, 3600.0  # seconds until the next try
_TRIES = 12  # about half a day
_CLAIM = 60.0  # seconds for which an alarm is one process's to tell
_SHORTEST = 16  # characters of a secret
log = logging.getLogger("modelwright")


@dataclass(frozen=True)
class Target:
    """An address that is told, and the secret that what it is told is signed with."""

    url: str
    secret: bytes = field(repr=False)

    @property
    def shown(self) -> str:
        """The address without what may be secret in it: scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def target_of(environment: Mapping[str, str] = os.environ) -> Target | None:
    """Return the address that the operator configured; None where there is none. Raises OptionError for one that cannot be used."""
    url = environment.get(URL, "")
    if not url:
        return None
    check_url(url)
    secret = environment.get(SECRET, "")
    if len(secret) < _SHORTEST:
        raise OptionError(
            f"A webhook is signed: set {SECRET} to a secret of at least {_SHORTEST} characters, which the receiver knows too.",
            f"Webhook 需要签名：请将 {SECRET} 设为至少 {_SHORTEST} 个字符的密钥，接收方使用同一密钥。",
        )
    return Target(url, secret.encode())


def check_url(url: str) -> None:
    """Refuse what is no address of a webhook. Raises OptionError."""
    try:
        parts: SplitResult | None = urlsplit(url)
        good = (
            parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        )
    except ValueError:
        good = False
    if not good or any(ord(c) <= 32 or ord(c) == 127 for c in url) or not url.isascii():
        raise OptionError(
            "A webhook is an address such as https://example.com/alarms, received another text.",
            "Webhook 应为形如 https://example.com/alarms 的地址，收到的内容不是。",
        )


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the value of the header `Modelwright-Signature`."""
    return f"t={at},v1={hmac.new(secret, b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def body_of(name: str, alarm: Alarm) -> bytes:
    """Return what is told of an alarm, as JSON."""
    facts = alarm.facts
    told = ("part", "effect", "test", "rows", "since", "before", "after", "note", "advice")
    said: dict[str, Any] = {
        "event": "drift", "name": name, "version": alarm.version, "alarm": alarm.number, "column": alarm.column,
        "role": alarm.role, "began": alarm.began, **{k: facts.get(k) for k in told},
    }  # fmt: skip
    return plain_json.dumps(said, ensure_ascii=True).encode()


def send(target: Target, body: bytes, seconds: float = _SECONDS) -> str | None:
    """Post a body; return None where it was taken (2xx), else why not, in a few words. Never longer than about `seconds`."""
    parts = urlsplit(target.url)
    until = time.monotonic() + seconds
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=seconds, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=seconds)
    at = int(time.time())
    headers = {
        "Content-Type": "application/json", "User-Agent": "modelwright", "Modelwright-Event": "drift",
        "Modelwright-Signature": signature(target.secret, at, body),
    }  # fmt: skip
    # an answer that comes a byte at a time would keep us past every timeout of a single read
    end = threading.Timer(seconds, lambda: _cut(connection))
    end.daemon = True
    end.start()
    try:
        connection.request("POST", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, AttributeError, ValueError) as e:
        late = time.monotonic() >= until - 0.05 or isinstance(e, TimeoutError)
        return "no answer in time" if late else type(e).__name__
    finally:
        end.cancel()
        connection.close()
    if 200 <= status < 300:
        return None
    return f"a redirect ({status}), which is not followed" if 300 <= status < 400 else f"status {status}"


def _cut(connection: http.client.HTTPConnection) -> None:
    held = connection.sock
    if held is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)


class Teller:
    """Tells the address about alarms that are due, in a thread of its own; alarms wait in the database, so none is lost."""

    def __init__(self, store: DriftStore, target: Target) -> None:
        self.store, self.target = store, target
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for alarms now."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread; what is under way is tried again by whoever comes next."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(_FIRST)
            self._wake.clear()
            try:
                while not self._stopped.is_set() and self.tell_one():
                    pass
            except ModelwrightError as e:  # the database is away: the alarms wait there
                log.warning("%s %s", e.words.en, e.words.zh)

    def tell_one(self) -> bool:
        """Tell the alarm that is due first; return whether there was one."""
        claimed = self.store.claim(_CLAIM)
        if claimed is None:
            return False
        alarm, tries = claimed
        why = send(self.target, body_of(self.store.name, alarm))
        if why is None:
            self.store.told(alarm, None)
            return True
        again = None if tries >= _TRIES else time.time() + min(_LONGEST, _FIRST * 2 ** (tries - 1))
        self.store.told(alarm, again)
        words = Words(
            f"The webhook {self.target.shown} did not take an alarm ({why}); {'given up' if again is None else 'tried again later'}.",
            f"Webhook {self.target.shown} 未接收告警（{why}）；{'已放弃' if again is None else '稍后重试'}。",
        )
        log.warning("%s %s", words.en, words.zh)
        return True
