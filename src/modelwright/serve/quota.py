"""How many rows each key may ask for: in a minute by a bucket that fills again, in a day (UTC) by a count that is kept."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path

from modelwright.core.words import Words
from modelwright.serve.keys import KeyRing, ServiceKey
from modelwright.serve.limits import Refused
from modelwright.serve.usage import Usage


class Quota:
    """Rows per key. One key's use leaves the others alone; the day's count holds over servers and restarts where a file is given."""

    def __init__(self, per_minute: int, path: Path | None = None, keys: KeyRing | None = None) -> None:
        self._per_minute, self._keys = per_minute, keys
        self._left: dict[str, tuple[float, float]] = {}
        self.usage = Usage(path)
        self.spent: dict[str, int] = {}  # rows by key since the start

    @classmethod
    def beside(cls, keys: KeyRing, per_minute: int) -> Quota:
        """Return the quota of a ring's keys, whose day's count is kept beside them."""
        return cls(per_minute, keys.path.with_name("usage.journal") if keys.path else None, keys)

    def per_minute(self, key: ServiceKey | str) -> int:
        """Return the rows that a key may ask for in a minute."""
        own = self._own(key)
        return (own.rows_per_minute if own else None) or self._per_minute

    def spend(self, key: ServiceKey | str, rows: int) -> None:
        """Take rows from the quota of a key, or of one by its name. Raises Refused 429 with the seconds to wait."""
        own, name, now = self._own(key), key if isinstance(key, str) else key.name, time.monotonic()
        day, most = own.rows_per_day if own else None, float(self.per_minute(key))
        rate = most / 60
        left, at = self._left.get(name, (most, now))
        left = min(most, left + (now - at) * rate)
        self._left[name] = (left, now)
        with self.usage.spending() as used:
            if day is not None and used.get(name, 0) + rows > day:
                raise self._refused(max(1, math.ceil(86400 - time.time() % 86400)))
            if rows > left:
                raise self._refused(max(1, math.ceil((rows - left) / rate)))
            self.usage.add(name, rows)
        self._left[name] = (left - rows, now)
        self.spent[name] = self.spent.get(name, 0) + rows

    def refund(self, key: ServiceKey | str, rows: int) -> None:
        """Give back what was taken beforehand and not used."""
        name, most = key if isinstance(key, str) else key.name, float(self.per_minute(key))
        left, at = self._left.get(name, (most, time.monotonic()))
        self._left[name] = (min(most, left + rows), at)
        with contextlib.suppress(Refused), self.usage.spending():
            self.usage.add(name, -rows)
        self.spent[name] = max(0, self.spent.get(name, 0) - rows)

    def _own(self, key: ServiceKey | str) -> ServiceKey | None:
        return (self._keys.named(key) if self._keys else None) if isinstance(key, str) else key

    def _refused(self, wait: int) -> Refused:
        words = Words(f"This key has used up its rows; wait {wait} s.", f"此密钥的配额已用完；请等待 {wait} 秒。")
        return Refused(429, "quota", words, retry=wait)
