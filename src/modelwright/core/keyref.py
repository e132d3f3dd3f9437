"""Keys of 32 random bytes, named by a reference to where they are kept; what they are for is derived from them.

| reference | the key stands in |
|---|---|
| `file:PATH`, or a bare path | a file that only its owner can read (mode 0600) |
| `env:NAME` | the environment variable NAME |
| `keyring:NAME` | the system's keyring, service `modelwright`, by the library keyring |

A place holds one key a line, the current one first, older ones below it: after a rotation they still open what was not
wrapped anew. The text of a key is `mwk_` and 43 letters (URL-safe base64), so that secret scanners can see one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelwright.core.errors import MissingExtra, VaultError
from modelwright.core.unwritable import cannot_write
from modelwright.core.words import Words

PREFIX = "mwk_"
SERVICE = "modelwright"
_SIZE = 32


@dataclass(frozen=True)
class Key:
    """A secret of 32 bytes; its `id` may be shown, it does not lead back to the secret."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the key."""
        return self.derive("key id").hex()[:16]

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose alone: HMAC-SHA256 as pseudo-random function (NIST SP 800-108, one block)."""
        return hmac.new(self.secret, f"modelwright {purpose}".encode(), hashlib.sha256).digest()

    def digest(self, purpose: str, value: str) -> str:
        """Return 32 hexadecimal digits that stand for a value to whoever holds the key, and to nobody else."""
        return hmac.new(self.derive(purpose), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def text(self) -> str:
        """Return the key as it is written into a file."""
        return PREFIX + base64.urlsafe_b64encode(self.secret).decode().rstrip("=")

    @classmethod
    def new(cls) -> Key:
        """Return a random key."""
        return cls(secrets.token_bytes(_SIZE))

    @classmethod
    def parse(cls, text: str) -> Key | None:
        """Read what `text` wrote; None for anything else."""
        body = text.strip()
        if not body.startswith(PREFIX):
            return None
        try:
            secret = base64.b64decode(body[len(PREFIX) :] + "=", altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        return cls(secret) if len(secret) == _SIZE else None


def _split(ref: str) -> tuple[str, str]:
    """Return kind and place of a reference; a bare path is a file."""
    kind, colon, place = ref.partition(":")
    if colon and kind in ("file", "env", "keyring"):
        if not place:
            raise VaultError(
                f"`{ref}` names no key: write file:PATH, env:NAME or keyring:NAME.",
                f"`{ref}` 没有指明密钥：应写作 file:路径、env:变量名 或 keyring:名称。",
            )
        return kind, place
    return "file", ref


def read_keys(ref: str) -> list[Key]:
    """Return the keys at a reference, the current one first.

    Raises VaultError where there is none, where the file can be read by others, or where the text is no key.
    """
    kind, place = _split(ref)
    text = {"file": _from_file, "env": _from_env, "keyring": _from_keyring}[kind](place)
    lines = [line for line in text.split() if line]
    keys = [Key.parse(line) for line in lines]
    found = [k for k in keys if k is not None]
    if not found or len(found) < len(keys):
        raise VaultError(
            f"{_spelt(kind, place)} holds no key of Modelwright ({PREFIX}...). Make one with: modelwright vault init {ref}",
            f"{_spelt(kind, place)} 中没有 Modelwright 密钥（{PREFIX}...）。可用以下命令创建：modelwright vault init {ref}",
        )
    return found


def _spelt(kind: str, place: str) -> str:
    return place if kind == "file" else f"{kind}:{place}"


def _from_file(place: str) -> str:
    path = Path(place).expanduser()
    try:
        mode = path.stat().st_mode
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise VaultError(
                f"Others can read the key file {place} (mode {stat.S_IMODE(mode):04o}). Close it with: chmod 600 {place}",
                f"密钥文件 {place} 可被他人读取（权限 {stat.S_IMODE(mode):04o}）。请执行：chmod 600 {place}",
            )
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise VaultError(
            f"There is no key file {place}. Make one with: modelwright vault init {place}",
            f"找不到密钥文件 {place}。可用以下命令创建：modelwright vault init {place}",
        ) from None
    except UnicodeDecodeError:
        return ""
    except OSError as e:
        raise VaultError(
            f"Cannot read the key file {place}: {e.strerror}.", f"无法读取密钥文件 {place}：{e.strerror}。"
        ) from e


def _from_env(place: str) -> str:
    if place not in os.environ:
        raise VaultError(f"The environment variable {place} is not set.", f"未设置环境变量 {place}。")
    return os.environ[place]


def _from_keyring(place: str) -> str:
    found = _keyring("get_password", place)
    if not found:
        raise VaultError(
            f"The keyring holds no key `{place}`. Make one with: modelwright vault init keyring:{place}",
            f"系统密钥环中没有密钥 `{place}`。可用以下命令创建：modelwright vault init keyring:{place}",
        )
    return found


def _keyring(what: str, place: str, *more: str) -> str | None:
    """Ask the system's keyring. Raises MissingExtra without the library, VaultError where there is no keyring."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as e:
        raise MissingExtra("privacy", "A key in the keyring", "密钥环中的密钥") from e
    try:
        answer: str | None = getattr(keyring, what)(SERVICE, place, *more)
        return answer
    except (KeyringError, RuntimeError) as e:
        raise VaultError(
            f"This system has no usable keyring ({type(e).__name__}). Keep the key in a file or a variable instead.",
            f"此系统没有可用的密钥环（{type(e).__name__}）。请改用文件或环境变量保存密钥。",
        ) from e


