"""Values encrypted at rest in a database: AES-256-GCM under a key derived from the vault's, bound to where they stand."""

from __future__ import annotations

import json
import secrets
from typing import Any

from modelwright.core import plain_json
from modelwright.core.encrypted_files import vault_keys
from modelwright.core.envelope import ENV, cipher, invalid
from modelwright.core.errors import VaultError
from modelwright.core.keyref import Key

_PURPOSE = "records of a service"
_NONCE = 12


class Sealing:
    """Seals and opens JSON values with the keys of the vault that is open; where none is, values stay plain."""

    def __init__(self, keys: list[Key] | None = None) -> None:
        self._keys = vault_keys() if keys is None else keys
        self._ciphers: dict[str, Any] = {}

    @property
    def key_id(self) -> str | None:
        """The id of the key that seals; None where values stay plain."""
        return self._keys[0].id if self._keys else None

    def seal(self, value: Any, place: str) -> bytes | None:
        """Return a JSON value as bytes to keep at a place (`name/id/what`); None stays None."""
        if value is None:
            return None
        data = plain_json.dumps(value).encode("utf-8", "replace")
        if not self._keys:
            return data
        nonce = secrets.token_bytes(_NONCE)
        return nonce + bytes(self._cipher(self._keys[0].id).encrypt(nonce, data, place.encode()))

    def open(self, data: bytes | None, key_id: str | None, place: str) -> Any:
        """Return what `seal` was given. Raises VaultError without the key, or where it was changed or moved."""
        if data is None:
            return None
        if key_id is None:
            return json.loads(data)
        try:
            plain = self._cipher(key_id).decrypt(data[:_NONCE], data[_NONCE:], place.encode())
        except invalid() as e:
            raise VaultError(
                "A record of the service was changed; it does not open.", "服务记录被改动，无法打开。"
            ) from e
        return json.loads(plain)

    def _cipher(self, key_id: str) -> Any:
        found = self._ciphers.get(key_id)
        if found is None:
            key = next((k for k in self._keys if k.id == key_id), None)
            if key is None:  # the vault may have been opened, or its key changed, since
                self._keys = vault_keys() or self._keys
                key = next((k for k in self._keys if k.id == key_id), None)
            if key is None:
                raise VaultError(
                    f"Records of the service are encrypted under the key {key_id}. Name it in the environment variable {ENV}.",
                    f"服务记录已用密钥 {key_id} 加密。请在环境变量 {ENV} 中指定该密钥。",
                )
            found = self._ciphers[key_id] = cipher(key.derive(_PURPOSE))
        return found
