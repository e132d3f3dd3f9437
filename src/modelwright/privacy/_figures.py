"""Figures in sentences for the tagger: numbers that are no names, such as phones, cards, versions, times."""

from __future__ import annotations

import numpy as np

from modelwright.privacy import _wordlists as lists


class Figures:
    """Draws from pools, and makes figures. Methods named `_make_X` fill the slot `{X}` of a template."""

    rng: np.random.Generator

    def pick(self, pool: object) -> str:
        """Return one of a pool."""
        return str(pool[int(self.rng.integers(len(pool)))])  # type: ignore[index,arg-type]

    def chance(self, share: float) -> bool:
        """Return True in that share of calls."""
        return bool(self.rng.random() < share)

    def _number(self, most: int = 300) -> str:
        return str(int(self.rng.integers(1, most)))

    def _make_phone(self, zh: bool) -> str:
        return (
            f"1{self.pick('3578')}{self.rng.integers(10**8, 10**9)}"
            if zh
            else f"{self.rng.integers(200, 999)}-{self.rng.integers(200, 999)}-{self.rng.integers(1000, 9999)}"
        )

    def _make_idcard(self, zh: bool) -> str:
        return f"{self.rng.integers(110000, 650000)}{self.rng.integers(1950, 2010)}{self.rng.integers(1, 13):02}{self.rng.integers(1, 29):02}{self.rng.integers(1000, 9999)}"

    def _make_number(self, zh: bool) -> str:
        return self._number(int(self.pick([10, 100, 1000, 100000])))

    def _make_version(self, zh: bool) -> str:
        return f"{self._number(9)}.{self._number(20)}.{self._number(20)}"

    def _make_card(self, zh: bool) -> str:
        return str(self.rng.integers(4 * 10**15, 5 * 10**15))

    def _make_time(self, zh: bool) -> str:
        return f"{self.rng.integers(0, 24)}:{self.rng.integers(0, 60):02}"

    def _make_year(self, zh: bool) -> str:
        return str(self.rng.integers(1950, 2026))

    def _make_month_zh(self, zh: bool) -> str:
        return f"{self.rng.integers(1, 13)}月"

    def _invented(self, ends: list[str], syllables: int = 2) -> str:
        n = int(self.rng.integers(1, syllables + 1))
        word = "".join(self.pick(lists.STARTS) + self.pick(lists.VOWELS) + self.pick(lists.ENDS) for _ in range(n))
        return (word + (self.pick(ends) if self.chance(0.55) else "")).capitalize()

    def _make_email(self, zh: bool) -> str:
        return f"{self._invented(['']).lower()}{self._number(99)}@{self.pick(['example.com', 'mail.example.org', 'qq.com', '163.com'])}"