def write_keys(ref: str, keys: Sequence[Key], *, new: bool = False) -> None:
    """Put keys where a reference says, in place of those that stood there; with `new` only where none stood.

    Raises VaultError where one stands already, or where the place cannot be written; a variable never can.
    """
    kind, place = _split(ref)
    text = "".join(k.text() + "\n" for k in keys)
    if kind == "env":
        raise VaultError(
            f"A program cannot set {place} for others. Set it yourself, or keep the key in a file.",
            f"程序无法为其他进程设置 {place}。请自行设置，或把密钥保存到文件。",
        )
    if kind == "keyring":
        if new and _keyring("get_password", place):
            raise _stands(ref)
        _keyring("set_password", place, text)
        return
    path = Path(place).expanduser()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        if new:
            os.link(part, path)  # whole or not at all, and never over another
        else:
            os.replace(part, path)
    except FileExistsError:
        raise _stands(ref) from None
    except OSError as e:
        raise cannot_write(VaultError, e, place, what=Words("the key file", "密钥文件")) from e
    finally:
        part.unlink(missing_ok=True)


def _stands(ref: str) -> VaultError:
    return VaultError(
        f"{ref} holds a key already; it is never overwritten, since what it encrypted would be lost.",
        f"{ref} 中已有密钥；为避免已加密的内容丢失，不会覆盖它。",
    )


def home() -> Path:
    """Return the folder of this user's own keys: `$XDG_CONFIG_HOME/modelwright`, else `~/.config/modelwright`."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(base) / "modelwright"


def own_key() -> Key:
    """Return this user's key for digests and the ledger, made at first use; it encrypts nothing.

    The environment variable MODELWRIGHT_LEDGER_KEY names another by its reference, for teams and containers. Raises
    VaultError where it can be neither read nor made.
    """
    ref = os.environ.get("MODELWRIGHT_LEDGER_KEY")
    if ref:
        return read_keys(ref)[0]
    place = str(home() / "ledger.key")
    if not Path(place).exists():
        try:
            write_keys(place, [Key.new()], new=True)
        except VaultError:
            if not Path(place).exists():  # another process may have made it in the meantime
                raise
    return read_keys(place)[0]
