"""Keys of the service: made once, shown once, kept as hashes, compared in constant time; with role, scope, expiry, quota."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from modelwright.core.errors import BundleError, DataError, ModelwrightError, OptionError, unknown
from modelwright.core.locks import check_own_file, lock_beside
from modelwright.core.unwritable import cannot_write
from modelwright.core.utc import utc
from modelwright.core.words import Words
from modelwright.serve import sessions

ENV = "MODELWRIGHT_KEY"
_unshown: dict[Path, str] = {}  # digests of first keys that nobody has seen yet, by their files
SESSION_SECONDS = 12 * 3600
ROLES = ("viewer", "predictor", "trainer", "admin")  # each may do what those before it may
_FORMAT = 2
_FILE = Words("the key file", "密钥文件")
_LOOK_SECONDS = 1.0  # how often the file is looked at for changes


def digest_of(key: str) -> str:
    """Return the hash under which a key is kept."""
    # keys are 256 random bits, so a plain hash cannot be guessed back; a slow one would only slow every request
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ServiceKey:
    """What is kept of one key. Times are seconds since the epoch; `scopes` are patterns of NAME or NAME/VERSION."""

    name: str
    digest: str
    role: str = "predictor"
    scopes: tuple[str, ...] = ()  # of releases; none means all
    expires: float | None = None
    revoked: float | None = None
    rows_per_minute: int | None = None
    rows_per_day: int | None = None
    made: float | None = None
    old: str | None = None  # the hash before the last rotation, known until `old_until`
    old_until: float | None = None
    tenant: str | None = None  # whose documents alone it may ask for; none: any that a request names

    def live(self, now: float) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def may(self, role: str) -> bool:
        """Whether the key's role is the one needed, or one above it."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def covers(self, name: str, version: str) -> bool:
        """Whether a release is within the key's scopes."""
        return not self.scopes or any(fnmatchcase(name, s) or fnmatchcase(f"{name}/{version}", s) for s in self.scopes)

    def shown(self, now: float | None = None) -> dict[str, Any]:
        """Return what may be shown of the key: everything but its hashes."""
        now = time.time() if now is None else now
        state = "revoked" if self.revoked is not None else "live" if self.live(now) else "expired"
        return {
            "name": self.name, "role": self.role, "scopes": list(self.scopes), "state": state,
            "made": utc(self.made), "expires": utc(self.expires),
            "rows_per_minute": self.rows_per_minute, "rows_per_day": self.rows_per_day, "tenant": self.tenant,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the key as it is kept; the name is left out."""
        return {k: v for k, v in self.__dict__.items() if k != "name" and v not in (None, ())}

    @classmethod
    def from_json(cls, name: str, data: Any) -> ServiceKey:
        """Read what `to_json` wrote; a bare hash is a key from before there were roles, which keeps the rights it had."""
        if isinstance(data, str):
            return cls(name, data)
        fields = {**data, "scopes": tuple(data.get("scopes", ()))}
        key = cls(name=name, **fields)
        if key.role not in ROLES:
            raise ValueError(key.role)
        return key


class KeyRing:
    """The keys that are known, by name; and the browser sessions opened with them.

    A ring with a file sees changes of it (a key added or revoked by the command line) within a second.
    """

    def __init__(self, keys: Mapping[str, ServiceKey], path: Path | None = None) -> None:
        self._path = path
        self._take(keys)
        self._fixed = {n: k for n, k in self._keys.items() if n == "environment"}
        self._seen = _mark(path)
        self._looked = time.monotonic()

    @classmethod
    def of(cls, keys: Mapping[str, str]) -> KeyRing:
        """Return a ring of plain keys by name, for tests and programs that keep their keys themselves."""
        return cls({n: ServiceKey(n, digest_of(k)) for n, k in keys.items()})

    @classmethod
    def open(cls, path: Path) -> tuple[KeyRing, str | None]:
        """Return the ring kept at `path` and, where it was made just now, the new key to show once: an admin.

        A key in the environment variable MODELWRIGHT_KEY is known too, as a predictor, and none is made then. Raises
        BundleError for a damaged file, DataError for one that others can change, and where the folder cannot be written.
        """
        keys = read_keys(path)
        made = None
        if os.environ.get(ENV):
            if len(os.environ[ENV]) < 16:
                raise DataError(f"{ENV} must hold at least 16 characters.", f"{ENV} 至少需要 16 个字符。")
            keys["environment"] = ServiceKey("environment", digest_of(os.environ[ENV]))
        elif not keys:
            with changing(path) as keys:
                if not keys:  # two services may start at once
                    made = new_key()
                    keys["first"] = ServiceKey("first", digest_of(made), "admin", made=time.time())
                    _unshown[path.absolute()] = digest_of(made)
        return cls(keys, path), made

    def key(self, text: str | None) -> ServiceKey | None:
        """Return the live key of that text, or None; takes the same time for any wrong key."""
        self._refresh()
        given, now, found = digest_of(text or "").encode(), time.time(), None
        for digest, old, key in self._table:
            same = hmac.compare_digest(given, digest)
            before = hmac.compare_digest(given, old) and now < (key.old_until or 0)
            if same or before:
                found = key
        return found if text and found is not None and found.live(now) else None

    def who(self, text: str | None) -> str | None:
        """Return the name of the live key of that text, or None."""
        found = self.key(text)
        return found.name if found else None

    def begin(self, name: str) -> str:
        """Open a browser session for the key of that name and return its token."""
        return sessions.begin(name, self._keys[name].digest, SESSION_SECONDS)

    def session(self, token: str | None) -> ServiceKey | None:
        """Return the key of a live session, or None; a session ends with its key: expired, revoked, or another."""
        self._refresh()
        found = sessions.read(token or "")
        key = self._keys.get(found[0]) if found else None
        if found is None or key is None or not key.live(time.time()):
            return None
        return key if found[1] in (key.digest, key.old) else None

    def named(self, name: str) -> ServiceKey | None:
        """Return the key of that name, live or not; None where there is none."""
        return self._keys.get(name)

    def all(self) -> list[ServiceKey]:
        """Return all keys, in order of their names."""
        self._refresh()
        return [self._keys[n] for n in sorted(self._keys)]

    @property
    def path(self) -> Path | None:
        """Where the keys are kept, if anywhere."""
        return self._path

    def _take(self, keys: Mapping[str, ServiceKey]) -> None:
        self._keys = dict(keys)
        self._table = [(k.digest.encode(), (k.old or "").encode(), k) for k in self._keys.values()]

    def _refresh(self) -> None:
        if self._path is None or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self.reload()

    def reload(self) -> None:
        """Look at the file now; one that cannot be read changes nothing."""
        self._looked = time.monotonic()
        mark = _mark(self._path)
        if self._path is None or mark is None or mark == self._seen:
            return
        try:
            self._take(read_keys(self._path) | self._fixed)
            self._seen = mark
        except ModelwrightError:
            return


def _mark(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path) if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def new_key() -> str:
    """Return the text of a new key: 256 random bits behind a mark that secret scanners can see."""
    return "mws_" + secrets.token_urlsafe(32)


def read_keys(path: Path) -> dict[str, ServiceKey]:
    """Return the keys kept at `path`; {} where there is no file.

    Raises BundleError where it is damaged, DataError where it is no ordinary file or others can change it.
    """
    if not check_own_file(path):
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {str(n): ServiceKey.from_json(str(n), k) for n, k in stored["keys"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as e:
        raise BundleError(
            f"The key file {path} is damaged; remove it to have a new key made.",
            f"密钥文件 {path} 已损坏；删除后将生成新密钥。",
        ) from e


def write_keys(path: Path, keys: Mapping[str, ServiceKey]) -> None:
    """Keep keys at `path`, readable by its owner only. Raises DataError where it cannot be written."""
    kept = {n: k.to_json() for n, k in keys.items() if n != "environment"}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as f:
            json.dump({"format": _FORMAT, "keys": kept}, f)
            f.flush()
            os.fsync(f.fileno())  # a revocation that was answered outlives a power cut
        os.replace(part, path)
    except OSError as e:
        raise cannot_write(DataError, e, path, what=_FILE, option="--key-file") from e
    finally:
        part.unlink(missing_ok=True)


# -- changing them ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def shown_or_taken_back() -> Iterator[None]:
    """Take back first keys that were made in this block and, since it failed, never shown: the next start makes others."""
    try:
        yield
    except BaseException:
        for path, digest in list(_unshown.items()):
            with contextlib.suppress(ModelwrightError), changing(path) as keys:
                if "first" in keys and keys["first"].digest == digest:
                    del keys["first"]
        raise
    finally:
        _unshown.clear()


def were_shown() -> None:
    """Say that the keys made so far have been shown."""
    _unshown.clear()


@contextlib.contextmanager
def changing(path: Path, enter: Callable[[], None] | None = None) -> Iterator[dict[str, ServiceKey]]:
    """Give the keys at `path` to be changed, and keep them when the block ends well; nobody else changes them meanwhile.

    `enter` writes into the ledger what is done, before it is: where no entry can be written, nothing is changed.
    Raises DataError where the place cannot be written.
    """
    try:
        with lock_beside(path):
            keys = read_keys(path)
            yield keys
            if enter is not None:
                enter()
            write_keys(path, keys)
    except OSError as e:
        raise cannot_write(DataError, e, path, what=_FILE, option="--key-file") from e


def add_key(
    path: Path,
    name: str,
    *,
    role: str = "predictor",
    scopes: tuple[str, ...] = (),
    expires_in: float | None = None,
    rows_per_minute: int | None = None,
    rows_per_day: int | None = None,
    tenant: str | None = None,
    enter: Callable[[], None] | None = None,
) -> str:
    """Make a key and return its text, which is kept nowhere. `enter` as in `changing`.

    Raises OptionError for a name in use, an unknown role, and for an admin that should be bound to a tenant.
    """
    if role not in ROLES:
        raise unknown(Words("role", "角色"), role, ROLES)
    for value in (rows_per_minute, rows_per_day):
        if value is not None and value < 1:
            raise OptionError(f"A quota is at least one row, received {value}.", f"配额至少为 1 行，收到 {value}。")
    if tenant is not None:
        _check_tenant(tenant, role)
    text, now = new_key(), time.time()
    until = None if expires_in is None else now + expires_in
    with changing(path, enter) as keys:
        if not name or len(name) > 64 or name == "environment" or (name in keys and keys[name].revoked is None):
            raise OptionError(
                f"The name `{name[:64]}` is in use or cannot be used; give another.",
                f"名称 `{name[:64]}` 已被使用或不可用；请换一个。",
            )
        keys[name] = ServiceKey(
            name, digest_of(text), role, scopes, until, None, rows_per_minute, rows_per_day, made=now, tenant=tenant
        )
    return text


def _check_tenant(tenant: str, role: str) -> None:
    if not tenant.strip() or len(tenant) > 200 or any(0xD800 <= ord(c) < 0xE000 for c in tenant):
        raise OptionError("A tenant is a name of 1 to 200 characters.", "租户名称应为 1 到 200 个字符。")
    if role == "admin":  # who may make keys could make itself one for another tenant
        raise OptionError(
            "An admin makes keys for any tenant, so its key cannot be bound to one. Give it another role.",
            "admin 可为任意租户创建密钥，因此不能绑定租户。请改用其他角色。",
        )


def revoke_key(path: Path, name: str, enter: Callable[[], None] | None = None) -> None:
    """Let a key open nothing any more; `enter` as in `changing`. Raises OptionError for an unknown name."""
    with changing(path, enter) as keys:
        keys[name] = replace(_valid_key(keys, name), revoked=time.time(), old=None, old_until=None)


def rotate_key(path: Path, name: str, grace: float = 0.0, enter: Callable[[], None] | None = None) -> str:
    """Give a key a new text and return it; the old one opens for `grace` seconds more. Raises OptionError.

    `enter` as in `changing`.
    """
    with changing(path, enter) as keys:
        key, text, now = _valid_key(keys, name), new_key(), time.time()
        keys[name] = replace(
            key,
            digest=digest_of(text),
            made=now,
            old=key.digest if grace else None,
            old_until=now + grace if grace else None,
        )
    return text


def _valid_key(keys: Mapping[str, ServiceKey], name: str) -> ServiceKey:
    found = keys.get(name)
    if found is None or found.revoked is not None:
        raise unknown(Words("key", "密钥"), name, [n for n, k in keys.items() if k.revoked is None])
    return found
