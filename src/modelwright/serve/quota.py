"""How many rows each key may ask for: in a minute by a bucket that fills again, in a day (UTC) by a count that is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

from modelwright.core.words import Words
from modelwright.serve.keys import KeyRing, ServiceKey
from modelwright.serve.limits import Refused

KEEP_SECONDS = 5.0


class Quota:
    """Rows per key. One key's use leaves the others alone; the day's count survives a restart where a file is given."""

    def __init__(self, per_minute: int, path: Path | None = None, keys: KeyRing | None = None) -> None:
        self._per_minute, self._keys = per_minute, keys
        self._left: dict[str, tuple[float, float]] = {}
        self._path, self._changed = path, False
        self._day, self._used = _today(), {}  # type: str, dict[str, int]
        self.spent: dict[str, int] = {}  # rows by key since the start
        self._read()

    def spend(self, key: ServiceKey | str, rows: int) -> None:
        """Take rows from the quota of a key, or of one by its name. Raises Refused 429 with the seconds to wait."""
        name = key if isinstance(key, str) else key.name
        own = (self._keys.named(key) if self._keys else None) if isinstance(key, str) else key
        minute = (own.rows_per_minute if own else None) or self._per_minute
        day = own.rows_per_day if own else None
        now = time.monotonic()
        rate, most = minute / 60, float(minute)
        left, at = self._left.get(name, (most, now))
        left = min(most, left + (now - at) * rate)
        if self._day != _today():
            self._day, self._used = _today(), {}
        used = self._used.get(name, 0)
        if day is not None and used + rows > day:
            raise self._refused(max(1, math.ceil(86400 - time.time() % 86400)))
        if rows > left:
            self._left[name] = (left, now)
            raise self._refused(max(1, math.ceil((rows - left) / rate)))
        self._left[name] = (left - rows, now)
        self._used[name] = used + rows
        self.spent[name] = self.spent.get(name, 0) + rows
        self._changed = True

    def refund(self, key: ServiceKey | str, rows: int) -> None:
        """Give back what was taken beforehand and not used."""
        name = key if isinstance(key, str) else key.name
        most = float(self._per_minute if isinstance(key, str) else key.rows_per_minute or self._per_minute)
        left, at = self._left.get(name, (most, time.monotonic()))
        self._left[name] = (min(most, left + rows), at)
        self._used[name] = max(0, self._used.get(name, 0) - rows)
        self.spent[name] = max(0, self.spent.get(name, 0) - rows)

    async def keeping(self) -> None:
        """Keep the counts every few seconds until cancelled."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            self.keep()

    def _refused(self, wait: int) -> Refused:
        words = Words(f"This key has used up its rows; wait {wait} s.", f"此密钥的配额已用完；请等待 {wait} 秒。")
        return Refused(429, "quota", words, retry=wait)

    def keep(self) -> None:
        """Write the day's counts; where that fails they only live in memory."""
        if self._path is None or not self._changed:
            return
        self._changed = False
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        with contextlib.suppress(OSError):
            part.write_text(json.dumps({"day": self._day, "rows": self._used}), encoding="utf-8")
            os.replace(part, self._path)

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            kept: Any = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
            if kept.get("day") == self._day:
                self._used = {str(n): int(r) for n, r in kept["rows"].items()}


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
