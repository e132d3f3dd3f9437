"""How many rows each key may ask for: in a minute by a bucket that fills again, in a day (UTC) by a count that is kept."""

from __future__ import annotations

import math
import time
from pathlib import Path

from modelwright.core.words import Words
from modelwright.serve.keys import KeyRing, ServiceKey
from modelwright.serve.limits import Refused
from modelwright.serve.minute_quota import Minute
from modelwright.serve.usage import Usage


class Quota:
    """Rows per key. One key's use leaves the others alone; the day's count holds over servers and restarts where a file is given."""

    def __init__(
        self, per_minute: int, path: Path | None = None, keys: KeyRing | None = None, minute: Path | None = None
    ) -> None:
        self._per_minute, self._keys = per_minute, keys
        self._minute = Minute(minute)
        self.usage = Usage(path)
        self.spent: dict[str, int] = {}  # rows by key since the start

    @classmethod
    def beside(cls, keys: KeyRing, per_minute: int) -> Quota:
        """Return the quota of a ring's keys, whose counts are kept beside them."""
        if keys.path is None:
            return cls(per_minute, None, keys)
        return cls(per_minute, keys.path.with_name("usage.journal"), keys, keys.path.with_name("usage.minute"))

    @classmethod
    def of_tokens(cls, keys: KeyRing, per_minute: int) -> Quota:
        """Return the quota of tokens of a ring's keys, which is kept beside them; it knows no days."""
        return cls(per_minute, minute=keys.path.with_name("usage.tokens") if keys.path else None)

    def per_minute(self, key: ServiceKey | str) -> int:
        """Return the rows that a key may ask for in a minute."""
        own = self._own(key)
        return (own.rows_per_minute if own else None) or self._per_minute

    def spend(self, key: ServiceKey | str, rows: int) -> None:
        """Take rows from the quota of a key, or of one by its name. Raises Refused 429 with the seconds to wait."""
        own, name = self._own(key), key if isinstance(key, str) else key.name
        day, most = own.rows_per_day if own else None, float(self.per_minute(key))
        with self.usage.spending() as used:
            if day is not None and used.get(name, 0) + rows > day:
                raise self._refused(max(1, math.ceil(86400 - time.time() % 86400)))
            wait = self._minute.wait(name, rows, most, alone=self.usage.shared)
            if wait:
                raise self._refused(max(1, math.ceil(wait)))
            self.usage.add(name, rows)
        self.spent[name] = self.spent.get(name, 0) + rows

    def refund(self, key: ServiceKey | str, rows: int) -> None:
        """Give back what was taken beforehand and not used."""
        name = key if isinstance(key, str) else key.name
        most = float(self.per_minute(key))
        try:
            with self.usage.spending():
                self._minute.back(name, rows, most, alone=self.usage.shared)
                self.usage.add(name, -rows)
        except Refused:  # the day's count is held too long: the minute's at least is given back
            self._minute.back(name, rows, most)
        self.spent[name] = max(0, self.spent.get(name, 0) - rows)

    def close(self) -> None:
        """Let the files go."""
        self.usage.close()
        self._minute.close()

    def _own(self, key: ServiceKey | str) -> ServiceKey | None:
        return (self._keys.named(key) if self._keys else None) if isinstance(key, str) else key

    def _refused(self, wait: int) -> Refused:
        words = Words(f"This key has used up its rows; wait {wait} s.", f"此密钥的配额已用完；请等待 {wait} 秒。")
        return Refused(429, "quota", words, retry=wait)
